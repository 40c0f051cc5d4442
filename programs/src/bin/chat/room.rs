//! What the clients share.
//!
//! While a session has its turn the others are out of reach: there is one table of them, and the
//! loop holds it. So what a session has to tell the others is collected here, and told when the
//! round is over ([`App::settle`]). All those who were told something have it in their outbox then,
//! and a turn in the next round to send it.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use ferrio::net::TcpStream;
use ferrio_programs::server::{App, Opening};
use ferrio_programs::sessions::Sessions;
use ferrio_programs::slab::Key;

use crate::session::Client;

/// The longest name.
const MAX_NAME: usize = 16;

pub struct Room {
    pub timeout: Duration,
    pub backlog: usize,
    /// Room to read into.
    pub buffer: Vec<u8>,
    members: BTreeMap<String, Key>,
    news: Vec<News>,
    told: u64,
}

/// Something to be told to all but the one it comes from.
struct News {
    from: Key,
    line: String,
}

impl Room {
    pub fn new(timeout: Duration, backlog: usize) -> Room {
        Room {
            timeout,
            backlog,
            buffer: vec![0; 16 * 1024],
            members: BTreeMap::new(),
            news: Vec::new(),
            told: 0,
        }
    }

    /// Takes a client in under this name, or says why not.
    pub fn join(&mut self, name: &str, key: Key) -> Result<(), String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(fits) {
            return Err(format!(
                "A name has 1 to {MAX_NAME} letters, digits, - and _. What is yours?"
            ));
        }
        if self.members.contains_key(name) {
            return Err(format!("{name} is here already. What is your name?"));
        }
        self.members.insert(name.to_string(), key);
        self.tell(key, format!("* {name} joined\n"));
        Ok(())
    }

    /// Tells the others, and from now on this member is told nothing.
    pub fn leave(&mut self, name: &str, how: &str) {
        if let Some(key) = self.members.remove(name) {
            self.tell(key, format!("* {name} {how}\n"));
        }
    }

    /// Who is here, in one line.
    pub fn who(&self) -> String {
        let names: Vec<&str> = self.members.keys().map(String::as_str).collect();
        format!("* {} here: {}\n", names.len(), names.join(", "))
    }

    pub fn say(&mut self, from: Key, name: &str, text: &str) {
        self.tell(from, format!("{name}: {text}\n"));
    }

    fn tell(&mut self, from: Key, line: String) {
        self.news.push(News { from, line });
    }
}

impl App for Room {
    type Session = Client;

    fn open(&mut self, stream: TcpStream, opening: &Opening<'_>) -> io::Result<Client> {
        Client::open(self, stream, opening)
    }

    fn refuse(&mut self, stream: &mut TcpStream) {
        let _ = io::Write::write(stream, b"* There is no room for more. Try again later.\n");
    }

    fn close(&mut self, client: Client, end: &io::Result<()>) {
        // One that took its leave is no member any more.
        if let Some(name) = client.name() {
            self.leave(name, if end.is_ok() { "left" } else { "was lost" });
        }
    }

    fn settle(&mut self, sessions: &mut Sessions<Client>) {
        let news = std::mem::take(&mut self.news);
        if news.is_empty() {
            return;
        }
        for &key in self.members.values() {
            let Some(client) = sessions.get_mut(key) else {
                continue;
            };
            for News { line, .. } in news.iter().filter(|news| news.from != key) {
                client.tell(line);
                self.told += 1;
            }
            sessions.queue(key);
        }
    }

    fn summary(&self) -> Option<String> {
        Some(format!("lines          {} told", self.told))
    }
}
