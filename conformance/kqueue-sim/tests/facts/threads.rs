//! Calls from several threads.

use std::time::Duration;

use super::support::*;
use kqueue::*;

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn threads_an_add_of_a_ready_descriptor_wakes_a_blocked_call() {
    let (reader, writer) = pipe();
    writer.write(1);
    let kq = Kq::new();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| kq.one());
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        assert_eq!(waiter.join().unwrap().ident, ident(&reader));
    });
}

#[test]
fn threads_a_write_wakes_a_blocked_call() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| kq.one());
            writer.write(1);
            assert_eq!(waiter.join().unwrap().data, 1);
        });
    }
}

#[test]
fn threads_closing_a_registered_descriptor_wakes_nobody() {
    for (reader, writer) in all() {
        let end = dup_to(&reader, private_number());
        drop(reader);
        let kq = Kq::new();
        kq.add(&end, EVFILT_READ, EV_CLEAR);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| kq.call(&[], 1, Some(SHORT)));
            drop(end);
            assert_eq!(waiter.join().unwrap(), Ok(vec![]));
        });
        drop(writer);
    }
}

#[test]
fn threads_of_two_that_wait_one_gets_the_event() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        std::thread::scope(|scope| {
            let wait = || kq.call(&[], 4, Some(Duration::from_millis(100)));
            let waiters = [scope.spawn(wait), scope.spawn(wait)];
            writer.write(1);
            let counts = waiters.map(|waiter| waiter.join().unwrap().unwrap().len());
            assert!(counts.iter().sum::<usize>() <= 1);
        });
        // Nobody, if it came late.
        assert!(kq.now().len() <= 1);
    }
}

#[test]
fn threads_no_trigger_is_lost() {
    const ROUNDS: usize = 300;
    let kq = Kq::new();
    kq.change(&[change(0, EVFILT_USER, EV_ADD | EV_CLEAR)])
        .unwrap();
    let (ask, asked) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let kq = &kq;
        scope.spawn(move || {
            let mut trigger = change(0, EVFILT_USER, 0);
            trigger.fflags = NOTE_TRIGGER;
            while asked.recv().is_ok() {
                kq.change(&[trigger]).unwrap();
            }
        });
        for _ in 0..ROUNDS {
            ask.send(()).unwrap();
            assert_eq!(kq.one().filter, EVFILT_USER);
        }
        drop(ask);
    });
}

#[test]
fn threads_registering_while_another_waits() {
    let kq = Kq::new();
    let pairs: Vec<_> = (0..50).map(|_| pipe()).collect();
    std::thread::scope(|scope| {
        let (kq, pairs) = (&kq, &pairs);
        scope.spawn(move || {
            for (reader, writer) in pairs {
                kq.add(reader, EVFILT_READ, EV_CLEAR);
                writer.write(1);
            }
        });
        let mut left: Vec<usize> = pairs.iter().map(|(reader, _)| ident(reader)).collect();
        while !left.is_empty() {
            let events = kq.call(&[], 4, Some(LIMIT)).unwrap();
            assert!(!events.is_empty());
            left.retain(|&ident| events.iter().all(|event| event.ident != ident));
        }
    });
}
