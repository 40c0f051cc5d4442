//! Tasks and timers: the runtime is woken from other threads, and by the clock.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::on_both;

#[test]
fn messages_from_another_thread_arrive() {
    on_both(|| async {
        let (questions, mut asked) = mpsc::channel::<(u32, oneshot::Sender<u32>)>(1);
        let other = std::thread::spawn(move || {
            for number in 0..1000 {
                let (sender, receiver) = oneshot::channel();
                questions.blocking_send((number, sender)).expect("asked");
                assert_eq!(receiver.blocking_recv().expect("answered"), number + 1);
            }
        });
        while let Some((number, answer)) = asked.recv().await {
            answer.send(number + 1).expect("somebody waits");
        }
        other.join().expect("the other thread");
    });
}

#[test]
fn blocking_work_comes_back() {
    on_both(|| async {
        for number in 0..100 {
            let work = tokio::task::spawn_blocking(move || number * 2);
            assert_eq!(work.await.expect("the work"), number * 2);
        }
    });
}

#[test]
fn sleeps_are_never_early() {
    on_both(|| async {
        for millis in [1, 2, 5, 17, 40] {
            let wanted = Duration::from_millis(millis);
            let begun = Instant::now();
            tokio::time::sleep(wanted).await;
            assert!(begun.elapsed() >= wanted, "{wanted:?}");
        }
    });
}
