use std::io::{self, IoSliceMut};
use std::mem;

use super::{Code, Completion, Kernel, Link, Machine, Ticket, not_registered};

/// What there is for the user to read.
#[derive(Debug)]
pub(super) enum Reading {
    /// Nothing, and nothing is under way.
    Idle,
    /// Nothing yet.
    Pending(Ticket),
    /// `buffer[taken..end]`.
    Ready {
        buffer: Vec<u8>,
        taken: usize,
        end: usize,
    },
    /// Nothing any more, until there is another connection.
    Ended,
    /// An error.
    Failed(Code),
}

impl Reading {
    pub(super) fn waits_for(&self, ticket: Ticket) -> bool {
        matches!(self, Reading::Pending(pending) if *pending == ticket)
    }

    /// Whether a read would not block.
    pub(super) fn is_ready(&self) -> bool {
        !matches!(self, Reading::Idle | Reading::Pending(_))
    }

    pub(super) fn take_failure(&mut self) -> Option<Code> {
        let Reading::Failed(code) = *self else {
            return None;
        };
        *self = Reading::Idle;
        Some(code)
    }

    pub(super) fn cancel(&self, kernel: &mut impl Kernel) {
        if let Reading::Pending(ticket) = self {
            kernel.cancel(*ticket);
        }
    }
}

impl Machine {
    /// Takes what there is. From the last byte on the pipe reads ahead again.
    pub(crate) fn read(
        &mut self,
        kernel: &mut impl Kernel,
        bufs: &mut [IoSliceMut<'_>],
    ) -> io::Result<usize> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Ok(0);
        }
        if matches!(self.reading, Reading::Idle) {
            self.read_on_demand(kernel)?;
        }
        match &mut self.reading {
            Reading::Idle | Reading::Pending(_) => Err(io::ErrorKind::WouldBlock.into()),
            Reading::Ready { buffer, taken, end } => {
                let count = scatter(&buffer[*taken..*end], bufs);
                *taken += count;
                if taken == end {
                    self.drained(kernel);
                }
                Ok(count)
            }
            Reading::Ended => {
                self.read_due = false;
                Ok(0)
            }
            Reading::Failed(code) => {
                let error = code.error();
                self.reading = Reading::Idle;
                self.read_due = false;
                Err(error)
            }
        }
    }

    /// Starts a read because the user wants one now, who gets the error if there is one.
    fn read_on_demand(&mut self, kernel: &mut impl Kernel) -> io::Result<()> {
        if matches!(self.link, Link::Connecting(_)) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if self.watch.is_none() {
            return Err(not_registered());
        }
        match self.start_read(kernel) {
            // Somebody came whom nobody has waited for.
            Ok(()) if matches!(self.link, Link::Unconnected) => {
                self.link = Link::Fresh;
                self.write_due = true;
                Ok(())
            }
            Ok(()) => Ok(()),
            Err(Code::PIPE_LISTENING) if self.link.found_unconnected() => Ok(()),
            // Without a client there is no end either: it is yet to begin.
            Err(code) if code.is_end() => {
                if self.has_connection() {
                    self.reading = Reading::Ended;
                }
                Ok(())
            }
            Err(code) => Err(code.error()),
        }
    }

    /// Starts a read so that there is something to report to a user who is interested.
    pub(super) fn read_ahead(&mut self, kernel: &mut impl Kernel) {
        let interested = self
            .watch
            .is_some_and(|watch| watch.interests.is_readable());
        if !interested || !self.has_connection() || !matches!(self.reading, Reading::Idle) {
            return;
        }
        match self.start_read(kernel) {
            Ok(()) => {}
            // What nobody has asked for is no error: there is no client, or it only writes.
            Err(Code::PIPE_LISTENING) if self.link.found_unconnected() => {}
            Err(Code::ACCESS_DENIED) => {}
            Err(code) => self.read_ended(code),
        }
    }

    fn start_read(&mut self, kernel: &mut impl Kernel) -> Result<(), Code> {
        let ticket = self.ticket();
        let buffer = kernel.buffer(self.read_size);
        match kernel.start_read(ticket, buffer) {
            Ok(()) => {
                self.reading = Reading::Pending(ticket);
                Ok(())
            }
            Err((code, buffer)) => {
                kernel.recycle(buffer);
                Err(code)
            }
        }
    }

    pub(super) fn read_completed(&mut self, kernel: &mut impl Kernel, completion: Completion) {
        let Completion {
            code,
            transferred,
            buffer,
            ..
        } = completion;
        let end = transferred.min(buffer.len());
        match code {
            Code::SUCCESS | Code::MORE_DATA => {
                // An empty message is one; an empty write into a stream of bytes is nothing, and
                // above all not its end.
                if end > 0 || code == Code::SUCCESS && kernel.reads_messages() {
                    self.reading = Reading::Ready {
                        buffer,
                        taken: 0,
                        end,
                    };
                    self.read_due = true;
                    return;
                }
                kernel.recycle(buffer);
                self.reading = Reading::Idle;
                self.read_ahead_or_wait(kernel);
            }
            Code::ABORTED => {
                kernel.recycle(buffer);
                self.reading = Reading::Idle;
                // Nothing was lost. If it was not cancelled by us, somebody still waits.
                self.read_ahead_or_wait(kernel);
            }
            code => {
                kernel.recycle(buffer);
                self.read_ended(code);
            }
        }
    }

    /// Reads on in place of a read that brought nothing: whoever began it still waits.
    fn read_ahead_or_wait(&mut self, kernel: &mut impl Kernel) {
        if self.watch.is_none() || !self.has_connection() {
            return;
        }
        if let Err(code) = self.start_read(kernel) {
            self.read_ended(code);
        }
    }

    fn read_ended(&mut self, code: Code) {
        self.reading = if code.is_end() {
            Reading::Ended
        } else {
            Reading::Failed(code)
        };
        self.read_due = true;
    }

    fn drained(&mut self, kernel: &mut impl Kernel) {
        self.read_due = false;
        self.forget_data(kernel);
        self.read_ahead(kernel);
    }

    /// Gives up what is there and what is under way.
    pub(super) fn stop_reading(&mut self, kernel: &mut impl Kernel) {
        self.reading.cancel(kernel);
        self.forget_data(kernel);
    }

    fn forget_data(&mut self, kernel: &mut impl Kernel) {
        if let Reading::Ready { buffer, .. } = mem::replace(&mut self.reading, Reading::Idle) {
            kernel.recycle(buffer);
        }
    }
}

fn scatter(mut data: &[u8], bufs: &mut [IoSliceMut<'_>]) -> usize {
    let whole = data.len();
    for buf in bufs {
        let count = data.len().min(buf.len());
        let (now, later) = data.split_at(count);
        buf[..count].copy_from_slice(now);
        data = later;
    }
    whole - data.len()
}
