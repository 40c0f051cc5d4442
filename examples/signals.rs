//! Signals as events: a signalfd in a `Poll`, by way of `unix::SourceFd`.
//!
//! ```text
//! cargo run --example signals                    # then: kill -USR1 PID; Ctrl-C ends it
//! cargo run --example signals -- --self-test     # sends itself some and counts them
//! ```
//!
//! `SourceFd` is the way in for any descriptor that ferrio has no type for: timerfd, inotify,
//! a terminal, a device, a socket of another crate. It borrows the number only; the descriptor
//! stays with whoever owns it, must be non-blocking, and has to be deregistered before it's
//! closed.

use std::process::ExitCode;

#[cfg(any(target_os = "linux", target_os = "android"))]
fn main() -> ExitCode {
    imp::main()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn main() -> ExitCode {
    eprintln!("signals: this system has no signalfd(2)");
    ExitCode::from(2)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod imp {
    use std::collections::BTreeMap;
    use std::io::{self, Write as _};
    use std::os::fd::AsRawFd as _;
    use std::process::ExitCode;

    use clap::Parser;
    use ferrio::unix::SourceFd;
    use ferrio::{Events, Interest, Poll, Token};
    use nix::sys::signal::{SigSet, Signal, raise};
    use nix::sys::signalfd::{SfdFlags, SignalFd};

    const SIGNALS: Token = Token(0);
    /// What --self-test sends, one after the other.
    const TEST: [Signal; 5] = [
        Signal::SIGUSR1,
        Signal::SIGTERM,
        Signal::SIGUSR1,
        Signal::SIGINT,
        Signal::SIGUSR1,
    ];

    /// Counts the signals it gets, which arrive as events of a signalfd(2). SIGINT (Ctrl-C) and
    /// SIGTERM end it, SIGUSR1 doesn't.
    ///
    /// Exit codes: 0, all went well; 1, --self-test miscounted; 2, something went wrong.
    #[derive(Parser)]
    #[command(name = "signals")]
    struct Args {
        /// Send five signals to this process, check that each arrives, and end
        #[arg(long)]
        self_test: bool,
    }

    pub fn main() -> ExitCode {
        let args = Args::parse();
        let counted = if args.self_test { self_test() } else { run() };
        match counted {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("signals: {error}");
                ExitCode::from(2)
            }
        }
    }

    /// Counts until SIGINT or SIGTERM.
    fn run() -> io::Result<bool> {
        let mut signals = Signals::new()?;
        say(&format!(
            "listening for SIGINT, SIGTERM and SIGUSR1 in process {}\n",
            std::process::id()
        ));
        loop {
            let ends = signals
                .wait()?
                .into_iter()
                .any(|signal| signal != Signal::SIGUSR1);
            if ends {
                signals.report();
                return Ok(true);
            }
        }
    }

    fn self_test() -> io::Result<bool> {
        let mut signals = Signals::new()?;
        let mut as_sent = true;
        for signal in TEST {
            // One at a time: a signal that is pending already isn't counted twice, signal(7).
            raise(signal)?;
            as_sent &= signals.wait()? == [signal];
        }
        signals.report();
        Ok(as_sent && signals.counts.values().sum::<usize>() == TEST.len())
    }

    struct Signals {
        poll: Poll,
        events: Events,
        descriptor: SignalFd,
        counts: BTreeMap<Signal, usize>,
    }

    impl Signals {
        fn new() -> io::Result<Signals> {
            let mut set = SigSet::empty();
            for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGUSR1] {
                set.add(signal);
            }
            // A signalfd gets what is blocked; what isn't, ends the process as it always did. In
            // a program with threads: block before starting the first, they inherit the mask.
            set.thread_block()?;
            let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
            let descriptor = SignalFd::with_flags(&set, flags)?;

            let poll = Poll::new()?;
            let number = descriptor.as_raw_fd();
            poll.registry()
                .register(&mut SourceFd(&number), SIGNALS, Interest::READABLE)?;
            let events = Events::with_capacity(4);
            Ok(Signals {
                poll,
                events,
                descriptor,
                counts: BTreeMap::new(),
            })
        }

        /// Waits for at least one signal.
        fn wait(&mut self) -> io::Result<Vec<Signal>> {
            let mut arrived = Vec::new();
            while arrived.is_empty() {
                match self.poll.poll(&mut self.events, None) {
                    Ok(()) => {}
                    // By a signal that isn't blocked and has a handler, or stop and continue.
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                }
                if self.events.iter().any(|event| event.token() == SIGNALS) {
                    // Edge-triggered: read until there is nothing left, or no event may come.
                    while let Some(info) = self.descriptor.read_signal()? {
                        let signal = Signal::try_from(info.ssi_signo as i32)?;
                        let count = self.counts.entry(signal).or_default();
                        *count += 1;
                        say(&format!(
                            "{signal} from process {} ({count})\n",
                            info.ssi_pid
                        ));
                        arrived.push(signal);
                    }
                }
            }
            Ok(arrived)
        }

        fn report(&self) {
            let counts = self
                .counts
                .iter()
                .map(|(signal, count)| format!("{count} {signal}"));
            say(&format!(
                "counted {}\n",
                counts.collect::<Vec<_>>().join(", ")
            ));
        }
    }

    impl Drop for Signals {
        fn drop(&mut self) {
            // `SourceFd` can't do this when it's dropped, since it owns nothing.
            let number = self.descriptor.as_raw_fd();
            let _ = self.poll.registry().deregister(&mut SourceFd(&number));
        }
    }

    /// Prints to stdout; unlike `print!` it doesn't panic when nobody reads any more.
    fn say(text: &str) {
        let mut stdout = io::stdout().lock();
        let _ = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
    }
}
