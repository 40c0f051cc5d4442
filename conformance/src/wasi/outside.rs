//! Preview 1: what a case asks of the program that has started this one, `cargo xtask wasi`. Only the
//! host opens sockets there, so connections come from outside.

use std::env;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{FromRawFd, RawFd};
use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::wait_for;

/// Where the host puts the first listener: behind standard input, output and errors.
const FIRST: RawFd = 3;

struct Outside {
    /// The first listener, at which every connection arrives that a case asks for.
    arrivals: TcpListener,
    control: BufReader<TcpStream>,
    /// Of all listeners.
    addresses: Vec<SocketAddr>,
    /// The number of the first listener that no case has.
    next: usize,
}

fn outside() -> MutexGuard<'static, Outside> {
    static OUTSIDE: OnceLock<Mutex<Outside>> = OnceLock::new();
    let outside = OUTSIDE.get_or_init(|| {
        let list = env::var("FERRIO_LISTENERS").expect("run the suite with `cargo xtask wasi`");
        let addresses = list
            .split(',')
            .map(|address| address.parse().expect("an address"));
        // SAFETY: the host has opened it for this program, which uses it nowhere else.
        let arrivals = unsafe { TcpListener::from_raw_fd(FIRST) };
        let control = accept(&arrivals);
        Mutex::new(Outside {
            arrivals,
            control: BufReader::new(control),
            addresses: addresses.collect(),
            next: 1,
        })
    });
    outside.lock().expect("no case has panicked")
}

impl Outside {
    /// Has the program outside do something, see `xtask/src/cmd/wasi/outside.rs`.
    fn ask(&mut self, request: &str) {
        // At once: the rest of a line would wait until the beginning was acknowledged.
        let line = format!("{request}\n");
        let control = self.control.get_mut();
        control.write_all(line.as_bytes()).expect("a request");
        let mut answer = String::new();
        self.control.read_line(&mut answer).expect("an answer");
        assert_eq!(answer.trim_end(), "done", "{request}");
    }

    fn arrival(&self) -> TcpStream {
        accept(&self.arrivals)
    }
}

/// Hosts open listeners in either mode.
fn accept(listener: &TcpListener) -> TcpStream {
    let mut accepted = None;
    wait_for("a connection from outside", || match listener.accept() {
        Ok((stream, _)) => {
            accepted = Some(stream);
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
            false
        }
    });
    accepted.expect("waited for")
}

/// Two connected, blocking streams.
pub fn pair() -> (TcpStream, TcpStream) {
    let mut outside = outside();
    outside.ask("pair");
    (outside.arrival(), outside.arrival())
}

/// A listener that no other case has, non-blocking, and its address.
pub fn listener() -> (TcpListener, SocketAddr) {
    let mut outside = outside();
    let number = outside.next;
    let address = *outside.addresses.get(number).expect("a listener is left");
    outside.next += 1;
    let fd = FIRST + RawFd::try_from(number).expect("a number");
    // SAFETY: the host has opened it for this program, and each number is given out once.
    let listener = unsafe { TcpListener::from_raw_fd(fd) };
    listener.set_nonblocking(true).expect("non-blocking");
    (listener, address)
}

/// A client of the listener at `address`: the far end of its connection.
pub fn client(address: SocketAddr) -> TcpStream {
    let mut outside = outside();
    let number = outside.addresses.iter().position(|other| *other == address);
    outside.ask(&format!("client {}", number.expect("a listener's address")));
    outside.arrival()
}
