//! The calls of epoll(7).

#![allow(unsafe_code)]

mod way;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
#[cfg(has_epoll_pwait2)]
use std::time::Duration;

use self::way::Count;
pub(crate) use self::way::Way;
use super::fd::set_cloexec;
use super::refusal::Refusal;
use super::{Call, call};
use crate::event::Event;

pub(crate) use libc::{
    EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT,
    EPOLLPRI, EPOLLRDHUP, EPOLLRDNORM,
};

// `wait` relies on this to let the kernel write records where events will be.
const _: () = assert!(size_of::<libc::epoll_event>() <= size_of::<Event>());
const _: () = assert!(align_of::<libc::epoll_event>() <= align_of::<Event>());

/// The kernel's bound on the number of records, EP_MAX_EVENTS in fs/eventpoll.c: their size has to
/// fit in an `int`.
const MAX_EVENTS: usize = i32::MAX as usize / size_of::<libc::epoll_event>();

/// A new set, close-on-exec: by `epoll_create1(2)`, or where that is refused by `epoll_create(2)`.
pub(crate) fn create() -> io::Result<OwnedFd> {
    CREATE1.or(&mut (), |()| create1(), |()| create_then_flag())
}

static CREATE1: Refusal = Refusal::new();

/// Forgets that `epoll_create1(2)` was refused, so that tests can make it happen again.
#[cfg(feature = "fault-injection")]
pub(crate) fn forget_fallbacks() {
    CREATE1.forget();
}

/// Android's libc has it since API level 21, the oldest that Rust supports.
fn create1() -> io::Result<OwnedFd> {
    let fd = call(Call::EpollCreate1, || {
        // SAFETY: takes no pointer.
        unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }
    })?;
    // SAFETY: the call succeeded, so `fd` is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Close-on-exec right after it. Processors to which Linux came late have no such call, and their libc
/// makes the other one, which is refused again.
fn create_then_flag() -> io::Result<OwnedFd> {
    // The size is ignored, and must not be 0: epoll_create(2).
    let fd = call(Call::EpollCreate, || {
        // SAFETY: takes no pointer.
        unsafe { libc::epoll_create(1) }
    })?;
    // SAFETY: the call succeeded, so `fd` is a new descriptor that nobody else owns.
    let set = unsafe { OwnedFd::from_raw_fd(fd) };
    set_cloexec(set.as_fd())?;
    Ok(set)
}

/// `epoll_ctl(2)`: adds (`EPOLL_CTL_ADD`), changes (`_MOD`) or deletes (`_DEL`) `fd`.
#[inline]
pub(crate) fn ctl(
    epoll: BorrowedFd<'_>,
    operation: i32,
    fd: RawFd,
    events: i32,
    data: u64,
) -> io::Result<()> {
    // Zeroed first: except on x86-64 the record has padding, which the kernel reads along, and memory
    // checkers object to bytes that nobody has written.
    // SAFETY: all zeroes is a valid epoll_event, which is made of numbers.
    let mut event: libc::epoll_event = unsafe { std::mem::zeroed() };
    // EPOLLET is the sign bit: the flags are a bit mask in an `int` in libc's constants.
    event.events = events as u32;
    event.u64 = data;
    call(Call::EpollCtl, || {
        // SAFETY: `event` is a valid, initialised record that outlives the call; `fd` may be any
        // number, the kernel answers EBADF for a bad one.
        unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd, &mut event) }
    })?;
    Ok(())
}

/// `epoll_wait(2)` with a timeout in milliseconds, -1 for ever; see [`fill`].
#[inline(always)]
pub(crate) fn wait<R: Default>(
    epoll: BorrowedFd<'_>,
    way: Way,
    list: &mut Vec<Event>,
    room: usize,
    timeout: i32,
    take: impl FnOnce(Records<'_>) -> R,
) -> io::Result<R> {
    fill(list, room, take, |records, room| {
        call(Call::EpollWait, || {
            // SAFETY: `records` points to memory for `room` records that nobody else uses.
            unsafe { way.epoll_wait(epoll.as_raw_fd(), records, room, timeout) }
        })
    })
}

/// `struct __kernel_timespec` of linux/time_types.h: 64 bits on every architecture.
#[cfg(has_epoll_pwait2)]
#[repr(C)]
struct KernelTimespec {
    seconds: i64,
    nanoseconds: i64,
}

/// `epoll_pwait2(2)`, Linux 5.11: a timeout in nanoseconds; see [`fill`]. The raw system call,
/// because glibc has a wrapper only since 2.35; ENOSYS where that would pass by somebody who stands in
/// front of libc, for whom there is [`wait`].
#[cfg(has_epoll_pwait2)]
pub(crate) fn pwait2<R: Default>(
    epoll: BorrowedFd<'_>,
    list: &mut Vec<Event>,
    room: usize,
    timeout: Duration,
    take: impl FnOnce(Records<'_>) -> R,
) -> io::Result<R> {
    if !way::passes_libc() {
        return Err(io::Error::from_raw_os_error(libc::ENOSYS));
    }
    let timeout = KernelTimespec {
        seconds: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        nanoseconds: i64::from(timeout.subsec_nanos()),
    };
    fill(list, room, take, |records, room| {
        let count = call(Call::EpollPwait2, || {
            let no_mask = std::ptr::null::<libc::sigset_t>();
            // SAFETY: `records` points to memory for `room` records that nobody else uses,
            // `timeout` outlives the call, and without a mask its size is not looked at.
            unsafe {
                libc::syscall(
                    libc::SYS_epoll_pwait2,
                    epoll.as_raw_fd(),
                    records,
                    room,
                    &raw const timeout,
                    no_mask,
                    0usize,
                ) as isize
            }
        })?;
        Ok(Count(count))
    })
}

/// Asks for at most `room` records, which go where the list's next events will be. `ask` is given
/// that memory and returns how many it filled; if there are any, `take` makes something of them.
#[inline(always)]
fn fill<R: Default>(
    list: &mut Vec<Event>,
    room: usize,
    take: impl FnOnce(Records<'_>) -> R,
    ask: impl FnOnce(*mut libc::epoll_event, i32) -> io::Result<Count>,
) -> io::Result<R> {
    let spare = list.spare_capacity_mut();
    let room = room.min(spare.len()).min(MAX_EVENTS);
    let Count(count) = ask(spare.as_mut_ptr().cast(), room as i32)?;
    if count == 0 {
        return Ok(R::default());
    }
    Ok(take(Records {
        list,
        count: count as usize,
    }))
}

/// What the kernel has written into the spare memory of a list.
pub(crate) struct Records<'a> {
    list: &'a mut Vec<Event>,
    /// That many, one after the other.
    count: usize,
}

impl<'a> Records<'a> {
    /// Appends an event for each record, and returns how many that is. `decode` turns a record's
    /// flags and data into an event, and is called from the last record to the first.
    #[inline(always)]
    pub(crate) fn into_events(
        self,
        mut decode: impl FnMut(u32, u64) -> Event,
    ) -> (&'a mut Vec<Event>, usize) {
        let events: *mut Event = self.list.spare_capacity_mut().as_mut_ptr().cast();
        let records: *mut libc::epoll_event = events.cast();
        for index in (0..self.count).rev() {
            // SAFETY: `index` < `count` <= the length of the spare capacity, and a record is no
            // larger than an event.
            let record = unsafe { records.add(index) };
            // SAFETY: the kernel has filled `count` records, and the events written so far begin at
            // or after the end of this one: (index + 1) events are at least as long as that many
            // records. On x86-64 records are packed, but reading whole ones needs no alignment there.
            let record = unsafe { record.read_unaligned() };
            // SAFETY: `index` < the length of the spare capacity.
            let event = unsafe { events.add(index) };
            // SAFETY: in bounds and aligned, as the spare capacity is made of events; the records
            // that it may overwrite were read already.
            unsafe { event.write(decode(record.events, record.u64)) };
        }
        let len = self.list.len() + self.count;
        // SAFETY: `count` events behind the old length were just initialised, within the capacity.
        unsafe { self.list.set_len(len) };
        (self.list, self.count)
    }
}

// The bound is Linux's.
#[cfg(all(test, has_epoll_pwait2, not(any(ferrio_loom, miri))))]
mod tests {
    use std::ptr::NonNull;

    use super::*;

    #[test]
    fn the_kernel_takes_no_more_records_than_we_ask_for_at_most() {
        let set = create().unwrap();
        let is_too_many = |room: usize| {
            let room = i32::try_from(room).expect("an int");
            let nowhere = NonNull::<libc::epoll_event>::dangling().as_ptr();
            // SAFETY: nothing is in the set, so that no record is written.
            let count = unsafe { libc::epoll_wait(set.as_raw_fd(), nowhere, room, 0) };
            count == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL)
        };
        assert!(!is_too_many(MAX_EVENTS) && is_too_many(MAX_EVENTS + 1));
    }
}
