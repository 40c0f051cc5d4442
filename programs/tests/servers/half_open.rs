//! Half-open connections, twice as many as the server may have descriptors: clients that connect and
//! never say a word, and clients that are gone without the server having been told. None of them ends
//! its connection, so only the server's own limits in time can make room again.

use std::net::TcpStream;

use crate::clients::connect;
use crate::hostile::{
    DESCRIPTORS, Witness, ask_http, http_serves, intrude, more_refused, proxy_serves, raise_limit,
    tls_echo_serves, upstream,
};
use crate::process::{HTTP, PROXY, Server, TLS_ECHO, open_descriptors, wait_until};
use crate::replies::Replies;
use crate::tools::Scratch;

const FLOOD: usize = 2 * DESCRIPTORS as usize;
/// Long enough for all of them to be there before the first is sent off.
const TIMEOUT: &str = "10";

/// Ends a connection without a word to the other side, as a crash does, or a cable that was pulled.
/// That takes a privilege: without it the connection is only silent, and is returned.
#[cfg(target_os = "linux")]
fn vanish(stream: TcpStream) -> Option<TcpStream> {
    use std::os::fd::AsRawFd as _;
    let on: libc::c_int = 1;
    // SAFETY: the pointer is to a number that outlives the call, and its length is that number's.
    let done = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_REPAIR,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    (done != 0).then_some(stream)
}

#[cfg(not(target_os = "linux"))]
fn vanish(stream: TcpStream) -> Option<TcpStream> {
    Some(stream)
}

/// `costs`: how many descriptors the good client's connection takes. `is_served`: whether a new client
/// gets an answer.
fn flood(name: &str, server: Server, witness: Witness, costs: usize, is_served: impl Fn() -> bool) {
    let before = open_descriptors(server.id()) - costs;
    let mut silent = Vec::new();
    let mut vanished = 0;
    for number in 0..FLOOD {
        let stream = intrude(server.address, b"");
        let kept = match stream {
            Some(stream) if number % 2 == 0 => {
                let kept = vanish(stream);
                vanished += usize::from(kept.is_none());
                kept
            }
            stream => stream,
        };
        silent.extend(kept);
    }
    println!("{name}: {} silent, {vanished} vanished", silent.len());
    server.expect_log(&["refused ", "open files"]);
    witness.expect_answers(5);
    // Nobody has ended anything, and still there is room in the end.
    wait_until("they are sent off", || {
        open_descriptors(server.id()) <= before + costs
    });
    wait_until("there is room again", is_served);
    witness.expect_answers(5);
    drop(silent);
    witness.end(name);
    let ended = server.end();
    let (refused, accepted) = (ended.count("refused"), ended.count("accepted"));
    println!("{name}: {accepted} accepted, {refused} refused");
    assert!(refused > 0, "{ended:?}");
    let singly = ended.logged("refused 127.") as u64;
    let more: u64 = ended.log.lines().filter_map(more_refused).sum();
    assert_eq!(singly + more, refused, "it says what it refuses");
}

#[test]
fn http_sends_half_open_connections_off() {
    raise_limit();
    let server = Server::start_with_limit(HTTP, &["--timeout", TIMEOUT], DESCRIPTORS);
    let address = server.address;
    let mut stream = connect(address);
    let mut replies = Replies::of(&stream);
    let witness = Witness::start(move || ask_http(&mut stream, &mut replies));
    flood("http", server, witness, 1, || http_serves(address));
}

#[test]
fn tls_echo_sends_half_open_connections_off() {
    raise_limit();
    let cert = Scratch::new("half-open.pem");
    let args = ["--write-cert", cert.as_str(), "--timeout", TIMEOUT];
    let server = Server::start_with_limit(TLS_ECHO, &args, DESCRIPTORS);
    let address = server.address;
    let witness = Witness::of_tls_echo(address, &cert);
    flood("tls_echo", server, witness, 1, || {
        tls_echo_serves(address, &cert)
    });
}

#[test]
fn proxy_sends_half_open_connections_off() {
    raise_limit();
    let to = upstream().to_string();
    let args = ["--to", &to, "--timeout", TIMEOUT];
    let server = Server::start_with_limit(PROXY, &args, DESCRIPTORS);
    let address = server.address;
    let witness = Witness::of_proxy(address);
    flood("proxy", server, witness, 2, || proxy_serves(address));
}
