//! Thread CPU time and wall time around a section, less what reading the clocks costs.

use std::sync::OnceLock;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// Whose CPU time a section is charged with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `CLOCK_THREAD_CPUTIME_ID`: the calling thread.
    Thread,
    /// `CLOCK_PROCESS_CPUTIME_ID`: all threads of the process, for work that two threads share.
    Process,
}

impl Scope {
    fn cpu_ns(self) -> f64 {
        let time = clock_gettime(match self {
            Scope::Thread => ClockId::ThreadCPUTime,
            Scope::Process => ClockId::ProcessCPUTime,
        });
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    }

    /// What an empty section measures. Found once per scope: the median of many empty sections.
    fn overhead(self) -> Span {
        static THREAD: OnceLock<Span> = OnceLock::new();
        static PROCESS: OnceLock<Span> = OnceLock::new();
        let cell = match self {
            Scope::Thread => &THREAD,
            Scope::Process => &PROCESS,
        };
        *cell.get_or_init(|| {
            let empty: Vec<Span> = (0..2001).map(|_| raw_section(self, || ()).0).collect();
            let median = |pick: fn(&Span) -> f64| {
                let mut values: Vec<f64> = empty.iter().map(pick).collect();
                values.sort_by(f64::total_cmp);
                values[values.len() / 2]
            };
            Span {
                cpu_ns: median(|span| span.cpu_ns),
                wall_ns: median(|span| span.wall_ns),
            }
        })
    }
}

/// CPU and wall time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    pub cpu_ns: f64,
    pub wall_ns: f64,
}

/// Adds up the measured sections of one round.
#[derive(Debug)]
pub struct Stopwatch {
    scope: Scope,
    sum: Span,
}

impl Stopwatch {
    pub fn new(scope: Scope) -> Stopwatch {
        Stopwatch {
            scope,
            sum: Span::default(),
        }
    }

    /// Runs `section` and adds what it took.
    #[inline]
    pub fn section<T>(&mut self, section: impl FnOnce() -> T) -> T {
        let (span, value) = raw_section(self.scope, section);
        let overhead = self.scope.overhead();
        self.sum.cpu_ns += span.cpu_ns - overhead.cpu_ns;
        self.sum.wall_ns += span.wall_ns - overhead.wall_ns;
        value
    }

    /// The sum of all sections, per operation.
    pub fn per(self, operations: usize) -> Span {
        let operations = operations as f64;
        Span {
            cpu_ns: self.sum.cpu_ns / operations,
            wall_ns: self.sum.wall_ns / operations,
        }
    }
}

/// The CPU clock is read innermost: reading it is a system call, reading the wall clock is not (vdso(7)).
#[inline]
fn raw_section<T>(scope: Scope, section: impl FnOnce() -> T) -> (Span, T) {
    let wall = Instant::now();
    let cpu = scope.cpu_ns();
    let value = section();
    let cpu_ns = scope.cpu_ns() - cpu;
    let wall_ns = wall.elapsed().as_nanos() as f64;
    (Span { cpu_ns, wall_ns }, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;
    use std::time::Duration;

    #[test]
    fn cpu_time_stands_still_while_the_thread_sleeps() {
        let mut watch = Stopwatch::new(Scope::Thread);
        watch.section(|| std::thread::sleep(Duration::from_millis(20)));
        let span = watch.per(1);
        assert!(span.wall_ns >= 19e6, "{span:?}");
        assert!(span.cpu_ns < span.wall_ns / 2.0, "{span:?}");
    }

    #[test]
    fn thread_scope_leaves_out_other_threads_and_process_scope_counts_them() {
        let burn = || {
            let start = Scope::Thread.cpu_ns();
            while Scope::Thread.cpu_ns() - start < 5e6 {
                black_box(());
            }
        };
        let mut thread = Stopwatch::new(Scope::Thread);
        let mut process = Stopwatch::new(Scope::Process);
        process.section(|| thread.section(|| std::thread::spawn(burn).join().unwrap()));
        let (thread, process) = (thread.per(1).cpu_ns, process.per(1).cpu_ns);
        assert!(process >= 4.9e6, "process {process}");
        assert!(thread < process - 4e6, "thread {thread}, process {process}");
    }

    #[test]
    fn sections_add_up_and_are_divided_by_the_operations() {
        let mut watch = Stopwatch::new(Scope::Thread);
        for _ in 0..4 {
            watch.section(|| std::thread::sleep(Duration::from_millis(5)));
        }
        let span = watch.per(2);
        assert!(span.wall_ns >= 9.9e6, "{span:?}");
    }
}
