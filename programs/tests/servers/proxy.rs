//! `proxy` between a client and an upstream, both of this test.

use std::net::{TcpListener, TcpStream};
use std::thread;

use nix::sys::signal::Signal;

use crate::clients::{connect, finish, noise, receive, receive_all, send, send_until_stuck};
use crate::process::{LIMIT, PROXY, Server, resident};

/// A proxy, and what it connects to.
pub struct Proxied {
    pub proxy: Server,
    pub upstream: TcpListener,
}

impl Proxied {
    pub fn start(args: &[&str]) -> Proxied {
        let upstream = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let to = upstream.local_addr().expect("an address").to_string();
        Proxied {
            proxy: Server::start(PROXY, &[&["--to", &to], args].concat()),
            upstream,
        }
    }

    /// A client, and the upstream's end of its connection.
    #[track_caller]
    pub fn pair(&self) -> (TcpStream, TcpStream) {
        let client = connect(self.proxy.address);
        let (upstream, _) = self.upstream.accept().expect("the proxy connects");
        upstream.set_read_timeout(Some(LIMIT)).expect("a timeout");
        upstream.set_write_timeout(Some(LIMIT)).expect("a timeout");
        (client, upstream)
    }

    /// The proxy still serves an ordinary client.
    #[track_caller]
    pub fn assert_serves(&self) {
        let (mut client, mut upstream) = self.pair();
        send(&mut client, "still there?");
        assert_eq!(receive(&mut upstream, 12), b"still there?");
        send(&mut upstream, "yes");
        assert_eq!(receive(&mut client, 3), b"yes");
    }
}

#[test]
fn what_passed_on_connections_that_are_still_open_is_counted() {
    let proxied = Proxied::start(&[]);
    let (mut client, mut upstream) = proxied.pair();
    send(&mut client, "five!");
    assert_eq!(receive(&mut upstream, 5), b"five!");
    send(&mut upstream, "yes");
    assert_eq!(receive(&mut client, 3), b"yes");
    let ended = proxied.proxy.end_by(Signal::SIGTERM);
    assert_eq!(ended.count("up"), 5, "{ended:?}");
    assert_eq!(ended.count("down"), 3, "{ended:?}");
}

#[test]
fn ten_megabytes_pass_both_ways_at_once_to_slow_readers() {
    const LENGTH: usize = 10 << 20;
    let proxied = Proxied::start(&[]);
    let (client, upstream) = proxied.pair();
    let both = [(client, 1, 2), (upstream, 2, 1)].map(|(stream, ours, theirs)| {
        let mut writer = stream.try_clone().expect("a second handle");
        let writes = thread::spawn(move || {
            send(&mut writer, noise(ours, LENGTH));
            finish(&writer);
        });
        let mut stream = stream;
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // Slowly: in pieces that are small beside the proxy's buffer.
            while bytes.len() < LENGTH {
                bytes.extend(receive(&mut stream, 1024.min(LENGTH - bytes.len())));
                thread::yield_now();
            }
            assert!(bytes == noise(theirs, LENGTH), "the bytes differ");
            assert_eq!(receive_all(&mut stream), b"");
            writes.join().expect("all was sent");
        })
    });
    for side in both {
        side.join().expect("it went well");
    }
    let ended = proxied.proxy.end();
    assert_eq!(ended.count("up"), LENGTH as u64, "{ended:?}");
    assert_eq!(ended.count("down"), LENGTH as u64, "{ended:?}");
    assert_eq!(ended.count("broken off"), 0, "{ended:?}");
}

/// Who doesn't read stops the one who writes, in both directions, and costs the proxy no more than
/// its two buffers.
#[test]
fn slowness_is_passed_on() {
    const ALL: usize = 256 << 20;
    let proxied = Proxied::start(&[]);
    proxied.assert_serves();
    let before = resident(proxied.proxy.id());
    let (mut client, mut upstream) = proxied.pair();
    let bytes = noise(3, 1 << 20);
    let sent_up = send_until_stuck(&mut client, &bytes, ALL);
    let sent_down = send_until_stuck(&mut upstream, &bytes, ALL);
    assert!(sent_up < ALL && sent_down < ALL, "the proxy took all of it");
    if let (Some(before), Some(after)) = (before, resident(proxied.proxy.id())) {
        assert!(after < before + 4096, "{before} KiB before, now {after}");
    }
    // The others don't notice,
    proxied.assert_serves();
    // and nothing is lost.
    finish(&client);
    finish(&upstream);
    for (stream, sent) in [(&mut client, sent_down), (&mut upstream, sent_up)] {
        let received = receive_all(stream);
        assert_eq!(received.len(), sent);
        let expected = bytes.iter().cycle();
        assert!(
            received.iter().zip(expected).all(|(a, b)| a == b),
            "the bytes differ"
        );
    }
    drop((client, upstream));
    proxied.proxy.end();
}

#[test]
fn a_half_close_of_the_client_leaves_the_way_back_open() {
    let proxied = Proxied::start(&[]);
    let (mut client, mut upstream) = proxied.pair();
    send(&mut client, "a question");
    finish(&client);
    assert_eq!(receive_all(&mut upstream), b"a question");
    let answer = noise(4, 1 << 20);
    send(&mut upstream, &answer);
    drop(upstream);
    assert!(receive_all(&mut client) == answer, "the answer differs");
    drop(client);
    let ended = proxied.proxy.end();
    assert_eq!(ended.count("broken off"), 0, "{ended:?}");
}

#[test]
fn a_half_close_of_the_upstream_leaves_the_way_there_open() {
    let proxied = Proxied::start(&[]);
    let (mut client, mut upstream) = proxied.pair();
    send(&mut upstream, "all I have to say");
    finish(&upstream);
    assert_eq!(receive_all(&mut client), b"all I have to say");
    for _ in 0..10 {
        send(&mut client, "but I");
        assert_eq!(receive(&mut upstream, 5), b"but I");
    }
    drop(client);
    assert_eq!(receive_all(&mut upstream), b"");
    drop(upstream);
    let ended = proxied.proxy.end();
    assert_eq!(ended.count("broken off"), 0, "{ended:?}");
}

/// The end comes after the last byte even if that has to wait.
#[test]
fn an_end_behind_a_full_buffer_waits_for_its_turn() {
    let proxied = Proxied::start(&["--buffer", "1"]);
    let (mut client, mut upstream) = proxied.pair();
    let bytes = noise(5, 3000);
    send(&mut client, &bytes);
    finish(&client);
    assert_eq!(receive_all(&mut upstream), bytes);
    drop((client, upstream));
    proxied.proxy.end();
}

#[test]
fn a_hundred_pairs_at_once() {
    let proxied = Proxied::start(&[]);
    let mut pairs: Vec<_> = (0..100).map(|_| proxied.pair()).collect();
    for (number, (client, _)) in pairs.iter_mut().enumerate() {
        send(client, format!("{number:04}"));
    }
    // Accepted in the order of the queue, which needn't be that of the clients.
    let mut heard: Vec<Vec<u8>> = Vec::new();
    for (_, upstream) in &mut pairs {
        let bytes = receive(upstream, 4);
        send(upstream, &bytes);
        heard.push(bytes);
    }
    for (number, (client, _)) in pairs.iter_mut().enumerate() {
        assert_eq!(receive(client, 4), format!("{number:04}").as_bytes());
    }
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), 100);
    drop(pairs);
    let ended = proxied.proxy.end();
    assert_eq!(ended.count("accepted"), 100, "{ended:?}");
}
