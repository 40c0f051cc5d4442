//! What a named pipe is waiting for and has got: the state machine behind `NamedPipe`.
//!
//! It makes no system call. What it wants done it asks of a [`Kernel`]; what was done it is told by
//! [`Machine::complete`]. Three things go on at the same time, each in a file of its own, and each with
//! at most one operation that counts:
//!
//! ```text
//! link      Open | Unconnected | Connecting | Fresh | Failed       connecting.rs
//! reading   Idle | Pending | Ready | Ended | Failed                reading.rs
//! writing   Idle | Pending | Failed                                writing.rs
//! ```
//!
//! * **Every answer fits every state.** Which operation a completion belongs to is told by its
//!   [`Ticket`], and one that nobody waits for any more only gives its memory back. So an operation may
//!   be given up at any moment, by `disconnect` or by dropping the pipe, whatever it does afterwards.
//! * **Reading** is done ahead: while nothing is there for the user, a read is under way, so that
//!   there is something to report. Its end is the edge. The next one begins when the user has taken
//!   the last byte, short read or not, so none is lost.
//! * **Writing** takes the user's bytes and says `Ok`. Until they are written, the pipe is not
//!   writable. The end of the write is an edge only if somebody waits for it: a write that blocked, one
//!   that took less than all, a registration meanwhile.
//! * **An error** that comes later than the call that caused it is kept for the next call in the same
//!   direction, or for `take_error`, and is reported by an event at once.
//! * **Events.** `due` says in which direction there was an edge that no event has told of.
//!   [`Machine::take_event`] tells, and computes from the state, then and there, what is ready: what
//!   the user has seen meanwhile makes no event. As on epoll an event says all that is known.
//! * **After `deregister`** there is no `watch`, so there is no event, though operations go on, and
//!   what they bring is kept.

mod code;
mod connecting;
mod kernel;
mod reading;
#[cfg(all(test, not(ferrio_loom)))]
mod tests;
mod writing;

use std::io;

use self::connecting::Link;
use self::reading::Reading;
use self::writing::Writing;
use crate::interest::Interest;
use crate::readiness::Readiness;
use crate::token::Token;

pub(crate) use self::code::Code;
pub(crate) use self::kernel::{Completion, Kernel, Ticket};

/// What a read asks for unless the user says otherwise. Windows' own pipes and Unix's hold as much.
const READ_SIZE: usize = 64 * 1024;

/// The most that one operation takes: its length is 32 bits wide.
const MOST: usize = i32::MAX as usize;

/// What is known of a pipe's end from the beginning.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Traits {
    /// A server's end that has no client yet, as far as is known.
    pub(crate) unconnected: bool,
    /// A client's end, or whatever else can have one connection only. A server's end can have
    /// another, so its end of file is not the end, and must not be reported by a closed bit: runtimes
    /// remember those for ever.
    pub(crate) one_connection: bool,
    /// What is written in one call is one message, and must not be divided.
    pub(crate) messages: bool,
}

/// A registration.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Watch {
    token: Token,
    interests: Interest,
}

#[derive(Debug)]
pub(crate) struct Machine {
    traits: Traits,
    link: Link,
    reading: Reading,
    writing: Writing,
    watch: Option<Watch>,
    /// There was an edge of this direction.
    read_due: bool,
    write_due: bool,
    /// The user has dropped the pipe.
    closed: bool,
    next: u64,
    read_size: usize,
    write_size: usize,
}

impl Machine {
    pub(crate) fn new(traits: Traits) -> Machine {
        Machine {
            traits,
            link: if traits.unconnected {
                Link::Unconnected
            } else {
                Link::Open
            },
            reading: Reading::Idle,
            writing: Writing::Idle,
            watch: None,
            read_due: false,
            write_due: false,
            closed: false,
            next: 0,
            read_size: READ_SIZE,
            write_size: MOST,
        }
    }

    /// How many bytes a read asks for, from the next one on.
    pub(crate) fn set_read_size(&mut self, size: usize) {
        self.read_size = size.clamp(1, MOST);
    }

    /// How many bytes one write takes at most, unless they are a message.
    pub(crate) fn set_write_size(&mut self, size: usize) {
        self.write_size = size.clamp(1, MOST);
    }

    pub(crate) fn is_registered(&self) -> bool {
        self.watch.is_some()
    }

    /// Starts the watch, or changes it. What is ready is an edge. Gives back what was watched before.
    pub(crate) fn register(
        &mut self,
        kernel: &mut impl Kernel,
        token: Token,
        interests: Interest,
    ) -> Option<Watch> {
        let before = self.watch.replace(Watch { token, interests });
        if interests.is_writable() {
            self.writing.arm();
        }
        self.read_ahead(kernel);
        self.read_due = true;
        self.write_due = true;
        if !self.has_event() {
            self.clear_due();
        }
        before
    }

    /// Takes a registration back of which the `Poll` cannot be told.
    pub(crate) fn undo_register(&mut self, before: Option<Watch>) {
        self.watch = before;
        if before.is_none() {
            self.clear_due();
        }
    }

    /// Ends the watch. What is under way goes on.
    pub(crate) fn deregister(&mut self) {
        self.watch = None;
        self.clear_due();
    }

    /// The user drops the pipe. What was accepted for writing is still written; see
    /// [`is_finished`](Machine::is_finished).
    pub(crate) fn close(&mut self, kernel: &mut impl Kernel) {
        self.deregister();
        self.closed = true;
        self.stop_connecting(kernel);
        self.stop_reading(kernel);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether the pipe was dropped and has nothing left to write: its handle can be closed.
    pub(crate) fn is_finished(&self) -> bool {
        self.is_closed() && !matches!(self.writing, Writing::Pending(_))
    }

    /// The `Poll` is going, and takes no completions after this one's. What can be read stays.
    pub(crate) fn abandon(&mut self, kernel: &mut impl Kernel) {
        self.deregister();
        self.stop_connecting(kernel);
        // These end in the usual way: with data perhaps, and the writer learns of the error.
        self.reading.cancel(kernel);
        self.writing.cancel(kernel);
    }

    /// An operation has ended.
    pub(crate) fn complete(&mut self, kernel: &mut impl Kernel, completion: Completion) {
        let ticket = completion.ticket;
        if self.reading.waits_for(ticket) {
            self.read_completed(kernel, completion);
        } else if self.writing.waits_for(ticket) {
            self.write_completed(kernel, completion);
        } else {
            if self.link.waits_for(ticket) {
                self.connect_completed(kernel, completion.code);
            }
            kernel.recycle(completion.buffer);
        }
    }

    /// The error that came after the call that caused it, if there is one.
    pub(crate) fn take_error(&mut self, kernel: &mut impl Kernel) -> Option<io::Error> {
        self.link.told();
        let code = self.link.take_failure();
        let code = code.or_else(|| self.writing.take_failure());
        if let Some(code) = code {
            return Some(code.error());
        }
        let code = self.reading.take_failure()?;
        // Whoever waited to read goes on waiting.
        self.read_ahead(kernel);
        Some(code.error())
    }

    /// Whether [`take_event`](Machine::take_event) has something.
    pub(crate) fn has_event(&self) -> bool {
        let Some(watch) = self.watch else {
            return false;
        };
        let (read, write) = self.readiness(watch.interests);
        self.read_due && read != Readiness::NONE || self.write_due && write != Readiness::NONE
    }

    /// The event that is due.
    pub(crate) fn take_event(&mut self) -> Option<(Token, Readiness)> {
        let watch = self.watch.filter(|_| self.has_event());
        self.clear_due();
        let watch = watch?;
        let (read, write) = self.readiness(watch.interests);
        Some((watch.token, read | write))
    }

    fn clear_due(&mut self) {
        self.read_due = false;
        self.write_due = false;
    }

    /// What is ready now, in each direction. Errors, the end and a client are told of in any case: a
    /// server that is interested in reading alone may have the first word all the same.
    fn readiness(&self, interests: Interest) -> (Readiness, Readiness) {
        let read_closed = matches!(self.reading, Reading::Ended) && self.traits.one_connection;
        let read_failed = matches!(self.reading, Reading::Failed(_));
        let read = Readiness::NONE
            .with_if(
                interests.is_readable() && self.reading.is_ready(),
                Readiness::READABLE,
            )
            // The other end is gone, so both directions have ended.
            .with_if(
                read_closed,
                Readiness::READ_CLOSED.and(Readiness::WRITE_CLOSED),
            )
            .with_if(read_failed, Readiness::ERROR);
        let write_failure = self.writing.failure();
        let write_closed = write_failure.is_some_and(Code::is_end) && self.traits.one_connection;
        let write = Readiness::NONE
            .with_if(
                interests.is_writable() && self.is_writable() || self.link.has_news(),
                Readiness::WRITABLE,
            )
            .with_if(write_closed, Readiness::WRITE_CLOSED)
            .with_if(
                write_failure.is_some() || matches!(self.link, Link::Failed(_)),
                Readiness::ERROR,
            );
        (read, write)
    }

    /// Whether a write, or `connect`, would not block.
    fn is_writable(&self) -> bool {
        match (&self.link, &self.writing) {
            (_, Writing::Failed(_)) => true,
            (Link::Unconnected | Link::Connecting(_), _) => false,
            (Link::Open, Writing::Pending(_)) => false,
            (Link::Open, Writing::Idle) | (Link::Fresh | Link::Failed(_), _) => true,
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.next += 1;
        Ticket(self.next)
    }
}

/// The error of a call that has to start an operation, whose end nobody would hear of. The kind is
/// mio's.
fn not_registered() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        "the named pipe is not registered with a `Poll`",
    )
}
