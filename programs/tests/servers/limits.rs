//! More connections than descriptors: those that have one are served all along, the others are
//! refused and logged, and when descriptors are free again there is room again. Meanwhile the
//! server doesn't turn in circles.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::{connect, send, try_connect};
use crate::process::{CHAT, HTTP, PROXY, Program, Server, TLS_ECHO, wait_until};
use crate::tls_client::{TlsClient, trusting};
use crate::tools::Scratch;

/// How many descriptors a server may have. Some it needs for itself.
const DESCRIPTORS: u64 = 40;
/// Each of them needs one at least.
const CLIENTS: usize = 60;

/// A client that may or may not be served.
trait Client {
    /// Asks for something. False: there is no answer.
    fn is_served(&mut self) -> bool;
}

/// Reads as many bytes as `expected` has. False: something else came, or the end.
fn answers(stream: &mut TcpStream, expected: &[u8]) -> bool {
    let mut answer = vec![0; expected.len()];
    stream.read_exact(&mut answer).is_ok() && answer == expected
}

/// Sends what may not be read any more.
fn try_send(stream: &mut TcpStream, bytes: &[u8]) {
    let _ = std::io::Write::write_all(stream, bytes);
}

struct Browser(TcpStream);

impl Client for Browser {
    fn is_served(&mut self) -> bool {
        try_send(&mut self.0, b"GET /bytes/0 HTTP/1.1\r\nHost: h\r\n\r\n");
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match self.0.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return false,
            }
        }
        head.starts_with(b"HTTP/1.1 200 ")
    }
}

/// At an echo behind the proxy.
struct Plain(TcpStream);

impl Client for Plain {
    fn is_served(&mut self) -> bool {
        try_send(&mut self.0, b"hello");
        answers(&mut self.0, b"hello")
    }
}

struct Talker(TcpStream);

impl Client for Talker {
    fn is_served(&mut self) -> bool {
        // Not a name, so the others aren't told of it.
        try_send(&mut self.0, b"?\n");
        let expected = b"* A name has 1 to 16 letters, digits, - and _. What is yours?\n";
        answers(&mut self.0, expected)
    }
}

struct Tls(TlsClient);

impl Client for Tls {
    fn is_served(&mut self) -> bool {
        let from = self.0.received.len();
        self.0.say(b"hello");
        let done = |client: &TlsClient| client.at_end || client.received.len() >= from + 5;
        self.0.try_run("an echo", done).is_ok() && !self.0.at_end
    }
}

/// Starves a server and checks what becomes of its clients. `connect` may find its connection closed
/// instead of made.
fn starve<C: Client>(program: Program, args: &[&str], connect: impl Fn(SocketAddr) -> Option<C>) {
    let server = Server::start_with_limit(program, args, DESCRIPTORS);
    let try_one = || {
        let mut client = connect(server.address)?;
        client.is_served().then_some(client)
    };
    let mut clients: Vec<C> = Vec::new();
    let mut refused = 0;
    for _ in 0..CLIENTS {
        match try_one() {
            Some(client) => clients.push(client),
            None => refused += 1,
        }
    }
    assert!(
        clients.len() >= 8,
        "{} served, {refused} refused",
        clients.len()
    );
    assert!(
        refused >= CLIENTS - DESCRIPTORS as usize,
        "{refused} refused"
    );
    server.expect_log(&["refused ", "open files"]);
    for _ in 0..3 {
        assert!(
            clients.iter_mut().all(C::is_served),
            "those who came first are served"
        );
    }
    // Places become free, one after the other, and are taken again.
    for _ in 0..5 {
        let full = clients.len();
        drop(clients.pop());
        wait_until("there is room again", || {
            match try_one() {
                Some(client) => clients.push(client),
                None => refused += 1,
            }
            clients.len() >= full
        });
    }
    assert!(
        clients.iter_mut().all(C::is_served),
        "those who came first are served"
    );
    let requests = (4 * CLIENTS + refused) as u64;
    drop(clients);
    let ended = server.end();
    assert_eq!(ended.count("refused"), refused as u64, "{ended:?}");
    assert_eq!(ended.logged("refused "), refused, "{ended:?}");
    // A loop that tried again at once would have turned some hundred thousand times by now.
    assert!(ended.count("rounds") < 30 * requests, "{ended:?}");
}

#[test]
fn http_refuses_what_it_has_no_descriptors_for() {
    starve(HTTP, &[], |address| Some(Browser(connect(address))));
}

#[test]
fn chat_refuses_what_it_has_no_descriptors_for() {
    starve(CHAT, &[], |address| {
        let mut stream = connect(address);
        answers(&mut stream, b"* Welcome. What is your name?\n").then_some(Talker(stream))
    });
}

#[test]
fn tls_echo_refuses_what_it_has_no_descriptors_for() {
    let cert = Scratch::new("starved.pem");
    starve(TLS_ECHO, &["--write-cert", cert.as_str()], |address| {
        let mut client = TlsClient::new(address, trusting(&cert));
        let done = |client: &TlsClient| client.at_end || !client.tls.is_handshaking();
        let connected = client.try_run("a handshake", done);
        (connected.is_ok() && !client.at_end).then_some(Tls(client))
    });
}

/// Here a client costs two, and the second may be what is missing.
#[test]
fn proxy_refuses_what_it_has_no_descriptors_for() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let to = upstream.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for stream in upstream.incoming() {
            let mut stream = stream.expect("the proxy connects");
            thread::spawn(move || {
                let mut bytes = [0; 64];
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    send(&mut stream, &bytes[..count]);
                }
            });
        }
    });
    starve(PROXY, &["--to", &to], |address| {
        try_connect(address).map(Plain)
    });
}

/// With no descriptor for anything, the reserve included, it pauses, and looks by itself when there
/// is room again.
#[test]
#[cfg(target_os = "linux")]
fn without_any_descriptor_it_pauses_and_recovers() {
    let server = Server::start_with_limit(HTTP, &[], 64);
    limit(server.id(), 3);
    let mut client = Browser(connect(server.address));
    try_send(&mut client.0, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    server.expect_log(&["cannot accept for now: ", "open files"]);
    // Time to turn in circles, if it's one to do so.
    let began = Instant::now();
    thread::sleep(Duration::from_millis(300));
    limit(server.id(), 64);
    assert!(
        answers(&mut client.0, b"HTTP/1.1 200 OK\r\n"),
        "it was only late"
    );
    drop(client);
    let ended = server.end();
    let pauses = began.elapsed().as_millis() / 100;
    assert!(u128::from(ended.count("rounds")) < 50 + pauses, "{ended:?}");
    assert_eq!(ended.logged("cannot accept"), 1, "{ended:?}");
}

/// Sets how many descriptors another process may have.
#[cfg(target_os = "linux")]
fn limit(process: u32, descriptors: libc::rlim_t) {
    let limit = libc::rlimit {
        rlim_cur: descriptors,
        rlim_max: 64,
    };
    let process = libc::pid_t::try_from(process).expect("a process id");
    // SAFETY: the pointer is to a limit that outlives the call, and null asks for no old one.
    let done = unsafe { libc::prlimit(process, libc::RLIMIT_NOFILE, &limit, std::ptr::null_mut()) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}
