//! Clients that do nothing wrong but take their time: a byte now and then is written, or a few are
//! read, for as long as a test lasts. Then they want all that is due to them, byte by byte.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::clients::{connect_narrowly, finish, noise, receive, receive_all, send};
use crate::http::page;
use crate::process::wait_until;
use crate::tls_client::{TlsClient, trusting};

/// Between two steps.
const PAUSE: Duration = Duration::from_millis(20);
/// What a reader reads in a step. A writer writes one byte.
const LITTLE: usize = 512;
/// More than the kernel holds on the way, so that the server has to wait for the reader.
const LONG: usize = 8 << 20;
/// More than a writer gets done in its steps.
const SHORT: usize = 64 << 10;
/// In so many steps nobody would call it slow. A machine that is busy makes few.
const STEPS: u64 = 10;

trait Client: Send + 'static {
    fn step(&mut self);

    /// All the rest, which must be right.
    fn end(self);
}

/// One of them, in a thread of its own.
pub struct Slow {
    name: &'static str,
    thread: JoinHandle<()>,
    is_over: Arc<AtomicBool>,
    steps: Arc<AtomicU64>,
    /// How many were made before anything else began.
    before: u64,
}

impl Slow {
    fn start(name: &'static str, mut client: impl Client) -> Slow {
        let (is_over, steps) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (over, made) = (Arc::clone(&is_over), Arc::clone(&steps));
        let thread = thread::spawn(move || {
            while !over.load(Relaxed) {
                client.step();
                made.fetch_add(1, Relaxed);
                thread::sleep(PAUSE);
            }
            client.end();
        });
        wait_until("it has begun", || {
            assert!(!thread.is_finished(), "{name} has failed");
            steps.load(Relaxed) > 0
        });
        let before = steps.load(Relaxed);
        Slow {
            name,
            thread,
            is_over,
            steps,
            before,
        }
    }

    /// What was slow until now is quick at last.
    pub fn end(self) {
        let Slow { name, .. } = self;
        self.is_over.store(true, Relaxed);
        if self.thread.join().is_err() {
            panic!("{name} has not got what was due");
        }
        let steps = self.steps.load(Relaxed) - self.before;
        assert!(steps >= STEPS, "{name}: only {steps} steps");
        println!("{name}: {steps} steps, and all that was due");
    }

    /// A reader of a page, and a writer of a request's body.
    pub fn at_http(address: SocketAddr) -> [Slow; 2] {
        let request = |length, body| {
            format!(
                "GET /bytes/{length} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {body}\r\n\r\n"
            )
        };
        let mut post = request(3000, SHORT).into_bytes();
        post.extend(noise(12, SHORT));
        let get = request(LONG, 0).into_bytes();
        [
            Slow::start("a slow reader", Plain::reads(address, get, page(LONG))),
            Slow::start("a slow writer", Plain::writes(address, post, page(3000))),
        ]
    }

    /// Of what comes back.
    pub fn at_proxy(address: SocketAddr) -> [Slow; 2] {
        let (long, short) = (noise(13, LONG), noise(14, SHORT));
        let reads = Plain::reads(address, long.clone(), long);
        let writes = Plain::writes(address, short.clone(), short);
        [
            Slow::start("a slow reader", reads),
            Slow::start("a slow writer", writes),
        ]
    }

    pub fn at_tls_echo(address: SocketAddr, cert: &Path) -> [Slow; 2] {
        let client = |seed, length, is_reader| {
            let mut client = TlsClient::new(address, trusting(cert));
            let socket = socket2::SockRef::from(&client.stream);
            socket.set_recv_buffer_size(16 * 1024).expect("an option");
            client.shake_hands();
            let said = noise(seed, length);
            client.say(&said);
            Tls {
                client,
                said,
                is_reader,
            }
        };
        [
            Slow::start("a slow reader", client(15, LONG, true)),
            Slow::start("a slow writer", client(16, SHORT, false)),
        ]
    }
}

/// Bytes, with nothing to protect them.
struct Plain {
    stream: TcpStream,
    /// What is sent by and by; nothing of a reader, who has a thread for it.
    message: Vec<u8>,
    sent: usize,
    is_reader: bool,
    received: Vec<u8>,
    /// What comes in the end, but for the head of a response.
    expected: Vec<u8>,
}

impl Plain {
    fn writes(address: SocketAddr, message: Vec<u8>, expected: Vec<u8>) -> Plain {
        Plain {
            stream: connect_narrowly(address),
            message,
            sent: 0,
            is_reader: false,
            received: Vec::new(),
            expected,
        }
    }

    fn reads(address: SocketAddr, message: Vec<u8>, expected: Vec<u8>) -> Plain {
        let plain = Plain::writes(address, Vec::new(), expected);
        // Nobody waits for this one: if it fails, something is missing in the end.
        let _ = send_all(&plain.stream, message);
        Plain {
            is_reader: true,
            ..plain
        }
    }
}

fn send_all(stream: &TcpStream, bytes: Vec<u8>) -> JoinHandle<()> {
    let mut stream = stream.try_clone().expect("a second handle");
    thread::spawn(move || {
        send(&mut stream, bytes);
        finish(&stream);
    })
}

/// From now on it's quick.
fn widen(stream: &impl AsFd) {
    let socket = socket2::SockRef::from(stream);
    socket.set_recv_buffer_size(1 << 20).expect("an option");
}

/// Behind the head of a response, if there is one.
fn body(bytes: &[u8]) -> &[u8] {
    if !bytes.starts_with(b"HTTP/1.1 200 ") {
        return bytes;
    }
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n");
    &bytes[head.expect("a whole head") + 4..]
}

impl Client for Plain {
    fn step(&mut self) {
        if self.is_reader {
            self.received.extend(receive(&mut self.stream, LITTLE));
        } else {
            send(&mut self.stream, &self.message[self.sent..=self.sent]);
            self.sent += 1;
        }
    }

    fn end(mut self) {
        let sender =
            (!self.is_reader).then(|| send_all(&self.stream, self.message.split_off(self.sent)));
        self.received.extend(receive_all(&mut self.stream));
        assert!(body(&self.received) == self.expected, "the bytes differ");
        if let Some(sender) = sender {
            sender.join().expect("all was sent");
        }
    }
}

struct Tls {
    client: TlsClient,
    said: Vec<u8>,
    is_reader: bool,
}

impl Client for Tls {
    fn step(&mut self) {
        if self.is_reader {
            // As much as goes: the server takes no more while its echo isn't read.
            self.client.write_a_little(LONG);
            self.client.read_a_little(LITTLE as u64);
        } else {
            self.client.write_a_little(1);
        }
    }

    fn end(mut self) {
        let Tls { client, said, .. } = &mut self;
        widen(&client.stream);
        client.run("the echo", |client| client.received.len() >= said.len());
        assert!(client.received == *said, "the bytes differ");
        self.client.end();
    }
}
