//! The system calls, each wrapped once, and the only callers of libc's functions.

use std::ffi::{c_int, c_short, c_void};
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

pub type Errno = c_int;

/// Where the library's own descriptors go if there is room: a BSD's kqueue() takes one number, and
/// programs may count on which numbers are free.
const OWN_DESCRIPTORS_FROM: c_int = 512;

pub fn errno() -> Errno {
    // SAFETY: always valid in the calling thread.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    unsafe { *place }
}

pub fn set_errno(errno: Errno) {
    // SAFETY: always valid in the calling thread.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    unsafe { *place = errno }
}

fn check(result: c_int) -> Result<c_int, Errno> {
    if result == -1 {
        Err(errno())
    } else {
        Ok(result)
    }
}

fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: every caller has just created it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// All signals blocked in this thread until the value is dropped.
pub struct SignalsBlocked {
    before: libc::sigset_t,
}

impl SignalsBlocked {
    pub fn new() -> Self {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: fills what it is given.
        unsafe { libc::sigfillset(all.as_mut_ptr()) };
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: the first set was filled, the second will be.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
        // SAFETY: filled by the call, which cannot fail: SIG_SETMASK is a valid request.
        let before = unsafe { before.assume_init() };
        Self { before }
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: a set that the system wrote.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, ptr::null_mut()) };
    }
}

pub fn epoll_create(flags: c_int) -> Result<OwnedFd, Errno> {
    // SAFETY: takes no memory.
    check(unsafe { libc::epoll_create1(flags) }).map(own)
}

pub fn epoll_ctl(
    epoll: RawFd,
    op: c_int,
    fd: RawFd,
    events: c_int,
    token: u64,
) -> Result<(), Errno> {
    let mut event = libc::epoll_event {
        events: events as u32,
        u64: token,
    };
    // SAFETY: the event outlives the call.
    check(unsafe { libc::epoll_ctl(epoll, op, fd, &mut event) }).map(drop)
}

/// What is ready now, as far as the buffer goes.
pub fn epoll_harvest(epoll: RawFd, buffer: &mut [libc::epoll_event]) -> usize {
    let room = c_int::try_from(buffer.len()).unwrap_or(c_int::MAX);
    // SAFETY: the buffer has that much room.
    let count = unsafe { libc::epoll_wait(epoll, buffer.as_mut_ptr(), room, 0) };
    usize::try_from(count).unwrap_or(0)
}

/// Whether the epoll has an entry for this number and for the file that is behind it *now*.
///
/// epoll_ctl(2): an entry is found by number and file, so for a number that was closed, and perhaps
/// given away again, there is none. `EPOLL_CTL_MOD` would say so by `ENOENT`, but where there is an
/// entry it would also arm its edge anew. `EPOLL_CTL_ADD` says `EEXIST` and touches nothing.
pub fn is_watched(epoll: RawFd, fd: RawFd) -> bool {
    match epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, 0, u64::MAX) {
        Err(libc::EEXIST) => true,
        Err(_) => false,
        Ok(()) => {
            let _ = epoll_ctl(epoll, libc::EPOLL_CTL_DEL, fd, 0, 0);
            false
        }
    }
}

pub fn eventfd() -> Result<OwnedFd, Errno> {
    // SAFETY: takes no memory.
    check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }).map(own)
}

pub fn eventfd_set(fd: RawFd) {
    let one = 1u64.to_ne_bytes();
    // SAFETY: reads the eight bytes it is given.
    unsafe { libc::write(fd, one.as_ptr().cast(), one.len()) };
}

pub fn eventfd_clear(fd: RawFd) {
    let mut value = [0u8; 8];
    // SAFETY: writes the eight bytes it is given.
    unsafe { libc::read(fd, value.as_mut_ptr().cast(), value.len()) };
}

/// The same file under a number out of the caller's way, if there is one.
pub fn out_of_the_way(fd: OwnedFd) -> OwnedFd {
    // SAFETY: takes no memory.
    let high = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, OWN_DESCRIPTORS_FROM) };
    if high == -1 { fd } else { own(high) }
}

/// The descriptors of this process that are epolls.
pub fn epolls() -> Option<Vec<RawFd>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc/self/fd").ok()? {
        let entry = entry.ok()?;
        let target = fs::read_link(entry.path());
        if target.is_ok_and(|target| target.as_os_str() == "anon_inode:[eventpoll]") {
            found.push(entry.file_name().to_str()?.parse().ok()?);
        }
    }
    Some(found)
}

pub fn is_open(fd: RawFd) -> bool {
    // SAFETY: takes no memory.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// `O_RDONLY`, `O_WRONLY` or `O_RDWR`.
pub fn access_mode(fd: RawFd) -> c_int {
    // SAFETY: takes no memory.
    unsafe { libc::fcntl(fd, libc::F_GETFL) & libc::O_ACCMODE }
}

pub fn pipe_size(fd: RawFd) -> c_int {
    // SAFETY: takes no memory.
    unsafe { libc::fcntl(fd, libc::F_GETPIPE_SZ) }
}

pub fn stat(fd: RawFd) -> Option<libc::stat> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fills what it is given.
    let result = unsafe { libc::fstat(fd, stat.as_mut_ptr()) };
    if result == -1 {
        return None;
    }
    // SAFETY: filled, as the call says.
    Some(unsafe { stat.assume_init() })
}

pub fn position(fd: RawFd) -> i64 {
    // SAFETY: takes no memory.
    unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) }
}

/// What poll(2) says now.
pub fn poll_now(fd: RawFd, events: c_short) -> c_short {
    let mut entry = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    // SAFETY: one entry, as the call is told.
    unsafe { libc::poll(&mut entry, 1, 0) };
    entry.revents
}

/// Blocks until the descriptor is readable, the time is up (false), or one of the signals comes that
/// `blocked` holds back.
pub fn wait(fd: RawFd, limit: Option<Duration>, blocked: &SignalsBlocked) -> Result<bool, Errno> {
    let mut entry = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    let limit = limit.map(|limit| libc::timespec {
        tv_sec: limit.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    });
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: one entry, as the call is told; the time and the mask outlive it.
    check(unsafe { libc::ppoll(&mut entry, 1, limit, &blocked.before) }).map(|count| count > 0)
}

/// An ioctl that fills an int: `FIONREAD`, `TIOCOUTQ`.
pub fn ioctl_int(fd: RawFd, request: libc::Ioctl) -> Option<c_int> {
    let mut value: c_int = 0;
    // SAFETY: both requests that are used here write one int.
    let result = unsafe { libc::ioctl(fd, request, &mut value) };
    (result != -1).then_some(value)
}

/// Fills as much of `value` as the kernel knows, and says how much that is.
fn getsockopt<T>(fd: RawFd, level: c_int, name: c_int, value: &mut T) -> Option<usize> {
    let mut len = size_of::<T>() as libc::socklen_t;
    let place = ptr::from_mut(value).cast::<c_void>();
    // SAFETY: the value has the length that the call is told; the callers' types are made of integers.
    let result = unsafe { libc::getsockopt(fd, level, name, place, &mut len) };
    (result != -1).then_some(len as usize)
}

pub fn socket_option(fd: RawFd, name: c_int) -> Option<c_int> {
    let mut value: c_int = 0;
    getsockopt(fd, libc::SOL_SOCKET, name, &mut value)?;
    Some(value)
}

/// The head of `struct tcp_info`, linux/tcp.h; libc's own ends before the counters.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct TcpInfo {
    pub state: u8,
    skipped_bytes: [u8; 7],
    skipped_first: [u32; 4],
    /// On a listener, the connections that wait to be accepted.
    pub unacked: u32,
    skipped_second: [u32; 10],
    pub rtt: u32,
    skipped_third: [u32; 8],
    skipped_rates: [u64; 2],
    pub bytes_acked: u64,
    pub bytes_received: u64,
}

pub fn tcp_info(fd: RawFd) -> Option<TcpInfo> {
    let mut info = TcpInfo::default();
    let len = getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info)?;
    (len == size_of::<TcpInfo>()).then_some(info)
}

pub fn has_peer(fd: RawFd) -> bool {
    let mut address = MaybeUninit::<libc::sockaddr_storage>::uninit();
    let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: the address has the length that the call is told.
    unsafe { libc::getpeername(fd, address.as_mut_ptr().cast(), &mut len) != -1 }
}

/// Whether a connected Unix stream socket can no longer be written to. Sending nothing sends
/// nothing, and fails where sending something would.
///
/// But through a socket for datagrams it sends an empty one, and the caller may close this number and
/// be given it again, for such a socket, at any moment. So what is behind it is held fast, and looked
/// at, first.
pub fn is_write_shut(fd: RawFd) -> bool {
    // SAFETY: takes no memory.
    let held = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, OWN_DESCRIPTORS_FROM) };
    let held = check(held).map(own).ok();
    let fd = held.as_ref().map_or(fd, AsRawFd::as_raw_fd);
    if socket_option(fd, libc::SO_TYPE) != Some(libc::SOCK_STREAM) {
        return false;
    }
    // SAFETY: reads no bytes.
    let sent = unsafe { libc::send(fd, ptr::null(), 0, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) };
    sent == -1 && errno() == libc::EPIPE
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::Shutdown;
    use std::os::unix::net::{UnixDatagram, UnixStream};

    use super::*;

    #[test]
    fn who_asks_a_stream_whether_it_is_shut_is_told() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert!(!is_write_shut(one.as_raw_fd()));
        one.shutdown(Shutdown::Write).unwrap();
        assert!(is_write_shut(one.as_raw_fd()));
    }

    /// Behind a number that was a stream's when the caller of this library began to ask.
    #[test]
    fn who_asks_a_datagram_socket_sends_nothing() {
        let (one, other) = UnixDatagram::pair().unwrap();
        assert!(!is_write_shut(one.as_raw_fd()));
        other.set_nonblocking(true).unwrap();
        let error = other.recv(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
}
