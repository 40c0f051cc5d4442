//! The `Poll` of a scene, and what is used with it.

use std::io;
use std::os::fd::AsRawFd;

use ferrio::Waker;
use ferrio::net::UnixStream;
use ferrio::unix::pipe::Sender;

use crate::samples::Sample;
use crate::{Backend, Driver, pairs};

/// One `Poll` with what is used with it. What can be done once per `Poll` is followed by a new one.
pub(super) struct Stage {
    pub(super) b: Backend,
    pub(super) driver: Option<Driver>,
    pub(super) wakers: Vec<Waker>,
    pub(super) streams: Option<(UnixStream, std::os::unix::net::UnixStream)>,
    pub(super) sender: Option<Sender>,
    pub(super) sample: Option<Sample>,
}

impl Stage {
    pub(super) fn new(b: &Backend, capacity: usize) -> Stage {
        // The replacement of a bell that was refused will do.
        let poll = b.try_poll().expect("a Poll");
        Stage {
            b: *b,
            driver: Some(Driver::new(poll, capacity)),
            wakers: Vec::new(),
            streams: None,
            sender: None,
            sample: None,
        }
    }

    /// What the first waker makes stays with the `Poll`.
    pub(super) fn with_bell(&mut self) {
        drop(self.driver().waker(0));
    }

    pub(super) fn driver(&mut self) -> &mut Driver {
        self.driver.as_mut().expect("there is one")
    }

    /// In this order: the numbers of the old descriptors become those of the new ones.
    pub(super) fn renew(&mut self, set_up: fn(&mut Stage)) {
        let b = self.b;
        let capacity = self.driver().events.capacity();
        self.wakers.clear();
        self.streams = None;
        self.sender = None;
        self.driver = None;
        *self = Stage::new(&b, capacity);
        set_up(self);
    }

    pub(super) fn wake(&self, index: usize) -> io::Result<()> {
        self.wakers[index].wake()
    }

    /// A wake goes to the kernel from now on.
    pub(super) fn watched(&mut self, wakers: usize) {
        self.driver().registry().as_raw_fd();
        for token in 1..=wakers {
            let waker = self.driver().waker(token);
            self.wakers.push(waker);
        }
    }

    pub(super) fn connect(&mut self) {
        self.with_bell();
        self.streams = Some(pairs::unix());
    }

    pub(super) fn change(
        &mut self,
        make: fn(&ferrio::Registry, &mut UnixStream) -> io::Result<()>,
    ) -> io::Result<()> {
        let driver = self.driver.as_ref().expect("there is one");
        let (stream, _) = self.streams.as_mut().expect("connected");
        make(driver.registry(), stream)
    }

    pub(super) fn send(&mut self) {
        let (_, peer) = self.streams.as_mut().expect("connected");
        io::Write::write_all(peer, b"x").expect("write");
    }

    pub(super) fn receive(&mut self) {
        let (stream, _) = self.streams.as_mut().expect("connected");
        pairs::drain(stream);
    }
}
