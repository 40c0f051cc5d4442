//! The world outside the sandbox of preview 1, for one program of tests: what `cargo xtask wasi` gives
//! to nextest as the runner.
//!
//! Under preview 1 only the host opens sockets. So the host opens listeners, many, because each is gone
//! when a test closes it. The tests reach this program by a connection to the first of them and ask for
//! what they cannot do themselves, by lines (`conformance/src/wasi/outside.rs` is the other end):
//!
//! * `pair`: two connections to the first listener, and what goes into one comes out of the other;
//! * `client 7`: the same, but one of the two is to listener 7.
//!
//! Each is answered by a line, `done` or what went wrong.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

/// More than any test closes.
const LISTENERS: usize = 300;

/// By then the program has begun to listen.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Args, Clone, Debug)]
pub struct Arguments {
    wasmtime: PathBuf,
    program: PathBuf,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Runs the program, and ends as it has ended.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut command = Command::new(&arguments.wasmtime);
    command.args(["run", "-Spreview2=n"]);
    // Asked for its tests it needs nobody.
    let status = if arguments
        .arguments
        .iter()
        .any(|argument| argument == "--list")
    {
        command.arg(&arguments.program).args(&arguments.arguments);
        command.status()?
    } else {
        tests(command, arguments)?
    };
    process::exit(status.code().unwrap_or(1));
}

fn tests(mut command: Command, arguments: &Arguments) -> Result<ExitStatus> {
    let addresses = addresses()?;
    let list: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    command.args(list.iter().map(|address| format!("-Stcplisten={address}")));
    command
        .arg("--env")
        .arg(format!("FERRIO_LISTENERS={}", list.join(",")));
    command.arg(&arguments.program).args(&arguments.arguments);
    let mut program = command
        .stdin(Stdio::piped())
        .spawn()
        .context("wasmtime could not be run")?;
    let control = connect(addresses[0], &mut program);
    if let Ok(Some(control)) = control {
        // It ends with this program.
        thread::spawn(move || Outside { addresses }.serve(&control));
    } else if let Err(error) = control {
        program.kill()?;
        program.wait()?;
        return Err(error);
    }
    Ok(program.wait()?)
}

/// Free ports of a loopback address that belongs to this process: nobody else takes them before
/// wasmtime does.
fn addresses() -> Result<Vec<SocketAddr>> {
    let [_, b, c, d] = process::id().wrapping_mul(64).to_be_bytes();
    let address = Ipv4Addr::new(127, b | 1, c, d);
    let listeners: io::Result<Vec<_>> = (0..LISTENERS)
        .map(|_| TcpListener::bind((address, 0)))
        .collect();
    let addresses = listeners?
        .iter()
        .map(TcpListener::local_addr)
        .collect::<io::Result<_>>();
    Ok(addresses?)
}

/// As soon as the program listens; `None`: it has ended before.
fn connect(address: SocketAddr, program: &mut Child) -> Result<Option<TcpStream>> {
    let start = Instant::now();
    loop {
        if program.try_wait()?.is_some() {
            return Ok(None);
        }
        match TcpStream::connect(address) {
            Ok(stream) => return Ok(Some(stream)),
            Err(error) if start.elapsed() > LIMIT => bail!("{address}: {error}"),
            Err(_) => thread::sleep(Duration::from_millis(2)),
        }
    }
}

struct Outside {
    addresses: Vec<SocketAddr>,
}

impl Outside {
    fn serve(self, control: &TcpStream) {
        for line in BufReader::new(control).lines() {
            let Ok(line) = line else { return };
            let answer = |done: Result<()>| {
                let text = done.map_or_else(|error| format!("{error:#}"), |()| "done".to_owned());
                let mut control = control;
                // At once: the rest of a line would wait until the beginning was acknowledged.
                control.write_all(format!("{text}\n").as_bytes())
            };
            let answered = answer(self.fulfil(&line));
            if answered.is_err() {
                return;
            }
        }
    }

    fn fulfil(&self, request: &str) -> Result<()> {
        match request.split_once(' ') {
            None if request == "pair" => bridge(self.addresses[0], self.addresses[0]),
            Some(("client", number)) => {
                let address = self.addresses.get(number.parse::<usize>()?);
                bridge(*address.context("no such listener")?, self.addresses[0])
            }
            _ => bail!("what is {request:?}?"),
        }
    }
}

/// Two connections that are one: what comes from either goes to the other, and so does its end.
fn bridge(one: SocketAddr, other: SocketAddr) -> Result<()> {
    let one = TcpStream::connect(one)?;
    let other = TcpStream::connect(other)?;
    for stream in [&one, &other] {
        stream.set_nodelay(true)?;
    }
    pass_on(one.try_clone()?, other.try_clone()?)?;
    pass_on(other, one)
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) -> Result<()> {
    thread::Builder::new()
        .stack_size(128 * 1024)
        .spawn(move || {
            let how = match io::copy(&mut from, &mut to) {
                Ok(_) => Shutdown::Write,
                // Whoever is left is to learn of it.
                Err(_) => Shutdown::Both,
            };
            let _ = to.shutdown(how);
        })?;
    Ok(())
}
