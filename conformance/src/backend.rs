//! The backends, and the macro that instantiates a suite for each of them.

use ferrio::fault::Call;
use ferrio::{Poll, SelectorKind, WakerKind};

use crate::capability::{Capability, gap};
use crate::child::isolated;
use crate::driver::Driver;

/// One selector with one waker, and the test that runs on it.
#[derive(Copy, Clone, Debug)]
pub struct Backend {
    pub selector: SelectorKind,
    pub waker: WakerKind,
    /// As the test modules are named: `epoll_eventfd`.
    pub name: &'static str,
    /// The full name of the running test, as libtest knows it.
    pub test: &'static str,
}

impl Backend {
    /// A new `Poll` of this backend.
    pub fn poll(&self) -> Poll {
        let poll = self.try_poll().expect("a Poll");
        assert_eq!(poll.waker(), self.waker);
        poll
    }

    /// As [`poll`](Backend::poll), for cases about its failure. Its waker may be the replacement of
    /// one that was refused.
    pub fn try_poll(&self) -> std::io::Result<Poll> {
        let poll = Poll::builder()
            .selector(self.selector)
            .waker(self.waker)
            .build()?;
        assert_eq!(poll.selector(), self.selector);
        Ok(poll)
    }

    /// A new `Poll` with a buffer of 1024 events.
    pub fn driver(&self) -> Driver {
        Driver::new(self.poll(), 1024)
    }

    /// A new `Poll` with a buffer of `capacity` events.
    pub fn driver_with(&self, capacity: usize) -> Driver {
        Driver::new(self.poll(), capacity)
    }

    /// Runs `body` in a process of its own, see [`isolated`](crate::isolated).
    pub fn isolated(&self, body: impl FnOnce()) {
        isolated(self.test, body);
    }

    /// Why this backend cannot do `capability`; `None` when it can.
    pub fn gap(&self, capability: Capability) -> Option<&'static str> {
        gap(self.selector, self.waker, capability)
    }

    /// The system calls with which this selector is made, changed, and asked.
    #[cfg(unix)]
    pub fn calls(&self) -> SelectorCalls {
        match self.selector {
            SelectorKind::Epoll => SelectorCalls {
                create: &[Call::EpollCreate1],
                control: &[Call::EpollCtl],
                wait: if ferrio::capabilities::EPOLL_PWAIT2 {
                    &[Call::EpollWait, Call::EpollPwait2]
                } else {
                    &[Call::EpollWait]
                },
            },
            SelectorKind::Kqueue => SelectorCalls {
                create: &[Call::Kqueue],
                control: &[Call::Kevent],
                wait: &[Call::Kevent],
            },
            SelectorKind::Poll => SelectorCalls {
                create: &[],
                control: &[],
                wait: &[Call::Poll, Call::Ppoll],
            },
            other => panic!("name the system calls of {other} in src/backend.rs"),
        }
    }

    /// The calls with which the selector is made, changed, and asked.
    #[cfg(target_os = "wasi")]
    pub fn calls(&self) -> SelectorCalls {
        SelectorCalls {
            create: &[],
            control: &[],
            wait: match self.selector {
                SelectorKind::Poll => &[Call::Poll],
                _ => &[Call::PollOneoff],
            },
        }
    }

    /// The system calls with which the selector is made, changed, and asked.
    #[cfg(windows)]
    pub fn calls(&self) -> SelectorCalls {
        assert_eq!(self.selector, SelectorKind::Iocp);
        SelectorCalls {
            create: &[Call::CreatePort],
            control: &[Call::AfdPoll],
            wait: &[Call::Dequeue],
        }
    }

    /// The call that ends a blocked poll: there is none, nor anybody to make it.
    #[cfg(target_os = "wasi")]
    pub fn ringing(&self) -> Call {
        panic!("nobody can ring: this case `needs Threads`")
    }

    /// The system call that ends a blocked poll.
    #[cfg(windows)]
    pub fn ringing(&self) -> Call {
        Call::Post
    }

    /// The system call that ends a blocked poll.
    #[cfg(unix)]
    pub fn ringing(&self) -> Call {
        match self.waker {
            WakerKind::Kqueue => Call::Kevent,
            _ => Call::Write,
        }
    }

    fn pair(&self) -> (SelectorKind, WakerKind) {
        (self.selector, self.waker)
    }
}

/// What [`Backend::calls`] answers; empty where no call is needed.
#[derive(Copy, Clone, Debug)]
pub struct SelectorCalls {
    pub create: &'static [Call],
    pub control: &'static [Call],
    pub wait: &'static [Call],
}

/// Combinations of an available selector and an available waker that no build supports, each with
/// the reason. They are the only ones a suite may leave out.
const IMPOSSIBLE: &[(SelectorKind, WakerKind, &str)] = &[];

/// Fails unless `instantiated` is every available selector with every available waker, except
/// those that `IMPOSSIBLE` names.
pub fn assert_complete(instantiated: &[Backend]) {
    let mut missing = Vec::new();
    for &selector in SelectorKind::available() {
        for &waker in WakerKind::available() {
            let impossible = IMPOSSIBLE
                .iter()
                .any(|&(s, w, _)| (s, w) == (selector, waker));
            let present = instantiated.iter().any(|b| b.pair() == (selector, waker));
            assert!(
                !(impossible && present),
                "{selector} with {waker} is said to be impossible, yet the suite runs on it"
            );
            if !impossible && !present {
                missing.push(format!("{selector}_{waker}"));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "the suite does not run on {missing:?}: add rows to build.rs and src/backend.rs"
    );
    for backend in instantiated {
        assert!(
            SelectorKind::available().contains(&backend.selector)
                && WakerKind::available().contains(&backend.waker),
            "the suite runs on {}, which this build does not offer",
            backend.name
        );
        let named = format!("{}_{}", backend.selector, backend.waker);
        assert_eq!(backend.name, named, "a backend's module has its name");
    }
}

/// Makes a `#[test]` of every listed case for every backend of the target.
///
/// ```text
/// conformance! { registration {
///     double_register_is_already_exists,
///     nested_in_another_loop needs DescriptorOfPoll,
///     watched_from_another_thread needs DescriptorOfPoll and Threads,
/// } }
///
/// fn double_register_is_already_exists(b: &Backend) { ... }
/// ```
///
/// A case may stand behind `#[cfg(unix)]`, and is then listed in [`unix_only`](crate::unix_only).
/// The first word is the name of the suite, which is the name of the file too. `needs` names a
/// [`Capability`], `and` another: on a backend without one of them the case is skipped and counted.
#[macro_export]
macro_rules! conformance {
    ($suite:ident { $($cases:tt)+ }) => {
        $crate::__suite! {
            $suite [$($cases)+]
            // The table of backends: cfg from build.rs, module, selector, waker.
            [backend_epoll_eventfd epoll_eventfd Epoll Eventfd]
            [backend_epoll_pipe epoll_pipe Epoll Pipe]
            [backend_kqueue_kqueue kqueue_kqueue Kqueue Kqueue]
            [backend_kqueue_pipe kqueue_pipe Kqueue Pipe]
            [backend_poll_eventfd poll_eventfd Poll Eventfd]
            [backend_poll_kqueue poll_kqueue Poll Kqueue]
            [backend_poll_pipe poll_pipe Poll Pipe]
            [backend_iocp_packet iocp_packet Iocp Packet]
            [backend_poll_flag poll_flag Poll Flag]
            [backend_poll_oneoff_flag poll_oneoff_flag PollOneoff Flag]
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __suite {
    ($suite:ident $cases:tt $([$cfg:ident $module:ident $selector:ident $waker:ident])+) => {
        mod $suite {
            $(
                #[cfg($cfg)]
                mod $module {
                    $crate::__cases!($suite $module $selector $waker $cases);
                }
            )+

            const INSTANTIATED: &[$crate::Backend] = &[
                $(#[cfg($cfg)] $module::BACKEND),+
            ];

            #[test]
            fn every_backend_is_instantiated() {
                $crate::assert_complete(INSTANTIATED);
            }

            #[test]
            fn skips_are_as_committed() {
                $(
                    #[cfg($cfg)]
                    $crate::capability::assert_committed(
                        stringify!($suite),
                        &$module::BACKEND,
                        $module::NEEDS,
                    );
                )+
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __cases {
    (
        $suite:ident $module:ident $selector:ident $waker:ident
        [$($(#[$on:meta])* $case:ident $(needs $capability:ident $(and $another:ident)*)?),+ $(,)?]
    ) => {
        pub(super) const BACKEND: $crate::Backend = $crate::Backend {
            selector: ::ferrio::SelectorKind::$selector,
            waker: ::ferrio::WakerKind::$waker,
            name: stringify!($module),
            test: "",
        };

        pub(super) const NEEDS: &[(&str, &[$crate::Capability])] = &[
            $(
                $(#[$on])*
                (stringify!($case), &[
                    $($crate::Capability::$capability, $($crate::Capability::$another,)*)?
                ]),
            )+
        ];

        $(
            $(#[$on])*
            #[test]
            fn $case() {
                let backend = $crate::Backend {
                    test: concat!(
                        stringify!($suite), "::", stringify!($module), "::", stringify!($case)
                    ),
                    ..BACKEND
                };
                $(
                    if $crate::capability::skip(&backend, $crate::Capability::$capability) {
                        return;
                    }
                    $(
                        if $crate::capability::skip(&backend, $crate::Capability::$another) {
                            return;
                        }
                    )*
                )?
                super::super::$case(&backend);
            }
        )+
    };
}
