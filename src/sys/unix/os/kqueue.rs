//! kqueue(2) and kevent(2).

#![allow(unsafe_code)]

use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use libc::c_int;

use super::fd::set_cloexec;
use super::{Call, call};

#[cfg(not(ferrio_kqueue))]
use libc as abi;

/// What the library named kqueue offers that a Linux build for kqueue(2) is linked with: the ABI of
/// FreeBSD 11. Any library that has it will do; `conformance/kqueue-sim` is one.
#[cfg(ferrio_kqueue)]
mod abi {
    use std::ffi::{c_int, c_void};

    #[allow(non_camel_case_types)] // The name is C's.
    #[derive(Clone, Copy)]
    #[repr(C)]
    pub(super) struct kevent {
        pub(super) ident: usize,
        pub(super) filter: i16,
        pub(super) flags: u16,
        pub(super) fflags: u32,
        pub(super) data: isize,
        pub(super) udata: *mut c_void,
    }

    pub(super) const EVFILT_READ: i16 = -1;
    pub(super) const EVFILT_WRITE: i16 = -2;
    #[cfg(waker_kqueue)]
    pub(super) const EVFILT_USER: i16 = -11;
    pub(super) const EV_ADD: u16 = 0x0001;
    pub(super) const EV_DELETE: u16 = 0x0002;
    pub(super) const EV_ENABLE: u16 = 0x0004;
    pub(super) const EV_DISABLE: u16 = 0x0008;
    pub(super) const EV_CLEAR: u16 = 0x0020;
    pub(super) const EV_RECEIPT: u16 = 0x0040;
    pub(super) const EV_ERROR: u16 = 0x4000;
    pub(super) const EV_EOF: u16 = 0x8000;
    #[cfg(waker_kqueue)]
    pub(super) const NOTE_TRIGGER: u32 = 0x0100_0000;

    #[link(name = "kqueue")]
    // SAFETY: these are the functions' declarations in FreeBSD's kqueue(2).
    unsafe extern "C" {
        pub(super) fn kqueue() -> c_int;
        pub(super) fn kevent(
            kq: c_int,
            changelist: *const kevent,
            nchanges: c_int,
            eventlist: *mut kevent,
            nevents: c_int,
            timeout: *const libc::timespec,
        ) -> c_int;
    }
}

pub(crate) use self::constants::*;

// As wide as the widest of any system: NetBSD's filters and flags have 32 bits, the others' 16.
#[allow(clippy::unnecessary_cast)]
mod constants {
    use super::abi;

    pub(crate) const EVFILT_READ: i32 = abi::EVFILT_READ as i32;
    pub(crate) const EVFILT_WRITE: i32 = abi::EVFILT_WRITE as i32;
    #[cfg(waker_kqueue)]
    pub(crate) const EVFILT_USER: i32 = abi::EVFILT_USER as i32;
    #[cfg(has_aio_events)]
    pub(crate) const EVFILT_AIO: i32 = abi::EVFILT_AIO as i32;
    #[cfg(has_lio_events)]
    pub(crate) const EVFILT_LIO: i32 = abi::EVFILT_LIO as i32;
    pub(crate) const EV_ADD: u32 = abi::EV_ADD as u32;
    pub(crate) const EV_DELETE: u32 = abi::EV_DELETE as u32;
    pub(crate) const EV_ENABLE: u32 = abi::EV_ENABLE as u32;
    pub(crate) const EV_DISABLE: u32 = abi::EV_DISABLE as u32;
    pub(crate) const EV_CLEAR: u32 = abi::EV_CLEAR as u32;
    pub(crate) const EV_EOF: u32 = abi::EV_EOF as u32;
    pub(crate) const EV_ERROR: u32 = abi::EV_ERROR as u32;
    #[cfg(waker_kqueue)]
    pub(crate) const NOTE_TRIGGER: u32 = abi::NOTE_TRIGGER;
}

/// OpenBSD before 6.6 refuses more than a day, and whoever gets up early asks again.
const LONGEST: u64 = 24 * 60 * 60;

/// One `struct kevent`: a change, its receipt, or an event.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Kevent(abi::kevent);

// SAFETY: numbers, and `udata`, which is one too: nobody follows it.
unsafe impl Send for Kevent {}
// SAFETY: as above.
unsafe impl Sync for Kevent {}

impl Kevent {
    /// Asks for `flags` to be done with the filter `filter` of `ident`.
    pub(crate) fn new(ident: usize, filter: i32, flags: u32, udata: usize) -> Kevent {
        // Some systems have more fields, to be left empty.
        // SAFETY: all zeroes is a valid kevent, which is made of numbers and one raw pointer.
        let mut raw: abi::kevent = unsafe { std::mem::zeroed() };
        raw.ident = ident;
        raw.filter = filter as _;
        raw.flags = flags as _;
        raw.udata = std::ptr::without_provenance_mut(udata);
        Kevent(raw)
    }

    /// The same with flags of the filter's own.
    #[cfg(any(test, waker_kqueue))]
    pub(crate) fn with_fflags(mut self, fflags: u32) -> Kevent {
        self.0.fflags = fflags;
        self
    }

    #[inline]
    pub(crate) fn ident(&self) -> usize {
        self.0.ident
    }

    #[inline]
    pub(crate) fn filter(&self) -> i32 {
        self.0.filter as i32
    }

    #[inline]
    #[allow(clippy::unnecessary_cast)] // On NetBSD it is one.
    pub(crate) fn flags(&self) -> u32 {
        self.0.flags as u32
    }

    #[inline]
    pub(crate) fn fflags(&self) -> u32 {
        self.0.fflags
    }

    #[inline]
    pub(crate) fn udata(&self) -> usize {
        self.0.udata.addr()
    }

    /// Of a receipt: the error, 0 if there was none. Of a change without a receipt: 0.
    pub(crate) fn errno(&self) -> i32 {
        if self.flags() & EV_ERROR == 0 {
            return 0;
        }
        // An errno is an int, whatever the field is on this system.
        self.0.data as i32
    }
}

impl fmt::Debug for Kevent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kevent")
            .field("ident", &self.ident())
            .field("filter", &self.filter())
            .field("flags", &format_args!("{:#x}", self.flags()))
            .field("fflags", &format_args!("{:#x}", self.fflags()))
            .field("udata", &self.udata())
            .finish_non_exhaustive()
    }
}

/// A queue's descriptor. A child process does not inherit it, kqueue(2): there the number is nobody's,
/// or another file's by now, and must not be closed.
#[derive(Debug)]
pub(crate) struct Queue {
    fd: ManuallyDrop<OwnedFd>,
    owner: u32,
}

impl Queue {
    /// `kqueue(2)`, close-on-exec. FreeBSD 14's `kqueuex` and NetBSD's `kqueue1` would give it the flag
    /// at birth, but the descriptor is not inherited by fork, so only an exec without one is in danger.
    pub(crate) fn new() -> io::Result<Queue> {
        let fd = call(Call::Kqueue, || {
            // SAFETY: takes no argument.
            unsafe { abi::kqueue() }
        })?;
        // SAFETY: the call succeeded, so `fd` is a new descriptor that nobody else owns.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        set_cloexec(fd.as_fd())?;
        Ok(Queue {
            fd: ManuallyDrop::new(fd),
            owner: std::process::id(),
        })
    }

    /// Whether this process is the one that made it.
    pub(crate) fn is_ours(&self) -> bool {
        self.owner == std::process::id()
    }

    /// Applies `changes` and puts a receipt in the place of each, see [`Kevent::errno`].
    ///
    /// There is always one receipt per change and room for exactly that many, so the call takes no
    /// event out of the queue. On NetBSD that is also why such a call never enters the scan for
    /// events, in which concurrent calls may miss some (Go issue 42515).
    pub(crate) fn change(&self, changes: &mut [Kevent]) -> io::Result<()> {
        for change in changes.iter_mut() {
            change.0.flags |= abi::EV_RECEIPT;
        }
        let list: *mut abi::kevent = changes.as_mut_ptr().cast();
        let at_once = timespec(Duration::ZERO);
        let result = call(Call::Kevent, || {
            let len = changes.len() as _;
            // SAFETY: `list` is `len` records to read, and to write: kevent(2) may be given one list
            // twice. `at_once` outlives the call.
            unsafe { abi::kevent(self.raw(), list, len, list, len, &raw const at_once) }
        });
        match result {
            // The signal came when all changes were applied, kevent(2).
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            result => result.map(|_| ()),
        }
    }

    /// Applies a single change.
    pub(crate) fn change_one(&self, change: Kevent) -> io::Result<()> {
        let mut change = [change];
        self.change(&mut change)?;
        match change[0].errno() {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }

    /// Appends at most `room` events to `records`, blocking for at most `timeout`.
    #[inline]
    pub(crate) fn wait(
        &self,
        records: &mut Vec<Kevent>,
        room: usize,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        records.reserve(room);
        let list: *mut abi::kevent = records.spare_capacity_mut().as_mut_ptr().cast();
        let timeout = timeout.map(timespec);
        let until = timeout
            .as_ref()
            .map_or(std::ptr::null(), std::ptr::from_ref);
        let count = call(Call::Kevent, || {
            let room = room.min(c_int::MAX as usize) as _;
            // SAFETY: there are no changes; `list` is memory for `room` records that nobody else uses;
            // `until` is null or outlives the call.
            unsafe { abi::kevent(self.raw(), std::ptr::null(), 0, list, room, until) }
        })?;
        let len = records.len() + count as usize;
        // SAFETY: the kernel has filled `count` records behind the old length, within the capacity.
        unsafe { records.set_len(len) };
        Ok(())
    }

    fn raw(&self) -> c_int {
        self.as_fd().as_raw_fd()
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if self.is_ours() {
            // SAFETY: this is the end of `self`, which nobody uses afterwards.
            unsafe { ManuallyDrop::drop(&mut self.fd) }
        }
    }
}

fn timespec(duration: Duration) -> libc::timespec {
    // SAFETY: all zeroes is a valid timespec, which is made of numbers (and padding, on some).
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    if duration.as_secs() >= LONGEST {
        time.tv_sec = LONGEST as _;
    } else {
        time.tv_sec = duration.as_secs() as _;
        // Under 10^9, so it fits whatever the type.
        time.tv_nsec = duration.subsec_nanos() as _;
    }
    time
}

#[cfg(all(test, not(ferrio_loom)))]
mod tests {
    use super::*;

    #[test]
    #[allow(
        clippy::useless_conversion,
        reason = "32-bit systems have smaller types"
    )]
    fn a_time_is_cut_to_what_every_kernel_takes() {
        let parts = |duration| {
            let time = timespec(duration);
            (i64::from(time.tv_sec), i64::from(time.tv_nsec))
        };
        assert_eq!(parts(Duration::ZERO), (0, 0));
        assert_eq!(parts(Duration::new(3, 999_999_999)), (3, 999_999_999));
        assert_eq!(parts(Duration::new(86_399, 1)), (86_399, 1));
        assert_eq!(parts(Duration::new(86_400, 1)), (86_400, 0));
        assert_eq!(parts(Duration::MAX), (86_400, 0));
    }

    #[test]
    fn only_a_receipt_has_an_errno() {
        let mut record = Kevent::new(1, EVFILT_READ, EV_ADD, 0);
        record.0.data = 5;
        assert_eq!(record.errno(), 0);
        record.0.flags |= EV_ERROR as u16;
        assert_eq!(record.errno(), 5);
    }

    #[test]
    fn a_queue_is_closed_on_exec() {
        let queue = Queue::new().unwrap();
        let (cloexec, _) = super::super::fd::birth_flags(queue.as_fd());
        assert!(cloexec);
    }

    #[test]
    fn another_processes_queue_is_left_alone() {
        let mut queue = Queue::new().unwrap();
        // As a child sees it: the number is in use, by something else.
        let number = queue.raw();
        queue.owner = 0;
        drop(queue);
        // SAFETY: the descriptor was not closed, and nobody owns it any more.
        let queue = unsafe { OwnedFd::from_raw_fd(number) };
        super::super::fd::check_open(number).unwrap();
        drop(queue);
    }

    /// The signal came when the changes had been applied; fault injection doesn't apply them.
    #[cfg(feature = "fault-injection")]
    #[test]
    fn an_interrupted_change_counts_as_made() {
        use crate::sys::unix::os::fault;

        let queue = Queue::new().unwrap();
        let mut change = [Kevent::new(0, EVFILT_READ, EV_DELETE, 0)];
        let interruption = fault::inject(Call::Kevent, libc::EINTR);
        queue.change(&mut change).unwrap();
        assert_eq!((interruption.hits(), change[0].errno()), (1, 0));
        drop(interruption);
        let failure = fault::inject(Call::Kevent, libc::ENOMEM);
        let error = queue.change(&mut change).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
        drop(failure);
        // And without a fault, what isn't there can't be deleted.
        queue.change(&mut change).unwrap();
        assert_eq!(change[0].errno(), libc::ENOENT);
    }
}
