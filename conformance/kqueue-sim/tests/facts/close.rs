//! f. Close and shutdown of TCP connections: READ and WRITE, EV_CLEAR, the first WRITE consumed.

use super::support::*;
use kqueue::*;

const READ_EOF: (i16, bool, u32) = (EVFILT_READ, true, 0);
const WRITE_EOF: (i16, bool, u32) = (EVFILT_WRITE, true, 0);
const RESET: u32 = libc::ECONNRESET as u32;

fn watched(ours: &End) -> Kq {
    let kq = Kq::new();
    kq.add(ours, EVFILT_READ, EV_CLEAR);
    kq.add(ours, EVFILT_WRITE, EV_CLEAR);
    kq.one();
    kq
}

#[test]
fn f_tcp_peer_closes_read_eof_only() {
    let (ours, theirs) = tcp();
    let kq = watched(&ours);
    drop(theirs);
    let event = kq.one();
    assert_eq!(summary(&[event]), [READ_EOF]);
    assert_eq!(event.data, 0);
    kq.assert_quiet();
}

#[test]
fn f_tcp_peer_wrote_and_closed_one_eof_with_the_data_and_nothing_while_draining() {
    let (ours, theirs) = tcp();
    let kq = watched(&ours);
    theirs.write(3);
    drop(theirs);
    // Both have to be there, for the event to be one.
    wait_until(|| ours.is_peer_done() && ours.pending() == 3);
    let event = kq.one();
    assert_eq!(
        (event.filter, event.flags & EV_EOF, event.data),
        (EVFILT_READ, EV_EOF, 3)
    );
    for _ in 0..4 {
        kq.assert_quiet();
        ours.read(1).unwrap();
    }
    kq.assert_quiet();
}

#[test]
fn f_tcp_peer_shuts_writing_or_both_read_eof_only() {
    for how in [libc::SHUT_WR, libc::SHUT_RDWR] {
        let (ours, theirs) = tcp();
        let kq = watched(&ours);
        theirs.shutdown(how);
        assert_eq!(summary(&[kq.one()]), [READ_EOF]);
        kq.assert_quiet();
    }
}

#[test]
fn f_tcp_peer_shuts_reading_nothing() {
    let (ours, theirs) = tcp();
    let kq = watched(&ours);
    theirs.shutdown(libc::SHUT_RD);
    kq.assert_quiet();
}

#[test]
fn f_tcp_local_shut_of_reading_is_read_eof_and_what_arrives_then_is_no_event() {
    let (ours, theirs) = tcp();
    let kq = watched(&ours);
    ours.shutdown(libc::SHUT_RD);
    let event = kq.one();
    assert_eq!((summary(&[event]), event.data), (vec![READ_EOF], 0));
    theirs.write(3);
    ours.wait_pending(3);
    kq.assert_quiet();
}

/// A BSD throws away what arrives after that.
#[test]
fn f_tcp_what_arrives_after_a_local_shut_of_reading_can_be_read_on_linux() {
    let (ours, theirs) = tcp();
    ours.shutdown(libc::SHUT_RD);
    theirs.write(3);
    ours.wait_pending(3);
    assert_eq!(ours.read(8).unwrap(), 3);
}

#[test]
fn f_tcp_local_shut_of_writing_is_write_eof_and_reading_goes_on() {
    let (ours, theirs) = tcp();
    let kq = watched(&ours);
    ours.shutdown(libc::SHUT_WR);
    assert_eq!(summary(&[kq.one()]), [WRITE_EOF]);
    kq.assert_quiet();
    theirs.write(3);
    let event = kq.one();
    assert_eq!(
        (summary(&[event]), event.data),
        (vec![(EVFILT_READ, false, 0)], 3)
    );
}

#[test]
fn f_tcp_local_shut_of_both_is_both_eofs() {
    let (ours, _theirs) = tcp();
    let kq = watched(&ours);
    ours.shutdown(libc::SHUT_RDWR);
    let mut events = kq.until_eof(&[EVFILT_READ, EVFILT_WRITE]);
    events.sort_unstable();
    assert_eq!(events, [WRITE_EOF, READ_EOF]);
    kq.assert_quiet();
}

#[test]
fn f_tcp_a_reset_is_both_eofs_with_the_error_and_write_comes_first() {
    for pending in [0, 3] {
        let (ours, theirs) = tcp();
        let kq = watched(&ours);
        theirs.write(pending);
        ours.wait_pending(pending as i32);
        if pending > 0 {
            kq.one();
        }
        reset(theirs);
        let events = kq.until_eof(&[EVFILT_READ, EVFILT_WRITE]);
        assert_eq!(
            events,
            [(EVFILT_WRITE, true, RESET), (EVFILT_READ, true, RESET)]
        );
        kq.assert_quiet();
    }
}

#[test]
fn f_tcp_after_a_reset_the_data_are_read_first_then_the_error_once() {
    let (ours, theirs) = tcp();
    let kq = watched(&ours);
    theirs.write(3);
    ours.wait_pending(3);
    reset(theirs);
    let read = |all: &[Kevent]| {
        let failed = |event: &&Kevent| event.filter == EVFILT_READ && event.fflags == RESET;
        all.iter().find(failed).copied()
    };
    let events = kq.collect(|all| read(all).is_some());
    assert_eq!(read(&events).unwrap().data, 3);
    assert_eq!(ours.read(8).unwrap(), 3);
    let error = ours.read(8).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET));
    assert_eq!(ours.so_error(), 0);
    assert_eq!(ours.read(8).unwrap(), 0);
}

#[test]
fn f_tcp_delivering_an_event_takes_no_error() {
    let (ours, theirs) = tcp();
    let kq = watched(&ours);
    reset(theirs);
    kq.until_eof(&[EVFILT_READ, EVFILT_WRITE]);
    assert_eq!(ours.so_error(), libc::ECONNRESET);
    assert_eq!(ours.so_error(), 0);
}

#[test]
fn f_tcp_a_write_after_the_peer_closed_works_once_then_both_eofs_with_the_error() {
    let (ours, theirs) = tcp();
    let kq = watched(&ours);
    drop(theirs);
    assert_eq!(summary(&[kq.one()]), [READ_EOF]);
    ours.write(1);
    let failed = |event: &&Kevent| event.flags & EV_EOF != 0 && event.fflags == RESET;
    let events = kq.collect(|all| all.iter().filter(failed).count() == 2);
    let filters: Vec<i16> = events
        .iter()
        .filter(failed)
        .map(|event| event.filter)
        .collect();
    assert_eq!(filters, [EVFILT_WRITE, EVFILT_READ]);
    let error = ours.try_write(1).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
}

#[test]
fn f_tcp_add_after_the_peer_wrote_and_closed() {
    let (ours, theirs) = tcp();
    theirs.write(3);
    drop(theirs);
    wait_until(|| ours.is_peer_done());
    let kq = Kq::new();
    kq.add(&ours, EVFILT_READ, EV_CLEAR);
    kq.add(&ours, EVFILT_WRITE, EV_CLEAR);
    let events = kq.now();
    assert_eq!(summary(&events), [READ_EOF, (EVFILT_WRITE, false, 0)]);
    assert_eq!(events[0].data, 3);
}

#[test]
fn f_eof_comes_once_and_again_after_another_add() {
    for (ours, theirs) in sockets() {
        let kq = Kq::new();
        kq.add(&ours, EVFILT_READ, EV_CLEAR);
        drop(theirs);
        assert_eq!(summary(&[kq.one()]), [READ_EOF]);
        kq.assert_quiet();
        assert_eq!(ours.read(1).unwrap(), 0);
        kq.assert_quiet();
        for _ in 0..3 {
            kq.add(&ours, EVFILT_READ, EV_CLEAR);
            assert_eq!(summary(&[kq.one()]), [READ_EOF]);
            kq.assert_quiet();
        }
    }
}

#[test]
fn f_eof_without_clear_repeats_for_ever() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, 0);
        drop(writer);
        for _ in 0..5 {
            assert_eq!(summary(&[kq.one()]), [READ_EOF]);
        }
    }
}

#[test]
fn f_eof_comes_also_if_the_end_was_read_already() {
    for (ours, theirs) in sockets() {
        let kq = Kq::new();
        kq.add(&ours, EVFILT_READ, EV_CLEAR);
        drop(theirs);
        wait_until(|| ours.read(1).is_ok_and(|count| count == 0));
        assert_eq!(summary(&[kq.one()]), [READ_EOF]);
    }
}
