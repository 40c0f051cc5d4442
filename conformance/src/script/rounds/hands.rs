//! The threads that carry out the operations of a round.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Barrier};
use std::thread::{Scope, ScopedJoinHandle};

use super::super::model::Complaint;
use super::stage::{Record, Stage, Step};

type Order = (Step, Arc<Barrier>);

/// One of them. It ends when this is dropped.
pub(super) struct Hand {
    orders: Sender<Order>,
    answers: Receiver<Result<Record, Complaint>>,
}

impl Hand {
    /// The thread has to be joined. A scope waits for its closure only, and what the thread keeps in its
    /// own memory would look like a leak meanwhile.
    pub(super) fn new<'scope>(
        scope: &'scope Scope<'scope, '_>,
        stage: &'scope Stage,
    ) -> (Hand, ScopedJoinHandle<'scope, ()>) {
        let (orders, given) = mpsc::channel::<Order>();
        let (answer, answers) = mpsc::channel();
        let thread = scope.spawn(move || {
            for (step, together) in given {
                together.wait();
                if answer.send(stage.perform(&step)).is_err() {
                    return;
                }
            }
        });
        (Hand { orders, answers }, thread)
    }
}

/// Carries them out at the same time.
pub(super) fn all(hands: &[Hand], steps: &[Step]) -> Vec<Result<Record, Complaint>> {
    let together = Arc::new(Barrier::new(steps.len()));
    let busy = &hands[..steps.len()];
    for (hand, step) in busy.iter().zip(steps) {
        // An answer is missing if the thread has ended.
        let _ = hand.orders.send((*step, together.clone()));
    }
    let panicked = |_| Err("panicked".to_owned());
    busy.iter()
        .map(|hand| hand.answers.recv().unwrap_or_else(panicked))
        .collect()
}
