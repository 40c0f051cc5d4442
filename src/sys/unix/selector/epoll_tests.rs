//! What records mean, and whose they are, on the real kernel.

use super::*;

#[test]
fn every_combination_of_flags_is_decoded() {
    for flags in 0..64u32 {
        let flags = flags & 0x1f | (flags & 0x20) << 8;
        assert_eq!(decode(flags), decode_slowly(flags as i32), "{flags:#x}");
        // The kernel's other flags, EPOLLRDNORM among them, change nothing.
        assert_eq!(decode(flags | 0x47c0), decode(flags), "{flags:#x}");
    }
}

#[test]
fn closed_bits_are_mios() {
    let is = |flags: i32, bit| decode(flags as u32).contains(bit);
    let (r, w) = (Readiness::READ_CLOSED, Readiness::WRITE_CLOSED);
    assert!(is(os::EPOLLHUP, r) && is(os::EPOLLHUP, w));
    assert!(is(os::EPOLLIN | os::EPOLLRDHUP, r) && !is(os::EPOLLIN | os::EPOLLRDHUP, w));
    assert!(!is(os::EPOLLRDHUP, r));
    assert!(is(os::EPOLLERR, w) && !is(os::EPOLLERR, r));
    assert!(is(os::EPOLLERR | os::EPOLLOUT, w));
    assert!(!is(os::EPOLLERR | os::EPOLLIN, w));
}

/// The real kernel's, with a pipe for a bell.
#[cfg(not(miri))]
mod bell {
    use std::os::fd::OwnedFd;

    use super::*;
    use crate::sys::unix::os::{fd, pipe};

    const NOW: Option<Duration> = Some(Duration::ZERO);

    /// A selector, its bell and what rings it.
    fn selector() -> (Epoll, OwnedFd, OwnedFd) {
        let epoll = Epoll::new().unwrap();
        let (bell, ringer) = pipe::pipe().unwrap();
        epoll.watch_bell(bell.as_fd()).unwrap();
        (epoll, bell, ringer)
    }

    /// The tokens of one poll's events, and whether it found the bell rung.
    fn wait(epoll: &Epoll) -> (Vec<u64>, bool) {
        let mut list = Vec::with_capacity(8);
        let harvest = epoll.wait(&mut list, 8, NOW).unwrap();
        assert_eq!(harvest.events, list.len());
        let tokens = list.iter().map(|event| event.token().0 as u64);
        (tokens.collect(), harvest.rung)
    }

    #[test]
    fn a_record_from_before_the_bell_moved_is_the_bells_until_a_source_has_its_token() {
        let (epoll, _bell, _ringer) = selector();
        let (plain, moved) = (os::EPOLLIN as u32, (os::EPOLLIN | os::EPOLLRDNORM) as u32);
        assert!(epoll.is_bell(plain) && epoll.is_bell(moved));
        epoll.yield_bell(&mut lock(&epoll.bell)).unwrap();
        assert!(epoll.is_bell(plain) && epoll.is_bell(moved));
        epoll.bell_taken.store(true, Ordering::Release);
        assert!(!epoll.is_bell(plain) && epoll.is_bell(moved));
    }

    #[test]
    fn a_refused_registration_leaves_the_bells_token_with_the_source_that_has_it() {
        let (epoll, _bell, ringer) = selector();
        let (reader, writer) = pipe::pipe().unwrap();
        let token = Token(BELL as usize);
        let register = || epoll.register(reader.as_raw_fd(), token, Interest::READABLE);
        register().unwrap();
        assert_eq!(register().unwrap_err().raw_os_error(), Some(libc::EEXIST));
        assert_eq!(wait(&epoll), (vec![], false));
        fd::write(writer.as_fd(), b"x").unwrap();
        assert_eq!(wait(&epoll), (vec![token.0 as u64], false));
        fd::write(ringer.as_fd(), b"x").unwrap();
        assert_eq!(wait(&epoll), (vec![], true));
    }

    /// How long it lasts if there is nothing, `tests/interposed.rs` sees.
    #[test]
    fn a_wait_without_a_timeout_finds_a_ring() {
        let (epoll, _bell, ringer) = selector();
        for block in [true, false] {
            fd::write(ringer.as_fd(), b"x").unwrap();
            let harvest = epoll.wait_simply(&mut Vec::with_capacity(1), 1, block);
            assert!(harvest.unwrap().rung);
        }
    }
}
