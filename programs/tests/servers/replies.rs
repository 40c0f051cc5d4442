//! Reading HTTP responses, strictly: what isn't as the server should have written it is a failure.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;

/// A response.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn field(&self, name: &str) -> Option<&str> {
        let named = |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.fields.iter().find(named).map(|field| field.1.as_str())
    }

    /// Does it say that the connection ends?
    pub fn is_last(&self) -> bool {
        self.field("connection") == Some("close")
    }
}

/// The responses of one connection.
pub struct Replies(BufReader<TcpStream>);

impl Replies {
    pub fn of(stream: &TcpStream) -> Replies {
        Replies(BufReader::new(stream.try_clone().expect("a second handle")))
    }

    /// The next response, to a GET or anything but a HEAD.
    #[track_caller]
    pub fn next(&mut self) -> Reply {
        self.read(true)
    }

    /// The next response, to a HEAD.
    #[track_caller]
    pub fn next_head(&mut self) -> Reply {
        self.read(false)
    }

    /// Checks that the server closes the connection without another word.
    #[track_caller]
    pub fn expect_end(&mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).expect("the server closes");
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }

    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("the server answers");
        let text = line.strip_suffix("\r\n");
        text.unwrap_or_else(|| panic!("no whole line: {line:?}"))
            .to_string()
    }

    #[track_caller]
    fn read(&mut self, has_body: bool) -> Reply {
        let line = self.line();
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .unwrap_or_else(|| panic!("no status line: {line:?}"));
        let mut fields = Vec::new();
        loop {
            let line = self.line();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").expect("a field");
            fields.push((name.to_string(), value.to_string()));
        }
        let mut reply = Reply {
            status,
            fields,
            body: Vec::new(),
        };
        if status != 100 {
            let length = reply.field("content-length").expect("a length");
            let length: usize = length.parse().expect("a number");
            assert!(reply.field("date").is_some(), "{reply:?}");
            if has_body {
                reply.body = vec![0; length];
                self.0.read_exact(&mut reply.body).expect("the body");
            }
        }
        reply
    }
}
