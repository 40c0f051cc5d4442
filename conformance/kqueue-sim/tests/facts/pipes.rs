//! j. Pipes whose other end is gone.

use super::support::*;
use kqueue::*;

#[test]
fn j_reader_closed_is_write_eof_without_fflags_and_data_once() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
    kq.one();
    drop(reader);
    let event = kq.one();
    assert_eq!(summary(&[event]), [(EVFILT_WRITE, true, 0)]);
    assert_eq!(event.data, 0);
    kq.assert_quiet();
    let error = writer.try_write(1).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
    kq.assert_quiet();
    // An ADD of a registration that is there is no new one.
    kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
    assert_eq!(summary(&[kq.one()]), [(EVFILT_WRITE, true, 0)]);
}

#[test]
fn j_reader_closed_with_data_left_is_write_eof_too() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    writer.fill();
    kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
    kq.assert_quiet();
    drop(reader);
    let event = kq.one();
    assert_eq!(
        (summary(&[event]), event.data),
        (vec![(EVFILT_WRITE, true, 0)], 0)
    );
    kq.assert_quiet();
}

#[test]
fn j_add_of_write_when_the_reader_is_gone_is_ebadf() {
    let (reader, writer) = pipe();
    drop(reader);
    let kq = Kq::new();
    let add = on(&writer, EVFILT_WRITE, EV_ADD | EV_CLEAR);
    assert_eq!(kq.change(&[add]), Err(libc::EBADF));
    let events = kq.call(&[add], 1, None).unwrap();
    assert_eq!(
        (events[0].flags, events[0].data),
        (EV_ERROR, libc::EBADF as isize)
    );
    kq.assert_quiet();
    // Nothing is left behind.
    let delete = on(&writer, EVFILT_WRITE, EV_DELETE);
    assert_eq!(kq.change(&[delete]), Err(libc::ENOENT));
}

#[test]
fn j_writer_closed_is_read_eof_with_the_remaining_data_after_every_read() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    kq.add(&reader, EVFILT_READ, EV_CLEAR);
    writer.write(3);
    drop(writer);
    for remaining in [3, 2, 1, 0] {
        let event = kq.one();
        assert_eq!(summary(&[event]), [(EVFILT_READ, true, 0)]);
        assert_eq!(event.data, remaining);
        kq.assert_quiet();
        reader.read(1).unwrap();
    }
}

/// On a BSD a read of 0 bytes fires once more; here nothing shows that there was one.
#[test]
fn j_reading_the_end_of_a_pipe_is_no_event_on_linux() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    kq.add(&reader, EVFILT_READ, EV_CLEAR);
    drop(writer);
    kq.one();
    assert_eq!(reader.read(1).unwrap(), 0);
    kq.assert_quiet();
}
