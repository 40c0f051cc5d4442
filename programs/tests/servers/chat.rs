//! `chat`, and people who talk to each other.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;

use crate::clients::{connect, finish, reset, send};
use crate::process::{CHAT, Server};

/// Somebody at a terminal.
pub struct Person {
    pub stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Person {
    /// Connects, and reads the welcome.
    #[track_caller]
    pub fn arrive(server: &Server) -> Person {
        Person::over(connect(server.address))
    }

    /// Reads the welcome.
    #[track_caller]
    pub fn over(stream: TcpStream) -> Person {
        let lines = BufReader::new(stream.try_clone().expect("a second handle"));
        let mut person = Person { stream, lines };
        person.expect("* Welcome. What is your name?");
        person
    }

    #[track_caller]
    pub fn join(server: &Server, name: &str) -> Person {
        let mut person = Person::arrive(server);
        person.say(name);
        person.expect(&format!("* You are {name}."));
        person
    }

    #[track_caller]
    pub fn say(&mut self, line: &str) {
        send(&mut self.stream, format!("{line}\n"));
    }

    /// The next line.
    #[track_caller]
    pub fn hear(&mut self) -> String {
        self.hear_or_end().expect("the server sends on")
    }

    /// The next line, or None at the end.
    #[track_caller]
    pub fn hear_or_end(&mut self) -> Option<String> {
        let mut line = String::new();
        if self.lines.read_line(&mut line).expect("the server sends") == 0 {
            return None;
        }
        let text = line.strip_suffix('\n');
        Some(
            text.unwrap_or_else(|| panic!("no whole line: {line:?}"))
                .to_string(),
        )
    }

    #[track_caller]
    pub fn expect(&mut self, line: &str) {
        assert_eq!(self.hear(), line);
    }

    /// Waits for a line among others.
    #[track_caller]
    pub fn wait_for(&mut self, line: &str) {
        while self.hear() != line {}
    }

    #[track_caller]
    pub fn expect_end(&mut self) {
        assert_eq!(self.hear_or_end(), None);
    }

    /// Vanishes.
    pub fn reset(self) {
        let Person { stream, lines } = self;
        drop(lines);
        reset(stream);
    }

    pub fn address(&self) -> String {
        self.stream.local_addr().expect("an address").to_string()
    }
}

#[test]
fn what_one_says_the_others_hear() {
    let server = Server::start(CHAT, &[]);
    let mut ann = Person::join(&server, "ann");
    let mut bob = Person::join(&server, "bob");
    ann.expect("* bob joined");
    let mut eve = Person::join(&server, "eve");
    for person in [&mut ann, &mut bob] {
        person.expect("* eve joined");
    }
    ann.say("hello");
    ann.say("  grüße an alle  ");
    for person in [&mut bob, &mut eve] {
        person.expect("ann: hello");
        person.expect("ann: grüße an alle");
    }
    bob.say("/who");
    bob.expect("* 3 here: ann, bob, eve");
    // One's own words don't come back: the next to be heard is bob's.
    bob.say("hi ann");
    ann.expect("bob: hi ann");
    eve.expect("bob: hi ann");

    bob.say("/quit");
    bob.expect("* Goodbye.");
    bob.expect_end();
    ann.expect("* bob left");
    eve.expect("* bob left");
    // A last line without an end, as `printf bye | nc` would send it.
    send(&mut ann.stream, "bye");
    finish(&ann.stream);
    ann.expect_end();
    eve.expect("ann: bye");
    eve.expect("* ann left");
    drop((ann, bob, eve));
    let ended = server.end();
    assert_eq!(ended.count("broken off"), 0, "{ended:?}");
}

#[test]
fn names_are_checked_and_free_again_afterwards() {
    let server = Server::start(CHAT, &[]);
    let mut ann = Person::join(&server, "ann");
    let mut other = Person::arrive(&server);
    for name in [
        "",
        "two words",
        "seventeen-letters",
        "x\u{1b}[2J",
        "umläut",
        "/who",
    ] {
        other.say(name);
        other.expect("* A name has 1 to 16 letters, digits, - and _. What is yours?");
    }
    other.say("ann");
    other.expect("* ann is here already. What is your name?");
    ann.say("/quit");
    ann.expect("* Goodbye.");
    other.say("ann");
    other.expect("* You are ann.");
    other.say("/who");
    other.expect("* 1 here: ann");
    other.say("/nonsense");
    other.expect("* The commands are /who and /quit.");
    drop((ann, other));
    server.end();
}

/// Everybody hears everybody, in the order in which each of them spoke.
#[test]
fn five_hundred_clients() {
    const CLIENTS: usize = 500;
    let server = Server::start(CHAT, &["--backlog", "1000000"]);
    let mut people: Vec<Person> = (0..CLIENTS)
        .map(|number| Person::join(&server, &format!("p{number}")))
        .collect();
    for (number, person) in people.iter_mut().enumerate() {
        for line in 0..2 {
            person.say(&format!("line {line} of {number}"));
        }
    }
    for (number, person) in people.iter_mut().enumerate() {
        for newcomer in number + 1..CLIENTS {
            person.expect(&format!("* p{newcomer} joined"));
        }
        let mut next = vec![0; CLIENTS];
        for _ in 0..2 * (CLIENTS - 1) {
            let heard = person.hear();
            let (name, line) = heard.split_once(": ").expect("a message");
            let from: usize = name[1..].parse().expect("a number");
            assert_eq!(line, format!("line {} of {from}", next[from]));
            next[from] += 1;
        }
        assert_eq!(next[number], 0);
    }
    drop(people);
    let ended = server.end();
    assert_eq!(ended.count("accepted"), CLIENTS as u64, "{ended:?}");
}
