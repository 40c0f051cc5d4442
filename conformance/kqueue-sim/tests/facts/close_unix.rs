//! f. Close and shutdown of Unix stream pairs: READ and WRITE, EV_CLEAR, the first WRITE consumed.

use super::support::*;
use kqueue::*;

const READ_EOF: (i16, bool, u32) = (EVFILT_READ, true, 0);
const WRITE_EOF: (i16, bool, u32) = (EVFILT_WRITE, true, 0);
const ROOM: (i16, bool, u32) = (EVFILT_WRITE, false, 0);

fn watched(ours: &End) -> Kq {
    let kq = Kq::new();
    kq.add(ours, EVFILT_READ, EV_CLEAR);
    kq.add(ours, EVFILT_WRITE, EV_CLEAR);
    kq.one();
    kq
}

/// Unix sockets do at once what they do, so this is all there is.
fn sorted(kq: &Kq) -> Vec<(i16, bool, u32)> {
    let mut events = summary(&kq.now());
    kq.assert_quiet();
    events.sort_unstable();
    events
}

#[test]
fn f_unix_peer_closes_both_eofs() {
    let (ours, theirs) = unix();
    let kq = watched(&ours);
    drop(theirs);
    assert_eq!(sorted(&kq), [WRITE_EOF, READ_EOF]);
}

#[test]
fn f_unix_peer_wrote_and_closed_both_eofs_with_the_data_and_nothing_while_draining() {
    let (ours, theirs) = unix();
    let kq = watched(&ours);
    theirs.write(3);
    drop(theirs);
    let events = kq.now();
    let read = events
        .iter()
        .find(|event| event.filter == EVFILT_READ)
        .unwrap();
    assert_eq!(read.data, 3);
    let mut short = summary(&events);
    short.sort_unstable();
    assert_eq!(short, [WRITE_EOF, READ_EOF]);
    for _ in 0..4 {
        kq.assert_quiet();
        ours.read(1).unwrap();
    }
    kq.assert_quiet();
}

/// On a BSD: READ's alone. Linux wakes both sides, and nothing tells that from a read by the peer.
#[test]
fn f_unix_peer_shuts_writing_tells_once_more_of_room_on_linux() {
    let (ours, theirs) = unix();
    let kq = watched(&ours);
    theirs.shutdown(libc::SHUT_WR);
    assert_eq!(sorted(&kq), [ROOM, READ_EOF]);
}

/// Which is why no edge is left out.
#[test]
fn f_unix_room_is_told_whatever_the_peer_does_beside_making_it() {
    let (ours, theirs) = unix();
    let kq = watched(&ours);
    ours.fill();
    theirs.shutdown(libc::SHUT_WR);
    theirs.drain();
    assert_eq!(sorted(&kq), [ROOM, READ_EOF]);
}

/// On a BSD: nothing. On Linux the two ends share what is shut, so this is the same as shutting
/// one's own writing half, and writing fails from now on.
#[test]
fn f_unix_peer_shuts_reading_is_write_eof_on_linux() {
    let (ours, theirs) = unix();
    let kq = watched(&ours);
    theirs.shutdown(libc::SHUT_RD);
    assert_eq!(sorted(&kq), [WRITE_EOF]);
    let error = ours.try_write(1).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
}

/// On a BSD: READ's alone. For the same reason.
#[test]
fn f_unix_peer_shuts_both_is_both_eofs_on_linux() {
    let (ours, theirs) = unix();
    let kq = watched(&ours);
    theirs.shutdown(libc::SHUT_RDWR);
    assert_eq!(sorted(&kq), [WRITE_EOF, READ_EOF]);
}

/// On a BSD: READ's alone.
#[test]
fn f_unix_local_shut_of_reading_tells_once_more_of_room_on_linux() {
    let (ours, _theirs) = unix();
    let kq = watched(&ours);
    ours.shutdown(libc::SHUT_RD);
    assert_eq!(sorted(&kq), [ROOM, READ_EOF]);
}

/// A BSD's peer can go on writing, and what it writes can be read.
#[test]
fn f_unix_the_peer_cannot_write_after_a_local_shut_of_reading_on_linux() {
    let (ours, theirs) = unix();
    ours.shutdown(libc::SHUT_RD);
    let error = theirs.try_write(3).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
}

#[test]
fn f_unix_local_shut_of_writing_is_write_eof_and_reading_goes_on() {
    let (ours, theirs) = unix();
    let kq = watched(&ours);
    ours.shutdown(libc::SHUT_WR);
    assert_eq!(sorted(&kq), [WRITE_EOF]);
    theirs.write(3);
    let event = kq.one();
    assert_eq!(
        (summary(&[event]), event.data),
        (vec![(EVFILT_READ, false, 0)], 3)
    );
}

#[test]
fn f_unix_local_shut_of_both_is_both_eofs() {
    let (ours, _theirs) = unix();
    let kq = watched(&ours);
    ours.shutdown(libc::SHUT_RDWR);
    assert_eq!(sorted(&kq), [WRITE_EOF, READ_EOF]);
}

#[test]
fn f_unix_a_write_after_the_peer_closed_is_epipe_and_no_event() {
    let (ours, theirs) = unix();
    let kq = watched(&ours);
    drop(theirs);
    sorted(&kq);
    let error = ours.try_write(1).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
    kq.assert_quiet();
}

#[test]
fn f_unix_add_after_the_peer_wrote_and_closed_both_eofs() {
    let (ours, theirs) = unix();
    theirs.write(3);
    drop(theirs);
    let kq = Kq::new();
    kq.add(&ours, EVFILT_READ, EV_CLEAR);
    kq.add(&ours, EVFILT_WRITE, EV_CLEAR);
    let events = kq.now();
    assert_eq!(summary(&events), [READ_EOF, WRITE_EOF]);
    assert_eq!(events[0].data, 3);
}

/// On Linux the program then gets ECONNRESET; a BSD knows no such thing, and neither do the events.
#[test]
fn f_unix_eof_has_no_fflags_also_if_the_peer_left_something_unread() {
    let (ours, theirs) = unix();
    let kq = watched(&ours);
    ours.write(3);
    drop(theirs);
    assert_eq!(sorted(&kq), [WRITE_EOF, READ_EOF]);
    assert_eq!(ours.so_error(), libc::ECONNRESET);
}

/// A BSD wakes the writing side alone. Linux wakes both, and nothing tells the two apart: an edge too
/// many.
#[test]
fn f_unix_local_shut_of_writing_tells_once_more_of_unread_bytes_on_linux() {
    let (ours, theirs) = unix();
    let kq = watched(&ours);
    theirs.write(3);
    assert_eq!(kq.one().data, 3);
    ours.shutdown(libc::SHUT_WR);
    assert_eq!(sorted(&kq), [WRITE_EOF, (EVFILT_READ, false, 0)]);
}
