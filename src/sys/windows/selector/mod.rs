//! The selector: a completion port, and the sockets whose readiness AFD tells.
//!
//! **The kernel's model.** `select` and `WSAPoll` ask AFD, the driver behind Winsock, with a control
//! code that any file of `\Device\Afd` understands: given sockets and flags, it answers as soon as a
//! flag holds. Asked by an overlapped operation of a file that is associated with a port, it answers
//! with a packet. The answer is a level, given once; whoever wants to know more asks again.
//!
//! **Our state.** For each source a [`SocketState`](socket_state), which decides what to ask and what
//! to report, in an [`Operation`](socket), the memory that the kernel writes to. For each 32 sockets a
//! file to ask, a [helper](helpers). And a [list](changes) of the sockets whose state has changed, by
//! a registration or by an operation that came to the end of what there was:
//!
//! ```text
//!  register, reregister,                  poll
//!  re-arm, shutdown
//!      | the socket's state                 | take the list, "blocked"
//!      | "blocked"?                         | for each: its state says ask, or cancel
//!      |   no:  put it on the list          | GetQueuedCompletionStatusEx
//!      |   yes: ask or cancel now           | "awake"; for each packet: its state says what to report
//! ```
//!
//! So a source costs one question for each of its events, asked by the poll that follows the user's
//! reaction, and a registration nothing but the question for its base socket. While a poll is blocked a
//! change needs no ring: the answer to what is asked comes to the same port.
//!
//! **Deadlines.** What brings nothing to the user, such as a question that was cancelled, does not end
//! a poll, nor move its deadline: [`Notify`](crate::notify::Notify)'s loop asks again for what is left.
//! A poll that does not block looks more than once where a question had to be asked anew.
//!
//! **Drop.** A source that is dropped cancels its question and closes its socket at once; the memory
//! follows when the packet comes. A selector that is dropped cancels all questions and waits for each.
//! What is registered with it then is never asked about again. A socket that was closed without a word
//! is forgotten when AFD says so.

mod changes;
mod helpers;
mod io_source_state;
mod shared;
mod socket;
mod socket_state;

use std::fmt;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::time::Duration;

use super::os::port::{FOREVER, Packets};
use super::port::Port;
use super::waker::WakeHub;
use crate::event::{Event, Events};
use crate::kind::{SelectorKind, WakerKind};
use crate::notify::{Harvest, Kernel, Turn};
use crate::sync::{Arc, Mutex, lock};
use crate::sys::timeout;
use crate::token::Token;

use self::shared::Shared;

pub(crate) use self::io_source_state::IoSourceState;

/// The selectors that this build can make.
pub(crate) const AVAILABLE: &[SelectorKind] = &[DEFAULT];

/// The only one.
pub(crate) const DEFAULT: SelectorKind = SelectorKind::Iocp;

/// The names of an event's flags.
pub(crate) const FLAGS: &[&[(&str, u32)]] = &[socket_state::NAMES];

/// One `Poll`'s readiness facility. The last of that `Poll` and its `Registry`s closes it.
pub(crate) struct Selector {
    /// Before the port: they let go of it.
    #[cfg(feature = "os-ext")]
    pipes: super::named_pipe::Pipes,
    shared: Arc<Shared>,
    hub: Arc<WakeHub>,
    /// Room for what the kernel writes. Only the poller takes it.
    packets: Mutex<Packets>,
    id: usize,
}

impl Selector {
    pub(crate) fn new(kind: SelectorKind, waker: WakerKind) -> io::Result<Selector> {
        if kind != DEFAULT {
            return Err(kind.unsupported());
        }
        if !crate::sys::WAKERS.contains(&waker) {
            return Err(waker.unsupported());
        }
        let port = Port::new()?;
        Ok(Selector {
            #[cfg(feature = "os-ext")]
            pipes: super::named_pipe::Pipes::default(),
            hub: Arc::new(WakeHub::new(port.ringer())),
            packets: Mutex::new(Packets::default()),
            shared: Arc::new(Shared::new(port)),
            id: crate::sys::next_id(),
        })
    }

    #[allow(clippy::unused_self)] // Other platforms have several.
    pub(crate) fn kind(&self) -> SelectorKind {
        DEFAULT
    }

    #[allow(clippy::unused_self)] // Other platforms have several.
    pub(crate) fn waker(&self) -> WakerKind {
        super::DEFAULT_WAKER
    }

    /// Never 0, and never another selector's.
    pub(crate) fn id(&self) -> usize {
        self.id
    }

    /// Where overlapped operations end.
    #[allow(dead_code)]
    pub(crate) fn port(&self) -> &Arc<Port> {
        &self.shared.port
    }

    /// What named pipes need.
    #[cfg(feature = "os-ext")]
    pub(crate) fn site(&self) -> super::named_pipe::Site<'_> {
        super::named_pipe::Site {
            id: self.id,
            port: self.port(),
            pipes: &self.pipes,
        }
    }

    /// What this selector's wakers share.
    pub(crate) fn hub(&self) -> io::Result<Arc<WakeHub>> {
        Ok(self.hub.clone())
    }

    /// One poll, into the cleared `events`, whose capacity is at least 1.
    pub(crate) fn select(
        &self,
        turn: &mut Turn,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        let capacity = events.capacity();
        let mut kernel = OnePoll {
            selector: self,
            list: events.list_mut(),
        };
        self.hub.notify().poll(turn, &mut kernel, capacity, timeout)
    }
}

impl Drop for Selector {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selector")
            .field("kind", &self.kind())
            .field("waker", &self.waker())
            .field("port", &self.port().handle().as_raw_handle())
            .finish()
    }
}

/// How often the kernel is asked in one turn. What is ready shows in the first, or after a question
/// about it was cancelled, or doubted, and asked anew: a poll that doesn't block has to see it too.
const ROUNDS: usize = 4;

/// The kernel as one call of `Poll::poll` sees it.
struct OnePoll<'a> {
    selector: &'a Selector,
    list: &'a mut Vec<Event>,
}

impl Kernel for OnePoll<'_> {
    fn wait(&mut self, room: usize, timeout: Option<Duration>) -> io::Result<Harvest> {
        let selector = self.selector;
        let shared = &selector.shared;
        // Nobody else ever locks it: a `Poll` is polled by one thread at a time.
        let mut packets = lock(&selector.packets);
        let mut batch = shared.port.batch(self.list, room);
        let mut milliseconds = milliseconds(timeout);
        for _ in 0..ROUNDS {
            shared.flush(milliseconds > 0)?;
            let result = shared.port.wait(&mut packets, &mut batch, milliseconds);
            shared.changes.awake();
            result?;
            let quiet = batch.events() == 0 && !batch.rung();
            if !quiet || shared.changes.is_empty() {
                break;
            }
            milliseconds = 0;
        }
        Ok(Harvest {
            events: batch.events(),
            rung: batch.rung(),
        })
    }

    #[inline]
    fn emit(&mut self, token: Token) {
        self.list.push(Event::wake(token));
    }

    fn promote(&mut self) {
        let last = self.list.len() - 1;
        self.list.swap(0, last);
    }

    fn ring(&self) {
        // An error is the next wake's to report.
        let _ = self.selector.hub.ring();
    }
}

/// The longest time for one wait. `GetQueuedCompletionStatusEx` does not count the time for which the
/// machine sleeps, `Instant` does: when it is awake again a deadline may have passed long ago.
const LONGEST: u32 = 60_000;

/// The timeout for `GetQueuedCompletionStatusEx`: rounded up, so that no poll ends early or spins,
/// and cut to a minute, after which the caller looks at the clock and asks again.
fn milliseconds(timeout: Option<Duration>) -> u32 {
    timeout.map_or(FOREVER, |timeout| {
        u32::try_from(timeout::milliseconds(timeout)).map_or(LONGEST, |ms| ms.min(LONGEST))
    })
}

#[cfg(all(test, not(ferrio_loom)))]
mod tests;

#[cfg(all(test, feature = "net", not(ferrio_loom)))]
mod random_tests;
