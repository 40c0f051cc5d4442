//! A socket's registration: its [`SocketState`], and the memory of the question that is asked about
//! it.
//!
//! **Who owns what.** A [`Socket`] belongs to the source, from its first registration with a
//! selector until it is dropped or registered with another; the queue of changes and the kernel, while
//! a question is under way, have a count each. It holds on to the selector's shared part. So the memory
//! of an unfinished question is freed when its packet is dequeued, by a poll or by the selector's drop.
//!
//! **Locks.** The state is locked while AFD is asked, which does not block; so the kernel is told in
//! the order in which the state has changed. The queue's lock is never held together with it.

use std::io;
use std::os::windows::io::RawSocket;

use windows_sys::Win32::Foundation::{ERROR_INVALID_HANDLE, STATUS_CANCELLED};
use windows_sys::Win32::Networking::WinSock::WSAENOTSOCK;

use super::Shared;
use super::changes::Listed;
use super::helpers::Seat;
use super::socket_state::{Action, Answer, SocketState};
use crate::sync::{Arc, AtomicUsize, Mutex, lock};
use crate::sys::windows::os::afd::{self, PollInfo};
use crate::sys::windows::os::base_socket::base_handle;
use crate::sys::windows::os::overlapped::{Complete, Outcome, Overlapped};
use crate::sys::windows::port::{Batch, Place};

/// The unit that is shared with the kernel.
pub(super) type Operation = Overlapped<Socket>;

pub(super) struct Socket {
    shared: Arc<Shared>,
    /// The socket that AFD knows.
    base: RawSocket,
    seat: Seat,
    info: PollInfo,
    inner: Mutex<Inner>,
    /// Its place on the list of changes.
    place: AtomicUsize,
}

struct Inner {
    state: SocketState,
    place: Place,
}

impl Socket {
    pub(super) fn new(
        shared: Arc<Shared>,
        socket: RawSocket,
        state: SocketState,
    ) -> io::Result<Arc<Operation>> {
        let base = base_handle(socket)?;
        let seat = shared.helpers.seat(&shared.port)?;
        Ok(Overlapped::new(Socket {
            shared,
            base,
            seat,
            info: PollInfo::new(),
            inner: Mutex::new(Inner {
                state,
                place: Place::default(),
            }),
            place: AtomicUsize::new(0),
        }))
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Looks at the state, or changes it without telling the kernel.
    pub(super) fn with_state<R>(&self, f: impl FnOnce(&mut SocketState) -> R) -> R {
        f(&mut lock(&self.inner).state)
    }

    /// Does what the state demands of the kernel.
    ///
    /// # Errors
    ///
    /// A question could not be cancelled, or a packet not posted: to be tried again.
    pub(super) fn apply(self_: &Arc<Operation>) -> io::Result<()> {
        let mut inner = lock(&self_.inner);
        loop {
            match inner.state.next() {
                Action::Nothing => return Ok(()),
                Action::Cancel => {
                    let result = self_.shared.helpers.cancel(&self_.seat, self_.as_raw());
                    if result.is_err() {
                        inner.state.cancel_failed();
                    }
                    return result;
                }
                Action::Ask(flags) => match Socket::ask(self_, flags) {
                    None => return Ok(()),
                    Some(answer) => inner.state.ask_failed(answer),
                },
                Action::Post => return Socket::post(self_, &mut inner.state),
            }
        }
    }

    /// Answers at once if the question could not be asked.
    fn ask(self_: &Arc<Operation>, flags: u32) -> Option<Answer> {
        let shared = &self_.shared;
        let begun = shared.helpers.begin(&self_.seat, |helper| {
            afd::ask(helper, &shared.port, self_, self_.base, flags)
        });
        match begun {
            None => Some(Answer::Gone),
            Some(Ok(())) => None,
            Some(Err(error)) => Some(failure(&error)),
        }
    }

    fn post(self_: &Arc<Operation>, state: &mut SocketState) -> io::Result<()> {
        let shared = &self_.shared;
        let begun = shared
            .helpers
            .begin(&self_.seat, |_| self_.post(&shared.port));
        match begun {
            Some(Ok(())) => Ok(()),
            // Nobody polls any more.
            None => {
                state.ask_failed(Answer::Gone);
                Ok(())
            }
            Some(Err(error)) => {
                state.ask_failed(Answer::Holds(0));
                Err(error)
            }
        }
    }
}

/// What an error says of the socket.
fn failure(error: &io::Error) -> Answer {
    const GONE: [i32; 2] = [ERROR_INVALID_HANDLE as i32, WSAENOTSOCK];

    match error.raw_os_error() {
        Some(code) if GONE.contains(&code) => Answer::Gone,
        _ => Answer::Failed,
    }
}

impl Complete for Socket {
    fn complete(self_: &Arc<Operation>, outcome: Outcome, batch: &mut Batch<'_>) {
        self_.shared.helpers.ended();
        let answer = match outcome.result() {
            Ok(_) => Answer::Holds(afd::answer(self_)),
            // Also what was lost is asked again.
            Err(_) if outcome.is_lost() || outcome.status() == STATUS_CANCELLED => Answer::Holds(0),
            Err(error) => failure(&error),
        };
        let mut inner = lock(&self_.inner);
        if let Some(report) = inner.state.completed(answer) {
            let (token, readiness) = (report.token, report.readiness);
            batch.emit(&mut inner.place, token, readiness, report.flags);
        }
        let more = inner.state.has_work();
        drop(inner);
        if more {
            self_.shared.changes.put(self_);
        }
    }
}

impl Listed for Arc<Operation> {
    fn place(&self) -> &AtomicUsize {
        &self.place
    }
}

impl AsRef<PollInfo> for Socket {
    fn as_ref(&self) -> &PollInfo {
        &self.info
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.shared.helpers.leave(&self.seat);
    }
}
