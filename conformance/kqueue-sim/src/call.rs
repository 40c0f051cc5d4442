//! kevent(2) itself: the changes, then the wait.

use std::ffi::c_int;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::abi::*;
use crate::os::{self, Errno, SignalsBlocked};
use crate::queue::Queue;
use crate::table;

/// How long a blocked call goes without a look at what epoll doesn't wake it for.
const TICK: Duration = Duration::from_millis(5);

pub fn kevent(
    kq: RawFd,
    changes: &Changes,
    answers: &mut Answers,
    timeout: Option<&libc::timespec>,
    blocked: &SignalsBlocked,
) -> Result<c_int, Errno> {
    let queue = table::find(kq)?;
    let go_on = apply(&queue, kq, changes, answers)?;
    if go_on && answers.filled() == 0 && answers.room() > 0 {
        let deadline = deadline(timeout)?;
        wait(&queue, kq, answers, deadline, blocked)?;
    }
    Ok(c_int::try_from(answers.filled()).unwrap_or(c_int::MAX))
}

/// False if the call ends here: a receipt that there is no room for.
///
/// An error that there is no room for ends the call and is its errno; what came before it stays.
fn apply(
    queue: &Queue,
    kq: RawFd,
    changes: &Changes,
    answers: &mut Answers,
) -> Result<bool, Errno> {
    if changes.len() == 0 {
        return Ok(true);
    }
    let mut work = queue.lock(kq);
    for index in 0..changes.len() {
        let mut change = changes.get(index);
        change.flags &= !EV_SYSFLAGS;
        let result = work.apply(&change);
        let errno = result.err().unwrap_or(0);
        if errno == 0 && change.flags & EV_RECEIPT == 0 {
            continue;
        }
        if answers.is_full() {
            return if errno == 0 { Ok(false) } else { Err(errno) };
        }
        answers.push(Kevent {
            flags: EV_ERROR,
            data: errno as isize,
            ..change
        });
    }
    Ok(true)
}

/// When to give up; none means never.
fn deadline(timeout: Option<&libc::timespec>) -> Result<Option<Instant>, Errno> {
    let Some(timeout) = timeout else {
        return Ok(None);
    };
    let seconds = u64::try_from(timeout.tv_sec).map_err(|_| libc::EINVAL)?;
    let nanoseconds = u32::try_from(timeout.tv_nsec).map_err(|_| libc::EINVAL)?;
    if nanoseconds >= 1_000_000_000 {
        return Err(libc::EINVAL);
    }
    Ok(Instant::now().checked_add(Duration::new(seconds, nanoseconds)))
}

fn wait(
    queue: &Arc<Queue>,
    kq: RawFd,
    answers: &mut Answers,
    deadline: Option<Instant>,
    blocked: &SignalsBlocked,
) -> Result<(), Errno> {
    loop {
        let restless = {
            let mut work = queue.lock(kq);
            work.harvest();
            work.collect(answers);
            work.may_change_unseen()
        };
        if answers.filled() > 0 {
            return Ok(());
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(());
        }
        let nap = if restless {
            Some(left.map_or(TICK, |left| left.min(TICK)))
        } else {
            left
        };
        os::wait(kq, nap, blocked)?;
        // A BSD's close() waits for this call to return. Here the descriptor is gone, or another.
        if !table::find(kq).is_ok_and(|now| Arc::ptr_eq(&now, queue)) {
            return Err(libc::EBADF);
        }
    }
}
