//! What the programs have in common: how they explain themselves, and how they fail.

use std::net::TcpListener;
use std::process::Output;

use nix::sys::signal::Signal;

use crate::clients::{connect, receive_to_any_end};
use crate::process::{CHAT, HTTP, PROXY, Program, Server, TLS_ECHO};
use crate::tools::{Scratch, text};

const ALL: [Program; 4] = [HTTP, TLS_ECHO, PROXY, CHAT];

/// What a program needs besides the options they all have.
fn needs(program: Program) -> &'static [&'static str] {
    match program.name {
        "proxy" => &["--to", "127.0.0.1:9"],
        _ => &[],
    }
}

fn run(program: Program, args: &[&str]) -> Output {
    let args = [needs(program), args].concat();
    program.command(&args).output().expect("it starts")
}

/// Checks that a program couldn't start, and said in one line why.
#[track_caller]
fn assert_refused(program: Program, args: &[&str], parts: &[&str]) {
    let output = run(program, args);
    let why = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{why}");
    assert_eq!(why.lines().count(), 1, "{why}");
    assert!(why.starts_with(&format!("{}: ", program.name)), "{why}");
    for part in parts {
        assert!(why.contains(part), "no {part:?} in {why}");
    }
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn help_and_unknown_options() {
    for program in ALL {
        let help = program.command(&["--help"]).output().expect("it starts");
        let said = text(&help.stdout);
        assert_eq!(help.status.code(), Some(0), "{said}");
        for part in ["Usage:", "--listen", "--max-connections", "Exit codes"] {
            assert!(said.contains(part), "no {part:?} in {said}");
        }
        for args in [
            &["--nonsense"][..],
            &["--max-connections", "0"],
            &["--listen"],
            &["surplus"],
        ] {
            let output = run(program, args);
            assert_eq!(output.status.code(), Some(2), "{args:?}");
            assert!(text(&output.stderr).contains(args[0]), "{args:?}");
        }
    }
}

#[test]
fn addresses_that_do_not_work() {
    for program in ALL {
        assert_refused(
            program,
            &["--listen", "nonsense"],
            &["'nonsense'", "is no address"],
        );
        assert_refused(
            program,
            &["--listen", "192.0.2.1:0"],
            &["cannot listen on 192.0.2.1:0"],
        );
    }
    let holder = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let held = holder.local_addr().expect("an address").to_string();
    for program in ALL {
        assert_refused(
            program,
            &["--listen", &held],
            &["cannot listen on", &held, "in use"],
        );
    }
    for (to, why) in [
        ("nowhere", "proxy: 'nowhere' is no address"),
        (
            "127.0.0.1:0",
            "proxy: nobody listens on port 0: '127.0.0.1:0'",
        ),
    ] {
        let refused = PROXY.command(&["--to", to]).output().expect("it starts");
        assert_eq!(refused.status.code(), Some(2));
        let said = text(&refused.stderr);
        assert!(said.starts_with(why), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_eq!(text(&refused.stdout), "");
    }
}

#[test]
fn certificates_that_do_not_work() {
    let empty = Scratch::containing("empty.pem", "");
    let missing = Scratch::new("missing.pem");
    let pair = |cert: &Scratch, key: &Scratch| {
        assert_refused(
            TLS_ECHO,
            &["--cert", cert.as_str(), "--key", key.as_str()],
            &["cannot read", cert.as_str()],
        );
    };
    pair(&missing, &empty);
    pair(&empty, &missing);
    let unwritable = format!("{}/x.pem", missing.as_str());
    assert_refused(
        TLS_ECHO,
        &["--write-cert", &unwritable],
        &["cannot write", &unwritable],
    );
}

#[test]
fn they_listen_where_they_are_told_to_and_end_when_told_to() {
    for program in ALL {
        for listen in ["localhost:0", "127.0.0.1:0", "[::1]:0"] {
            let args = [needs(program), &["--listen", listen]].concat();
            let server = Server::start(program, &args);
            assert_ne!(server.address.port(), 0);
            let ended = server.end();
            assert!(ended.stdout.contains("event loop"), "{ended:?}");
            assert_eq!(ended.log, "");
        }
    }
}

#[test]
fn either_signal_ends_them_while_clients_are_there() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let to = upstream.local_addr().expect("an address").to_string();
    for program in ALL {
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            let to = ["--to", &to, "--verbose"];
            let args = match program.name {
                "proxy" => &to[..],
                _ => &to[2..],
            };
            let server = Server::start(program, args);
            let mut clients = [(); 3].map(|()| connect(server.address));
            for client in &clients {
                let address = client.local_addr().expect("an address").to_string();
                server.expect_log(&["accepted ", &address]);
            }
            let ended = server.end_by(signal);
            assert_eq!(ended.count("accepted"), 3, "{ended:?}");
            assert_eq!(ended.count("broken off"), 0, "{ended:?}");
            assert_eq!(ended.logged("the server ends"), 3, "{ended:?}");
            clients.iter_mut().for_each(|client| {
                receive_to_any_end(client);
            });
        }
    }
}
