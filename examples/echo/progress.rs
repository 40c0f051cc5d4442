//! The progress bar: the load's thread leaves its counts here, the main thread draws.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::args::Args;

const REDRAW: Duration = Duration::from_millis(100);

/// The load's counts so far. Nothing follows from them, so they need no ordering.
#[derive(Default)]
pub struct Progress {
    connected: AtomicUsize,
    requests: AtomicU64,
    errors: AtomicU64,
}

impl Progress {
    pub fn show(&self, connected: usize, requests: u64, errors: u64) {
        self.connected.store(connected, Relaxed);
        self.requests.store(requests, Relaxed);
        self.errors.store(errors, Relaxed);
    }

    /// Draws on stderr, if that is a terminal, until `ended` is closed.
    pub fn draw_until(&self, ended: &Receiver<()>, args: &Args) {
        let bar = ProgressBar::new(u64::from(args.seconds) * 1000);
        let style = ProgressStyle::with_template("{prefix:>10} [{bar:40}] {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));

        let mut started = None;
        while ended.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
            let connected = self.connected.load(Relaxed);
            if connected < args.connections {
                bar.set_prefix("connecting");
                bar.set_message(format!("{connected} of {}", args.connections));
                continue;
            }
            let began = *started.get_or_insert_with(Instant::now);
            let elapsed = began.elapsed();
            let requests = self.requests.load(Relaxed);
            let rate = (requests as f64 / elapsed.as_secs_f64().max(0.001)) as u64;
            bar.set_prefix(format!("{:.1} s", elapsed.as_secs_f64()));
            bar.set_position(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
            bar.set_message(format!(
                "{} requests/s, {} errors",
                HumanCount(rate),
                self.errors.load(Relaxed)
            ));
        }
        bar.finish_and_clear();
    }
}
