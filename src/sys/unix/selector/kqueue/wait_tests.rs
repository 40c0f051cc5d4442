//! What a poll adds to the kernel's events, with a queue of the kernel's.

use std::os::fd::OwnedFd;
use std::sync::Barrier;
use std::thread;

use super::*;
use crate::sys::unix::os::pipe;

/// Writing ends whose reader is gone, registered under the tokens from 1 on.
fn dead_pipes(kqueue: &Kqueue, count: usize) -> Vec<OwnedFd> {
    let ends = (1..=count).map(|token| {
        let (_, writer) = pipe::pipe().unwrap();
        let fd = writer.as_raw_fd();
        let registered = kqueue.register(fd, Token(token), Interest::WRITABLE);
        assert_eq!(registered.unwrap(), Registered::Ready);
        writer
    });
    ends.collect()
}

#[test]
fn a_dead_pipe_does_not_wait_for_the_kernel_to_have_something() {
    let kqueue = Kqueue::new().unwrap();
    let _ends = dead_pipes(&kqueue, 1);
    assert!(kqueue.has_more());
    let mut list = Vec::with_capacity(4);
    // Nobody rings: if this asked the kernel for more than what is there, it would stay here.
    let harvest = kqueue.wait(&mut list, 4, None).unwrap();
    assert_eq!((harvest.events, list.len(), harvest.rung), (1, 1, false));
    assert!(!kqueue.has_more());
}

#[test]
fn dead_pipes_that_come_with_a_ring_fill_what_room_there_is_and_no_more() {
    let kqueue = Kqueue::new().unwrap();
    let _ends = dead_pipes(&kqueue, 3);
    let mut list = vec![Event::wake(Token(9))];
    let mut harvest = Harvest {
        events: 1,
        rung: true,
    };
    kqueue.add_late(&mut list, 2, &mut harvest);
    assert_eq!((harvest.events, list.len()), (2, 2));
    assert!(kqueue.has_more());
    kqueue.add_late(&mut list, 4, &mut harvest);
    assert_eq!((harvest.events, list.len()), (4, 4));
    assert!(!kqueue.has_more());
}

/// A number that stayed there would make another source's events rings.
#[cfg(feature = "fault-injection")]
#[test]
fn a_bell_that_is_refused_is_no_bell() {
    use crate::sys::unix::os::{Call, fault};

    let kqueue = Kqueue::new().unwrap();
    let failure = fault::inject(Call::Kevent, libc::ENOMEM);
    let error = kqueue.bell(WakerKind::Pipe).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
    drop(failure);
    assert_eq!(kqueue.bell.load(Ordering::Acquire), -1);
    let _bell = kqueue.bell(WakerKind::Pipe).unwrap();
    assert!(kqueue.bell.load(Ordering::Acquire) >= 0);
}

/// Whichever of the two is first, nothing is left behind.
#[test]
fn a_registration_that_ends_while_it_is_changed_has_ended() {
    let kqueue = Kqueue::new().unwrap();
    let (_reader, writer) = pipe::pipe().unwrap();
    let fd = writer.as_raw_fd();
    let both = Interest::READABLE | Interest::WRITABLE;
    let barrier = Barrier::new(2);
    for _ in 0..2000 {
        let _ = kqueue.register(fd, Token(1), both).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                let _ = kqueue.reregister(fd, Token(2), both);
            });
            barrier.wait();
            kqueue.deregister(fd).unwrap();
        });
        let error = kqueue.deregister(fd).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
