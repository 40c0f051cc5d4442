//! The platforms, and the choice between them.
//!
//! Every platform offers the same surface to the rest of the crate:
//!
//! | name | what it is |
//! |---|---|
//! | `Selector` | the readiness facility of one `Poll`: `new`, `kind`, `waker`, `id`, `register`, `reregister`, `deregister`, `select`, `hub` |
//! | `WakeHub` | what that `Poll`'s wakers share: `notify`, `ring` |
//! | `IoSourceState` | what a selector keeps per source: nothing, or what it takes to re-arm |
//! | `AsRaw` | a source's raw handle |
//! | `tcp`, `udp`, `uds`, `pipe` | sockets and pipes, non-blocking from birth |
//! | `SELECTORS`, `WAKERS` | what the build can make; `DEFAULT_SELECTOR`, `DEFAULT_WAKER` |
//! | `FLAGS` | the names of a raw event's flags, for `Debug` |
//! | `forget_fallbacks` | test support |

use std::fmt;

use crate::event::Event;

#[cfg(any(sel_epoll, sys_poll))]
mod answer;
#[cfg(sys_poll)]
mod poll;

#[cfg(any(sel_epoll, sel_iocp, sel_poll))]
mod timeout;

#[cfg(sys_unix)]
mod unix;
#[cfg(sys_unix)]
pub(crate) use self::unix::*;

#[cfg(sys_windows)]
mod windows;
#[cfg(sys_windows)]
pub(crate) use self::windows::*;

#[cfg(sys_wasi)]
mod wasi;
#[cfg(sys_wasi)]
pub(crate) use self::wasi::*;

// The state machine of named pipes makes no system call, so its tests run everywhere.
#[cfg(all(test, not(sys_windows), not(ferrio_loom)))]
#[path = "windows/named_pipe/state/mod.rs"]
mod named_pipe_state;

#[cfg(all(test, ferrio_loom, not(sys_windows)))]
#[path = "windows/selector/changes.rs"]
#[allow(dead_code)] // What the models do without.
mod windows_changes;
#[cfg(all(test, ferrio_loom, not(sys_windows)))]
#[path = "windows/selector/socket_exhaustive_tests.rs"]
mod windows_socket_exhaustive_tests;
/// The parts of the Windows backend that make no system call, for their tests.
#[cfg(all(test, not(sys_windows)))]
#[path = "windows/selector/socket_state.rs"]
#[allow(dead_code)] // The flags' names.
mod windows_socket_state;

#[cfg(sys_shell)]
mod shell;
#[cfg(sys_shell)]
pub(crate) use self::shell::*;

/// What to do about a build without a selector.
pub(crate) const NO_POLL: &str = if cfg!(feature = "os-poll") {
    "this target has no readiness facility that this version of ferrio supports"
} else {
    "enable its feature `os-poll`"
};

/// A selector's identity: never 0, and never another's.
#[cfg(any(debug_assertions, feature = "runtime-selector", sys_poll, sel_iocp))]
#[cfg_attr(sys_shell, allow(dead_code))] // There is none.
fn next_id() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};

    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The backlog for `listen(2)` on a TCP socket: std's, which is 20 where 32 are too many.
#[cfg(all(any(sys_unix, sys_windows), feature = "net"))]
pub(crate) const TCP_BACKLOG: i32 = if cfg!(has_backlog_128) {
    128
} else if cfg!(has_backlog_32) {
    32
} else {
    20
};

/// The same for a Unix socket: the most the system allows where -1 says so, as in std.
#[cfg(all(sys_unix, os_unix, feature = "net"))]
pub(crate) const UNIX_BACKLOG: i32 = if cfg!(has_backlog_max) {
    -1
} else {
    TCP_BACKLOG
};

/// One format for all systems. `{:?}` shows what the methods of [`Event`] answer, `{:#?}` the
/// system's own flags as well, by name.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alternate = f.alternate();
        let mut debug = f.debug_struct("Event");
        debug
            .field("token", &self.token())
            .field("readable", &self.is_readable())
            .field("writable", &self.is_writable())
            .field("error", &self.is_error())
            .field("read_closed", &self.is_read_closed())
            .field("write_closed", &self.is_write_closed())
            .field("priority", &self.is_priority())
            .field("aio", &self.is_aio())
            .field("lio", &self.is_lio());
        if alternate {
            debug.field("details", &debug_detail(self.raw(), FLAGS));
        }
        debug.finish()
    }
}

/// A table for each selector of the build.
type FlagNames = &'static [&'static [(&'static str, u32)]];

/// Writes `raw` as the names of its flags, and what has no name in hexadecimal.
fn debug_detail(raw: u32, names: FlagNames) -> impl fmt::Debug {
    struct Detail(u32, FlagNames);

    impl fmt::Debug for Detail {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let mut rest = self.0;
            let mut separator = "";
            for &(name, flag) in self.1.iter().copied().flatten() {
                if rest & flag != 0 {
                    write!(f, "{separator}{name}")?;
                    separator = " | ";
                    rest &= !flag;
                }
            }
            match (rest, separator) {
                (0, "") => f.write_str("none"),
                (0, _) => Ok(()),
                _ => write!(f, "{separator}{rest:#x}"),
            }
        }
    }

    Detail(raw, names)
}

#[cfg(all(test, not(ferrio_loom)))]
mod tests {
    use super::*;
    use crate::readiness::Readiness;
    use crate::token::Token;

    const NAMES: FlagNames = &[&[("ONE", 1), ("TWO", 2)], &[("FOUR", 4)]];

    #[test]
    fn detail_names_flags_and_shows_the_rest() {
        let show = |raw| format!("{:?}", debug_detail(raw, NAMES));
        assert_eq!(show(0), "none");
        assert_eq!(show(2), "TWO");
        assert_eq!(show(3), "ONE | TWO");
        assert_eq!(show(6), "TWO | FOUR");
        assert_eq!(show(0x11), "ONE | 0x10");
        assert_eq!(show(0x80), "0x80");
    }

    #[test]
    fn details_are_shown_on_request_only() {
        let event = Event::new(Token(3), Readiness::READABLE, 0);
        assert_eq!(
            format!("{event:?}"),
            "Event { token: Token(3), readable: true, writable: false, error: false, \
             read_closed: false, write_closed: false, priority: false, aio: false, lio: false }"
        );
        assert!(format!("{event:#?}").contains("details: none,"));
    }
}
