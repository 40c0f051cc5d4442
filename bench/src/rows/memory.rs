//! What a poll and a registration take of the heap, as malloc(3) counts it for Rust and C alike, and of descriptors. A
//! "round" here returns a number of bytes, or of descriptors, in the place of both times.

use std::fs;
use std::io;
use std::marker::PhantomData;

use super::workload::{WAKE, Workload};
use crate::clock::Span;
use crate::contender::Contender;
use crate::descriptors::EventFds;

/// Of what.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    Poll,
    Descriptor,
    OpenFiles,
}

/// The number hardly changes from round to round.
pub const FEWER: usize = 10;

const POLLS: usize = 64;
const DESCRIPTORS: usize = 1000;

pub struct Memory<C> {
    of: Of,
    fds: EventFds,
    contender: PhantomData<C>,
}

impl<C: Contender> Memory<C> {
    pub fn new(of: Of) -> io::Result<Memory<C>> {
        // Not beside those who don't need them: libuv and libevent have tables as long as descriptors' numbers are high.
        let count = match of {
            Of::Descriptor => DESCRIPTORS,
            Of::Poll | Of::OpenFiles => 0,
        };
        Ok(Memory {
            of,
            fds: EventFds::new(count)?,
            contender: PhantomData,
        })
    }

    fn polls(&self, measure: fn() -> io::Result<usize>) -> io::Result<f64> {
        let mut polls = Vec::with_capacity(POLLS);
        // The first one may need more, once for all.
        let first = C::poll()?;
        let _waker = C::waker(&first, WAKE)?;
        let before = measure()?;
        for _ in 0..POLLS {
            let poll = C::poll()?;
            let waker = C::waker(&poll, WAKE)?;
            polls.push((poll, waker));
        }
        Ok(difference(before, measure()?) / POLLS as f64)
    }

    fn descriptors(&self) -> io::Result<f64> {
        let fds = self.fds.raw();
        let mut poll = C::poll()?;
        let _waker = C::waker(&poll, WAKE)?;
        let mut events = C::events(16);
        let before = heap()?;
        for (token, &fd) in fds.iter().enumerate() {
            C::register_fd(&poll, fd, token)?;
        }
        // What is registered when the loop runs is registered now.
        C::wait(&mut poll, &mut events, Some(std::time::Duration::ZERO))?;
        Ok(difference(before, heap()?) / fds.len() as f64)
    }
}

impl<C: Contender> Workload for Memory<C> {
    fn round(&mut self) -> io::Result<Span> {
        let number = match self.of {
            Of::Poll => self.polls(heap)?,
            Of::OpenFiles => self.polls(open_files)?,
            Of::Descriptor => self.descriptors()?,
        };
        Ok(Span {
            cpu_ns: number,
            wall_ns: number,
        })
    }
}

fn difference(before: usize, after: usize) -> f64 {
    after as f64 - before as f64
}

/// Bytes in use, those in mappings of their own included: mallinfo(3). The rows run on the main thread, whose arena it
/// tells of.
#[cfg(target_env = "gnu")]
fn heap() -> io::Result<usize> {
    // SAFETY: takes nothing and returns numbers.
    let info = unsafe { libc::mallinfo2() };
    Ok(info.uordblks + info.hblkhd)
}

#[cfg(not(target_env = "gnu"))]
fn heap() -> io::Result<usize> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "only glibc tells how much memory is in use",
    ))
}

fn open_files() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/fd")?.count())
}
