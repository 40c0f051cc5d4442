//! `udp`, alone, with std's sockets, and against servers that lose and spoil datagrams.

use std::net::{SocketAddr, UdpSocket};
use std::thread;

use nix::sys::signal::Signal;

use crate::process::{Process, run};

#[test]
fn the_demonstration_gets_every_datagram_back() {
    let udp = run("udp", &["--count", "2000"]);
    assert_eq!(udp.code, Some(0), "{udp:?}");
    let expected = "2000 datagrams of 512 bytes sent, 2000 returned and checked, 0 wrong, 0 lost";
    assert!(udp.stdout.contains(expected), "{udp:?}");
}

#[test]
fn the_shortest_and_the_longest_datagrams() {
    for size in ["8", "65507"] {
        let udp = run("udp", &["--count", "50", "--size", size]);
        assert_eq!(udp.code, Some(0), "{udp:?}");
        assert!(
            udp.stdout
                .contains("50 returned and checked, 0 wrong, 0 lost"),
            "{udp:?}"
        );
    }
    for size in ["7", "65508"] {
        assert_eq!(run("udp", &["--size", size]).code, Some(2));
    }
}

#[test]
fn the_server_echoes_to_each_what_it_sent() {
    let mut udp = Process::start("udp", &["--listen", "127.0.0.1:0"]);
    let address = udp.expect("listening on ");
    let clients = [(); 3].map(|()| {
        let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        client.connect(&address).expect("an address");
        client
    });
    for length in [0, 1, 1500, 65_507] {
        for (index, client) in clients.iter().enumerate() {
            client.send(&vec![index as u8; length]).expect("it fits");
        }
        for (index, client) in clients.iter().enumerate() {
            let mut reply = vec![0xff; 65_508];
            let received = client.recv(&mut reply).expect("the server replies");
            assert_eq!(reply[..received], vec![index as u8; length]);
        }
    }
    udp.signal(Signal::SIGINT);
    let udp = udp.finish();
    assert_eq!(udp.code, Some(0), "{udp:?}");
    assert!(
        udp.stdout.contains("12 datagrams echoed, 0 failed"),
        "{udp:?}"
    );
}

/// Starts a server that answers its datagrams, counted from 0, with what `answer` makes of them.
fn server(answer: impl Fn(usize, &[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("its address");
    thread::spawn(move || {
        let mut buffer = [0; 65_536];
        for count in 0.. {
            let (length, peer) = socket.recv_from(&mut buffer).expect("a datagram");
            for reply in answer(count, &buffer[..length]) {
                let _ = socket.send_to(&reply, peer);
            }
        }
    });
    address
}

#[test]
fn what_is_lost_or_sent_twice_on_the_way_is_made_good() {
    let address = server(|count, datagram| match count % 10 {
        3 => vec![],
        7 => vec![datagram.to_vec(); 2],
        _ => vec![datagram.to_vec()],
    });
    let udp = run("udp", &["--count", "100", "--send", &address.to_string()]);
    assert_eq!(udp.code, Some(0), "{udp:?}");
    assert!(
        udp.stdout
            .contains("100 returned and checked, 0 wrong, 0 lost"),
        "{udp:?}"
    );
    assert!(!udp.stdout.contains(" 0 sent again"), "{udp:?}");
}

#[test]
fn spoilt_datagrams_are_noticed() {
    let spoil: [fn(Vec<u8>) -> Vec<u8>; 4] = [
        // One bit, the last byte missing, one too many, and a number that was never sent.
        |mut datagram| {
            datagram[100] ^= 1;
            datagram
        },
        |mut datagram| {
            datagram.pop();
            datagram
        },
        |mut datagram| {
            datagram.push(0);
            datagram
        },
        |mut datagram| {
            datagram[7] = 1;
            datagram
        },
    ];
    for spoil in spoil {
        let address = server(move |count, datagram| {
            let datagram = datagram.to_vec();
            vec![if count == 5 {
                spoil(datagram)
            } else {
                datagram
            }]
        });
        let udp = run("udp", &["--count", "20", "--send", &address.to_string()]);
        assert_eq!(udp.code, Some(1), "{udp:?}");
        assert!(
            udp.stdout
                .contains("20 returned and checked, 1 wrong, 0 lost"),
            "{udp:?}"
        );
    }
}

#[test]
fn a_datagram_that_never_returns_is_given_up_in_the_end() {
    let address = server(|_, datagram| match datagram[0] {
        7 => vec![],
        _ => vec![datagram.to_vec()],
    });
    let udp = run("udp", &["--count", "20", "--send", &address.to_string()]);
    assert_eq!(udp.code, Some(1), "{udp:?}");
    assert!(
        udp.stdout
            .contains("19 returned and checked, 0 wrong, 1 lost"),
        "{udp:?}"
    );
}

#[test]
fn a_taken_port_or_nobody_there_is_one_clear_line() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = taken.local_addr().expect("its address");
    let udp = run("udp", &["--listen", &address.to_string()]);
    udp.assert_refused(&["cannot listen on", &address.to_string(), "in use"]);

    // Connected elsewhere, it takes datagrams from there only: to others, nobody is there.
    let elsewhere = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    taken
        .connect(elsewhere.local_addr().expect("its address"))
        .expect("an address");
    let udp = run("udp", &["--send", &address.to_string()]);
    udp.assert_refused(&["cannot reach", &address.to_string(), "refused"]);

    for option in ["--listen", "--send"] {
        run("udp", &[option, "nonsense"]).assert_refused(&["is no address", "nonsense"]);
    }
}
