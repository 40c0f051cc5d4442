use std::io;
use std::net::Shutdown;
use std::os::windows::io::RawSocket;
use std::sync::atomic::{AtomicBool, Ordering};

use super::socket::{Operation, Socket};
use super::socket_state::{Direction, Found, SocketState};
use crate::interest::Interest;
use crate::sync::Arc;
use crate::sys::Selector;
use crate::token::Token;

/// The state of a source: its socket as the selector knows it, from the first registration on.
///
/// A registration that has ended stays here, so that the next one with the same selector waits until
/// the last question about the socket has ended.
pub(crate) struct IoSourceState {
    pub(super) socket: Option<Arc<Operation>>,
    /// The halves that were shut down from this side.
    shut_read: AtomicBool,
    shut_write: AtomicBool,
}

#[cfg_attr(not(feature = "net"), allow(dead_code))] // Only sockets have every kind of operation.
impl IoSourceState {
    pub(crate) fn new() -> IoSourceState {
        IoSourceState {
            socket: None,
            shut_read: AtomicBool::new(false),
            shut_write: AtomicBool::new(false),
        }
    }

    /// An operation of unknown direction, such as a connect.
    #[inline]
    pub(crate) fn do_io<T, F, R>(&self, f: F, io: &T) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        self.single_op(f, io, Direction::Both)
    }

    /// A read of a stream, which has come to its end if it got less than it asked for.
    #[inline]
    pub(crate) fn do_read<T, F>(&self, len: usize, f: F, io: &T) -> io::Result<usize>
    where
        F: FnOnce(&T) -> io::Result<usize>,
    {
        self.stream_op(len, f, io, Direction::Read)
    }

    #[inline]
    pub(crate) fn do_write<T, F>(&self, len: usize, f: F, io: &T) -> io::Result<usize>
    where
        F: FnOnce(&T) -> io::Result<usize>,
    {
        self.stream_op(len, f, io, Direction::Write)
    }

    /// An operation that takes one thing at a time. It re-arms after other errors, too: a datagram
    /// socket's belongs to one datagram, and accept may be out of memory; the next is asked about.
    #[inline]
    pub(crate) fn do_read_op<T, F, R>(&self, f: F, io: &T) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        self.single_op(f, io, Direction::Read)
    }

    #[inline]
    pub(crate) fn do_write_op<T, F, R>(&self, f: F, io: &T) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        self.single_op(f, io, Direction::Write)
    }

    /// A shutdown from this side.
    pub(crate) fn do_shutdown<T, F>(&self, how: Shutdown, f: F, io: &T) -> io::Result<()>
    where
        F: FnOnce(&T) -> io::Result<()>,
    {
        let read = how != Shutdown::Write;
        let write = how != Shutdown::Read;
        let before = self
            .socket
            .as_ref()
            .map(|socket| socket.with_state(|state| state.begin_shutdown(read, write)));
        let result = f(io);
        if result.is_ok() {
            self.shut_read.fetch_or(read, Ordering::Relaxed);
            self.shut_write.fetch_or(write, Ordering::Relaxed);
        }
        if let (Some(socket), Some(before)) = (&self.socket, before) {
            socket.with_state(|state| state.shut_down(before, result.is_ok()));
            socket.shared().tell(socket);
        }
        result
    }

    #[inline]
    fn stream_op<T, F>(&self, len: usize, f: F, io: &T, direction: Direction) -> io::Result<usize>
    where
        F: FnOnce(&T) -> io::Result<usize>,
    {
        let result = f(io);
        match &result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.rearm(direction, Found::Nothing);
            }
            Ok(count) if 0 < *count && *count < len => self.rearm(direction, Found::Less),
            _ => {}
        }
        result
    }

    #[inline]
    fn single_op<T, F, R>(&self, f: F, io: &T, direction: Direction) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        let result = f(io);
        if matches!(&result, Err(error) if may_pass(error)) {
            self.rearm(direction, Found::Nothing);
        }
        result
    }

    fn rearm(&self, direction: Direction, found: Found) {
        if let Some(socket) = &self.socket {
            if socket.with_state(|state| state.rearm(direction, found)) {
                socket.shared().tell(socket);
            }
        }
    }

    pub(crate) fn register(
        &mut self,
        selector: &Selector,
        raw: RawSocket,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) if Arc::ptr_eq(socket.shared(), &selector.shared) => socket,
            other => {
                leave(other);
                self.begin(selector, raw)?
            }
        };
        let result = socket.with_state(|state| state.register(token, interests));
        if result.is_ok() {
            socket.shared().tell(&socket);
        }
        self.socket = Some(socket);
        result
    }

    /// What the selector will know of this socket.
    fn begin(&self, selector: &Selector, raw: RawSocket) -> io::Result<Arc<Operation>> {
        let mut state = SocketState::new();
        let read = self.shut_read.load(Ordering::Relaxed);
        let write = self.shut_write.load(Ordering::Relaxed);
        let before = state.begin_shutdown(read, write);
        state.shut_down(before, true);
        Socket::new(selector.shared.clone(), raw, state)
    }

    pub(crate) fn reregister(
        &mut self,
        selector: &Selector,
        _: RawSocket,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        let socket = self.known(selector)?;
        socket.with_state(|state| state.reregister(token, interests))?;
        socket.shared().tell(socket);
        Ok(())
    }

    pub(crate) fn deregister(&mut self, selector: &Selector, _: RawSocket) -> io::Result<()> {
        let socket = self.known(selector)?;
        socket.with_state(SocketState::deregister)?;
        end(socket);
        Ok(())
    }

    fn known(&self, selector: &Selector) -> io::Result<&Arc<Operation>> {
        self.socket
            .as_ref()
            .filter(|socket| Arc::ptr_eq(socket.shared(), &selector.shared))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Drop for IoSourceState {
    fn drop(&mut self) {
        leave(self.socket.take());
    }
}

/// Ends the registration, if there is one.
fn leave(socket: Option<Arc<Operation>>) {
    if let Some(socket) = socket {
        if socket.with_state(SocketState::deregister).is_ok() {
            end(&socket);
        }
    }
}

/// Cancels what is under way for a registration that has ended.
fn end(socket: &Arc<Operation>) {
    match Socket::apply(socket) {
        Ok(()) => socket.shared().changes.forget(socket),
        Err(_) => socket.shared().changes.put(socket),
    }
}

/// `WSAEINVAL` is what a socket gives for ever that doesn't listen.
#[inline]
fn may_pass(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::InvalidInput
}
