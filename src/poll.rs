use std::fmt;
use std::io;
#[cfg(poll_has_fd)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use crate::event::{Events, Source};
use crate::interest::Interest;
use crate::kind::{SelectorKind, WakerKind};
use crate::notify::Turn;
use crate::sync::Arc;
use crate::sys;
use crate::token::Token;

/// Waits on many sources at once.
///
/// A `Poll` owns one of the operating system's readiness facilities, epoll on Linux. Sources are
/// registered through its [`Registry`], from any thread, and [`poll`](Poll::poll) blocks until some
/// of them are ready. [`guide`](crate::guide) shows how a program is built around it.
///
/// # Delivery
///
/// Events are edge-triggered: an event comes when readiness changes, not for as long as it lasts.
/// After an event read, write or accept until [`WouldBlock`](io::ErrorKind::WouldBlock); only then
/// is the next event of that direction certain to come. `WouldBlock` in one direction calls for no
/// event in the other. All that is known of a source at a time comes in one event.
///
/// Events may be spurious: expect `WouldBlock` after any of them.
///
/// # Lifetimes
///
/// Dropping a source of ferrio's closes its descriptor at once and ends the registration, also
/// while another thread is blocked in `poll`. Once [`Registry::deregister`] has returned, no poll
/// that begins later reports the old token. Polls, registries and wakers can be dropped in any
/// order.
///
/// # Platform notes
///
/// * epoll watches what a descriptor refers to. If you duplicate the descriptor of a registered
///   source (`dup(2)`, `fork(2)`, a message over a Unix socket), then closing the original does not
///   end the registration, and events go on coming with the old token. Deregister first.
/// * A regular file is always ready, so epoll refuses to watch one:
///   [`PermissionDenied`](io::ErrorKind::PermissionDenied) (EPERM).
/// * After `fork(2)` parent and child share the kernel's set of registrations. The child may drop
///   what it inherited, without effect on the parent, but must not use it.
/// * poll(2) has no such set: each of the two has a copy. The child may drop what it inherited here
///   as well. If another of the parent's threads was changing registrations during the fork, then the
///   child's copy is of no use: its registrations and polls fail with
///   [`Deadlock`](io::ErrorKind::Deadlock), the first of them, or of its drops, after half a second.
///
/// # Examples
///
/// A server that accepts a connection and reads from it:
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::io::{self, Read, Write};
/// use ferrio::{Events, Interest, Poll, Token, net::{TcpListener, TcpStream}};
///
/// const SERVER: Token = Token(0);
/// const CONNECTION: Token = Token(1);
///
/// let mut poll = Poll::new()?;
/// let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
/// poll.registry().register(&mut listener, SERVER, Interest::READABLE)?;
///
/// let mut client = std::net::TcpStream::connect(listener.local_addr()?)?;
/// client.write_all(b"hello")?;
///
/// let mut connection: Option<TcpStream> = None;
/// let mut events = Events::with_capacity(128);
/// 'serve: loop {
///     poll.poll(&mut events, None)?;
///     for event in &events {
///         match event.token() {
///             SERVER => loop {
///                 match listener.accept() {
///                     Ok((mut stream, _address)) => {
///                         poll.registry().register(&mut stream, CONNECTION, Interest::READABLE)?;
///                         connection = Some(stream);
///                     }
///                     Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
///                     Err(error) => return Err(error),
///                 }
///             },
///             CONNECTION => {
///                 let mut buffer = [0; 16];
///                 match connection.as_mut().unwrap().read(&mut buffer) {
///                     Ok(length) => {
///                         assert_eq!(&buffer[..length], b"hello");
///                         break 'serve;
///                     }
///                     Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
///                     Err(error) => return Err(error),
///                 }
///             }
///             _ => unreachable!(),
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Poll {
    registry: Registry,
    turn: Turn,
}

impl Poll {
    /// A `Poll` on the selector and waker that suit this system best.
    ///
    /// # Errors
    ///
    /// Those of `epoll_create1(2)`: too many descriptors (EMFILE, ENFILE) or no memory. In a build
    /// without a selector (no feature `os-poll`, or a target without a backend):
    /// [`Unsupported`](io::ErrorKind::Unsupported), with a sentence that says what is missing.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let poll = ferrio::Poll::new()?;
    /// # drop(poll); Ok(())
    /// # }
    /// ```
    #[doc(alias = "epoll_create1")]
    #[doc(alias = "kqueue")]
    pub fn new() -> io::Result<Poll> {
        Poll::builder().build()
    }

    /// For a choice of the selector and the waker.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use ferrio::{Poll, SelectorKind};
    ///
    /// for &kind in SelectorKind::available() {
    ///     let poll = Poll::builder().selector(kind).build()?;
    ///     assert_eq!(poll.selector(), kind);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Through which sources are registered.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let poll = ferrio::Poll::new()?;
    /// let registry: &ferrio::Registry = poll.registry();
    /// # let _ = registry; Ok(())
    /// # }
    /// ```
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The selector that this `Poll` stands on.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// println!("running on {}", ferrio::Poll::new()?.selector());
    /// # Ok(())
    /// # }
    /// ```
    pub fn selector(&self) -> SelectorKind {
        self.registry.selector.kind()
    }

    /// The kernel object that this `Poll`'s [`Waker`](crate::Waker)s use.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// println!("woken through {}", ferrio::Poll::new()?.waker());
    /// # Ok(())
    /// # }
    /// ```
    pub fn waker(&self) -> WakerKind {
        self.registry.selector.waker()
    }

    /// Blocks until there are events, or until `timeout` has passed, and puts them into `events`,
    /// whose old content is discarded.
    ///
    /// `None` waits for ever and [`Duration::ZERO`] not at all. The time is measured from the call:
    /// interruptions inside never lengthen it, and the call does not return early without an event
    /// or an error. Below one millisecond it is as exact as the kernel's timers; above, it is
    /// rounded up to the next millisecond. There is no upper limit.
    ///
    /// # Errors
    ///
    /// * [`Interrupted`](io::ErrorKind::Interrupted): a signal handler ran. Nothing is lost; poll
    ///   again.
    /// * [`InvalidInput`](io::ErrorKind::InvalidInput): `events` has a capacity of 0.
    ///
    /// # Platform notes
    ///
    /// Linux before 5.11, or with a seccomp filter against `epoll_pwait2(2)`, or with a function in
    /// front of libc's `epoll_wait` (network stacks in user space, some sanitizers), which cannot be ruled
    /// out in programs that link glibc statically: timeouts below one millisecond are rounded up to one.
    /// So they are where the call beneath counts in milliseconds: on Windows, under WASI's preview 2, and
    /// by poll(2) on systems without `ppoll(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::{io, time::Duration};
    /// use ferrio::{Events, Poll};
    ///
    /// let mut poll = Poll::new()?;
    /// let mut events = Events::with_capacity(1024);
    /// match poll.poll(&mut events, Some(Duration::from_micros(100))) {
    ///     Ok(()) => println!("{} events", events.iter().count()),
    ///     Err(error) if error.kind() == io::ErrorKind::Interrupted => println!("a signal"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "epoll_wait")]
    #[doc(alias = "kevent")]
    #[inline(always)] // See `Notify::poll`.
    pub fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        if events.capacity() == 0 {
            return Err(no_room());
        }
        self.registry
            .selector
            .select(&mut self.turn, events, timeout)
    }
}

#[cold]
fn no_room() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "an `Events` with a capacity of 0 has no room for an event",
    )
}

impl fmt::Debug for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poll")
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

/// Makes a [`Poll`] on a selector and a waker of your choice, from [`Poll::builder`].
///
/// Which ones there are depends on the target and on the feature `runtime-selector`:
/// [`SelectorKind::available`] and [`WakerKind::available`] tell.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use ferrio::{Poll, SelectorKind};
///
/// let wanted: SelectorKind = "kqueue".parse()?;
/// match Poll::builder().selector(wanted).build() {
///     Ok(poll) => println!("on {}", poll.selector()),
///     Err(error) => println!("{error}"), // Unsupported, on Linux
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "`build` makes the `Poll`"]
pub struct Builder {
    selector: SelectorKind,
    waker: WakerKind,
    spin: Duration,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            selector: sys::DEFAULT_SELECTOR,
            waker: sys::DEFAULT_WAKER,
            spin: Duration::ZERO,
        }
    }
}

impl Builder {
    /// Chooses the selector.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ferrio::{Poll, SelectorKind};
    /// let builder = Poll::builder().selector(SelectorKind::Epoll);
    /// # drop(builder);
    /// ```
    pub fn selector(mut self, kind: SelectorKind) -> Builder {
        self.selector = kind;
        self
    }

    /// Chooses the kernel object for wakers.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ferrio::{Poll, WakerKind};
    /// let builder = Poll::builder().waker(WakerKind::Eventfd);
    /// # drop(builder);
    /// ```
    pub fn waker(mut self, kind: WakerKind) -> Builder {
        self.waker = kind;
        self
    }

    /// Has each poll that would block look for events for up to `time` first, without blocking, again
    /// and again. [`Duration::ZERO`], which is what one gets without asking, does not.
    ///
    /// What comes within that time is there sooner, and costs less: this thread need not be put to
    /// sleep and woken, and a [`Waker`](crate::Waker) makes no system call to wake it. The price is a
    /// CPU that is busy all the time of each poll to which nothing comes, up to `time` of it. That
    /// pays off when answers come soon, on a thread that has a CPU to itself: a few microseconds to
    /// some tens for a peer on the same machine. On a busy machine, or with one CPU, it takes the
    /// time from the very thread that one is waiting for. Measure it; `bench/report/trials.md` in
    /// the repository shows what it did on one machine.
    ///
    /// All promises of [`Poll::poll`] hold: a poll with a timeout of zero looks once, one with a
    /// timeout shorter than `time` ends with its timeout and not before it. The time counts anew for
    /// each poll, and [`Duration::MAX`] never blocks.
    ///
    /// # Platform notes
    ///
    /// A signal whose handler runs while a poll is looking and not blocked does not make it return
    /// [`Interrupted`](io::ErrorKind::Interrupted), just as one does not that arrives right before a
    /// poll blocks. A handler that means to end a poll wakes it by a [`Waker`](crate::Waker).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    /// use ferrio::Poll;
    ///
    /// let poll = Poll::builder().spin(Duration::from_micros(20)).build()?;
    /// # drop(poll); Ok(())
    /// # }
    /// ```
    pub fn spin(mut self, time: Duration) -> Builder {
        self.spin = time;
        self
    }

    /// Makes the `Poll`.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](io::ErrorKind::Unsupported) if this build lacks what was chosen, else as
    /// [`Poll::new`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let poll = ferrio::Poll::builder().build()?; // the same as Poll::new()
    /// # drop(poll); Ok(())
    /// # }
    /// ```
    pub fn build(self) -> io::Result<Poll> {
        let selector = sys::Selector::new(self.selector, self.waker)?;
        Ok(Poll {
            registry: Registry {
                selector: Arc::new(selector),
            },
            turn: Turn::new(self.spin),
        })
    }
}

/// Registers sources with its [`Poll`], from any thread, also while the `Poll` is blocked: a change
/// takes effect for the poll that is under way.
///
/// [`Poll::registry`] lends it; [`try_clone`](Registry::try_clone) makes one to own.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::thread;
/// use ferrio::{Events, Interest, Poll, Token, net::UdpSocket};
///
/// let mut poll = Poll::new()?;
/// let registry = poll.registry().try_clone()?;
/// let registering = thread::spawn(move || {
///     let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
///     registry.register(&mut socket, Token(3), Interest::WRITABLE)?;
///     std::io::Result::Ok(socket)
/// });
///
/// let mut events = Events::with_capacity(1);
/// poll.poll(&mut events, None)?; // the socket, although nothing was registered at first
/// assert_eq!(events.iter().next().unwrap().token(), Token(3));
/// # registering.join().unwrap()?;
/// # Ok(())
/// # }
/// ```
pub struct Registry {
    selector: Arc<sys::Selector>,
}

impl Registry {
    #[inline]
    pub(crate) fn selector(&self) -> &sys::Selector {
        &self.selector
    }

    /// Starts to watch `source` for `interests`, under the name `token`.
    ///
    /// What is ready already gives an event at once.
    ///
    /// # Errors
    ///
    /// * [`AlreadyExists`](io::ErrorKind::AlreadyExists): it is registered with this `Poll`; or, in
    ///   builds with debug assertions or the feature `runtime-selector`, with another one.
    /// * EBADF: there is no such descriptor, possible with
    ///   [`SourceFd`](crate::unix::SourceFd).
    /// * [`PermissionDenied`](io::ErrorKind::PermissionDenied) (EPERM): epoll cannot watch this kind
    ///   of file.
    /// * ENOMEM, ENOSPC: see `epoll_ctl(2)`; the latter is the limit of
    ///   `/proc/sys/fs/epoll/max_user_watches`.
    ///
    /// After an error nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use ferrio::{Interest, Poll, Token, net::TcpListener};
    ///
    /// let poll = Poll::new()?;
    /// let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
    /// poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "epoll_ctl")]
    #[inline]
    pub fn register<S>(&self, source: &mut S, token: Token, interests: Interest) -> io::Result<()>
    where
        S: Source + ?Sized,
    {
        trace!("registering a source: token={token:?}, interests={interests:?}");
        source.register(self, token, interests)
    }

    /// Replaces token and interest of a registered source. What is ready gives an event at once, as
    /// with a new registration.
    ///
    /// # Errors
    ///
    /// * [`NotFound`](io::ErrorKind::NotFound): it is not registered.
    /// * Others as for [`register`](Registry::register).
    ///
    /// After an error nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use ferrio::{Interest, Poll, Token, net::UdpSocket};
    ///
    /// let poll = Poll::new()?;
    /// let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// poll.registry().register(&mut socket, Token(0), Interest::READABLE)?;
    /// let both = Interest::READABLE | Interest::WRITABLE;
    /// poll.registry().reregister(&mut socket, Token(1), both)?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "epoll_ctl")]
    #[inline]
    pub fn reregister<S>(&self, source: &mut S, token: Token, interests: Interest) -> io::Result<()>
    where
        S: Source + ?Sized,
    {
        trace!("reregistering a source: token={token:?}, interests={interests:?}");
        source.reregister(self, token, interests)
    }

    /// Ends the watch. No poll that begins after this has returned reports the token; the same
    /// thread's events that were not handled yet are the program's to skip.
    ///
    /// A source that is dropped need not be deregistered first.
    ///
    /// # Errors
    ///
    /// * [`NotFound`](io::ErrorKind::NotFound): it is not registered.
    /// * EBADF: the descriptor was closed meanwhile, possible with
    ///   [`SourceFd`](crate::unix::SourceFd).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use ferrio::{Interest, Poll, Token, net::UdpSocket};
    ///
    /// let poll = Poll::new()?;
    /// let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// poll.registry().register(&mut socket, Token(0), Interest::READABLE)?;
    /// poll.registry().deregister(&mut socket)?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "epoll_ctl")]
    #[inline]
    pub fn deregister<S>(&self, source: &mut S) -> io::Result<()>
    where
        S: Source + ?Sized,
    {
        trace!("deregistering a source");
        source.deregister(self)
    }

    /// Another `Registry` of the same `Poll`. The kernel's facility is closed with the last of the
    /// `Poll` and its registries.
    ///
    /// # Errors
    ///
    /// None: the clones share one descriptor.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let poll = ferrio::Poll::new()?;
    /// let registry = poll.registry().try_clone()?;
    /// # drop(registry); Ok(())
    /// # }
    /// ```
    pub fn try_clone(&self) -> io::Result<Registry> {
        Ok(Registry {
            selector: self.selector.clone(),
        })
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("selector", &self.selector)
            .finish()
    }
}

/// The selector's descriptor, to be watched by another loop: it is readable whenever
/// [`Poll::poll`] would return an event, a pending wake included. A wake may also make it readable
/// once without one. From the first call on, every wake costs a system call.
///
/// # Platform notes
///
/// poll(2) has no descriptor. Builds for that alone have no such method; with the feature
/// `runtime-selector` it gives the wakers' descriptor, which tells of wakes and not of sources.
#[cfg(poll_has_fd)]
impl AsFd for Registry {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.selector.hand_out()
    }
}

/// As for [`AsFd`].
#[cfg(poll_has_fd)]
impl AsRawFd for Registry {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

/// As for [`Registry`]'s.
#[cfg(poll_has_fd)]
impl AsFd for Poll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.registry.as_fd()
    }
}

/// As for [`Registry`]'s.
#[cfg(poll_has_fd)]
impl AsRawFd for Poll {
    fn as_raw_fd(&self) -> RawFd {
        self.registry.as_raw_fd()
    }
}
