//! libuv by its documented functions: a `uv_poll_t` for each descriptor, a `uv_async_t` for each waker, a `uv_timer_t`
//! for timeouts. It is level-triggered, its timers have whole milliseconds, and what is registered reaches the kernel
//! when the loop runs next; so the rows that time registrations alone leave it out.
//!
//! Who owns what: a loop and its handles are memory of ours, as large as libuv says, and stay where they are until libuv
//! has called back that a handle is closed. A handle's data is its [`Entry`], which points to the loop's list of events.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::io;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::time::Duration;

use super::bare::Bare;

type Raw = *mut c_void;

unsafe extern "C" {
    fn uv_version_string() -> *const c_char;
    fn uv_loop_size() -> usize;
    fn uv_handle_size(kind: c_int) -> usize;
    fn uv_loop_init(uv_loop: Raw) -> c_int;
    fn uv_loop_close(uv_loop: Raw) -> c_int;
    fn uv_run(uv_loop: Raw, mode: c_int) -> c_int;
    fn uv_update_time(uv_loop: Raw);
    fn uv_handle_get_data(handle: Raw) -> Raw;
    fn uv_handle_set_data(handle: Raw, data: Raw);
    fn uv_close(handle: Raw, done: extern "C" fn(Raw));
    fn uv_poll_init(uv_loop: Raw, handle: Raw, fd: c_int) -> c_int;
    fn uv_poll_start(handle: Raw, events: c_int, seen: extern "C" fn(Raw, c_int, c_int)) -> c_int;
    fn uv_async_init(uv_loop: Raw, handle: Raw, called: extern "C" fn(Raw)) -> c_int;
    fn uv_async_send(handle: Raw) -> c_int;
    fn uv_timer_init(uv_loop: Raw, handle: Raw) -> c_int;
    fn uv_timer_start(handle: Raw, rang: extern "C" fn(Raw), after_ms: u64, again_ms: u64)
    -> c_int;
    fn uv_timer_stop(handle: Raw) -> c_int;
}

// `uv_run_mode`, `uv_handle_type` and `uv_poll_event` of uv.h.
const RUN_DEFAULT: c_int = 0;
const RUN_ONCE: c_int = 1;
const RUN_NOWAIT: c_int = 2;
const ASYNC: c_int = 1;
const POLL: c_int = 8;
const TIMER: c_int = 13;
const READABLE: c_int = 1;
const WRITABLE: c_int = 2;
const DISCONNECT: c_int = 4;
const PRIORITIZED: c_int = 8;
/// Not libuv's: a callback that came with an error.
const FAILED: c_int = 1 << 16;

pub struct Libuv;

pub fn version() -> String {
    // SAFETY: takes nothing, and returns a string that is there for ever.
    let text = unsafe { uv_version_string() };
    // SAFETY: it ends with a zero.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_string_lossy().into_owned()
}

type Seen = Vec<(usize, c_int)>;

/// A handle's data.
struct Entry {
    token: usize,
    seen: NonNull<RefCell<Seen>>,
}

/// Memory that libuv fills, and that does not move.
struct Memory {
    start: NonNull<u8>,
    layout: Layout,
}

impl Memory {
    fn new(size: usize) -> Memory {
        // As aligned as malloc(3) has it.
        let layout = Layout::from_size_align(size.max(1), 16).expect("libuv's sizes are small");
        // SAFETY: the size is not zero.
        let start = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout));
        Memory { start, layout }
    }

    fn raw(&self) -> Raw {
        self.start.as_ptr().cast()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and libuv has no use for it any more.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}

/// A handle with its data; both wait for the callback of `uv_close`.
struct Handle {
    memory: Memory,
    entry: Box<Entry>,
}

pub struct Loop {
    memory: Memory,
    timer: Handle,
    /// By descriptor.
    polls: RefCell<Vec<Option<Handle>>>,
    wakers: RefCell<Vec<Handle>>,
    /// Filled by the callbacks.
    seen: NonNull<RefCell<Seen>>,
}

// SAFETY: a loop and its handles may be used from any thread, one at a time; the rows move it before they use it.
unsafe impl Send for Loop {}

pub struct Waker(Raw);

// SAFETY: uv_async_send is made to be called from other threads.
unsafe impl Send for Waker {}
// SAFETY: likewise, by several at once.
unsafe impl Sync for Waker {}

fn check(result: c_int) -> io::Result<()> {
    // libuv's errors are negated errnos on Unix.
    if result < 0 {
        return Err(io::Error::from_raw_os_error(-result));
    }
    Ok(())
}

/// Called by libuv with one of our handles.
fn push(handle: Raw, events: c_int) {
    // SAFETY: reads a field of a handle that is alive.
    let entry = unsafe { uv_handle_get_data(handle) }.cast::<Entry>();
    // SAFETY: the entry lives as long as its handle.
    let entry = unsafe { &*entry };
    // SAFETY: the list lives as long as the loop that runs.
    let seen = unsafe { entry.seen.as_ref() };
    seen.borrow_mut().push((entry.token, events));
}

extern "C" fn ready(handle: Raw, status: c_int, events: c_int) {
    push(handle, if status < 0 { FAILED } else { events });
}

extern "C" fn woken(handle: Raw) {
    push(handle, READABLE);
}

extern "C" fn rang(_timer: Raw) {}

/// Frees a handle that was closed alone.
extern "C" fn free(handle: Raw) {
    // SAFETY: reads a field of a handle that is still there.
    let closed = unsafe { uv_handle_get_data(handle) }.cast::<Handle>();
    // SAFETY: `remove` has put a box there and forgotten it.
    drop(unsafe { Box::from_raw(closed) });
}

extern "C" fn keep(_handle: Raw) {}

impl Handle {
    fn new(kind: c_int, token: usize, seen: NonNull<RefCell<Seen>>) -> Handle {
        // SAFETY: takes a number.
        let size = unsafe { uv_handle_size(kind) };
        Handle {
            memory: Memory::new(size),
            entry: Box::new(Entry { token, seen }),
        }
    }

    fn raw(&self) -> Raw {
        self.memory.raw()
    }

    /// After its `init`, which leaves the data alone.
    fn attach(&self) {
        let entry: *const Entry = &raw const *self.entry;
        // SAFETY: the handle is initialised, and the entry stays where it is.
        unsafe { uv_handle_set_data(self.raw(), entry.cast_mut().cast()) };
    }

    fn close(&self, done: extern "C" fn(Raw)) {
        // SAFETY: the handle is initialised and not closing.
        unsafe { uv_close(self.raw(), done) };
    }
}

impl Loop {
    fn run(&self, mode: c_int) {
        // SAFETY: the loop is initialised; the callbacks touch the list of events only.
        unsafe { uv_run(self.memory.raw(), mode) };
    }

    fn start(&self, handle: &Handle) -> io::Result<()> {
        // SAFETY: the handle is initialised as one of a descriptor.
        check(unsafe { uv_poll_start(handle.raw(), READABLE | DISCONNECT, ready) })
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let polls = self.polls.get_mut().drain(..).flatten();
        let handles: Vec<Handle> = polls.chain(self.wakers.get_mut().drain(..)).collect();
        handles.iter().for_each(|handle| handle.close(keep));
        self.timer.close(keep);
        self.run(RUN_DEFAULT);
        // SAFETY: nothing is left in it.
        let closed = unsafe { uv_loop_close(self.memory.raw()) };
        assert_eq!(closed, 0, "libuv says that its loop is busy");
        // SAFETY: made by Box::into_raw, and no handle is left that points to it.
        drop(unsafe { Box::from_raw(self.seen.as_ptr()) });
    }
}

impl Bare for Libuv {
    type Poll = Loop;
    type Events = Seen;
    type Waker = Waker;

    fn poll() -> io::Result<Loop> {
        // SAFETY: takes nothing.
        let size = unsafe { uv_loop_size() };
        let memory = Memory::new(size);
        // SAFETY: the memory is as large as libuv wants it.
        check(unsafe { uv_loop_init(memory.raw()) })?;
        let seen = NonNull::from(Box::leak(Box::new(RefCell::new(Vec::new()))));
        let timer = Handle::new(TIMER, 0, seen);
        // SAFETY: the loop is initialised, the memory a timer's.
        check(unsafe { uv_timer_init(memory.raw(), timer.raw()) })?;
        Ok(Loop {
            memory,
            timer,
            polls: RefCell::default(),
            wakers: RefCell::default(),
            seen,
        })
    }

    fn events(capacity: usize) -> Seen {
        Vec::with_capacity(capacity)
    }

    fn waker(poll: &Loop, token: usize) -> io::Result<Waker> {
        let handle = Handle::new(ASYNC, token, poll.seen);
        // SAFETY: the loop is initialised, the memory that of such a handle.
        check(unsafe { uv_async_init(poll.memory.raw(), handle.raw(), woken) })?;
        handle.attach();
        let waker = Waker(handle.raw());
        poll.wakers.borrow_mut().push(handle);
        Ok(waker)
    }

    #[inline(always)]
    fn wake(waker: &Waker) -> io::Result<()> {
        // SAFETY: the rows don't wake a poll that is gone.
        check(unsafe { uv_async_send(waker.0) })
    }

    fn add(poll: &Loop, fd: RawFd, token: usize) -> io::Result<()> {
        let handle = Handle::new(POLL, token, poll.seen);
        // SAFETY: the loop is initialised, the memory that of such a handle.
        check(unsafe { uv_poll_init(poll.memory.raw(), handle.raw(), fd) })?;
        handle.attach();
        poll.start(&handle)?;
        let place = usize::try_from(fd).map_err(io::Error::other)?;
        let mut polls = poll.polls.borrow_mut();
        if polls.len() <= place {
            polls.resize_with(place + 1, || None);
        }
        polls[place] = Some(handle);
        Ok(())
    }

    /// Another token: libuv's own answer to that is that the data is the program's.
    fn modify(poll: &Loop, fd: RawFd, token: usize) -> io::Result<()> {
        let mut polls = poll.polls.borrow_mut();
        let handle = polls.get_mut(fd as usize).and_then(Option::as_mut);
        let handle = handle.ok_or(io::ErrorKind::NotFound)?;
        handle.entry.token = token;
        poll.start(handle)
    }

    fn remove(poll: &Loop, fd: RawFd) -> io::Result<()> {
        let mut polls = poll.polls.borrow_mut();
        let handle = polls.get_mut(fd as usize).and_then(Option::take);
        let handle = Box::new(handle.ok_or(io::ErrorKind::NotFound)?);
        let raw = handle.raw();
        // SAFETY: the handle is initialised; `free` takes the box from there, and uv_close lets no other callback come.
        unsafe { uv_handle_set_data(raw, Box::into_raw(handle).cast()) };
        // SAFETY: the handle is initialised and not closing.
        unsafe { uv_close(raw, free) };
        Ok(())
    }

    #[inline(always)]
    fn wait(poll: &mut Loop, events: &mut Seen, timeout: Option<Duration>) -> io::Result<()> {
        match timeout {
            None => poll.run(RUN_ONCE),
            Some(Duration::ZERO) => poll.run(RUN_NOWAIT),
            Some(timeout) => {
                let milliseconds = timeout.as_nanos().div_ceil(1_000_000) as u64;
                // SAFETY: the loop is initialised. Without this the timer would count from when it last ran.
                unsafe { uv_update_time(poll.memory.raw()) };
                // Again and again: should the thread lose its CPU here until the time is over, libuv runs the timer before
                // it looks for events, and without one that is yet to ring it would wait for ever.
                // SAFETY: the timer is initialised.
                let started =
                    unsafe { uv_timer_start(poll.timer.raw(), rang, milliseconds, milliseconds) };
                check(started)?;
                poll.run(RUN_ONCE);
                // SAFETY: the timer is initialised.
                check(unsafe { uv_timer_stop(poll.timer.raw()) })?;
            }
        }
        // SAFETY: the list lives as long as the loop, and no callback runs now.
        let seen = unsafe { poll.seen.as_ref() };
        events.clear();
        std::mem::swap(events, &mut seen.borrow_mut());
        Ok(())
    }

    #[inline(always)]
    fn each(events: &Seen, mut visit: impl FnMut(usize, [bool; 6])) {
        for &(token, bits) in events {
            let has = |mask: c_int| bits & mask != 0;
            visit(
                token,
                [
                    has(READABLE | DISCONNECT),
                    has(WRITABLE),
                    has(DISCONNECT),
                    false,
                    has(PRIORITIZED),
                    has(FAILED),
                ],
            );
        }
    }
}
