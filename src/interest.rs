use std::fmt;
use std::num::NonZeroU8;
use std::ops::{BitOr, BitOrAssign};

const READABLE: u8 = 1 << 0;
const WRITABLE: u8 = 1 << 1;
const AIO: u8 = 1 << 2;
const LIO: u8 = 1 << 3;
const PRIORITY: u8 = 1 << 4;

/// What a registration wants to hear about.
///
/// An `Interest` is never empty; combine values with `|` or [`add`](Interest::add). Errors and
/// closed connections are reported whatever the interest is.
///
/// # Platform notes
///
/// `PRIORITY` exists where [`capabilities::PRIORITY`](crate::capabilities::PRIORITY) is true: on Linux
/// and Android, Hurd and Cygwin. `AIO` exists where
/// [`capabilities::AIO_EVENTS`](crate::capabilities::AIO_EVENTS) is true, on FreeBSD, DragonFly and
/// Apple's systems, and `LIO` on FreeBSD alone.
///
/// # Examples
///
/// ```
/// use ferrio::Interest;
///
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// assert_eq!(both.remove(Interest::WRITABLE), Some(Interest::READABLE));
/// ```
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interest(NonZeroU8);

const fn bits(value: u8) -> Interest {
    match NonZeroU8::new(value) {
        Some(value) => Interest(value),
        None => panic!("an Interest is never empty"),
    }
}

impl Interest {
    /// Data or a connection to accept can be had, or the peer has finished.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(ferrio::Interest::READABLE.is_readable());
    /// ```
    pub const READABLE: Interest = bits(READABLE);

    /// There is room for data, or a connection attempt has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(ferrio::Interest::WRITABLE.is_writable());
    /// ```
    pub const WRITABLE: Interest = bits(WRITABLE);

    /// Urgent data (`EPOLLPRI`): out-of-band bytes on a TCP socket, a change of a `/proc` or sysfs
    /// attribute, see `epoll_ctl(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(ferrio::Interest::PRIORITY.is_priority());
    /// ```
    #[cfg(has_priority)]
    pub const PRIORITY: Interest = bits(PRIORITY);

    /// POSIX asynchronous I/O: a request of `aio(4)` has ended.
    ///
    /// Such a request is no descriptor. It is submitted with the descriptor of the
    /// [`Registry`](crate::Registry) in `sigev_notify_kqueue` and the token in `sigev_value`, which is
    /// what a [`Source`](crate::event::Source) for it does when it is registered; the kernel ends the
    /// registration with the request.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(ferrio::Interest::AIO.is_aio());
    /// ```
    #[cfg(has_aio_events)]
    pub const AIO: Interest = bits(AIO);

    /// A list of requests given to `lio_listio(2)` has ended. Otherwise as [`AIO`](Interest::AIO).
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(ferrio::Interest::LIO.is_lio());
    /// ```
    #[cfg(has_lio_events)]
    pub const LIO: Interest = bits(LIO);

    /// Both interests together. `|` does the same; this one can be used in constants.
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio::Interest;
    ///
    /// const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
    /// assert_eq!(BOTH, Interest::READABLE | Interest::WRITABLE);
    /// ```
    #[allow(clippy::should_implement_trait)] // The name is mio's; `Add` would promise more.
    #[must_use = "this returns the combined interest and leaves the original alone"]
    pub const fn add(self, other: Interest) -> Interest {
        bits(self.0.get() | other.0.get())
    }

    /// This interest without `other`, or `None` when nothing would be left.
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio::Interest;
    ///
    /// assert_eq!(Interest::READABLE.remove(Interest::READABLE), None);
    /// ```
    #[must_use = "this returns the reduced interest and leaves the original alone"]
    pub fn remove(self, other: Interest) -> Option<Interest> {
        NonZeroU8::new(self.0.get() & !other.0.get()).map(Interest)
    }

    /// Whether this includes [`READABLE`](Interest::READABLE).
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!ferrio::Interest::WRITABLE.is_readable());
    /// ```
    #[must_use]
    pub const fn is_readable(self) -> bool {
        self.0.get() & READABLE != 0
    }

    /// Whether this includes [`WRITABLE`](Interest::WRITABLE).
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!ferrio::Interest::READABLE.is_writable());
    /// ```
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.0.get() & WRITABLE != 0
    }

    /// Whether this includes completions of POSIX asynchronous I/O, which only a kqueue reports.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!ferrio::Interest::READABLE.is_aio());
    /// ```
    #[must_use]
    pub const fn is_aio(self) -> bool {
        self.0.get() & AIO != 0
    }

    /// Whether this includes completions of `lio_listio(2)`, which only FreeBSD's kqueue reports.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!ferrio::Interest::READABLE.is_lio());
    /// ```
    #[must_use]
    pub const fn is_lio(self) -> bool {
        self.0.get() & LIO != 0
    }

    /// Whether this includes urgent data, `PRIORITY`.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!ferrio::Interest::READABLE.is_priority());
    /// ```
    #[must_use]
    pub const fn is_priority(self) -> bool {
        self.0.get() & PRIORITY != 0
    }
}

impl BitOr for Interest {
    type Output = Interest;

    fn bitor(self, other: Interest) -> Interest {
        self.add(other)
    }
}

impl BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Interest) {
        *self = self.add(other);
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (READABLE, "READABLE"),
            (WRITABLE, "WRITABLE"),
            (PRIORITY, "PRIORITY"),
            (AIO, "AIO"),
            (LIO, "LIO"),
        ];
        let mut separator = "";
        for (bit, name) in names {
            if self.0.get() & bit != 0 {
                write!(f, "{separator}{name}")?;
                separator = " | ";
            }
        }
        Ok(())
    }
}
