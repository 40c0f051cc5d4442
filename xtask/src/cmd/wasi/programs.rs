//! Programs that are looked at from outside the sandbox: what `examples/echo` says and does under
//! preview 2, and tests that wait for what never comes, or for what this program sends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::run;

const LIMIT: Duration = Duration::from_secs(60);

/// For so long what sleeps has to be silent.
const SILENCE: Duration = Duration::from_secs(2);

const NETWORK: &str = "-Sinherit-network";

/// A program in the sandbox, which is killed when this is dropped.
struct Sandboxed {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Sandboxed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sandboxed {
    fn start(command: &mut Command) -> Result<Sandboxed> {
        println!("$ {}", run::show(command));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("wasmtime could not be run")?;
        let (send, lines) = mpsc::channel();
        let outputs: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|output| Box::new(output) as _),
            child.stderr.take().map(|output| Box::new(output) as _),
        ];
        for output in outputs.into_iter().flatten() {
            let send = send.clone();
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let _ = send.send(line);
                }
            });
        }
        Ok(Sandboxed { child, lines })
    }

    /// The first line that ends so: the harness begins one with the test's name.
    fn expect(&self, end: &str) -> Result<String> {
        let start = Instant::now();
        loop {
            let left = LIMIT.saturating_sub(start.elapsed());
            let line = self.lines.recv_timeout(left);
            let line = line.with_context(|| format!("no line ends in {end:?}"))?;
            if line.ends_with(end) {
                return Ok(line);
            }
        }
    }

    /// It goes on, and says nothing.
    fn sleeps(&mut self) -> Result<()> {
        match self.lines.recv_timeout(SILENCE) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(line) => bail!("it does not sleep, it says {line:?}"),
            Err(RecvTimeoutError::Disconnected) => bail!("it does not sleep, it has ended"),
        }
        ensure!(self.child.try_wait()?.is_none(), "it has ended");
        Ok(())
    }

    fn send(&mut self, text: &str) -> Result<()> {
        let input = self.child.stdin.as_mut().context("the input has ended")?;
        Ok(input.write_all(text.as_bytes())?)
    }

    /// Its exit code and all lines that are left, once it has ended.
    fn end(&mut self) -> Result<(Option<i32>, Vec<String>)> {
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            if let Some(status) = self.child.try_wait()? {
                return Ok((status.code(), self.lines.iter().collect()));
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("it does not end")
    }
}

/// The tests of `tests/wasi_host.rs` that wait until somebody outside acts. `options` are the preview's.
pub fn waiting(wasmtime: &Path, options: &[&str], tests: &Path) -> Result<()> {
    let start = |test| {
        let mut command = Command::new(wasmtime);
        command.arg("run").args(options).arg(tests);
        command.args(["--ignored", "--exact", test, "--nocapture"]);
        Sandboxed::start(&mut command)
    };
    let mut nothing = start("the_longest_timeout_is_slept_for")?;
    nothing.expect("asleep")?;
    nothing.sleeps()?;
    drop(nothing);

    let mut input = start("the_standard_input_is_waited_for")?;
    input.expect("asleep")?;
    input.sleeps()?;
    input.send("hello")?;
    input.expect("asleep again")?;
    input.sleeps()?;
    input.child.stdin = None;
    input.expect("ended")?;
    let (code, lines) = input.end()?;
    ensure!(code == Some(0), "{code:?}: {lines:?}");
    Ok(())
}

/// `examples/echo`: what it refuses, and a server and a load that talk to each other.
pub fn echo(wasmtime: &Path, program: &Path) -> Result<()> {
    let start = |network: &[&str], arguments: &[&str]| {
        let mut command = Command::new(wasmtime);
        command.arg("run").args(network).arg(program);
        Sandboxed::start(command.args(arguments))
    };
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let refusals: [(&[&str], &[&str], &str); 7] = [
        (&[NETWORK], &[], "WASI has no threads"),
        (
            &[NETWORK],
            &["--nonsense"],
            "unexpected argument '--nonsense'",
        ),
        (
            &[NETWORK],
            &["--connect", "nowhere"],
            "'nowhere' is no address",
        ),
        (&[NETWORK], &["--listen", &address], "cannot listen on"),
        (&[NETWORK], &["--connect", &free], "Connection refused"),
        (&[], &["--listen", "127.0.0.1:0"], "Permission denied"),
        (&[], &["--connect", &free], "Permission denied"),
    ];
    for (network, arguments, reason) in refusals {
        let (code, lines) = start(network, arguments)?.end()?;
        let said: Vec<_> = lines.iter().filter(|line| line.contains(reason)).collect();
        ensure!(said.len() == 1, "{arguments:?}: {reason:?} in {lines:?}");
        // A trap would be 134. wasi:cli/exit knows no other failure.
        ensure!(code == Some(1), "{arguments:?}: exit code {code:?}");
        // clap adds how the program is used.
        let rest = lines.iter().filter(|line| line.starts_with("echo: "));
        let clap = arguments == ["--nonsense"];
        ensure!(
            rest.count() == usize::from(!clap),
            "{arguments:?}: {lines:?}"
        );
    }
    let server = start(&[NETWORK], &["--listen", "127.0.0.1:0"])?;
    let line = server.lines.recv_timeout(LIMIT)?;
    let address = line.strip_prefix("listening on ").context(line.clone())?;
    let load = ["--connections", "50", "--seconds", "2", "--json"];
    let (code, lines) = start(&[NETWORK], &[&["--connect", address], &load[..]].concat())?.end()?;
    ensure!(code == Some(0), "the load: {code:?}: {lines:?}");
    let summary: serde_json::Value = serde_json::from_str(&lines.concat())?;
    println!("{summary}");
    Ok(())
}
