use std::fmt;
use std::io;
use std::str::FromStr;

use crate::sys;

macro_rules! kinds {
    (
        $(#[$doc:meta])*
        $name:ident, $what:literal, $available:path { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }
    ) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// What this build can make on this target, the default first.
            ///
            /// Without the feature `runtime-selector` that is one at most.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("for kind in ferrio::", stringify!($name), "::available() {")]
            ///     println!("{kind}");
            /// }
            /// ```
            pub fn available() -> &'static [$name] {
                $available
            }

            /// The error for asking for one that this build has not got.
            pub(crate) fn unsupported(self) -> io::Error {
                let mut message = format!("this build of ferrio has no {self} {}", $what);
                if Self::available().is_empty() {
                    message.push_str("; ");
                    message.push_str(sys::NO_POLL);
                }
                io::Error::new(io::ErrorKind::Unsupported, message)
            }
        }

        /// The name in lower case: the same that `FromStr` reads.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self {
                    $($name::$variant => $text,)*
                })
            }
        }

        impl FromStr for $name {
            type Err = io::Error;

            /// # Errors
            ///
            /// `InvalidInput` when there is none of that name on any target.
            fn from_str(text: &str) -> io::Result<$name> {
                match text {
                    $($text => Ok($name::$variant),)*
                    _ => Err(io::Error::new(
                        io::ErrorKind::InvalidInput,
                        format!(concat!("no ", $what, " is called {:?}; known are", $(" ", $text,)*), text),
                    )),
                }
            }
        }
    };
}

kinds! {
    /// A readiness facility that a [`Poll`](crate::Poll) can stand on.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use ferrio::{Poll, SelectorKind};
    ///
    /// let poll = Poll::new()?;
    /// assert!(SelectorKind::available().contains(&poll.selector()));
    /// assert_eq!("epoll".parse::<SelectorKind>()?, SelectorKind::Epoll);
    /// # Ok(())
    /// # }
    /// ```
    SelectorKind, "selector", sys::SELECTORS {
        /// `epoll(7)`, on Linux, Android and illumos.
        Epoll = "epoll",
        /// `kqueue(2)`, on the BSDs and Apple's systems.
        Kqueue = "kqueue",
        /// `poll(2)`, on every Unix; `poll` of wasi-libc on WASI, preview 2.
        Poll = "poll",
        /// `poll_oneoff` of WASI, preview 1.
        PollOneoff = "poll_oneoff",
        /// An I/O completion port, with `\Device\Afd` to ask about sockets, on Windows.
        Iocp = "iocp",
    }
}

kinds! {
    /// A kernel object through which a [`Waker`](crate::Waker) ends a blocked poll.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use ferrio::{Poll, WakerKind};
    ///
    /// let poll = Poll::new()?;
    /// assert!(WakerKind::available().contains(&poll.waker()));
    /// # Ok(())
    /// # }
    /// ```
    WakerKind, "waker", sys::WAKERS {
        /// `eventfd(2)`, on Linux, Android, illumos and ESP-IDF.
        Eventfd = "eventfd",
        /// `EVFILT_USER` of `kqueue(2)`.
        Kqueue = "kqueue",
        /// A `pipe(2)`, on nearly every Unix.
        Pipe = "pipe",
        /// A UDP socket of the loopback interface, where there is neither of the others.
        Udp = "udp",
        /// A packet posted to the completion port, on Windows.
                Packet = "packet",
        /// A flag in memory, on WASI: with one thread, a wake always comes before the poll.
        Flag = "flag",
    }
}
