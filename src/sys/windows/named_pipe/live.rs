use std::os::windows::io::{AsHandle, BorrowedHandle};

use super::operation;
use super::shared::{Parts, Shared};
use super::state::{Code, Kernel, Ticket};
use crate::sync::Arc;
use crate::sys::windows::os::pipe as os;
use crate::sys::windows::port::Port;

/// `ERROR_INVALID_HANDLE`: of operations after the end of the `Poll`.
const NO_PORT: Code = Code(6);

/// The system, to the machine of a pipe whose lock is held.
pub(super) struct Live<'a> {
    pub(super) pipe: &'a Arc<Shared>,
    pub(super) parts: &'a mut Parts,
}

impl Live<'_> {
    fn place(&self) -> Result<(BorrowedHandle<'_>, &Port), Code> {
        match (&self.parts.handle, &self.parts.home) {
            (Some(handle), Some(home)) => Ok((handle.as_handle(), &home.port)),
            _ => Err(NO_PORT),
        }
    }
}

impl Kernel for Live<'_> {
    fn start_read(&mut self, ticket: Ticket, buffer: Vec<u8>) -> Result<(), (Code, Vec<u8>)> {
        let (handle, port) = match self.place() {
            Ok(place) => place,
            Err(code) => return Err((code, buffer)),
        };
        let name = operation::read(self.pipe, handle, port, ticket, buffer)?;
        self.parts.operations.push((ticket, name));
        Ok(())
    }

    fn start_write(
        &mut self,
        ticket: Ticket,
        buffer: Vec<u8>,
        from: usize,
    ) -> Result<(), (Code, Vec<u8>)> {
        let (handle, port) = match self.place() {
            Ok(place) => place,
            Err(code) => return Err((code, buffer)),
        };
        let name = operation::write(self.pipe, handle, port, ticket, (buffer, from))?;
        self.parts.operations.push((ticket, name));
        Ok(())
    }

    fn start_connect(&mut self, ticket: Ticket) -> Result<(), Code> {
        let (handle, port) = self.place()?;
        let name = operation::connect(self.pipe, handle, port, ticket)?;
        self.parts.operations.push((ticket, name));
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), Code> {
        match &self.parts.handle {
            Some(handle) => os::disconnect(handle.as_handle()).map_err(|error| Code::of(&error)),
            None => Err(NO_PORT),
        }
    }

    fn cancel(&mut self, ticket: Ticket) {
        let mut operations = self.parts.operations.iter();
        let name = operations.find(|(other, _)| *other == ticket);
        if let (Some((_, name)), Some(handle)) = (name, &self.parts.handle) {
            name.cancel(handle.as_handle());
        }
    }

    fn reads_messages(&mut self) -> bool {
        let handle = self.parts.handle.as_ref();
        handle.is_some_and(|handle| os::reads_messages(handle.as_handle()).unwrap_or(false))
    }

    fn buffer(&mut self, len: usize) -> Vec<u8> {
        match &self.parts.home {
            Some(home) => home.members.pool().take(len),
            None => vec![0; len],
        }
    }

    fn recycle(&mut self, buffer: Vec<u8>) {
        if let Some(home) = &self.parts.home {
            home.members.pool().give(buffer);
        }
    }
}
