//! Everything bad at once: slow writers and readers, readers that never read, half-closed and silent
//! connections, garbage, resets at every byte of a message, and three times as many connections as
//! the server may have descriptors. All the while one good client asks every 50 ms, checks each
//! byte of its answers, and has to be answered. Who is only slow has to get all that is due as well.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::clients::{connect, finish, noise, receive, reset, send};
use crate::http::page;
use crate::process::{Ended, HTTP, PROXY, Server, TLS_ECHO, wait_until};
use crate::replies::Replies;
use crate::slow::Slow;
use crate::tls_client::{TlsClient, trusting};
use crate::tools::Scratch;

pub const DESCRIPTORS: u64 = 1000;
const FLOOD: usize = 3000;
const PAUSE: Duration = Duration::from_millis(50);
/// A byte each second, so many times.
const SLOW_BYTES: usize = 5;

/// The good client, in a thread of its own.
pub struct Witness {
    thread: JoinHandle<Duration>,
    is_over: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
}

impl Witness {
    /// One connection that is echoed, with other bytes each time.
    pub fn of_proxy(address: SocketAddr) -> Witness {
        let mut stream = connect(address);
        let mut number = 0;
        Witness::start(move || {
            number += 1;
            let bytes = noise(number, 3000);
            send(&mut stream, &bytes);
            assert!(receive(&mut stream, 3000) == bytes, "the echo differs");
        })
    }

    pub fn of_tls_echo(address: SocketAddr, cert: &Scratch) -> Witness {
        let mut client = TlsClient::new(address, trusting(cert));
        client.shake_hands();
        let mut number = 0;
        Witness::start(move || {
            number += 1;
            client.echo(&noise(number, 3000));
        })
    }

    /// `ask` panics if it isn't answered, or not with the right bytes.
    pub fn start(ask: impl FnMut() + Send + 'static) -> Witness {
        let (is_over, answers) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (over, count, mut ask) = (Arc::clone(&is_over), Arc::clone(&answers), ask);
        let thread = thread::spawn(move || {
            let mut longest = Duration::ZERO;
            while !over.load(Relaxed) {
                let asked = Instant::now();
                ask();
                longest = longest.max(asked.elapsed());
                count.fetch_add(1, Relaxed);
                thread::sleep(PAUSE);
            }
            longest
        });
        let witness = Witness {
            thread,
            is_over,
            answers,
        };
        witness.expect_answers(1);
        witness
    }

    /// Waits for so many more.
    #[track_caller]
    pub fn expect_answers(&self, count: u64) {
        let target = self.answers.load(Relaxed) + count;
        wait_until("the good client is answered", || {
            assert!(!self.thread.is_finished(), "the good client has failed");
            self.answers.load(Relaxed) >= target
        });
    }

    #[track_caller]
    pub fn end(self, name: &str) {
        self.is_over.store(true, Relaxed);
        let longest = self.thread.join().expect("it was answered all along");
        let answers = self.answers.load(Relaxed);
        println!("{name}: {answers} answers to the good client, the longest wait {longest:?}");
    }
}

/// Each client costs this process a descriptor too, as does an upstream.
pub fn raise_limit() {
    let needed = (2 * FLOOD) as u64;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    assert!(
        hard >= needed,
        "the hard limit of descriptors is {hard}, and this test needs {needed}"
    );
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(needed), hard).expect("a higher limit");
}

/// A connection that may be refused at any moment.
pub fn intrude(address: SocketAddr, bytes: &[u8]) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_nonblocking(true).expect("non-blocking");
    // As much as goes; whether anybody reads it is not the point.
    let _ = stream.write(bytes);
    Some(stream)
}

/// Does it all. `message` is something that the server understands, `greedy` asks for more than
/// will ever be read.
fn attack(address: SocketAddr, message: &[u8], greedy: &[u8], witness: &Witness) {
    let mut held: Vec<TcpStream> = Vec::new();
    for number in 0..20 {
        held.extend(intrude(address, greedy));
        held.extend(intrude(address, &noise(number, 5000)));
        let half_closed = intrude(address, &message[..message.len() / 2]);
        half_closed.iter().for_each(finish);
        held.extend(half_closed);
    }
    for length in 0..=message.len() {
        intrude(address, &message[..length])
            .into_iter()
            .for_each(reset);
    }
    witness.expect_answers(5);
    let mut slow: Vec<TcpStream> = (0..20).filter_map(|_| intrude(address, b"")).collect();
    while held.len() < FLOOD {
        held.extend(intrude(address, b""));
    }
    witness.expect_answers(5);
    for byte in message.iter().take(SLOW_BYTES) {
        for stream in &mut slow {
            let _ = stream.write(&[*byte]);
            let _ = stream.read(&mut [0]);
        }
        // The slowness itself: nothing waits for it to be over.
        thread::sleep(Duration::from_secs(1));
    }
    for length in 0..=message.len() {
        intrude(address, &message[..length])
            .into_iter()
            .for_each(reset);
    }
    witness.expect_answers(5);
}

/// After the flood: there is room again, and all that was refused is accounted for.
fn account(name: &str, ended: &Ended) {
    let refused = ended.count("refused");
    let more: u64 = ended.log.lines().filter_map(more_refused).sum();
    let singly = ended.logged("refused 127.") as u64;
    println!("{name}: {refused} refused, {singly} of them with a line of their own");
    // Some of those that reset at once may have been gone before they were seen.
    assert!(refused >= 1900, "{refused} refused");
    assert_eq!(singly + more, refused);
    assert!(singly < refused, "no limit to the log");
    // A loop that tried again at once would have turned some million times by now.
    assert!(ended.count("rounds") < 200_000, "{}", ended.stdout);
}

pub fn more_refused(line: &str) -> Option<u64> {
    let count = line.strip_prefix("refused ")?.strip_suffix(" more")?;
    count.parse().ok()
}

pub fn ask_http(stream: &mut TcpStream, replies: &mut Replies) {
    send(stream, "GET /bytes/3000 HTTP/1.1\r\nHost: h\r\n\r\n");
    let reply = replies.next();
    assert_eq!(reply.status, 200);
    assert!(reply.body == page(3000), "the page differs");
}

/// Whether a new client gets an answer.
pub fn http_serves(address: SocketAddr) -> bool {
    let mut stream = connect(address);
    let _ = stream.write_all(b"GET /bytes/0 HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut status = [0; 12];
    stream.read_exact(&mut status).is_ok() && &status == b"HTTP/1.1 200"
}

pub fn tls_echo_serves(address: SocketAddr, cert: &Path) -> bool {
    let mut client = TlsClient::new(address, trusting(cert));
    let done = |client: &TlsClient| client.at_end || !client.tls.is_handshaking();
    client.try_run("a handshake", done).is_ok() && !client.at_end
}

pub fn proxy_serves(address: SocketAddr) -> bool {
    let mut answer = [0; 5];
    TcpStream::connect(address).is_ok_and(|mut stream| {
        let sent = stream.write_all(b"hello");
        sent.is_ok() && stream.read_exact(&mut answer).is_ok() && &answer == b"hello"
    })
}

#[test]
fn http_answers_through_everything_at_once() {
    raise_limit();
    let server = Server::start_with_limit(HTTP, &[], DESCRIPTORS);
    let address = server.address;
    let mut stream = connect(address);
    let mut replies = Replies::of(&stream);
    let witness = Witness::start(move || ask_http(&mut stream, &mut replies));
    let message = b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n123456789";
    let greedy = b"GET /bytes/99999999 HTTP/1.1\r\nHost: h\r\n\r\n";
    let slow = Slow::at_http(address);
    attack(address, message, greedy, &witness);
    slow.into_iter().for_each(Slow::end);
    wait_until("there is room again", || http_serves(address));
    witness.end("http");
    account("http", &server.end());
}

#[test]
fn tls_echo_answers_through_everything_at_once() {
    raise_limit();
    let cert = Scratch::new("hostile.pem");
    let args = ["--write-cert", cert.as_str()];
    let server = Server::start_with_limit(TLS_ECHO, &args, DESCRIPTORS);
    let address = server.address;
    let mut client = TlsClient::new(address, trusting(&cert));
    let mut hello = Vec::new();
    client.tls.write_tls(&mut hello).expect("into memory");
    let witness = Witness::of_tls_echo(address, &cert);
    let slow = Slow::at_tls_echo(address, &cert);
    attack(address, &hello, &hello, &witness);
    slow.into_iter().for_each(Slow::end);
    wait_until("there is room again", || tls_echo_serves(address, &cert));
    witness.end("tls_echo");
    account("tls_echo", &server.end());
}

/// Echoes each connection in a thread of its own.
pub fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("the proxy connects");
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    if stream.write_all(&bytes[..count]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn proxy_answers_through_everything_at_once() {
    raise_limit();
    let to = upstream().to_string();
    let server = Server::start_with_limit(PROXY, &["--to", &to], DESCRIPTORS);
    let address = server.address;
    let witness = Witness::of_proxy(address);
    let slow = Slow::at_proxy(address);
    attack(address, &noise(1, 60), &noise(2, 1 << 20), &witness);
    slow.into_iter().for_each(Slow::end);
    wait_until("there is room again", || proxy_serves(address));
    witness.end("proxy");
    account("proxy", &server.end());
}
