//! Contract row 26 where the parent has threads: one of them may be inside the library when another
//! one forks, and the child has only the one that forked.
#![cfg(unix)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{io, thread};

use ferrio::net::UnixStream;
use ferrio::{Interest, Registry, Token};
use ferrio_conformance::{
    Backend, Background, LIMIT, conformance, fork, in_thread, pairs, samples, wait_for,
};

conformance! { fork_threads {
    sources_can_be_dropped_in_a_child_of_busy_threads,
    io_in_a_child_of_busy_threads_does_not_hang,
    a_poll_can_be_dropped_in_a_child_of_busy_threads,
    the_parent_of_such_children_goes_on,
    a_child_with_threads_goes_on_with_its_parents_poll needs InheritedPoll,
} }

/// How many children each case makes. A lock that they could hang on is held for a good part of the
/// time in the parent, so a few of them would find it so.
const CHILDREN: usize = 24;

/// Far more than a child needs, the time that it waits for a lost lock included.
const CHILD_LIMIT: Duration = Duration::from_secs(30);

/// Threads that change registrations without a pause.
struct Traffic {
    stop: Arc<AtomicBool>,
    pairs: Arc<AtomicUsize>,
    threads: Vec<Background<()>>,
}

impl Traffic {
    fn start(registry: &Registry) -> Traffic {
        let stop = Arc::new(AtomicBool::new(false));
        let pairs = Arc::new(AtomicUsize::new(0));
        let threads = (0..3)
            .map(|number| {
                let registry = registry.try_clone().expect("a clone");
                let (stop, pairs) = (stop.clone(), pairs.clone());
                in_thread(move || {
                    let (mut source, _peer) = pairs::unix();
                    while !stop.load(Ordering::Relaxed) {
                        churn(&registry, &mut source, 100 + number);
                        pairs.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let traffic = Traffic {
            stop,
            pairs,
            threads,
        };
        traffic.wait_for_more();
        traffic
    }

    fn wait_for_more(&self) {
        let before = self.pairs.load(Ordering::Relaxed);
        wait_for("registrations", || {
            self.pairs.load(Ordering::Relaxed) > before + 10
        });
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join();
        }
    }
}

fn churn(registry: &Registry, source: &mut UnixStream, token: usize) {
    for interest in [Interest::READABLE, Interest::WRITABLE] {
        registry
            .register(source, Token(token), interest)
            .expect("register");
        registry
            .reregister(source, Token(token), Interest::READABLE)
            .expect("reregister");
        registry.deregister(source).expect("deregister");
    }
}

/// Forks beside other threads. The child runs `body`, which must not panic, write, or use any lock but
/// the allocator's, which the C library takes care of; the result is its exit code.
fn fork_beside_threads(body: impl FnOnce() -> i32) -> libc::pid_t {
    // SAFETY: the child does what is described above, and ends without running anything else.
    let pid = unsafe { libc::fork() };
    assert_ne!(pid, -1, "fork: {}", io::Error::last_os_error());
    if pid == 0 {
        let code = body();
        // SAFETY: _exit(2) takes a number and does not return.
        unsafe { libc::_exit(code) }
    }
    pid
}

/// Waits for a child, and kills it when that takes too long.
fn join(pid: libc::pid_t) {
    let start = Instant::now();
    let mut status = 0;
    loop {
        // SAFETY: `status` is a valid place for the result.
        let result = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) };
        assert_ne!(result, -1, "waitpid: {}", io::Error::last_os_error());
        if result == pid {
            break;
        }
        if start.elapsed() > CHILD_LIMIT {
            // SAFETY: the child was not waited for, so the number is still its own.
            unsafe { libc::kill(pid, libc::SIGKILL) };
            panic!("the child hangs");
        }
        thread::sleep(Duration::from_micros(200));
    }
    assert!(
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0,
        "the child failed, status {status:#x}"
    );
}

fn sources_can_be_dropped_in_a_child_of_busy_threads(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let traffic = Traffic::start(driver.registry());
        for _ in 0..CHILDREN {
            let mut all = samples::all();
            for (token, sample) in all.iter_mut().enumerate() {
                driver.add(&mut sample.source, token, sample.interest);
            }
            let mut all = Some(all);
            let child = fork_beside_threads(|| {
                drop(all.take());
                0
            });
            join(child);
            let mut all = all.expect("the child emptied its own copy");
            for (token, sample) in all.iter_mut().enumerate() {
                sample.trigger();
                driver.expect(token, |_| true);
                driver.remove(&mut sample.source);
            }
        }
        traffic.end();
    });
}

/// A read that would block tells the selector, and a registration ends or fails: as long as it does
/// not wait for a thread that is not there.
fn io_in_a_child_of_busy_threads_does_not_hang(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let traffic = Traffic::start(driver.registry());
        let (mut stream, _peer) = pairs::unix();
        driver.add(&mut stream, 1, Interest::READABLE | Interest::WRITABLE);
        for _ in 0..CHILDREN {
            // Two events less to be armed for: there is something to tell.
            driver.quiesce();
            let child = fork_beside_threads(|| {
                let read = io::Read::read(&mut stream, &mut [0; 8]);
                let blocked = read.is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock);
                let mut own = match UnixStream::pair() {
                    Ok((own, _)) => own,
                    Err(_) => return 2,
                };
                // Nothing is promised about these but an end.
                let registry = driver.registry();
                let _ = registry.register(&mut own, Token(2), Interest::READABLE);
                let _ = registry.reregister(&mut own, Token(3), Interest::READABLE);
                let _ = registry.deregister(&mut own);
                i32::from(!blocked)
            });
            join(child);
        }
        traffic.end();
    });
}

fn a_poll_can_be_dropped_in_a_child_of_busy_threads(b: &Backend) {
    b.isolated(|| {
        for _ in 0..CHILDREN / 2 {
            let mut driver = b.driver();
            let waker = driver.waker(1);
            let (mut stream, _peer) = pairs::tcp();
            driver.add(&mut stream, 2, Interest::READABLE);
            let traffic = Traffic::start(driver.registry());
            let mut inherited = Some((driver, waker, stream));
            let child = fork_beside_threads(|| {
                if let Some((driver, waker, stream)) = inherited.take() {
                    drop((driver.poll, waker, stream));
                }
                0
            });
            join(child);
            let (back, waker, _stream) = inherited.expect("the child emptied its own copy");
            driver = back;
            waker.wake().expect("wake");
            driver.expect_readable(1);
            traffic.end();
        }
    });
}

/// A child's drops end nothing of the parent's, whose threads poll and register all the while.
fn the_parent_of_such_children_goes_on(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let waker = driver.waker(1);
        let traffic = Traffic::start(driver.registry());
        let (mut stream, mut peer) = pairs::unix();
        driver.add(&mut stream, 2, Interest::READABLE);
        let bytes = Arc::new(AtomicUsize::new(0));
        let counter = bytes.clone();
        let poller = in_thread(move || {
            let mut done = false;
            while !done {
                let seen = driver.turn_within(LIMIT);
                assert!(!seen.is_empty(), "nothing for {LIMIT:?}");
                for event in &seen {
                    match event.token() {
                        Token(1) => done = true,
                        Token(2) => {
                            counter.fetch_add(pairs::drain(&stream), Ordering::Relaxed);
                        }
                        // The traffic's sources are writable.
                        Token(other) => assert!(other >= 100, "{other} was never ready"),
                    }
                }
            }
        });
        for _ in 0..CHILDREN {
            let mut own = Some(pairs::udp());
            let child = fork_beside_threads(|| {
                drop(own.take());
                0
            });
            io::Write::write_all(&mut peer, b"x").expect("write");
            join(child);
        }
        wait_for("the bytes", || bytes.load(Ordering::Relaxed) == CHILDREN);
        traffic.wait_for_more();
        waker.wake().expect("wake");
        poller.join();
        traffic.end();
    });
}

/// What a daemon does: it forks while it has one thread, and starts its threads afterwards.
fn a_child_with_threads_goes_on_with_its_parents_poll(b: &Backend) {
    b.isolated(|| {
        let mut inherited = Some(b.driver());
        let (mut stream, mut peer) = pairs::unix();
        let driver = inherited.as_ref().expect("not forked yet");
        driver.add(&mut stream, 2, Interest::READABLE);
        fork(|| {
            let mut driver = inherited.take().expect("the child's copy");
            let traffic = Traffic::start(driver.registry());
            for round in 0..200 {
                io::Write::write_all(&mut peer, b"x").expect("write");
                driver.expect_readable(2);
                assert_eq!(pairs::drain(&stream), 1);
                churn(driver.registry(), &mut pairs::unix().0, 3 + round);
            }
            traffic.end();
            driver.remove(&mut stream);
            driver.assert_quiet();
        })
        .join();
    });
}
