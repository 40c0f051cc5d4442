use std::io;

use crate::interest::Interest;
use crate::sys::Selector;
use crate::sys::shell::NoHandle;
use crate::token::Token;

/// The state of a source that can be registered nowhere: none. Its I/O is passed through.
pub(crate) struct IoSourceState;

// Without sockets no source does I/O.
#[cfg_attr(not(feature = "net"), allow(dead_code))]
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
        selector: &Selector,
        raw: NoHandle,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        selector.register(raw, token, interests)
    }

    pub(crate) fn reregister(
        &mut self,
        selector: &Selector,
        raw: NoHandle,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        selector.reregister(raw, token, interests)
    }

    pub(crate) fn deregister(&mut self, selector: &Selector, raw: NoHandle) -> io::Result<()> {
        selector.deregister(raw)
    }
}
