use std::io;

use crate::interest::Interest;
use crate::poll::Registry;
use crate::token::Token;

/// Something that can be registered with a [`Poll`](crate::Poll).
///
/// The types of [`net`](crate::net) and [`unix::pipe`](crate::unix::pipe) implement it. A type made
/// of several sources, or of one, implements it by passing the calls on; a bare file descriptor
/// becomes a source through [`unix::SourceFd`](crate::unix::SourceFd). Programs call the methods of
/// [`Registry`], not these.
///
/// # Examples
///
/// A connection that is registered as its socket:
///
/// ```
/// use std::io;
/// use ferrio::{Interest, Registry, Token, event::Source, net::TcpStream};
///
/// struct Connection {
///     stream: TcpStream,
///     unsent: Vec<u8>,
/// }
///
/// impl Source for Connection {
///     fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
///         self.stream.register(registry, token, interests)
///     }
///     fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
///         self.stream.reregister(registry, token, interests)
///     }
///     fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
///         self.stream.deregister(registry)
///     }
/// }
/// # let _ = |c: Connection| c.unsent;
/// ```
pub trait Source {
    /// Starts to watch this source; called by [`Registry::register`].
    ///
    /// # Errors
    ///
    /// As [`Registry::register`].
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()>;

    /// Changes token and interest; called by [`Registry::reregister`].
    ///
    /// # Errors
    ///
    /// As [`Registry::reregister`].
    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()>;

    /// Ends the watch; called by [`Registry::deregister`].
    ///
    /// # Errors
    ///
    /// As [`Registry::deregister`].
    fn deregister(&mut self, registry: &Registry) -> io::Result<()>;
}

impl<T> Source for Box<T>
where
    T: Source + ?Sized,
{
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        (**self).register(registry, token, interests)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        (**self).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        (**self).deregister(registry)
    }
}
