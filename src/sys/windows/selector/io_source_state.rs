use std::io;
use std::os::windows::io::RawSocket;

use crate::interest::Interest;
use crate::sys::Selector;
use crate::token::Token;

/// The state of a socket.
pub(crate) struct IoSourceState;

#[cfg_attr(not(feature = "net"), allow(dead_code))] // Only sockets have every kind of operation.
impl IoSourceState {
    pub(crate) fn new() -> IoSourceState {
        IoSourceState
    }

    pub(crate) fn do_io<T, F, R>(&self, f: F, io: &T) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        f(io)
    }

    pub(crate) fn do_read<T, F>(&self, _len: usize, f: F, io: &T) -> io::Result<usize>
    where
        F: FnOnce(&T) -> io::Result<usize>,
    {
        f(io)
    }

    pub(crate) fn do_write<T, F>(&self, _len: usize, f: F, io: &T) -> io::Result<usize>
    where
        F: FnOnce(&T) -> io::Result<usize>,
    {
        f(io)
    }

    pub(crate) fn do_read_op<T, F, R>(&self, f: F, io: &T) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        f(io)
    }

    pub(crate) fn do_write_op<T, F, R>(&self, f: F, io: &T) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        f(io)
    }

    pub(crate) fn register(
        &mut self,
        _: &Selector,
        _: RawSocket,
        _: Token,
        _: Interest,
    ) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn reregister(
        &mut self,
        _: &Selector,
        _: RawSocket,
        _: Token,
        _: Interest,
    ) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn deregister(&mut self, _: &Selector, _: RawSocket) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
