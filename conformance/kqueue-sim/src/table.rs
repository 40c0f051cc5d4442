//! Which descriptor is which queue.
//!
//! Numbers say nothing: the program may duplicate a queue's descriptor, close it, and open something
//! else under its number, all without a word to this library. The file behind the number tells: each
//! queue's bell is in its own outer epoll and in no other, so epoll_ctl(2) on the number in question
//! answers whether that is the queue.

use std::ffi::c_int;
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::os::{self, Errno};
use crate::queue::{BELL, Queue};

/// The queues of one process.
///
/// kqueue(2): a queue is not inherited by a child. A child that forked therefore gets a table of its
/// own, and leaves its parent's alone: another thread may have held the lock when it forked.
struct Table {
    process: u32,
    queues: Mutex<Vec<Arc<Queue>>>,
}

static TABLE: AtomicPtr<Table> = AtomicPtr::new(ptr::null_mut());

fn table() -> &'static Table {
    let process = std::process::id();
    let current = TABLE.load(Ordering::Acquire);
    // SAFETY: null, or a table that is never freed.
    if let Some(table) = unsafe { current.as_ref() } {
        if table.process == process {
            return table;
        }
    }
    let made = Box::into_raw(Box::new(Table {
        process,
        queues: Mutex::new(Vec::new()),
    }));
    let won = match TABLE.compare_exchange(current, made, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => made,
        Err(other) => {
            // SAFETY: made above, and nobody else has seen it.
            drop(unsafe { Box::from_raw(made) });
            other
        }
    };
    // SAFETY: a table that is never freed.
    unsafe { &*won }
}

fn queues() -> MutexGuard<'static, Vec<Arc<Queue>>> {
    let queues = &table().queues;
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether `fd` is this queue. An error if it can't be any queue.
fn is_same(fd: RawFd, queue: &Queue) -> Result<bool, Errno> {
    let bell = queue.bell.as_raw_fd();
    match os::epoll_ctl(fd, libc::EPOLL_CTL_MOD, bell, libc::EPOLLIN, BELL) {
        Ok(()) => Ok(true),
        Err(libc::ENOENT) => Ok(false),
        // Closed, or something else than an epoll.
        Err(_) => Err(libc::EBADF),
    }
}

/// The queue behind a descriptor.
pub fn find(fd: RawFd) -> Result<Arc<Queue>, Errno> {
    let queues = queues();
    // Most descriptors are what they were the last time.
    let by_number = |queue: &&Arc<Queue>| queue.number.load(Ordering::Relaxed) == fd;
    let likely = queues.iter().filter(by_number);
    for queue in likely.chain(queues.iter()) {
        if is_same(fd, queue)? {
            queue.number.store(fd, Ordering::Relaxed);
            return Ok(Arc::clone(queue));
        }
    }
    Err(libc::EBADF)
}

pub fn create() -> Result<c_int, Errno> {
    let mut queues = queues();
    sweep(&mut queues);
    let outer = os::epoll_create(0)?;
    let queue = Queue::new(outer.as_raw_fd())?;
    let fd = outer.into_raw_fd();
    queue.number.store(fd, Ordering::Relaxed);
    queues.push(Arc::new(queue));
    Ok(fd)
}

/// Forgets the queues that the program has closed: their inner descriptors are what remains of them.
fn sweep(queues: &mut Vec<Arc<Queue>>) {
    let at_its_number = |queue: &Queue| {
        let number = queue.number.load(Ordering::Relaxed);
        is_same(number, queue) == Ok(true)
    };
    queues.retain(|queue| {
        let in_use = Arc::strong_count(queue) > 1;
        in_use || at_its_number(queue) || has_a_duplicate(queue)
    });
}

/// Whether a queue lives on under a number that this library has not met yet.
///
/// The list of numbers is old by the time it is used. A queue that another thread moves meanwhile, by
/// dup(2) and close(2), is in the next one; it would have to be moved each time to be missed.
fn has_a_duplicate(queue: &Queue) -> bool {
    (0..3).any(|_| {
        // Without a list nobody knows.
        os::epolls().is_none_or(|epolls| epolls.iter().any(|&fd| is_same(fd, queue) == Ok(true)))
    })
}

/// Where a queue was last seen.
pub type Number = AtomicI32;
