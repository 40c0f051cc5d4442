use std::io::{self, IoSlice};
use std::mem;

use super::{Code, Completion, Kernel, Link, MOST, Machine, Ticket, not_registered};

/// What becomes of what the user wrote.
#[derive(Debug)]
pub(super) enum Writing {
    /// All is written.
    Idle,
    Pending(Pending),
    /// It could not be written, which the user does not know yet.
    Failed(Code),
}

#[derive(Debug)]
pub(super) struct Pending {
    ticket: Ticket,
    /// The bytes before this one were written by operations before.
    from: usize,
    /// Somebody waits for the end.
    armed: bool,
}

impl Writing {
    pub(super) fn waits_for(&self, ticket: Ticket) -> bool {
        matches!(self, Writing::Pending(pending) if pending.ticket == ticket)
    }

    /// Makes the end of what is under way an edge.
    pub(super) fn arm(&mut self) {
        if let Writing::Pending(pending) = self {
            pending.armed = true;
        }
    }

    pub(super) fn failure(&self) -> Option<Code> {
        match self {
            Writing::Failed(code) => Some(*code),
            Writing::Idle | Writing::Pending(_) => None,
        }
    }

    pub(super) fn take_failure(&mut self) -> Option<Code> {
        let code = self.failure()?;
        *self = Writing::Idle;
        Some(code)
    }

    pub(super) fn cancel(&self, kernel: &mut impl Kernel) {
        if let Writing::Pending(pending) = self {
            kernel.cancel(pending.ticket);
        }
    }
}

impl Machine {
    /// Takes as much as there may be under way, and starts to write it.
    pub(crate) fn write(
        &mut self,
        kernel: &mut impl Kernel,
        bufs: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        if matches!(self.writing, Writing::Pending(_)) {
            self.writing.arm();
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // Whoever writes knows of the connection.
        self.link.told();
        if let Some(code) = self.writing.take_failure() {
            // Now the user knows; but not of how the wait for a client has ended.
            self.write_due &= matches!(self.link, Link::Failed(_));
            return Err(code.error());
        }
        if self.watch.is_none() {
            return Err(not_registered());
        }
        let total = bufs
            .iter()
            .fold(0, |sum: usize, buf| sum.saturating_add(buf.len()));
        let count = match self.traits.messages {
            true if total > MOST => return Err(too_long()),
            true => total,
            // Nothing to do: a write of nothing looks like the end to some readers.
            false if total == 0 => return Ok(0),
            false => total.min(self.write_size),
        };
        let mut buffer = kernel.buffer(count);
        gather(bufs, &mut buffer);
        let ticket = self.ticket();
        match kernel.start_write(ticket, buffer, 0) {
            Ok(()) => {
                self.writing = Writing::Pending(Pending {
                    ticket,
                    from: 0,
                    // Some programs take a short write for a sign that the next one would block. And an
                    // edge that no event has told of yet is told of then.
                    armed: count < total || self.write_due,
                });
                Ok(count)
            }
            Err((code, buffer)) => {
                kernel.recycle(buffer);
                Err(code.error())
            }
        }
    }

    pub(super) fn write_completed(&mut self, kernel: &mut impl Kernel, completion: Completion) {
        let Writing::Pending(Pending { from, armed, .. }) =
            mem::replace(&mut self.writing, Writing::Idle)
        else {
            return;
        };
        let Completion {
            code,
            transferred,
            buffer,
            ..
        } = completion;
        let written = from.saturating_add(transferred);
        if code != Code::SUCCESS {
            kernel.recycle(buffer);
            self.write_failed(code);
        } else if written >= buffer.len() {
            kernel.recycle(buffer);
            self.write_due |= armed;
        } else if transferred == 0 {
            // It would go on like this for ever.
            kernel.recycle(buffer);
            self.write_failed(Code::NO_DATA);
        } else {
            self.write_on(kernel, buffer, written, armed);
        }
    }

    /// Writes what an operation has left.
    fn write_on(&mut self, kernel: &mut impl Kernel, buffer: Vec<u8>, from: usize, armed: bool) {
        let ticket = self.ticket();
        match kernel.start_write(ticket, buffer, from) {
            Ok(()) => {
                self.writing = Writing::Pending(Pending {
                    ticket,
                    from,
                    armed,
                });
            }
            Err((code, buffer)) => {
                kernel.recycle(buffer);
                self.write_failed(code);
            }
        }
    }

    fn write_failed(&mut self, code: Code) {
        self.writing = Writing::Failed(code);
        self.write_due = true;
    }

    /// Gives up what is under way, and an error that nobody has asked for.
    pub(super) fn stop_writing(&mut self, kernel: &mut impl Kernel) {
        self.writing.cancel(kernel);
        self.writing = Writing::Idle;
    }
}

fn gather(bufs: &[IoSlice<'_>], mut buffer: &mut [u8]) {
    for buf in bufs {
        let count = buffer.len().min(buf.len());
        let (now, later) = buffer.split_at_mut(count);
        now.copy_from_slice(&buf[..count]);
        buffer = later;
    }
}

fn too_long() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "a message cannot be longer than 2 GiB",
    )
}
