//! The calls of epoll(7).

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
#[cfg(has_epoll_pwait2)]
use std::time::Duration;

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

/// `epoll_create1(2)`, close-on-exec. Android's libc has it since API level 21, the oldest that Rust
/// supports.
pub(crate) fn create() -> io::Result<OwnedFd> {
    let fd = call(Call::EpollCreate, || {
        // SAFETY: takes no pointer.
        unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }
    })?;
    // SAFETY: the call succeeded, so `fd` is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
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
pub(crate) fn wait(
    epoll: BorrowedFd<'_>,
    list: &mut Vec<Event>,
    room: usize,
    timeout: i32,
    decode: impl FnMut(u32, u64, usize) -> Event,
) -> io::Result<usize> {
    fill(list, room, decode, |records, room| {
        call(Call::EpollWait, || {
            // SAFETY: `records` points to memory for `room` records that nobody else uses.
            unsafe { epoll_wait(epoll.as_raw_fd(), records, room, timeout) }
        })
    })
}

/// The system call itself. The function of glibc and musl is a point where the thread can be
/// cancelled, and pays for that in programs with several threads: glibc 2.36 with two atomic
/// exchanges, some 25 ns of the 150 ns that an idle poll takes. Rust threads are not cancelled.
///
/// # Safety
///
/// As for libc's: `records` points to writable memory for `room` records.
#[cfg(all(has_sys_epoll_wait, not(miri)))]
#[inline]
unsafe fn epoll_wait(
    epoll: RawFd,
    records: *mut libc::epoll_event,
    room: i32,
    timeout: i32,
) -> i32 {
    // SAFETY: the caller's promise; the arguments are those of epoll_wait(2), in its order.
    unsafe { libc::syscall(libc::SYS_epoll_wait, epoll, records, room, timeout) as i32 }
}

#[cfg(not(all(has_sys_epoll_wait, not(miri))))]
use libc::epoll_wait;

/// `struct __kernel_timespec` of linux/time_types.h: 64 bits on every architecture.
#[cfg(has_epoll_pwait2)]
#[repr(C)]
struct KernelTimespec {
    seconds: i64,
    nanoseconds: i64,
}

/// `epoll_pwait2(2)`, Linux 5.11: a timeout in nanoseconds; see [`fill`]. The raw system call,
/// because glibc has a wrapper only since 2.35.
#[cfg(has_epoll_pwait2)]
pub(crate) fn pwait2(
    epoll: BorrowedFd<'_>,
    list: &mut Vec<Event>,
    room: usize,
    timeout: Duration,
    decode: impl FnMut(u32, u64, usize) -> Event,
) -> io::Result<usize> {
    let timeout = KernelTimespec {
        seconds: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        nanoseconds: i64::from(timeout.subsec_nanos()),
    };
    fill(list, room, decode, |records, room| {
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
        Ok(count as i32)
    })
}

/// Appends at most `room` events to `list` without letting it grow. `ask` is given memory for that
/// many records and returns how many it filled; `decode` turns a record's flags, data and index
/// within this batch into an event, and is called from the last record to the first.
#[inline(always)]
fn fill(
    list: &mut Vec<Event>,
    room: usize,
    mut decode: impl FnMut(u32, u64, usize) -> Event,
    ask: impl FnOnce(*mut libc::epoll_event, i32) -> io::Result<i32>,
) -> io::Result<usize> {
    let spare = list.spare_capacity_mut();
    let room = room.min(spare.len()).min(MAX_EVENTS);
    let events: *mut Event = spare.as_mut_ptr().cast();
    let records: *mut libc::epoll_event = events.cast();
    let count = ask(records, room as i32)? as usize;
    for index in (0..count).rev() {
        // SAFETY: `index` < `count` <= `room`, and a record is no larger than an event.
        let record = unsafe { records.add(index) };
        // SAFETY: the kernel has filled `count` records, and the events written so far begin at
        // or after the end of this one: (index + 1) events are at least as long as that many
        // records. On x86-64 records are packed, but reading whole ones needs no alignment there.
        let record = unsafe { record.read_unaligned() };
        // SAFETY: `index` < the length of the spare capacity.
        let event = unsafe { events.add(index) };
        // SAFETY: in bounds and aligned, as the spare capacity is made of events; the records
        // that it may overwrite were read already.
        unsafe { event.write(decode(record.events, record.u64, index)) };
    }
    let len = list.len() + count;
    // SAFETY: `count` events behind the old length were just initialised, within the capacity.
    unsafe { list.set_len(len) };
    Ok(count)
}
