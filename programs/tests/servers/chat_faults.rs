//! `chat`, and people who don't listen, talk nonsense or vanish.

use std::sync::mpsc::{self, Sender};
use std::thread;

use crate::chat::Person;
use crate::clients::{connect, connect_narrowly, finish, receive_all, send, send_until_stuck};
use crate::process::{CHAT, Server};

/// Hears what the talker says until it's enough. A word through the channel for each line: the
/// talker mustn't be faster than those who do listen, or they would be taken for deaf as well.
fn listen(mut listener: Person, heard: &Sender<()>) -> (Person, usize) {
    let mut count = 0;
    loop {
        match listener.hear().as_str() {
            "* deaf was lost" => {}
            "talker: enough" => return (listener, count),
            line => {
                let message = line.strip_prefix("talker: ");
                let message = message.and_then(|line| line.split_once(' '));
                let (number, text) = message.expect("a message");
                assert_eq!((number.parse(), text.len()), (Ok(count), 1000));
                count += 1;
                let _ = heard.send(());
            }
        }
    }
}

#[test]
fn who_does_not_read_is_disconnected_and_the_others_go_on() {
    let server = Server::start(CHAT, &["--backlog", "50000"]);
    let mut talker = Person::join(&server, "talker");
    let mut deaf = Person::over(connect_narrowly(server.address));
    deaf.say("deaf");
    deaf.expect("* You are deaf.");
    talker.expect("* deaf joined");
    let listener = Person::join(&server, "listener");
    talker.expect("* listener joined");
    let (heard, was_heard) = mpsc::channel();
    let listening = thread::spawn(move || listen(listener, &heard));

    // Until the kernel's buffers are full, and then the server's.
    let text = "x".repeat(1000);
    let is_lost = || {
        let lines = server.log_lines();
        lines.iter().any(|line| line.contains("deaf doesn't read"))
    };
    let mut said = 0;
    while said % 100 != 0 || !is_lost() {
        talker.say(&format!("{said} {text}"));
        said += 1;
        assert!(said < 100_000, "it stores without end");
        if said > 20 {
            was_heard.recv().expect("the listener listens");
        }
    }
    talker.say("enough");
    let (listener, count) = listening.join().expect("it went well");
    assert_eq!(count, said);
    talker.expect("* deaf was lost");
    server.expect_log(&["closed ", &deaf.address(), "deaf doesn't read"]);
    drop((talker, deaf, listener));
    let ended = server.end();
    assert_eq!(ended.logged("doesn't read"), 1, "{ended:?}");
}

/// The answers to one's own questions are held back instead.
#[test]
fn who_asks_without_reading_waits_for_himself() {
    let server = Server::start(CHAT, &[]);
    let mut ann = Person::over(connect_narrowly(server.address));
    ann.say("ann");
    ann.expect("* You are ann.");
    let mut asks = ann.stream.try_clone().expect("a second handle");
    let sent = send_until_stuck(&mut asks, b"/who\n", 64 << 20);
    assert!(sent < 64 << 20, "the server took all of it");
    drop(Person::join(&server, "bob"));
    // The rest of a line that was cut by the full buffer.
    let rest = &b"/who\n"[sent % 5..];
    thread::spawn(move || {
        send(&mut asks, rest);
        finish(&asks);
    });
    let mut answers = 0;
    while let Some(line) = ann.hear_or_end() {
        if line != "* bob joined" && line != "* bob was lost" && line != "* bob left" {
            assert!(line.contains(" here: ann"), "{line}");
            answers += 1;
        }
    }
    assert_eq!(answers, sent / 5 + 1);
    drop(ann);
    let ended = server.end();
    assert_eq!(ended.count("broken off"), 0, "{ended:?}");
}

#[test]
fn garbage_is_made_presentable_or_refused() {
    let server = Server::start(CHAT, &[]);
    let mut ann = Person::join(&server, "ann");
    let mut bob = Person::join(&server, "bob");
    ann.expect("* bob joined");
    send(&mut bob.stream, b"\x1b[2J\xff\xfe\0 hi\x07\r\n\n\r\n");
    ann.expect("bob: [2J\u{fffd}\u{fffd} hi");
    for line in [&[b'x'; 1025][..], &[0xff; 5000], &[0; 100_000]] {
        let mut client = Person::arrive(&server);
        // It may be closed before the last byte; that is fine.
        let _ = std::io::Write::write_all(&mut client.stream, line);
        client.expect("* That line is too long. Goodbye.");
        server.expect_log(&[&client.address(), "a line is too long"]);
    }
    send(&mut bob.stream, [&[b'y'; 1024][..], b"\n"].concat());
    ann.expect(&format!("bob: {}", "y".repeat(1024)));
    drop((ann, bob));
    server.end();
}

/// Half a line is nobody's business yet.
#[test]
fn a_slow_writer_keeps_nobody_waiting() {
    let server = Server::start(CHAT, &[]);
    let mut ann = Person::join(&server, "ann");
    let mut slow = Person::join(&server, "slow");
    ann.expect("* slow joined");
    for byte in b"at last" {
        send(&mut slow.stream, [*byte]);
        ann.say("still there?");
        slow.expect("ann: still there?");
    }
    slow.say("");
    ann.expect("slow: at last");
    drop((ann, slow));
    server.end();
}

#[test]
fn resets_at_every_step_cost_one_client_each() {
    let server = Server::start(CHAT, &["--verbose"]);
    let mut good = Person::join(&server, "good");
    let steps: [fn(&Server) -> Person; 5] = [
        Person::arrive,
        |server| {
            let mut person = Person::arrive(server);
            send(&mut person.stream, "half a na");
            person
        },
        |server| Person::join(server, "member"),
        |server| {
            let mut person = Person::join(server, "member");
            send(&mut person.stream, "half a li");
            person
        },
        |server| {
            let mut person = Person::join(server, "member");
            person.say("/quit");
            person
        },
    ];
    for step in steps {
        let person = step(&server);
        let address = person.address();
        person.reset();
        server.expect_log(&["closed ", &format!("{address} ")]);
        good.say("/who");
        good.wait_for("* 1 here: good");
    }
    drop(good);
    server.end();
}

#[test]
fn who_says_no_name_is_let_go() {
    let server = Server::start(CHAT, &["--timeout", "1"]);
    let mut ann = Person::join(&server, "ann");
    let mut silent = connect(server.address);
    let mut half = connect(server.address);
    send(&mut half, "half a na");
    for client in [&mut silent, &mut half] {
        receive_all(client);
        let address = client.local_addr().expect("an address").to_string();
        server.expect_log(&["closed ", &address, "said no name in time"]);
    }
    // Who has said it may be silent for as long.
    ann.say("/who");
    ann.expect("* 1 here: ann");
    drop((ann, silent, half));
    server.end();
}

#[test]
fn beyond_the_limit_of_connections_people_are_told() {
    let server = Server::start(CHAT, &["--max-connections", "1", "--verbose"]);
    let ann = Person::join(&server, "ann");
    for _ in 0..5 {
        let told = receive_all(&mut connect(server.address));
        assert_eq!(told, b"* There is no room for more. Try again later.\n");
    }
    let address = ann.address();
    drop(ann);
    server.expect_log(&["closed ", &address]);
    drop(Person::join(&server, "bob"));
    let ended = server.end();
    assert_eq!(ended.count("refused"), 5, "{ended:?}");
}
