//! What is known of one socket: the state machine behind its registration. It makes no system call,
//! so it is compiled and tested on every platform.
//!
//! **The kernel's model.** AFD, the driver behind Winsock, takes a question, "an AFD poll", about a
//! socket and some flags. It answers once, as soon as one of them holds, with all of those that
//! hold then: levels, not edges. A question can be cancelled; then it ends too, with an answer or
//! without one.
//!
//! **Our states.** At most one question is under way for a socket ([`Question`]).
//!
//! ```text
//!            next: Ask                    completed
//!   Idle --------------> UnderWay ---------------------> Idle, and maybe a report
//!                            | next: Cancel                ^
//!                            v                 completed   |
//!                         cancelled -----------------------+
//! ```
//!
//! **Edges** are made of the answers. What was reported is no longer `armed`: it is not asked about
//! until an operation tells that it came to the end of it ([`rearm`](SocketState::rearm)), in its own
//! direction only, or the source is registered anew. The ends of a connection, DISCONNECT, ABORT and
//! CONNECT_FAIL, hold for ever, so they are reported once; until then they stay armed, whatever else
//! was reported. Later events repeat what was reported and not followed up.
//!
//! **Changes while a question is under way.** If it asks for more than is armed, let it: what nobody
//! wants of its answer is dropped. If it asks for too little it is cancelled, and when it has ended
//! the next one is asked. An answer that belongs to an ended registration is void.
//!
//! **Doubt.** An answer may be old by the time that it is looked at: the data that it tells of may
//! have been read meanwhile, up to WouldBlock. So after that the flag is not believed, it is asked
//! about again.
//!
//! **Own shutdowns** are reported from here, not from what AFD makes of them: it says ABORT, as of a
//! connection that the peer has broken, where only reading has ended.

use std::io;
use std::mem;

use crate::interest::Interest;
use crate::readiness::Readiness;
use crate::token::Token;

/// Flags of an AFD poll, and a few of our own.
pub(super) type Flags = u32;

/// There is data. As the others up to `CONNECT_FAIL` this is AFD's own number.
pub(super) const RECEIVE: Flags = 0x0001;
/// There is room to send; the connection is made.
pub(super) const SEND: Flags = 0x0004;
/// The peer has shut down its writing half.
pub(super) const DISCONNECT: Flags = 0x0008;
/// The connection is broken.
pub(super) const ABORT: Flags = 0x0010;
/// The socket was closed. Reported whether or not it was asked for.
pub(super) const LOCAL_CLOSE: Flags = 0x0020;
/// There is a connection to accept.
pub(super) const ACCEPT: Flags = 0x0080;
/// The connection could not be made.
pub(super) const CONNECT_FAIL: Flags = 0x0100;

/// Not AFD's: reading was shut down from this side.
const SHUT_READ: Flags = 1 << 16;
/// Not AFD's: neither half is left, and the last was shut down from this side.
const SHUT_BOTH: Flags = 1 << 17;
/// Not AFD's: the question could not be asked. Told as readiness, so that the user tries.
const NOT_ASKED: Flags = 1 << 18;

/// What reading can come to the end of.
const READ: Flags = RECEIVE | ACCEPT;
/// The same of writing.
const WRITE: Flags = SEND;
/// The ends that are told to everybody.
const BROKEN: Flags = ABORT | CONNECT_FAIL;

/// The names of an event's flags.
pub(super) const NAMES: &[(&str, u32)] = &[
    ("AFD_POLL_RECEIVE", RECEIVE),
    ("AFD_POLL_SEND", SEND),
    ("AFD_POLL_DISCONNECT", DISCONNECT),
    ("AFD_POLL_ABORT", ABORT),
    ("AFD_POLL_ACCEPT", ACCEPT),
    ("AFD_POLL_CONNECT_FAIL", CONNECT_FAIL),
    ("shut down for reading", SHUT_READ),
    ("shut down for both", SHUT_BOTH),
    ("not asked", NOT_ASKED),
];

/// Which way an operation goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Read,
    Write,
    /// Only the caller of `try_io` knows.
    Both,
}

/// What an operation found.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It would have blocked, or failed in a way that may pass.
    Nothing,
    /// Less than it asked for: it has come to the end of what there was.
    Less,
}

/// What has to be done now.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Action {
    Nothing,
    /// Ask AFD about these flags. Answered by `completed`, or by `ask_failed` at once.
    Ask(Flags),
    /// Cancel the question that is under way. It ends as any other does.
    Cancel,
    /// Have `completed` called, with whatever answer, or `ask_failed` at once.
    Post,
}

/// How a question has ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// These flags hold. None: it was cancelled, or there was none.
    Holds(Flags),
    /// There is no such socket any more.
    Gone,
    /// Something else went wrong.
    Failed,
}

/// What an event says.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) token: Token,
    pub(super) readiness: Readiness,
    pub(super) flags: Flags,
}

/// The halves that were shut down from this side.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[must_use]
pub(super) struct Shutdown {
    read: bool,
    write: bool,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Question {
    Idle,
    UnderWay {
        /// None: a packet was posted.
        asked: Flags,
        cancelled: bool,
        /// Of an earlier registration.
        void: bool,
    },
}

impl Question {
    fn about(asked: Flags) -> Question {
        Question::UnderWay {
            asked,
            cancelled: false,
            void: false,
        }
    }
}

#[derive(Debug)]
pub(super) struct SocketState {
    token: Token,
    /// What the registration wants, 0 for none: READ with DISCONNECT, WRITE, and BROKEN always.
    wanted: Flags,
    /// What is to be reported when it comes.
    armed: Flags,
    /// What was reported, and the user hasn't come to the end of.
    told: Flags,
    /// What is to be reported without asking.
    own: Flags,
    /// What the pending question asks about, and an operation has found to be over since.
    doubted: Flags,
    question: Question,
    shut_read: bool,
    shut_write: bool,
    /// Among what was told is that the connection is broken, and not from this side.
    told_broken: bool,
    /// The socket was closed behind our back: there is nothing to ask.
    gone: bool,
}

impl SocketState {
    pub(super) fn new() -> SocketState {
        SocketState {
            token: Token(0),
            wanted: 0,
            armed: 0,
            told: 0,
            own: 0,
            doubted: 0,
            question: Question::Idle,
            shut_read: false,
            shut_write: false,
            told_broken: false,
            gone: false,
        }
    }

    pub(super) fn is_registered(&self) -> bool {
        self.wanted != 0
    }

    /// Whether the kernel, or the queue of the port, has something of this socket.
    #[cfg(test)]
    fn is_busy(&self) -> bool {
        self.question != Question::Idle
    }

    pub(super) fn register(&mut self, token: Token, interests: Interest) -> io::Result<()> {
        if self.is_registered() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.gone = false;
        self.set(token, interests);
        Ok(())
    }

    pub(super) fn reregister(&mut self, token: Token, interests: Interest) -> io::Result<()> {
        if !self.is_registered() {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.set(token, interests);
        Ok(())
    }

    pub(super) fn deregister(&mut self) -> io::Result<()> {
        if !self.is_registered() {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.wanted = 0;
        self.armed = 0;
        self.told = 0;
        self.own = 0;
        // Whatever is under way, its answer is to nobody's question.
        if let Question::UnderWay { void, .. } = &mut self.question {
            *void = true;
        }
        Ok(())
    }

    /// An operation in `direction` has come to the end of what there was. `false`: nothing is to be
    /// done about it.
    pub(super) fn rearm(&mut self, direction: Direction, found: Found) -> bool {
        let mut flags = match direction {
            // After the end of the stream no data comes, and it would be told after every read.
            Direction::Read
                if found == Found::Less && self.told & (DISCONNECT | SHUT_READ) != 0 =>
            {
                0
            }
            // If reading blocks then the stream has not ended, whatever was told of it.
            Direction::Read => READ | DISCONNECT,
            Direction::Write => WRITE,
            // Of a connect that is tried again, for example.
            Direction::Both => READ | DISCONNECT | WRITE | BROKEN,
        };
        // Wanted or not: the question may be older than what is wanted now.
        if let Question::UnderWay { asked, .. } = self.question {
            self.doubted |= flags & asked;
        }
        flags &= self.wanted;
        let changed = flags & !self.armed != 0;
        self.armed |= flags;
        self.told &= !flags;
        self.told_broken &= self.told & BROKEN != 0;
        changed && !self.gone
    }

    /// One of the halves, or both, are about to be shut down from this side: from now on ABORT has a
    /// second meaning. To be followed by [`shut_down`](SocketState::shut_down).
    pub(super) fn begin_shutdown(&mut self, read: bool, write: bool) -> Shutdown {
        let before = Shutdown {
            read: self.shut_read,
            write: self.shut_write,
        };
        self.shut_read |= read;
        self.shut_write |= write;
        before
    }

    /// That was done, or has failed. `before` is what `begin_shutdown` answered.
    pub(super) fn shut_down(&mut self, before: Shutdown, done: bool) {
        if done {
            let read = self.shut_read && !before.read;
            let write = self.shut_write && !before.write;
            // To who knows that the connection is broken that is no news.
            if !self.told_broken {
                self.tell_shutdown(read, write);
            }
        } else {
            self.shut_read = before.read;
            self.shut_write = before.write;
        }
    }

    /// Reports what was shut down, `read` or `write`, as epoll(7) does.
    fn tell_shutdown(&mut self, read: bool, write: bool) {
        if !self.is_registered() || !(read || write) {
            return;
        }
        // The end of the stream is the same to readers, whoever made it.
        if read && self.wanted & READ != 0 && self.told & DISCONNECT == 0 {
            self.own |= SHUT_READ;
        }
        let ended = self.told & DISCONNECT != 0;
        // Together with an earlier shutdown of writing the end of the stream was a hang-up already.
        let hangs_up = write && (self.shut_read || ended) || read && self.shut_write && !ended;
        if hangs_up {
            self.own |= SHUT_BOTH;
        } else if self.shut_write && !ended {
            // With the peer's shutdown it will be the end of the connection, which everybody is told.
            self.armed |= DISCONNECT & !self.wanted;
            self.wanted |= DISCONNECT;
        }
    }

    /// Whether `next` has something to do, with no question under way.
    pub(super) fn has_work(&self) -> bool {
        self.own != 0 || self.armed != 0 && !self.gone
    }

    /// What has to be done, given how things are. The caller does it, whatever `Ask` and `Post` come
    /// to, before anybody else looks.
    pub(super) fn next(&mut self) -> Action {
        match self.question {
            Question::Idle if self.own != 0 => {
                self.question = Question::about(0);
                Action::Post
            }
            Question::Idle if self.has_work() => {
                self.doubted = 0;
                self.question = Question::about(self.armed);
                Action::Ask(self.armed | LOCAL_CLOSE)
            }
            Question::UnderWay {
                asked,
                cancelled: false,
                void,
            } if asked != 0 && (void || self.own != 0 || self.armed & !asked != 0) => {
                self.question = Question::UnderWay {
                    asked,
                    cancelled: true,
                    void,
                };
                Action::Cancel
            }
            Question::Idle | Question::UnderWay { .. } => Action::Nothing,
        }
    }

    /// The question that `next` demanded could not be asked, or the packet not posted.
    pub(super) fn ask_failed(&mut self, answer: Answer) {
        self.question = Question::Idle;
        self.note_failure(answer);
    }

    /// The question could not be cancelled: it goes on, and `next` will demand it again.
    pub(super) fn cancel_failed(&mut self) {
        if let Question::UnderWay { cancelled, .. } = &mut self.question {
            *cancelled = false;
        }
    }

    fn note_failure(&mut self, answer: Answer) {
        match answer {
            Answer::Holds(_) => {}
            Answer::Gone => self.gone = true,
            Answer::Failed if self.is_registered() => self.own |= NOT_ASKED,
            Answer::Failed => {}
        }
    }

    /// The question has ended. Afterwards `next` may have something to do.
    pub(super) fn completed(&mut self, answer: Answer) -> Option<Report> {
        let question = mem::replace(&mut self.question, Question::Idle);
        let Question::UnderWay {
            asked, void: false, ..
        } = question
        else {
            return None;
        };
        let mut flags = 0;
        match answer {
            // What is found in the memory of a question that wasn't asked.
            Answer::Holds(_) if asked == 0 => {}
            Answer::Holds(holds) if holds & LOCAL_CLOSE != 0 => self.gone = true,
            Answer::Holds(holds) => flags = holds & self.armed & !self.doubted,
            Answer::Gone | Answer::Failed => self.note_failure(answer),
        }
        flags |= self.own;
        self.own = 0;
        if flags == 0 {
            return None;
        }
        Some(self.report(flags))
    }

    fn report(&mut self, flags: Flags) -> Report {
        let all = flags | self.told;
        self.told = all & !NOT_ASKED;
        self.told_broken |= all & BROKEN != 0 && !self.is_own_abort(all);
        self.armed &= !self.covered(flags);
        Report {
            token: self.token,
            readiness: self.readiness(all),
            flags: all,
        }
    }

    /// What needs not be asked about any more once `flags` are told.
    fn covered(&self, flags: Flags) -> Flags {
        let mut covered = flags;
        if flags & READ != 0 {
            covered |= READ;
        }
        if flags & DISCONNECT != 0 {
            // With it came all the data that there will be.
            covered |= READ;
        }
        if flags & SHUT_READ != 0 {
            // Nothing is given to readers any more, whatever comes.
            covered |= READ | DISCONNECT;
        }
        // After our own end of both halves AFD says no more than what was said with it.
        if flags & BROKEN != 0 && !self.is_own_abort(flags) || flags & SHUT_BOTH != 0 {
            covered |= READ | WRITE | DISCONNECT | BROKEN;
        }
        covered
    }

    /// An ABORT that may come of our own shutdown, and so tells nothing of the peer.
    fn is_own_abort(&self, flags: Flags) -> bool {
        self.shut_read && flags & BROKEN == ABORT
    }

    /// As epoll(7) would have it, of which an error on a TCP socket is IN, OUT, ERR and HUP.
    fn readiness(&self, flags: Flags) -> Readiness {
        let reads = self.wanted & READ != 0;
        let writes = self.wanted & WRITE != 0;
        let maybe_broken = flags & BROKEN != 0;
        let broken = maybe_broken && !self.is_own_abort(flags);
        let read_ended = flags & (DISCONNECT | SHUT_READ) != 0;
        let hang_up = broken || flags & SHUT_BOTH != 0 || read_ended && self.shut_write;
        let failed = flags & NOT_ASKED != 0;
        let readable = flags & READ != 0 || read_ended || hang_up || maybe_broken || failed;
        let writable = flags & WRITE != 0 || hang_up || maybe_broken || failed;
        Readiness::NONE
            .with_if(reads && readable, Readiness::READABLE)
            .with_if(writes && writable, Readiness::WRITABLE)
            .with_if(broken, Readiness::ERROR)
            .with_if(hang_up || reads && read_ended, Readiness::READ_CLOSED)
            .with_if(hang_up, Readiness::WRITE_CLOSED)
    }

    fn set(&mut self, token: Token, interests: Interest) {
        self.token = token;
        self.wanted = BROKEN;
        if interests.is_readable() {
            self.wanted |= READ | DISCONNECT;
        }
        if interests.is_writable() {
            self.wanted |= WRITE;
        }
        if self.shut_write {
            self.wanted |= DISCONNECT;
        }
        self.armed = self.wanted;
        self.told = 0;
        self.told_broken = false;
        self.own = 0;
        // What was shut down before is known, and told again.
        self.tell_shutdown(self.shut_read, self.shut_write);
    }
}

#[cfg(all(test, not(ferrio_loom)))]
#[path = "socket_state_tests.rs"]
mod tests;

#[cfg(all(test, not(ferrio_loom)))]
#[path = "socket_state_random_tests.rs"]
mod fuzz;
