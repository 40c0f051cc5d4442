//! What I/O may answer, and what it changes.

use std::io::ErrorKind;

use super::object::{Level, Type, World};
use super::{Complaint, Outcome, READ, WRITE};

/// More than this in one write may be cut short.
const SMALL: usize = 4 * 1024;

/// The answers that an operation may give.
struct Expected {
    /// From and to.
    ok: Option<(usize, usize)>,
    errors: &'static [ErrorKind],
    /// Or anything else.
    anything: bool,
}

impl Expected {
    const ANYTHING: Expected = Expected {
        ok: None,
        errors: &[],
        anything: true,
    };

    fn errors(errors: &'static [ErrorKind]) -> Expected {
        Expected {
            ok: None,
            errors,
            anything: false,
        }
    }

    fn exactly(n: usize) -> Expected {
        Expected::between(n, n, &[])
    }

    fn between(from: usize, to: usize, errors: &'static [ErrorKind]) -> Expected {
        Expected {
            ok: Some((from, to)),
            errors,
            anything: false,
        }
    }

    fn check(&self, what: &str, outcome: Outcome) -> Result<(), Complaint> {
        let fits = match outcome {
            Ok(n) => self.ok.is_some_and(|(from, to)| from <= n && n <= to),
            Err(kind) => self.errors.contains(&kind),
        };
        if fits || self.anything {
            return Ok(());
        }
        let (ok, errors) = (self.ok, self.errors);
        Err(format!(
            "{what} answered {outcome:?}, expected one of {ok:?} and {errors:?}"
        ))
    }
}

const WOULD_BLOCK: &[ErrorKind] = &[ErrorKind::WouldBlock];

/// What an operation tells the selector, and the user.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Effect {
    /// The user waits for this direction now.
    pub(super) arms: Option<usize>,
    /// A selector that emulates edges may ask about it again.
    pub(super) loosens: Option<usize>,
}

impl Effect {
    fn arms(direction: usize) -> Effect {
        Effect {
            arms: Some(direction),
            loosens: Some(direction),
        }
    }

    pub(super) fn blocked_read() -> Effect {
        Effect::arms(READ)
    }

    fn loosens(direction: usize) -> Effect {
        Effect {
            arms: None,
            loosens: Some(direction),
        }
    }
}

impl World {
    fn read_expected(&self, id: usize, len: usize) -> Expected {
        let object = &self.objects[id];
        if object.uncertain {
            return Expected::ANYTHING;
        }
        if object.kind == Type::Eventfd && object.bytes > 0 {
            return Expected::exactly(8);
        }
        if object.read_shut && self.shutting_hides {
            return Expected::exactly(0);
        }
        if let Some(message) = object.messages.front() {
            return Expected::exactly(len.min(*message));
        }
        let crowded = object.kind == Type::Tcp && self.peer(id).is_some_and(|peer| peer.crowded);
        match object.bytes.min(len) {
            // Some of it is still under way; who doesn't read any more is told that nothing comes.
            n if n > 0 && (crowded || self.trickles && object.kind == Type::Tcp) => {
                Expected::between(usize::from(!object.read_shut), n, WOULD_BLOCK)
            }
            n if n > 0 => Expected::exactly(n),
            _ if self.is_finished(id) && self.lingers && !object.read_shut => {
                Expected::between(0, 0, WOULD_BLOCK)
            }
            _ if self.is_finished(id) => Expected::exactly(0),
            _ => Expected::errors(WOULD_BLOCK),
        }
    }

    /// A read, or a peek, which takes nothing out.
    pub(super) fn read(
        &mut self,
        id: usize,
        len: usize,
        peek: bool,
        outcome: Outcome,
    ) -> Result<Effect, Complaint> {
        let expected = self.read_expected(id, len);
        expected.check(if peek { "peek" } else { "read" }, outcome)?;
        let is_datagram = self.objects[id].kind.is_datagram();
        let n = match outcome {
            Ok(n) => n,
            Err(ErrorKind::WouldBlock) => {
                self.found_empty(id);
                return Ok(Effect::arms(READ));
            }
            Err(_) => {
                self.objects[id].uncertain = true;
                self.stir(id);
                let loosens = is_datagram || peek;
                return Ok(if loosens {
                    Effect::loosens(READ)
                } else {
                    Effect::default()
                });
            }
        };
        if peek {
            return Ok(Effect::default());
        }
        self.take(id, n);
        let is_stream = !is_datagram && self.objects[id].kind != Type::Eventfd;
        if !is_stream || n == 0 || n == len {
            return Ok(Effect::default());
        }
        // If the end of the stream, or an error, is there already, that was reported with the data.
        let waits = self.level(id, READ) == Level::No;
        Ok(if waits {
            Effect::arms(READ)
        } else {
            Effect::loosens(READ)
        })
    }

    fn take(&mut self, id: usize, n: usize) {
        let object = &mut self.objects[id];
        // It may have come since an operation has found nothing.
        object.was_readable = true;
        if object.kind.is_datagram() {
            object.messages.pop_front();
        } else if object.kind == Type::Eventfd {
            object.bytes = 0;
        } else {
            object.bytes = object.bytes.saturating_sub(n);
        }
        if object.bytes == 0 {
            object.pieces = 0;
        }
        let (drained, kind) = (object.is_empty(), object.kind);
        if n > 0 {
            self.stir(id);
        }
        // TCP's sender keeps what the peer has not acknowledged, whoever has read it.
        if let Some(peer) = self.objects[id]
            .peer
            .filter(|_| drained && kind != Type::Tcp)
        {
            self.objects[peer].crowded = false;
        }
    }

    /// The kernel has said that there is room.
    pub(super) fn note_room(&mut self, id: usize) {
        if self.peer(id).is_some_and(|peer| peer.is_empty()) {
            self.objects[id].crowded = false;
        }
    }

    fn write_expected(&self, id: usize, len: usize) -> Expected {
        let object = &self.objects[id];
        if object.uncertain {
            return Expected::ANYTHING;
        }
        if object.kind == Type::Eventfd {
            return Expected::exactly(8);
        }
        if object.write_shut {
            return Expected::errors(&[ErrorKind::BrokenPipe]);
        }
        if self.peer_is_closed(id) {
            return match object.kind {
                Type::Sender => Expected::errors(&[ErrorKind::BrokenPipe]),
                Type::Unix | Type::Raw => {
                    Expected::errors(&[ErrorKind::BrokenPipe, ErrorKind::ConnectionReset])
                }
                // Somebody else may be in poll(2) with the peer's descriptor.
                Type::Datagram => Expected::between(len, len, &[ErrorKind::ConnectionRefused]),
                _ => Expected::ANYTHING,
            };
        }
        let refuses = self.peer(id).is_some_and(|peer| peer.read_shut);
        if refuses && object.kind != Type::Tcp {
            return Expected::errors(&[ErrorKind::BrokenPipe]);
        }
        if object.crowded || len > SMALL {
            return Expected::between(1, len, WOULD_BLOCK);
        }
        Expected::exactly(len)
    }

    pub(super) fn write(
        &mut self,
        id: usize,
        len: usize,
        outcome: Outcome,
    ) -> Result<Effect, Complaint> {
        self.write_expected(id, len).check("write", outcome)?;
        let kind = self.objects[id].kind;
        let n = match outcome {
            Ok(n) => n,
            Err(ErrorKind::WouldBlock) => {
                self.objects[id].crowded = true;
                if kind == Type::Sender {
                    // Linux wakes a pipe's readers even if it wrote nothing.
                    self.stir(id);
                }
                return Ok(Effect::arms(WRITE));
            }
            Err(error) => {
                self.objects[id].uncertain |= error != ErrorKind::BrokenPipe;
                self.stir(id);
                let loosens = kind.is_datagram();
                return Ok(if loosens {
                    Effect::loosens(WRITE)
                } else {
                    Effect::default()
                });
            }
        };
        self.put(id, n);
        if kind == Type::Eventfd || kind.is_datagram() || n == len {
            return Ok(Effect::default());
        }
        self.objects[id].crowded = true;
        Ok(Effect::arms(WRITE))
    }

    fn put(&mut self, id: usize, n: usize) {
        self.stir(id);
        self.objects[id].has_sent = true;
        let Some(peer) = self.objects[id].peer else {
            self.objects[id].bytes += n;
            return;
        };
        self.objects[peer].was_readable = true;
        let gone = self.is_closed(peer);
        // A TCP end that neither reads nor writes any more answers data with a reset.
        let deaf = self.objects[peer].read_shut && self.objects[peer].write_shut;
        if gone || deaf {
            self.objects[id].uncertain = true;
            self.objects[peer].uncertain = true;
        }
        if self.objects[id].kind.is_datagram() {
            self.objects[peer].messages.push_back(n);
        } else {
            self.objects[peer].bytes += n;
            self.objects[peer].pieces += 1;
        }
        if !self.objects[peer].is_roomy() {
            self.objects[id].crowded = true;
        }
    }
}
