//! With a queue of the kernel's, and writing ends whose reader is gone.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use super::*;
use crate::sys::unix::os::{fd, pipe};

/// Such ends, added under the tokens from 1 on.
fn add(queue: &Queue, dead: &DeadPipes, count: usize) -> Vec<OwnedFd> {
    let ends = (1..=count).map(|token| {
        let (_, writer) = pipe::pipe().unwrap();
        let mut held = dead.hold().unwrap();
        held.add(queue, writer.as_raw_fd(), Token(token), false)
            .unwrap();
        writer
    });
    ends.collect()
}

/// What is reported into a list that has something already: the tokens behind that.
fn report(queue: &Queue, dead: &DeadPipes, room: usize) -> io::Result<Vec<usize>> {
    let mut list = [7, 8, 9].map(|token| Event::wake(Token(token))).to_vec();
    let result = dead.report(queue, &mut list, room);
    let tokens = list.drain(3..).map(|event| {
        assert!(event.is_writable() && event.is_write_closed() && event.is_error());
        assert_eq!(event.raw(), WRITE | WRITE_EOF);
        let text = format!("{event:#?}");
        assert!(text.contains("EV_EOF of EVFILT_WRITE"), "{text}");
        event.token().0
    });
    let tokens: Vec<usize> = tokens.collect();
    assert_eq!(list.len(), 3);
    let count = result?;
    assert_eq!(count, tokens.len());
    Ok(tokens)
}

#[test]
fn each_is_reported_once_as_there_is_room() {
    let (queue, dead) = (Queue::new().unwrap(), DeadPipes::new());
    assert_eq!(report(&queue, &dead, 4).unwrap(), []);
    assert!(!dead.has_more());
    let _ends = add(&queue, &dead, 3);
    assert_eq!(report(&queue, &dead, 0).unwrap(), []);
    let mut seen = report(&queue, &dead, 2).unwrap();
    assert_eq!(seen.len(), 2);
    assert!(dead.has_more());
    seen.extend(report(&queue, &dead, 2).unwrap());
    assert!(!dead.has_more());
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3]);
    assert_eq!(report(&queue, &dead, 2).unwrap(), []);
}

#[test]
fn what_was_closed_or_forgotten_or_replaced_is_not_reported() {
    let (queue, dead) = (Queue::new().unwrap(), DeadPipes::new());
    let mut ends = add(&queue, &dead, 3);
    dead.hold().unwrap().forget(ends[1].as_raw_fd());
    let again = ends[2].as_raw_fd();
    dead.hold()
        .unwrap()
        .add(&queue, again, Token(30), false)
        .unwrap();
    drop(ends.remove(0));
    assert_eq!(report(&queue, &dead, 4).unwrap(), [30]);
    assert!(!dead.has_more());
}

#[test]
fn an_anchor_that_nobody_asked_for_reports_nothing() {
    let (queue, dead) = (Queue::new().unwrap(), DeadPipes::new());
    // A file that can be read, which a writing end is on some systems.
    let (reader, writer) = pipe::pipe().unwrap();
    fd::write(writer.as_fd(), b"x").unwrap();
    let mut records = Vec::new();
    for read in [false, true] {
        if read {
            let number = reader.as_raw_fd() as usize;
            let change = Kevent::new(number, EVFILT_READ, EV_ADD | EV_ENABLE | EV_CLEAR, 1);
            queue.change_one(change).unwrap();
        }
        let mut held = dead.hold().unwrap();
        held.add(&queue, reader.as_raw_fd(), Token(1), read)
            .unwrap();
        queue.wait(&mut records, 4, Some(Duration::ZERO)).unwrap();
        assert_eq!(records.len(), usize::from(read));
    }
}

#[cfg(feature = "fault-injection")]
#[test]
fn an_error_loses_nothing() {
    use crate::sys::unix::os::{Call, fault};

    let (queue, dead) = (Queue::new().unwrap(), DeadPipes::new());
    let _ends = add(&queue, &dead, 2);
    let failure = fault::inject(Call::Kevent, libc::ENOMEM);
    let error = report(&queue, &dead, 4).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
    drop(failure);
    // Behind one that was reported an error waits for the next time.
    let failure = fault::inject(Call::Kevent, libc::ENOMEM).skip(1);
    let first = report(&queue, &dead, 4).unwrap();
    assert_eq!((first.len(), failure.hits()), (1, 1));
    drop(failure);
    assert!(dead.has_more());
    assert_eq!(report(&queue, &dead, 4).unwrap().len(), 1);
}
