//! Runs a command and forwards what it prints, from two pipes in one loop.
//!
//! ```text
//! cargo run --example pipes                              # a small demonstration
//! cargo run --example pipes -- --label ls /etc /nowhere  # a label tells stdout from stderr
//! ```
//!
//! Reading a child's stdout to its end and then its stderr would block for ever once the child
//! fills the pipe nobody reads. Waiting for both at once is what a `Poll` is for: a
//! `unix::pipe::Receiver` is made from either, and the child has ended its output when both are at
//! their end.

use std::process::ExitCode;

#[cfg(unix)]
fn main() -> ExitCode {
    imp::main()
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    eprintln!("pipes: this system has no Unix pipes");
    ExitCode::from(2)
}

#[cfg(unix)]
mod imp {
    use std::ffi::OsString;
    use std::io::{self, Read as _, Write};
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Command, ExitCode, ExitStatus, Stdio};

    use clap::Parser;
    use ferrio::unix::pipe::Receiver;
    use ferrio::{Events, Interest, Poll, Token};

    const STDOUT: Token = Token(0);
    const STDERR: Token = Token(1);

    /// Runs a command and forwards its stdout and stderr, from two pipes in one event loop.
    ///
    /// Exits as the command does: with its exit code, or with 128 plus the number of the signal
    /// that ended it. 126: the command can't be run; 127: it wasn't found; 2: something else went wrong.
    #[derive(Parser)]
    #[command(name = "pipes")]
    struct Args {
        /// Put "out | " or "err | " before each line, and print all of them to stdout
        #[arg(long)]
        label: bool,

        /// The command and its arguments; without one, a demonstration
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "COMMAND"
        )]
        command: Vec<OsString>,
    }

    pub fn main() -> ExitCode {
        let mut args = Args::parse();
        if args.command.is_empty() {
            args.label = true;
            args.command = [
                "sh",
                "-c",
                "echo to stdout; echo to stderr >&2; echo the end",
            ]
            .map(OsString::from)
            .to_vec();
        }
        let mut command = Command::new(&args.command[0]);
        command.args(&args.command[1..]);
        match run(&mut command, args.label) {
            Ok(status) => ExitCode::from(exit_code(status)),
            Err(Failure { code, line }) => {
                eprintln!("pipes: {line}");
                ExitCode::from(code)
            }
        }
    }

    struct Failure {
        code: u8,
        line: String,
    }

    impl From<io::Error> for Failure {
        fn from(error: io::Error) -> Failure {
            Failure {
                code: 2,
                line: error.to_string(),
            }
        }
    }

    fn run(command: &mut Command, label: bool) -> Result<ExitStatus, Failure> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| Failure {
            code: if error.kind() == io::ErrorKind::NotFound {
                127
            } else {
                126
            },
            line: format!(
                "cannot run {}: {error}",
                command.get_program().to_string_lossy()
            ),
        })?;
        let (labels, errors): (_, Box<dyn Write>) = if label {
            ([Some("out | "), Some("err | ")], Box::new(io::stdout()))
        } else {
            ([None, None], Box::new(io::stderr()))
        };
        let pipes = [
            Pipe {
                receiver: child.stdout.take().map(Receiver::from),
                token: STDOUT,
                output: Output::new(Box::new(io::stdout()), labels[0]),
            },
            Pipe {
                receiver: child.stderr.take().map(Receiver::from),
                token: STDERR,
                output: Output::new(errors, labels[1]),
            },
        ];
        forward_all(pipes)?;
        // It has closed both, which most commands do by ending. Those that don't are waited for.
        Ok(child.wait()?)
    }

    /// The event loop: until both pipes are at their end.
    fn forward_all(mut pipes: [Pipe; 2]) -> io::Result<()> {
        let mut poll = Poll::new()?;
        for pipe in &mut pipes {
            pipe.open(&poll)?;
        }
        let mut events = Events::with_capacity(4);
        while pipes.iter().any(|pipe| pipe.receiver.is_some()) {
            match poll.poll(&mut events, None) {
                Ok(()) => {}
                // A signal handler ran. No event is lost by it: just ask again.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            for event in &events {
                for pipe in pipes.iter_mut().filter(|pipe| pipe.token == event.token()) {
                    pipe.forward()?;
                }
            }
        }
        Ok(())
    }

    /// One of the child's outputs on its way to one of ours.
    struct Pipe {
        /// None: at its end.
        receiver: Option<Receiver>,
        token: Token,
        output: Output,
    }

    impl Pipe {
        fn open(&mut self, poll: &Poll) -> io::Result<()> {
            let Some(receiver) = &mut self.receiver else {
                return Ok(());
            };
            // The standard library's pipes block. Forgetting this would make the first read that
            // finds nothing stop the whole loop.
            receiver.set_nonblocking(true)?;
            poll.registry()
                .register(receiver, self.token, Interest::READABLE)
        }

        /// Reads until `WouldBlock`, after which an event will come, or the end, after which
        /// none is needed.
        fn forward(&mut self) -> io::Result<()> {
            let mut buffer = [0; 16 * 1024];
            while let Some(receiver) = &mut self.receiver {
                match receiver.read(&mut buffer) {
                    // Dropping the receiver closes it and takes its registration along.
                    Ok(0) => {
                        self.receiver = None;
                        self.output.end()?;
                    }
                    Ok(count) => match self.output.write(&buffer[..count]) {
                        // Nobody reads our output (`pipes ... | head`): close the pipe, so that
                        // the child finds out the same way.
                        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                            self.receiver = None;
                        }
                        written => written?,
                    },
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        }
    }

    /// Where to forward to. With a label it holds back a line until it's complete, so that lines
    /// of the two outputs aren't mixed up.
    struct Output {
        to: Box<dyn Write>,
        label: Option<&'static str>,
        line: Vec<u8>,
    }

    impl Output {
        fn new(to: Box<dyn Write>, label: Option<&'static str>) -> Output {
            Output {
                to,
                label,
                line: Vec::new(),
            }
        }

        fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
            let Some(label) = self.label else {
                self.to.write_all(bytes)?;
                return self.to.flush();
            };
            for part in bytes.split_inclusive(|&byte| byte == b'\n') {
                self.line.extend_from_slice(part);
                if part.ends_with(b"\n") {
                    self.to.write_all(label.as_bytes())?;
                    self.to.write_all(&self.line)?;
                    self.line.clear();
                }
            }
            self.to.flush()
        }

        /// Writes the last line, if it had no end.
        fn end(&mut self) -> io::Result<()> {
            if self.line.is_empty() {
                Ok(())
            } else {
                self.write(b"\n")
            }
        }
    }

    /// What a shell would report for this end of a command.
    fn exit_code(status: ExitStatus) -> u8 {
        let code = status
            .code()
            .or_else(|| Some(128 + status.signal()?))
            .unwrap_or(2);
        u8::try_from(code).unwrap_or(2)
    }
}
