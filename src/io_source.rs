use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};

use crate::event::Source;
use crate::interest::Interest;
use crate::poll::Registry;
use crate::sys::{AsRaw, IoSourceState};
use crate::token::Token;

/// What every source of ferrio's own is made of: the platform's object, and the state that the
/// selector keeps for it, which is none on epoll.
///
/// All I/O goes through one of the `do_` methods, so that a selector which has to emulate edges
/// learns that an operation hit `WouldBlock`, and in which direction.
pub(crate) struct IoSource<T> {
    state: IoSourceState,
    io: T,
    #[cfg(any(debug_assertions, feature = "runtime-selector", sys_poll, sel_iocp))]
    owner: owner::Owner,
}

#[cfg_attr(not(feature = "net"), allow(dead_code))] // Only sockets have every kind of operation.
impl<T> IoSource<T> {
    pub(crate) fn new(io: T) -> IoSource<T> {
        IoSource {
            state: IoSourceState::new(),
            io,
            #[cfg(any(debug_assertions, feature = "runtime-selector", sys_poll, sel_iocp))]
            owner: owner::Owner::default(),
        }
    }

    /// A shutdown of a stream, which only some selectors have to know of.
    #[cfg(all(sel_iocp, feature = "net"))]
    pub(crate) fn do_shutdown<F>(&self, how: std::net::Shutdown, f: F) -> io::Result<()>
    where
        F: FnOnce(&T) -> io::Result<()>,
    {
        self.state.do_shutdown(how, f, &self.io)
    }

    #[cfg(all(not(sel_iocp), feature = "net"))]
    pub(crate) fn do_shutdown<F>(&self, _: std::net::Shutdown, f: F) -> io::Result<()>
    where
        F: FnOnce(&T) -> io::Result<()>,
    {
        f(&self.io)
    }

    pub(crate) fn into_inner(self) -> T {
        self.io
    }

    /// An operation of which only the caller knows what it does (`try_io`): re-arms both directions.
    #[inline]
    pub(crate) fn do_io<F, R>(&self, f: F) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        self.state.do_io(f, &self.io)
    }

    /// Reads up to `len` bytes of a stream.
    #[inline]
    pub(crate) fn do_read<F>(&self, len: usize, f: F) -> io::Result<usize>
    where
        F: FnOnce(&T) -> io::Result<usize>,
    {
        self.state.do_read(len, f, &self.io)
    }

    /// Writes up to `len` bytes to a stream.
    #[inline]
    pub(crate) fn do_write<F>(&self, len: usize, f: F) -> io::Result<usize>
    where
        F: FnOnce(&T) -> io::Result<usize>,
    {
        self.state.do_write(len, f, &self.io)
    }

    /// Any other operation that waits for readability: accept, a datagram, a peek.
    #[inline]
    pub(crate) fn do_read_op<F, R>(&self, f: F) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        self.state.do_read_op(f, &self.io)
    }

    /// Any other operation that waits for writability: sending a datagram.
    #[inline]
    pub(crate) fn do_write_op<F, R>(&self, f: F) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        self.state.do_write_op(f, &self.io)
    }
}

/// For what is no I/O: addresses, options. I/O done this way would re-arm nothing.
impl<T> Deref for IoSource<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.io
    }
}

impl<T> DerefMut for IoSource<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.io
    }
}

impl<T: AsRaw> Source for IoSource<T> {
    #[inline]
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        #[cfg(any(debug_assertions, feature = "runtime-selector", sys_poll, sel_iocp))]
        self.owner.claim(registry.selector().id())?;
        let result = self
            .state
            .register(registry.selector(), self.io.raw(), token, interests);
        #[cfg(any(debug_assertions, feature = "runtime-selector", sys_poll, sel_iocp))]
        if result.is_err() {
            self.owner.clear();
        }
        result
    }

    #[inline]
    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        #[cfg(any(debug_assertions, feature = "runtime-selector", sys_poll, sel_iocp))]
        self.owner.check(registry.selector().id())?;
        self.state
            .reregister(registry.selector(), self.io.raw(), token, interests)
    }

    #[inline]
    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        #[cfg(any(debug_assertions, feature = "runtime-selector", sys_poll, sel_iocp))]
        self.owner.check_end(registry.selector().id())?;
        let result = self.state.deregister(registry.selector(), self.io.raw());
        #[cfg(any(debug_assertions, feature = "runtime-selector", sys_poll, sel_iocp))]
        if result
            .as_ref()
            .map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |()| true)
        {
            // The kernel says that nothing is registered, whoever ended the registration.
            self.owner.clear();
        }
        result
    }
}

impl<T: fmt::Debug> fmt::Debug for IoSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}

/// Which selector a source is registered with. The kernel takes one descriptor into several epoll
/// sets; that is hardly ever meant, so builds that can afford the field refuse it.
#[cfg(any(debug_assertions, feature = "runtime-selector", sys_poll, sel_iocp))]
mod owner {
    use std::io;

    /// The selector's id, 0 for none.
    #[derive(Default)]
    pub(super) struct Owner(usize);

    impl Owner {
        /// Notes a new registration, to be taken back with [`clear`](Owner::clear) if it fails.
        pub(super) fn claim(&mut self, selector: usize) -> io::Result<()> {
            if self.0 != 0 {
                return Err(occupied(self.0, selector));
            }
            self.0 = selector;
            Ok(())
        }

        /// Before a change. The kinds of this error and the next are mio's.
        pub(super) fn check(&self, selector: usize) -> io::Result<()> {
            match self.0 {
                0 => Err(unknown()),
                owner if owner == selector => Ok(()),
                other => Err(occupied(other, selector)),
            }
        }

        /// Before the end of the registration.
        pub(super) fn check_end(&self, selector: usize) -> io::Result<()> {
            if self.0 == selector {
                Ok(())
            } else {
                Err(unknown())
            }
        }

        pub(super) fn clear(&mut self) {
            self.0 = 0;
        }
    }

    fn unknown() -> io::Error {
        io::Error::new(
            io::ErrorKind::NotFound,
            "the source is not registered with this `Registry`",
        )
    }

    fn occupied(owner: usize, selector: usize) -> io::Error {
        let message = if owner == selector {
            "the source is already registered with this `Registry`"
        } else {
            "the source is registered with the `Registry` of another `Poll`"
        };
        io::Error::new(io::ErrorKind::AlreadyExists, message)
    }
}
