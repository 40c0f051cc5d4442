//! libevent by its documented functions: an edge-triggered event for each descriptor, one that is activated for each
//! waker. Wakes from other threads take locks, which every base here has, as a program with wakers would; its timers are
//! the precise ones.
//!
//! Who owns what: a base and its events are libevent's memory, freed by us; an event's argument is its [`Entry`], which
//! points to the list that the callbacks fill.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_short, c_void};
use std::io;
use std::os::fd::RawFd;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::ManyThreaded;
use super::bare::Bare;

type Raw = *mut c_void;
type Callback = extern "C" fn(c_int, c_short, Raw);

unsafe extern "C" {
    fn event_get_version() -> *const c_char;
    fn evthread_use_pthreads() -> c_int;
    fn event_config_new() -> Raw;
    fn event_config_free(config: Raw);
    fn event_config_set_flag(config: Raw, flag: c_int) -> c_int;
    fn event_base_new_with_config(config: Raw) -> Raw;
    fn event_base_free(base: Raw);
    fn event_base_loop(base: Raw, flags: c_int) -> c_int;
    fn event_new(base: Raw, fd: c_int, what: c_short, called: Callback, argument: Raw) -> Raw;
    fn event_free(event: Raw);
    fn event_add(event: Raw, timeout: *const libc::timeval) -> c_int;
    fn event_del(event: Raw) -> c_int;
    fn event_active(event: Raw, what: c_int, calls: c_short);
}

// Of event2/event.h.
const PRECISE_TIMER: c_int = 0x20;
const ONCE: c_int = 0x01;
const NONBLOCK: c_int = 0x02;
const NO_EXIT_ON_EMPTY: c_int = 0x04;
const READ: c_short = 0x02;
const WRITE: c_short = 0x04;
const PERSIST: c_short = 0x10;
const EDGE: c_short = 0x20;
const CLOSED: c_short = 0x80;

pub struct Libevent;

pub fn version() -> String {
    // SAFETY: takes nothing, and returns a string that is there for ever.
    let text = unsafe { event_get_version() };
    // SAFETY: it ends with a zero.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_string_lossy().into_owned()
}

type Seen = Vec<(usize, c_short)>;

/// An event's argument.
struct Entry {
    token: usize,
    seen: NonNull<RefCell<Seen>>,
}

struct Watched {
    event: Raw,
    entry: Box<Entry>,
}

impl Watched {
    /// Made, and not added yet.
    fn new(base: &Handle, fd: c_int, what: c_short, token: usize) -> io::Result<Watched> {
        let entry = Box::new(Entry {
            token,
            seen: base.seen,
        });
        let argument: *const Entry = &raw const *entry;
        // SAFETY: the base is alive, and the entry stays where it is until the event is freed.
        let event = unsafe { event_new(base.base, fd, what, called, argument.cast_mut().cast()) };
        if event.is_null() {
            return Err(io::Error::other("libevent makes no event"));
        }
        Ok(Watched { event, entry })
    }

    fn add(&self, timeout: *const libc::timeval) -> io::Result<()> {
        // SAFETY: the event is alive; the timeout is null or points to one.
        check(unsafe { event_add(self.event, timeout) })
    }

    fn remove(&self) -> io::Result<()> {
        // SAFETY: the event is alive.
        check(unsafe { event_del(self.event) })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // SAFETY: made by event_new and freed once; that deletes it, too.
        unsafe { event_free(self.event) };
    }
}

/// The base, with what the callbacks fill. Shared by the poll and by threads that register.
pub struct Handle {
    base: Raw,
    seen: NonNull<RefCell<Seen>>,
    /// By descriptor.
    watched: Mutex<Vec<Option<Watched>>>,
    timer: OnceLock<Watched>,
    wakers: Mutex<Vec<Watched>>,
}

// SAFETY: a base with locks may be used from several threads; the list of events is touched only by the one that polls.
unsafe impl Send for Handle {}
// SAFETY: likewise.
unsafe impl Sync for Handle {}

/// A poll, and what other threads register with.
pub type Base = Arc<Handle>;

pub struct Waker(Raw);

// SAFETY: event_active may be called from any thread, as the base has locks.
unsafe impl Send for Waker {}
// SAFETY: likewise.
unsafe impl Sync for Waker {}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

extern "C" fn called(_fd: c_int, what: c_short, argument: Raw) {
    // SAFETY: the entry lives as long as its event.
    let entry = unsafe { &*argument.cast::<Entry>() };
    // SAFETY: the list lives as long as the base that runs, and only its thread is here.
    let seen = unsafe { entry.seen.as_ref() };
    seen.borrow_mut().push((entry.token, what));
}

/// For timeouts: its return is all that matters.
const NO_TOKEN: usize = usize::MAX;

impl Handle {
    fn new() -> io::Result<Handle> {
        static LOCKS: OnceLock<c_int> = OnceLock::new();
        // SAFETY: takes nothing; it is called before the first base is made.
        check(*LOCKS.get_or_init(|| unsafe { evthread_use_pthreads() }))?;
        // SAFETY: takes nothing.
        let config = unsafe { event_config_new() };
        // SAFETY: the configuration is new.
        check(unsafe { event_config_set_flag(config, PRECISE_TIMER) })?;
        // SAFETY: it is only read.
        let base = unsafe { event_base_new_with_config(config) };
        // SAFETY: the base does not refer to it.
        unsafe { event_config_free(config) };
        if base.is_null() {
            return Err(io::Error::other("libevent makes no base"));
        }
        Ok(Handle {
            base,
            seen: NonNull::from(Box::leak(Box::new(RefCell::new(Vec::new())))),
            watched: Mutex::default(),
            timer: OnceLock::new(),
            wakers: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<Watched>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, flags: c_int) -> io::Result<()> {
        // SAFETY: the base is alive; the callbacks touch the list of events only.
        check(unsafe { event_base_loop(self.base, flags | NO_EXIT_ON_EMPTY) })
    }

    fn run_for(&self, timeout: Duration) -> io::Result<()> {
        let timer = match self.timer.get() {
            Some(timer) => timer,
            None => {
                let timer = Watched::new(self, -1, 0, NO_TOKEN)?;
                self.timer.get_or_init(|| timer)
            }
        };
        let timeout = libc::timeval {
            tv_sec: timeout.as_secs() as libc::time_t,
            tv_usec: timeout.as_nanos().div_ceil(1000) as libc::suseconds_t % 1_000_000,
        };
        timer.add(&raw const timeout)?;
        self.run(ONCE)?;
        timer.remove()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Events before their base.
        self.watched
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.wakers
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        drop(self.timer.take());
        // SAFETY: freed once, and nothing is left in it.
        unsafe { event_base_free(self.base) };
        // SAFETY: made by Box::leak, and no event is left that points to it.
        drop(unsafe { Box::from_raw(self.seen.as_ptr()) });
    }
}

impl Bare for Libevent {
    type Poll = Base;
    type Events = Seen;
    type Waker = Waker;

    fn poll() -> io::Result<Base> {
        Ok(Base::new(Handle::new()?))
    }

    fn events(capacity: usize) -> Seen {
        Vec::with_capacity(capacity)
    }

    fn waker(poll: &Base, token: usize) -> io::Result<Waker> {
        let watched = Watched::new(poll, -1, PERSIST, token)?;
        let waker = Waker(watched.event);
        let wakers = poll.wakers.lock();
        wakers.unwrap_or_else(PoisonError::into_inner).push(watched);
        Ok(waker)
    }

    #[inline(always)]
    fn wake(waker: &Waker) -> io::Result<()> {
        // SAFETY: the rows don't wake a poll that is gone.
        unsafe { event_active(waker.0, READ.into(), 0) };
        Ok(())
    }

    fn add(poll: &Base, fd: RawFd, token: usize) -> io::Result<()> {
        let watched = Watched::new(poll, fd, READ | PERSIST | EDGE, token)?;
        watched.add(ptr::null())?;
        let place = usize::try_from(fd).map_err(io::Error::other)?;
        let mut all = poll.lock();
        if all.len() <= place {
            all.resize_with(place + 1, || None);
        }
        all[place] = Some(watched);
        Ok(())
    }

    /// Deleted and added again, which is libevent's way to change an event.
    fn modify(poll: &Base, fd: RawFd, token: usize) -> io::Result<()> {
        let mut all = poll.lock();
        let watched = all.get_mut(fd as usize).and_then(Option::as_mut);
        let watched = watched.ok_or(io::ErrorKind::NotFound)?;
        watched.remove()?;
        watched.entry.token = token;
        watched.add(ptr::null())
    }

    fn remove(poll: &Base, fd: RawFd) -> io::Result<()> {
        let mut all = poll.lock();
        let watched = all.get_mut(fd as usize).and_then(Option::take);
        let watched = watched.ok_or(io::ErrorKind::NotFound)?;
        drop(all);
        watched.remove()
    }

    #[inline(always)]
    fn wait(poll: &mut Base, events: &mut Seen, timeout: Option<Duration>) -> io::Result<()> {
        match timeout {
            None => poll.run(ONCE)?,
            Some(Duration::ZERO) => poll.run(NONBLOCK)?,
            Some(timeout) => poll.run_for(timeout)?,
        }
        // SAFETY: the list lives as long as the base, and no callback runs now: this thread polls.
        let seen = unsafe { poll.seen.as_ref() };
        events.clear();
        std::mem::swap(events, &mut seen.borrow_mut());
        Ok(())
    }

    #[inline(always)]
    fn each(events: &Seen, mut visit: impl FnMut(usize, [bool; 6])) {
        for &(token, what) in events {
            if token == NO_TOKEN {
                continue;
            }
            let has = |mask: c_short| what & mask != 0;
            visit(
                token,
                [has(READ), has(WRITE), has(CLOSED), false, false, false],
            );
        }
    }
}

impl ManyThreaded for Libevent {
    type Registry = Base;

    fn registry(poll: &Base) -> io::Result<Base> {
        Ok(Base::clone(poll))
    }

    fn register_through(registry: &Base, fd: RawFd, token: usize) -> io::Result<()> {
        Libevent::add(registry, fd, token)
    }

    fn reregister_through(registry: &Base, fd: RawFd, token: usize) -> io::Result<()> {
        Libevent::modify(registry, fd, token)
    }

    fn deregister_through(registry: &Base, fd: RawFd) -> io::Result<()> {
        Libevent::remove(registry, fd)
    }
}
