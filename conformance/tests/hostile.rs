//! Contract row 28: no panic from user input or the kernel's answers, and no lock held across a
//! user's callback.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrio::event::Source;
use ferrio::fault::{self, Call};
use ferrio::{Events, Interest, Registry, Token, Waker};
use ferrio_conformance::{Backend, conformance, in_thread, pairs, samples};

conformance! { hostile {
    a_source_that_fails_passes_its_error_on,
    a_source_that_panics_leaves_the_registry_working needs CaughtPanics,
    a_panic_in_try_io_leaves_the_source_working needs CaughtPanics,
    a_source_that_registers_others_while_registering,
    a_logger_may_use_the_library,
    wake_at_the_end_of_a_thread needs Threads,
    waker_dropped_while_unwinding needs CaughtPanics,
    every_error_of_every_call_is_an_error_not_a_panic,
    huge_buffers_work,
    capacity_beyond_the_kernels_limit_works,
    any_timeout_with_any_state,
    operations_in_a_senseless_order,
    #[cfg(unix)]
    shared_sources_of_many_polls,
} }

/// A user's source that does what it is told.
struct Callback<F>(F);

impl<F: FnMut(&Registry) -> io::Result<()>> Source for Callback<F> {
    fn register(&mut self, registry: &Registry, _: Token, _: Interest) -> io::Result<()> {
        (self.0)(registry)
    }

    fn reregister(&mut self, registry: &Registry, _: Token, _: Interest) -> io::Result<()> {
        (self.0)(registry)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        (self.0)(registry)
    }
}

fn works(b: &Backend, driver: &mut ferrio_conformance::Driver) {
    let waker = driver.waker(900);
    waker.wake().expect("wake");
    driver.expect_readable(900);
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 901, Interest::READABLE);
    peer.write_all(b"x").expect("write");
    driver.expect_readable(901);
    driver.remove(&mut stream);
    assert_eq!(driver.poll.selector(), b.selector);
}

fn a_source_that_fails_passes_its_error_on(b: &Backend) {
    let mut driver = b.driver();
    let mut source = Callback(|_: &Registry| Err(io::Error::other("not today")));
    for _ in 0..2 {
        let registry = driver.registry();
        let errors = [
            registry.register(&mut source, Token(1), Interest::READABLE),
            registry.reregister(&mut source, Token(1), Interest::READABLE),
            registry.deregister(&mut source),
        ];
        for error in errors {
            assert_eq!(error.expect_err("as told").to_string(), "not today");
        }
    }
    works(b, &mut driver);
}

fn a_source_that_panics_leaves_the_registry_working(b: &Backend) {
    let mut driver = b.driver();
    let mut source = Callback(|_: &Registry| panic!("told to panic"));
    for _ in 0..3 {
        let registry = driver.registry();
        panic::catch_unwind(AssertUnwindSafe(|| {
            registry.register(&mut source, Token(1), Interest::READABLE)
        }))
        .expect_err("it panics");
        works(b, &mut driver);
    }
}

fn a_panic_in_try_io_leaves_the_source_working(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    panic::catch_unwind(AssertUnwindSafe(|| {
        stream.try_io(|| -> io::Result<()> { panic!("told to panic") })
    }))
    .expect_err("it panics");
    peer.write_all(b"x").expect("write");
    driver.expect_readable(1);
    assert_eq!(pairs::drain(&stream), 1);
    driver.remove(&mut stream);
    works(b, &mut driver);
}

fn a_source_that_registers_others_while_registering(b: &Backend) {
    let mut driver = b.driver();
    let (stream, mut peer) = pairs::tcp();
    let stream = RefCell::new(stream);
    let waker = RefCell::new(None);
    let mut source = Callback(|registry: &Registry| {
        // A lock around the call would make these wait for ever.
        *waker.borrow_mut() = Some(Waker::new(registry, Token(2))?);
        let clone = registry.try_clone()?;
        let stream = &mut *stream.borrow_mut();
        clone.register(stream, Token(1), Interest::READABLE)?;
        clone.deregister(stream)?;
        registry.register(stream, Token(3), Interest::READABLE)
    });
    driver
        .registry()
        .register(&mut source, Token(9), Interest::READABLE)
        .expect("register");
    peer.write_all(b"x").expect("write");
    driver.expect_readable(3);
    waker.borrow().as_ref().expect("made").wake().expect("wake");
    driver.expect_readable(2);
}

/// A logger that writes to the network, for instance, uses the library that it logs for.
struct Logger(Mutex<Option<Registry>>);

static LOGGER: Logger = Logger(Mutex::new(None));

thread_local! {
    static LOGGING: Cell<bool> = const { Cell::new(false) };
    static RECORDS: Cell<usize> = const { Cell::new(0) };
}

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if LOGGING.replace(true) {
            return;
        }
        RECORDS.set(RECORDS.get() + 1);
        let _text = record.args().to_string();
        let registry = self
            .0
            .lock()
            .expect("not poisoned")
            .as_ref()
            .map(|registry| registry.try_clone().expect("a clone"));
        if let Some(registry) = registry {
            let waker = Waker::new(&registry, Token(7)).expect("a waker");
            waker.wake().expect("wake");
            let (mut stream, _peer) = pairs::tcp();
            registry
                .register(&mut stream, Token(8), Interest::READABLE)
                .expect("register");
            registry.deregister(&mut stream).expect("deregister");
        }
        LOGGING.set(false);
    }

    fn flush(&self) {}
}

fn a_logger_may_use_the_library(b: &Backend) {
    b.isolated(|| {
        log::set_logger(&LOGGER).expect("the first logger of this process");
        log::set_max_level(log::LevelFilter::Trace);
        let mut driver = b.driver();
        let clone = driver.registry().try_clone().expect("a clone");
        *LOGGER.0.lock().expect("not poisoned") = Some(clone);
        for mut sample in samples::all() {
            driver.add(&mut sample.source, 1, sample.interest);
            sample.trigger();
            driver.expect(1, |_| true);
            driver.remove(&mut sample.source);
        }
        works(b, &mut driver);
        assert!(RECORDS.get() > 0, "nothing is logged any more");
    });
}

/// The thread's locals are gone, or going: the waker uses none that it needs.
fn wake_at_the_end_of_a_thread(b: &Backend) {
    struct WakeOnDrop(Waker, Arc<AtomicUsize>);
    impl Drop for WakeOnDrop {
        fn drop(&mut self) {
            // A panic here would end the process.
            self.1
                .fetch_add(usize::from(self.0.wake().is_ok()), Ordering::Relaxed);
        }
    }
    thread_local! {
        static AT_THE_END: RefCell<Vec<WakeOnDrop>> = const { RefCell::new(Vec::new()) };
    }
    let mut driver = b.driver();
    let keep = driver.waker(1);
    let registry = driver.registry().try_clone().expect("a clone");
    let woken = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&woken);
    in_thread(move || {
        let other = Waker::new(&registry, Token(2)).expect("a waker");
        let both = [keep, other].map(|waker| WakeOnDrop(waker, Arc::clone(&count)));
        AT_THE_END.with_borrow_mut(|wakers| wakers.extend(both));
    })
    .join();
    assert_eq!(woken.load(Ordering::Relaxed), 2, "wakes that went well");
    // Both wakers are gone, and their wakes with them; the poll is as before.
    driver.assert_quiet();
    works(b, &mut driver);
}

fn waker_dropped_while_unwinding(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    for _ in 0..100 {
        panic::catch_unwind(|| {
            let waker = Waker::new(&registry, Token(1)).expect("a waker");
            waker.wake().expect("wake");
            panic!("told to panic");
        })
        .expect_err("it panics");
    }
    driver.assert_quiet();
    works(b, &mut driver);
}

/// Uses everything, and does not mind errors.
fn use_everything(b: &Backend) {
    let Ok(mut poll) = b.try_poll() else { return };
    let mut events = Events::with_capacity(4);
    let waker = Waker::new(poll.registry(), Token(1));
    let (mut stream, mut peer) = pairs::tcp();
    for round in 0..3 {
        let _ = poll
            .registry()
            .register(&mut stream, Token(2), Interest::READABLE);
        let _ = peer.write_all(b"x");
        if let Ok(waker) = &waker {
            let _ = waker.wake();
        }
        let _ = poll.poll(&mut events, Some(Duration::from_micros(20 * round)));
        let _ = poll
            .registry()
            .reregister(&mut stream, Token(3), Interest::WRITABLE);
        let _ = poll.registry().deregister(&mut stream);
        let _ = stream.take_error();
        let _ = stream.peer_addr();
    }
}

/// Linux has 133, and so have those that are simulated there; WASI has 76.
const LAST_ERROR: i32 = if cfg!(target_os = "wasi") { 76 } else { 133 };

fn every_error_of_every_call_is_an_error_not_a_panic(b: &Backend) {
    b.isolated(|| {
        let mut hits = 0;
        for &call in Call::ALL {
            for errno in 1..=LAST_ERROR {
                // One failure at a time: an eventfd that answers EAGAIN for ever is asked for ever.
                for skip in 0..3 {
                    let once = fault::inject(call, errno).skip(skip);
                    use_everything(b);
                    hits += once.hits();
                }
                fault::forget_fallbacks();
            }
        }
        // Which calls there are depends on the backend, but each has some.
        assert!(hits > 0, "no call was made to fail");
    });
}

fn huge_buffers_work(b: &Backend) {
    let mut driver = b.driver_with(1 << 20);
    works(b, &mut driver);
}

/// epoll_wait(2) refuses more than INT_MAX bytes of records; a larger buffer is simply not filled.
#[cfg(target_pointer_width = "64")]
fn capacity_beyond_the_kernels_limit_works(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver_with((i32::MAX as usize) / 12 + 2);
        works(b, &mut driver);
    });
}

/// No machine of this width can make such a buffer.
#[cfg(not(target_pointer_width = "64"))]
fn capacity_beyond_the_kernels_limit_works(b: &Backend) {
    works(b, &mut b.driver_with(1 << 24));
}

fn any_timeout_with_any_state(b: &Backend) {
    let timeouts = [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_nanos(999_999_999),
        Duration::new(u64::MAX, 0),
        Duration::new(u64::MAX - 1, 999_999_999),
        Duration::MAX,
    ];
    for capacity in [1, 2] {
        let mut driver = b.driver_with(capacity);
        let waker = driver.waker(1);
        for timeout in timeouts {
            waker.wake().expect("wake");
            driver.poll(Some(timeout)).expect("poll");
            assert_eq!(driver.tokens(), [1]);
        }
    }
}

fn operations_in_a_senseless_order(b: &Backend) {
    let mut driver = b.driver();
    let other = b.poll();
    for mut sample in samples::all() {
        for step in 0..200_usize {
            let registry = if step % 7 == 0 {
                other.registry()
            } else {
                driver.registry()
            };
            // Some of these succeed.
            let _ = match step * 31 % 5 {
                0 | 1 => registry.register(&mut sample.source, Token(step), Interest::READABLE),
                2 => registry.reregister(&mut sample.source, Token(step), Interest::WRITABLE),
                3 => registry.deregister(&mut sample.source),
                _ => driver.poll(Some(Duration::ZERO)),
            };
        }
    }
    works(b, &mut driver);
}

/// The kernel takes one descriptor into many epoll sets; raw descriptors may do that.
#[cfg(unix)]
fn shared_sources_of_many_polls(b: &Backend) {
    let (fd, mut counter) = samples::eventfd();
    let mut source = samples::Raw(fd);
    let mut drivers: Vec<_> = (0..10).map(|_| b.driver()).collect();
    for (token, driver) in drivers.iter().enumerate() {
        driver.add(&mut source, token, Interest::READABLE);
    }
    counter.write_all(&1_u64.to_ne_bytes()).expect("write");
    for (token, driver) in drivers.iter_mut().enumerate() {
        driver.expect_readable(token);
        driver.remove(&mut source);
    }
}
