//! Contract row 26: a forked child may drop what it inherited, and the parent notices nothing.
//!
//! The isolated process that runs a case has one thread when it forks, and starts threads, if any,
//! afterwards.
#![cfg(unix)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;

use ferrio::Interest;
use ferrio::event::Event;
use ferrio_conformance::{
    Backend, Capability, Forked, conformance, descriptors, fork, has, in_thread, pairs, samples,
};

conformance! { fork {
    dropping_a_poll_in_the_child_leaves_the_parents,
    dropping_sources_in_the_child_leaves_the_parents,
    dropping_a_waker_in_the_child_leaves_the_parents,
    dropping_in_the_child_while_the_parent_is_blocked,
    wake_in_the_child_does_not_reach_the_parent,
    wake_in_the_parent_reaches_the_parent_after_a_fork,
    a_child_can_make_a_poll_of_its_own,
    a_child_that_drops_everything_leaks_nothing needs InheritedPoll,
} }

fn dropping_a_poll_in_the_child_leaves_the_parents(b: &Backend) {
    b.isolated(|| {
        let driver = b.driver();
        let waker = driver.waker(1);
        let (mut stream, mut peer) = pairs::tcp();
        driver.add(&mut stream, 2, Interest::READABLE);
        let mut driver = Some(driver);
        fork(|| drop(driver.take())).join();
        let mut driver = driver.expect("the child emptied its own copy");
        driver.assert_quiet();
        peer.write_all(b"x").expect("write");
        driver.expect_readable(2);
        waker.wake().expect("wake");
        driver.expect_readable(1);
        let (mut late, mut late_peer) = pairs::tcp();
        driver.add(&mut late, 3, Interest::READABLE);
        late_peer.write_all(b"x").expect("write");
        driver.expect_readable(3);
        driver.remove(&mut stream);
    });
}

fn dropping_sources_in_the_child_leaves_the_parents(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let mut all = samples::all();
        for (token, sample) in all.iter_mut().enumerate() {
            driver.add(&mut sample.source, token, sample.interest);
        }
        let mut all = Some(all);
        fork(|| drop(all.take())).join();
        let mut all = all.expect("the child emptied its own copy");
        driver.assert_quiet();
        for (token, sample) in all.iter_mut().enumerate() {
            sample.trigger();
            driver.expect(token, |_| true);
            driver.remove(&mut sample.source);
        }
    });
}

fn dropping_a_waker_in_the_child_leaves_the_parents(b: &Backend) {
    b.isolated(|| {
        for handed_out in [false, true] {
            let mut driver = b.driver();
            if handed_out && b.gap(Capability::DescriptorOfPoll).is_none() {
                driver.registry().as_raw_fd();
            }
            let mut wakers: Vec<_> = (0..40).map(|token| driver.waker(token)).collect();
            // A wake that is pending at the fork is pending in both; the child discards its own.
            wakers[0].wake().expect("wake");
            wakers[39].wake().expect("wake");
            fork(|| wakers.clear()).join();
            driver.turn();
            assert_eq!(driver.tokens(), [0, 39]);
            driver.quiesce();
            for (token, waker) in wakers.iter().enumerate() {
                let poller = in_process_poll(&mut driver, || waker.wake().expect("wake"));
                assert_eq!(poller, [token]);
            }
        }
    });
}

/// The tokens of a poll that runs after `before`, without a second thread: forks come later.
fn in_process_poll(driver: &mut ferrio_conformance::Driver, before: impl FnOnce()) -> Vec<usize> {
    before();
    driver.poll(None).expect("poll");
    driver.tokens()
}

/// A child that waits for a byte before it runs its body.
struct Waiting {
    child: Forked,
    start: File,
}

impl Waiting {
    fn fork(body: impl FnOnce()) -> Waiting {
        let (mut reader, start) = pairs::std_pipe();
        let child = fork(|| {
            reader.read_exact(&mut [0]).expect("the parent's byte");
            body();
        });
        Waiting { child, start }
    }

    /// Lets the body run, and waits for its end.
    fn run(mut self) {
        self.start.write_all(b"x").expect("write");
        self.child.join();
    }
}

fn dropping_in_the_child_while_the_parent_is_blocked(b: &Backend) {
    b.isolated(|| {
        let driver = b.driver();
        let waker = driver.waker(1);
        let (mut stream, mut peer) = pairs::tcp();
        driver.add(&mut stream, 2, Interest::READABLE);
        let mut inherited = Some((driver, waker, stream));
        let child = Waiting::fork(|| drop(inherited.take()));
        let (mut driver, waker, stream) = inherited.expect("the child emptied its own copy");

        let poller = in_thread(move || {
            driver.poll(None).expect("poll");
            driver
        });
        poller.wait_until_blocked();
        child.run();
        assert!(!poller.is_finished());
        waker.wake().expect("wake");
        let mut driver = poller.join();
        assert_eq!(driver.tokens(), [1]);
        peer.write_all(b"x").expect("write");
        let seen = driver.expect_readable(2);
        assert!(!has(&seen, 2, Event::is_read_closed), "{seen:?}");
        assert_eq!(pairs::drain(&stream), 1);
    });
}

fn wake_in_the_child_does_not_reach_the_parent(b: &Backend) {
    b.isolated(|| {
        for handed_out in [false, true] {
            let mut driver = b.driver();
            if handed_out && b.gap(Capability::DescriptorOfPoll).is_none() {
                driver.registry().as_raw_fd();
            }
            let waker = driver.waker(1);
            fork(|| {
                for _ in 0..10 {
                    waker.wake().expect("wake");
                }
            })
            .join();
            driver.assert_quiet();
            driver
                .poll(Some(std::time::Duration::from_millis(2)))
                .expect("poll");
            assert!(driver.events.is_empty(), "{:?}", driver.events);
            waker.wake().expect("wake");
            driver.poll(None).expect("poll");
            assert_eq!(driver.tokens(), [1]);
        }
    });
}

fn wake_in_the_parent_reaches_the_parent_after_a_fork(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let waker = driver.waker(1);
        let child = Waiting::fork(|| ());
        for _ in 0..10 {
            let poller = in_thread(move || {
                driver.poll(None).expect("poll");
                driver
            });
            poller.wait_until_blocked();
            waker.wake().expect("wake");
            driver = poller.join();
            assert_eq!(driver.tokens(), [1]);
        }
        child.run();
    });
}

fn a_child_can_make_a_poll_of_its_own(b: &Backend) {
    b.isolated(|| {
        let inherited = b.driver();
        let _waker = inherited.waker(9);
        fork(|| {
            drop(inherited);
            let mut driver = b.driver();
            let waker = driver.waker(1);
            for mut sample in samples::all() {
                driver.add(&mut sample.source, 2, sample.interest);
                sample.trigger();
                driver.expect(2, |_| true);
                driver.remove(&mut sample.source);
            }
            waker.wake().expect("wake");
            driver.expect_readable(1);
        })
        .join();
    });
}

fn a_child_that_drops_everything_leaks_nothing(b: &Backend) {
    b.isolated(|| {
        let before = descriptors::open();
        let driver = b.driver();
        let clone = driver.registry().try_clone().expect("a clone");
        let waker = driver.waker(1);
        let all = samples::all();
        fork(|| {
            drop((driver, clone, waker, all));
            assert_eq!(descriptors::open(), before);
        })
        .join();
    });
}
