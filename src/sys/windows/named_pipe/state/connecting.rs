use std::io;

use super::{Code, Kernel, Machine, Ticket, not_registered};

/// Whether there is somebody at the other end.
#[derive(Debug)]
pub(super) enum Link {
    /// There is, or was, as far as is known. A client's end is never anything else.
    Open,
    /// This is a server without a client, and nobody waits for one.
    Unconnected,
    /// A wait for a client is under way.
    Connecting(Ticket),
    /// A client has come, which `connect` has not told the user yet.
    Fresh,
    /// The wait has failed.
    Failed(Code),
}

impl Link {
    pub(super) fn waits_for(&self, ticket: Ticket) -> bool {
        matches!(self, Link::Connecting(pending) if *pending == ticket)
    }

    /// Whether a wait for a client has ended, and nobody has asked how.
    pub(super) fn has_news(&self) -> bool {
        matches!(self, Link::Fresh | Link::Failed(_))
    }

    /// The user knows of the client, if there is one.
    pub(super) fn told(&mut self) {
        if matches!(self, Link::Fresh) {
            *self = Link::Open;
        }
    }

    /// The system says that there is no client: whether that can be.
    pub(super) fn found_unconnected(&mut self) -> bool {
        if matches!(self, Link::Open) {
            *self = Link::Unconnected;
        }
        !matches!(self, Link::Fresh)
    }

    pub(super) fn take_failure(&mut self) -> Option<Code> {
        let Link::Failed(code) = *self else {
            return None;
        };
        *self = Link::Unconnected;
        Some(code)
    }
}

impl Machine {
    /// Waits for a client: `Ok` when there is one.
    pub(crate) fn connect(&mut self, kernel: &mut impl Kernel) -> io::Result<()> {
        match self.link {
            Link::Connecting(_) => return Err(io::ErrorKind::WouldBlock.into()),
            // Even if it has gone again: what it has written can be read.
            Link::Fresh => {
                self.link = Link::Open;
                return Ok(());
            }
            Link::Failed(code) => {
                self.link = Link::Unconnected;
                return Err(code.error());
            }
            Link::Open | Link::Unconnected => {}
        }
        if self.watch.is_none() {
            return Err(not_registered());
        }
        let ticket = self.ticket();
        match kernel.start_connect(ticket) {
            Ok(()) => {
                self.link = Link::Connecting(ticket);
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(Code::PIPE_CONNECTED) => {
                // Runtimes that know nothing of a pipe's readiness wait for an event before they write.
                if matches!(self.link, Link::Unconnected) {
                    self.link = Link::Open;
                    self.connected(kernel);
                } else {
                    self.read_ahead(kernel);
                }
                Ok(())
            }
            Err(code) => Err(code.error()),
        }
    }

    /// Throws the client out. All that was under way is given up, data that was not read yet thrown
    /// away: nothing of it shall reach the next client, or come from the last.
    pub(crate) fn disconnect(&mut self, kernel: &mut impl Kernel) -> io::Result<()> {
        kernel.disconnect().map_err(Code::error)?;
        self.stop_connecting(kernel);
        self.stop_reading(kernel);
        self.stop_writing(kernel);
        self.link = Link::Unconnected;
        self.clear_due();
        Ok(())
    }

    pub(super) fn connect_completed(&mut self, kernel: &mut impl Kernel, code: Code) {
        match code {
            Code::SUCCESS | Code::PIPE_CONNECTED => {
                self.link = Link::Fresh;
                self.connected(kernel);
            }
            code => {
                self.link = Link::Failed(code);
                self.write_due = true;
            }
        }
    }

    /// There is a new connection: what the last one has left does not count any more.
    fn connected(&mut self, kernel: &mut impl Kernel) {
        self.stop_reading(kernel);
        self.write_due = true;
        self.read_ahead(kernel);
    }

    /// Gives a wait for a client up. Should one have come, the next `connect` finds it.
    pub(super) fn stop_connecting(&mut self, kernel: &mut impl Kernel) {
        if let Link::Connecting(ticket) = self.link {
            kernel.cancel(ticket);
            self.link = Link::Unconnected;
        }
    }

    pub(super) fn has_connection(&self) -> bool {
        matches!(self.link, Link::Open | Link::Fresh)
    }
}
