//! A queue in Rust's words, and the things it watches.

use std::ffi::c_int;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::ptr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use kqueue::*;

/// Longer than anything here takes; only a broken promise takes that long.
pub const LIMIT: Duration = Duration::from_secs(20);

pub fn errno() -> c_int {
    io::Error::last_os_error().raw_os_error().unwrap()
}

pub fn timespec(time: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: time.as_secs().try_into().unwrap(),
        tv_nsec: time.subsec_nanos().into(),
    }
}

pub fn change(ident: usize, filter: i16, flags: u16) -> Kevent {
    Kevent {
        ident,
        filter,
        flags,
        fflags: 0,
        data: 0,
        udata: ptr::null_mut(),
    }
}

pub fn udata(value: usize) -> *mut std::ffi::c_void {
    ptr::without_provenance_mut(value)
}

pub fn on(end: &impl AsRawFd, filter: i16, flags: u16) -> Kevent {
    change(ident(end), filter, flags)
}

pub fn ident(end: &impl AsRawFd) -> usize {
    end.as_raw_fd().try_into().unwrap()
}

/// The raw call. The lists are separate.
pub fn raw(
    kq: RawFd,
    changes: &[Kevent],
    room: usize,
    timeout: Option<libc::timespec>,
) -> Result<Vec<Kevent>, c_int> {
    let mut events = vec![change(usize::MAX, 0, 0); room];
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    let (changes_len, room) = (changes.len() as c_int, room as c_int);
    // SAFETY: both lists have the lengths that are given, and the timeout is null or there.
    let count = unsafe {
        kevent(
            kq,
            changes.as_ptr(),
            changes_len,
            events.as_mut_ptr(),
            room,
            timeout,
        )
    };
    if count == -1 {
        return Err(errno());
    }
    events.truncate(usize::try_from(count).unwrap());
    Ok(events)
}

pub struct Kq(pub OwnedFd);

impl AsRawFd for Kq {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Kq {
    pub fn new() -> Self {
        let fd = kqueue();
        assert_ne!(fd, -1);
        // SAFETY: just created.
        Self(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    pub fn call(
        &self,
        changes: &[Kevent],
        room: usize,
        timeout: Option<Duration>,
    ) -> Result<Vec<Kevent>, c_int> {
        raw(self.as_raw_fd(), changes, room, timeout.map(timespec))
    }

    /// Changes without room for answers.
    pub fn change(&self, changes: &[Kevent]) -> Result<(), c_int> {
        self.call(changes, 0, None).map(drop)
    }

    pub fn add(&self, end: &impl AsRawFd, filter: i16, flags: u16) {
        self.change(&[on(end, filter, EV_ADD | flags)]).unwrap();
    }

    /// What there is now.
    pub fn now(&self) -> Vec<Kevent> {
        self.call(&[], 32, Some(Duration::ZERO)).unwrap()
    }

    pub fn assert_quiet(&self) {
        assert_eq!(self.now(), []);
    }

    /// The one event that comes.
    pub fn one(&self) -> Kevent {
        let start = Instant::now();
        let events = self.call(&[], 32, Some(LIMIT)).unwrap();
        // Not just found when the time was up.
        assert!(start.elapsed() < LIMIT);
        assert_eq!(events.len(), 1, "{events:?}");
        events[0]
    }

    /// Collects events until the condition holds for all that came so far.
    pub fn collect(&self, enough: impl Fn(&[Kevent]) -> bool) -> Vec<Kevent> {
        let mut all = Vec::new();
        let start = Instant::now();
        while !enough(&all) {
            assert!(start.elapsed() < LIMIT, "{all:?}");
            all.extend(
                self.call(&[], 32, Some(Duration::from_millis(100)))
                    .unwrap(),
            );
        }
        all.extend(self.now());
        all
    }

    /// Takes in events until the end of file of each of these filters was among them; says which
    /// events there were, with their fflags, in order.
    pub fn until_eof(&self, filters: &[i16]) -> Vec<(i16, bool, u32)> {
        let is_eof = |event: &Kevent, filter| event.filter == filter && event.flags & EV_EOF != 0;
        let enough = |all: &[Kevent]| {
            let seen = |&filter: &i16| all.iter().any(|event| is_eof(event, filter));
            filters.iter().all(seen)
        };
        summary(&self.collect(enough))
    }
}

pub fn summary(events: &[Kevent]) -> Vec<(i16, bool, u32)> {
    let short = |event: &Kevent| (event.filter, event.flags & EV_EOF != 0, event.fflags);
    events.iter().map(short).collect()
}

/// Whether the thread with this id sleeps: the third field of its line, proc_pid_stat(5).
pub fn is_blocked(id: i32) -> bool {
    let line = std::fs::read_to_string(format!("/proc/self/task/{id}/stat"));
    // Behind the name, which may hold anything but ends with the last parenthesis.
    line.is_ok_and(|line| {
        line.rsplit(')')
            .next()
            .is_some_and(|rest| rest.starts_with(" S"))
    })
}

pub fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT);
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// One end of a connection or pipe; reads and writes without blocking.
pub struct End(pub File);

impl AsRawFd for End {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl End {
    pub fn new(fd: OwnedFd) -> Self {
        // SAFETY: takes no memory.
        let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
        // SAFETY: takes no memory.
        unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) };
        Self(File::from(fd))
    }

    pub fn write(&self, bytes: usize) {
        assert_eq!((&self.0).write(&vec![7; bytes]).unwrap(), bytes);
    }

    pub fn try_write(&self, bytes: usize) -> io::Result<usize> {
        (&self.0).write(&vec![7; bytes])
    }

    pub fn read(&self, room: usize) -> io::Result<usize> {
        (&self.0).read(&mut vec![0; room])
    }

    pub fn fill(&self) {
        while self.try_write(4096).is_ok() {}
        while self.try_write(1).is_ok() {}
    }

    pub fn drain(&self) {
        while self.read(65536).is_ok_and(|count| count > 0) {}
    }

    pub fn shutdown(&self, how: c_int) {
        // SAFETY: takes no memory.
        assert_eq!(unsafe { libc::shutdown(self.as_raw_fd(), how) }, 0);
    }

    pub fn pending(&self) -> c_int {
        let mut count = 0;
        // SAFETY: writes the int that it is given.
        let result = unsafe { libc::ioctl(self.as_raw_fd(), libc::FIONREAD, &mut count) };
        assert_eq!(result, 0);
        count
    }

    pub fn wait_pending(&self, count: c_int) {
        wait_until(|| self.pending() == count);
    }

    /// Takes the pending error, as programs do.
    pub fn so_error(&self) -> c_int {
        let mut value: c_int = 0;
        let mut len = size_of::<c_int>() as libc::socklen_t;
        let (fd, place) = (self.as_raw_fd(), ptr::from_mut(&mut value).cast());
        // SAFETY: the value has the length that is given.
        unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_ERROR, place, &mut len) };
        value
    }

    pub fn dup(&self) -> Self {
        Self(self.0.try_clone().unwrap())
    }
}

pub fn tcp() -> (End, End) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    ours.set_nodelay(true).unwrap();
    theirs.set_nodelay(true).unwrap();
    (End::new(ours.into()), End::new(theirs.into()))
}

pub fn unix() -> (End, End) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (End::new(ours.into()), End::new(theirs.into()))
}

/// The reading end, then the writing end.
pub fn pipe() -> (End, End) {
    let mut fds = [0; 2];
    // SAFETY: writes two ints.
    assert_eq!(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    // SAFETY: just created.
    let [reader, writer] = fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    (End::new(reader), End::new(writer))
}

/// All three, as (what reads, what writes).
pub fn all() -> [(End, End); 3] {
    [tcp(), unix(), pipe()]
}

pub fn sockets() -> [(End, End); 2] {
    [tcp(), unix()]
}

/// A number that no other test gets by chance: descriptors are given out from below.
pub fn private_number() -> RawFd {
    static NEXT: LazyLock<AtomicI32> = LazyLock::new(|| AtomicI32::new(limit() - 256));
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Raises the limit on descriptors as far as it makes sense, and says where it is.
fn limit() -> RawFd {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: fills what it is given.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    limit.rlim_cur = limit.rlim_max.min(16384);
    // SAFETY: reads what it is given.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
    limit.rlim_cur.try_into().unwrap()
}

/// Puts the same file under this number as well.
pub fn dup_to(end: &impl AsRawFd, number: RawFd) -> End {
    // SAFETY: takes no memory.
    assert_eq!(unsafe { libc::dup2(end.as_raw_fd(), number) }, number);
    // SAFETY: just created, or its owner was told to forget it.
    End(File::from(unsafe { OwnedFd::from_raw_fd(number) }))
}

/// Closes a connection by RST.
pub fn reset(end: End) {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    let len = size_of::<libc::linger>() as libc::socklen_t;
    let (fd, place) = (end.as_raw_fd(), ptr::from_ref(&linger).cast());
    // SAFETY: the option has the length that is given.
    let result = unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, place, len) };
    assert_eq!(result, 0);
}

impl End {
    /// Whether the peer's end has arrived.
    pub fn is_peer_done(&self) -> bool {
        let mut entry = libc::pollfd {
            fd: self.as_raw_fd(),
            events: libc::POLLRDHUP,
            revents: 0,
        };
        // SAFETY: one entry, as the call is told.
        unsafe { libc::poll(&mut entry, 1, 0) };
        entry.revents & libc::POLLRDHUP != 0
    }
}

/// Whether poll(2) calls a descriptor readable.
pub fn is_readable(end: &impl AsRawFd) -> bool {
    let mut entry = libc::pollfd {
        fd: end.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one entry, as the call is told.
    unsafe { libc::poll(&mut entry, 1, 0) };
    entry.revents & libc::POLLIN != 0
}
