use std::io;
use std::os::fd::RawFd;

use crate::interest::Interest;
use crate::sys::Selector;
use crate::token::Token;

/// The state of a source under a selector that keeps none: the kernel delivers edges by itself and
/// has nothing to be told about I/O. Takes no space and no time.
#[derive(Debug)]
pub(crate) struct IoSourceState;

#[cfg_attr(not(feature = "net"), allow(dead_code))] // Only sockets have every kind of operation.
impl IoSourceState {
    pub(crate) fn new() -> IoSourceState {
        IoSourceState
    }

    #[inline]
    pub(crate) fn do_io<T, F, R>(&self, f: F, io: &T) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        f(io)
    }

    #[inline]
    pub(crate) fn do_read<T, F>(&self, _len: usize, f: F, io: &T) -> io::Result<usize>
    where
        F: FnOnce(&T) -> io::Result<usize>,
    {
        f(io)
    }

    #[inline]
    pub(crate) fn do_write<T, F>(&self, _len: usize, f: F, io: &T) -> io::Result<usize>
    where
        F: FnOnce(&T) -> io::Result<usize>,
    {
        f(io)
    }

    #[inline]
    pub(crate) fn do_read_op<T, F, R>(&self, f: F, io: &T) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        f(io)
    }

    #[inline]
    pub(crate) fn do_write_op<T, F, R>(&self, f: F, io: &T) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        f(io)
    }

    #[inline]
    pub(crate) fn register(
        &mut self,
        selector: &Selector,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        selector.register(fd, token, interests)
    }

    #[inline]
    pub(crate) fn reregister(
        &mut self,
        selector: &Selector,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        selector.reregister(fd, token, interests)
    }

    #[inline]
    pub(crate) fn deregister(&mut self, selector: &Selector, fd: RawFd) -> io::Result<()> {
        selector.deregister(fd)
    }
}
