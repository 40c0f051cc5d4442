use std::ffi::OsStr;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::windows::io::{
    AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle, RawHandle,
};

use crate::event::Source;
use crate::interest::Interest;
use crate::poll::Registry;
use crate::sys::named_pipe as sys;
use crate::token::Token;

/// One end of a named pipe.
///
/// [`new`](NamedPipe::new) makes a server's end, which [`connect`](NamedPipe::connect)s to one client
/// after the other. A client's end is a [`File`](std::fs::File) opened with `FILE_FLAG_OVERLAPPED`, and a
/// server's end with other options is what `CreateNamedPipeW` makes with that flag; both become a
/// `NamedPipe` by [`from_raw_handle`](NamedPipe::from_raw_handle) or `From<OwnedHandle>`.
///
/// # Registration
///
/// Everything that a pipe does is carried out in the background, and its end handled by the
/// [`Poll`](crate::Poll) that the pipe is registered with. So before its registration it can do nothing:
/// methods answer [`NotFound`](io::ErrorKind::NotFound). After
/// [`deregister`](crate::Registry::deregister) it can still be read to the end of what had come. A pipe
/// belongs to the first `Poll` that it was registered with, for good, as a handle does to a completion port.
///
/// # Reading
///
/// While the program has nothing to read, a read of 64 KiB (see
/// [`set_read_buffer_size`](NamedPipe::set_read_buffer_size)) is under way, unless the registration is
/// for writing only; its end is a readable event. At the end of the connection reading gives what is
/// left and then `Ok(0)`.
///
/// From a pipe that was opened in message mode one call reads at most one message. What does not fit into
/// the program's buffer, or into the pipe's, comes with the next call. An empty message is `Ok(0)`; so a
/// program whose peer sends those cannot tell them from the end. In a pipe for bytes an empty write of
/// the peer is nothing.
///
/// # Writing
///
/// A write takes all bytes (see [`set_write_buffer_size`](NamedPipe::set_write_buffer_size)), answers
/// `Ok`, and writes them in the background. Until that is done the next one answers
/// [`WouldBlock`](io::ErrorKind::WouldBlock), and the end is a writable event. An error that comes after
/// `Ok` is reported by an event with [`is_error`](crate::event::Event::is_error) and by the next write, or
/// by [`take_error`](NamedPipe::take_error). To a pipe for messages each call writes one, whole.
///
/// `flush` does nothing, as with sockets. Bytes that a write has accepted are written
///
/// * although the pipe is dropped: its handle stays open until that is done. This waits neither for the
///   peer nor for the `Poll`, but the handle is closed by the `Poll`, while it polls.
/// * but not when the `Poll` is dropped before. Then everything under way is cancelled.
/// * and not when the program calls [`disconnect`](NamedPipe::disconnect).
///
/// # Differences from mio
///
/// A write that is done is an event only if the program has tried another meanwhile, or if the write took
/// less than it was given. mio sends one after each write.
///
/// # Platform notes
///
/// Closed bits ([`is_read_closed`](crate::event::Event::is_read_closed),
/// [`is_write_closed`](crate::event::Event::is_write_closed)) are set on a client's end only. A server's
/// end can be connected again, and runtimes remember those bits for ever.
///
/// # Examples
///
/// A server and its client, in one thread:
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::fs::OpenOptions;
/// use std::io::{ErrorKind, Read, Write};
/// use std::os::windows::fs::OpenOptionsExt;
/// use std::os::windows::io::OwnedHandle;
/// use ferrio::{Events, Interest, Poll, Token, windows::NamedPipe};
///
/// const FILE_FLAG_OVERLAPPED: u32 = 0x4000_0000;
/// let name = format!(r"\\.\pipe\ferrio-example-{}", std::process::id());
///
/// let mut poll = Poll::new()?;
/// let both = Interest::READABLE | Interest::WRITABLE;
/// let mut server = NamedPipe::new(&name)?;
/// poll.registry().register(&mut server, Token(0), both)?;
/// // Nobody is there yet. A writable event will tell.
/// assert_eq!(server.connect().unwrap_err().kind(), ErrorKind::WouldBlock);
///
/// let file = OpenOptions::new().read(true).write(true)
///     .custom_flags(FILE_FLAG_OVERLAPPED).open(&name)?;
/// let mut client = NamedPipe::from(OwnedHandle::from(file));
/// poll.registry().register(&mut client, Token(1), Interest::READABLE)?;
///
/// let mut events = Events::with_capacity(8);
/// let mut answer = Vec::new();
/// while answer.is_empty() {
///     poll.poll(&mut events, None)?;
///     for event in &events {
///         if event.token() == Token(0) && event.is_writable() {
///             server.connect()?; // Ok now
///             server.write_all(b"hello")?;
///         }
///         if event.token() == Token(1) {
///             let mut buffer = [0; 16];
///             let length = client.read(&mut buffer)?;
///             answer.extend_from_slice(&buffer[..length]);
///         }
///     }
/// }
/// assert_eq!(answer, b"hello");
/// # Ok(())
/// # }
/// ```
pub struct NamedPipe {
    inner: sys::NamedPipe,
}

impl NamedPipe {
    /// Makes a server's end of the pipe `addr`, such as `\\.\pipe\name`: for bytes, in both directions,
    /// with room for 64 KiB in each, and not inherited by child processes. There may be any number of
    /// ends with the same name, each for one client at a time.
    ///
    /// # Errors
    ///
    /// Those of `CreateNamedPipeW`: the name is not a pipe's, or one with other options is in use.
    /// [`InvalidInput`](io::ErrorKind::InvalidInput): there is a NUL in it.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use ferrio::windows::NamedPipe;
    ///
    /// let name = format!(r"\\.\pipe\ferrio-new-{}", std::process::id());
    /// let server = NamedPipe::new(&name)?;
    /// # drop(server); Ok(())
    /// # }
    /// ```
    #[doc(alias = "CreateNamedPipeW")]
    pub fn new<A: AsRef<OsStr>>(addr: A) -> io::Result<NamedPipe> {
        let inner = sys::NamedPipe::new(addr.as_ref())?;
        Ok(NamedPipe { inner })
    }

    /// Waits for a client, of a server's end: `Ok` if there is one.
    ///
    /// If not, it answers [`WouldBlock`](io::ErrorKind::WouldBlock), and a writable event follows when
    /// one has come or the wait has failed, whatever the registration's interest. Another call then tells
    /// which, and so does [`take_error`](NamedPipe::take_error).
    ///
    /// # Errors
    ///
    /// * `WouldBlock`: a wait is under way.
    /// * [`NotFound`](io::ErrorKind::NotFound): the pipe is not registered.
    /// * [`BrokenPipe`](io::ErrorKind::BrokenPipe) (`ERROR_NO_DATA`): a client has come and gone before.
    ///   Call [`disconnect`](NamedPipe::disconnect), and then this again.
    /// * Others of `ConnectNamedPipe`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::io;
    /// use ferrio::{event::Event, windows::NamedPipe};
    ///
    /// /// Whether there is a client now.
    /// fn accept(server: &NamedPipe, event: &Event) -> io::Result<bool> {
    ///     if !event.is_writable() {
    ///         return Ok(false);
    ///     }
    ///     match server.connect() {
    ///         Ok(()) => Ok(true),
    ///         Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
    ///         Err(error) => Err(error),
    ///     }
    /// }
    /// ```
    #[doc(alias = "ConnectNamedPipe")]
    pub fn connect(&self) -> io::Result<()> {
        self.inner.connect()
    }

    /// Takes the error of something that had begun well: a wait for a client, a write, a read ahead.
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// # let pipe = ferrio::windows::NamedPipe::new(r"\\.\pipe\name")?;
    /// if let Some(error) = pipe.take_error()? {
    ///     eprintln!("the pipe is broken: {error}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.inner.take_error())
    }

    /// Throws the client out, of a server's end. [`connect`](NamedPipe::connect) then waits for the next.
    ///
    /// Data that either side has not read yet is lost, and what is under way cancelled: nothing of one
    /// client's reaches another. A server that has just written its last word waits until the client has
    /// read it, which only the client can say, by its answer or by closing its end.
    ///
    /// # Errors
    ///
    /// Those of `DisconnectNamedPipe`; there is an error if nobody is connected. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// # let server = ferrio::windows::NamedPipe::new(r"\\.\pipe\name")?;
    /// server.disconnect()?;
    /// match server.connect() {
    ///     Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {} // the next one, please
    ///     result => result?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "DisconnectNamedPipe")]
    pub fn disconnect(&self) -> io::Result<()> {
        self.inner.disconnect()
    }

    /// How many bytes the next reads ask the system for, 64 KiB unless set; 0 counts as 1.
    ///
    /// Memory of that size is in use while nothing is there to read. Messages up to this length are read
    /// as a whole.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let name = format!(r"\\.\pipe\ferrio-read-size-{}", std::process::id());
    /// # let pipe = ferrio::windows::NamedPipe::new(&name)?;
    /// pipe.set_read_buffer_size(1 << 20); // one client, and much to read
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_read_buffer_size(&self, bytes: usize) {
        self.inner.set_read_size(bytes);
    }

    /// How many bytes one write accepts at most, any number unless set; 0 counts as 1.
    ///
    /// Messages are accepted as a whole all the same. Less means that the program sees earlier that its
    /// peer does not keep up, and that less is lost with a connection.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let name = format!(r"\\.\pipe\ferrio-write-size-{}", std::process::id());
    /// # let pipe = ferrio::windows::NamedPipe::new(&name)?;
    /// pipe.set_write_buffer_size(4096);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_write_buffer_size(&self, bytes: usize) {
        self.inner.set_write_size(bytes);
    }
}

impl Source for NamedPipe {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.inner
            .register(registry.selector().site(), token, interests)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.inner
            .reregister(registry.selector().site(), token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.inner.deregister(registry.selector().site())
    }
}

impl Read for NamedPipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }
}

impl Read for &NamedPipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.read(&mut [IoSliceMut::new(buf)])
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.inner.read(bufs)
    }
}

impl Write for NamedPipe {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for &NamedPipe {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.inner.write(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.inner.write(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The handle of either end of a pipe, which must have been opened with `FILE_FLAG_OVERLAPPED`: if not,
/// the registration fails. It must belong to no completion port yet.
impl From<OwnedHandle> for NamedPipe {
    fn from(handle: OwnedHandle) -> NamedPipe {
        NamedPipe {
            inner: sys::NamedPipe::from_handle(handle),
        }
    }
}

/// As `From<OwnedHandle>`. The completion of an operation must not be suppressed either, by
/// `FILE_SKIP_COMPLETION_PORT_ON_SUCCESS`.
#[allow(unsafe_code)]
impl FromRawHandle for NamedPipe {
    unsafe fn from_raw_handle(handle: RawHandle) -> NamedPipe {
        // SAFETY: the caller promises that the handle is open and nobody else's.
        NamedPipe::from(unsafe { OwnedHandle::from_raw_handle(handle) })
    }
}

impl AsRawHandle for NamedPipe {
    fn as_raw_handle(&self) -> RawHandle {
        self.inner.raw()
    }
}

#[allow(unsafe_code)]
impl AsHandle for NamedPipe {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        // SAFETY: the handle is closed when the pipe is dropped, and not before.
        unsafe { BorrowedHandle::borrow_raw(self.inner.raw()) }
    }
}

impl fmt::Debug for NamedPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedPipe")
            .field("handle", &self.as_raw_handle())
            .finish_non_exhaustive()
    }
}
