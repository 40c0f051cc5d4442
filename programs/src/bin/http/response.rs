//! The heads of responses.

use std::fmt;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::pages::Page;

/// The statuses this server answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    ContentTooLarge,
    UriTooLong,
    ExpectationFailed,
    HeaderFieldsTooLarge,
    NotImplemented,
    ServiceUnavailable,
    VersionNotSupported,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Status::Ok => "200 OK",
            Status::BadRequest => "400 Bad Request",
            Status::NotFound => "404 Not Found",
            Status::MethodNotAllowed => "405 Method Not Allowed",
            Status::RequestTimeout => "408 Request Timeout",
            Status::ContentTooLarge => "413 Content Too Large",
            Status::UriTooLong => "414 URI Too Long",
            Status::ExpectationFailed => "417 Expectation Failed",
            Status::HeaderFieldsTooLarge => "431 Request Header Fields Too Large",
            Status::NotImplemented => "501 Not Implemented",
            Status::ServiceUnavailable => "503 Service Unavailable",
            Status::VersionNotSupported => "505 HTTP Version Not Supported",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.line())
    }
}

/// What the `Connection` header says, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// HTTP/1.1's own way: the connection stays.
    Implied,
    /// An HTTP/1.0 client asked for it, so it has to be told.
    KeepAlive,
    Close,
}

/// Leave to go on with the body, before the response (RFC 9110, section 15.2.1).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Appends a response's head. The body is the caller's.
pub fn write_head(
    to: &mut Vec<u8>,
    status: Status,
    media_type: &str,
    length: u64,
    persistence: Persistence,
    date: &str,
) {
    // Writing to a vector doesn't fail.
    let _ = write!(
        to,
        "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n"
    );
    if status == Status::MethodNotAllowed {
        to.extend_from_slice(b"Allow: GET, HEAD\r\n");
    }
    match persistence {
        Persistence::Implied => {}
        Persistence::KeepAlive => to.extend_from_slice(b"Connection: keep-alive\r\n"),
        Persistence::Close => to.extend_from_slice(b"Connection: close\r\n"),
    }
    to.extend_from_slice(b"\r\n");
}

/// The page that explains a status other than 200.
pub fn explanation(status: Status) -> Page {
    Page::Text(match status {
        Status::Ok => "OK\n",
        Status::BadRequest => "This is no HTTP request.\n",
        Status::NotFound => "There is no such page. There are / and /bytes/N.\n",
        Status::MethodNotAllowed => "Only GET and HEAD work here.\n",
        Status::RequestTimeout => "The request took too long to arrive.\n",
        Status::ContentTooLarge => "The request's body is too long.\n",
        Status::UriTooLong => "The request's target is too long.\n",
        Status::ExpectationFailed => "The only expectation that can be met is 100-continue.\n",
        Status::HeaderFieldsTooLarge => "The request's head is too long.\n",
        Status::NotImplemented => "The method or transfer coding is unknown here.\n",
        Status::ServiceUnavailable => "There are too many connections. Try again later.\n",
        Status::VersionNotSupported => "Only HTTP/1.0 and HTTP/1.1 work here.\n",
    })
}

/// The `Date` header's value. It changes once a second, and is formatted as often.
pub struct Clock {
    second: u64,
    date: String,
}

impl Clock {
    pub fn new() -> Clock {
        Clock {
            second: 0,
            date: httpdate::fmt_http_date(UNIX_EPOCH),
        }
    }

    pub fn date(&mut self) -> &str {
        self.date_at(SystemTime::now())
    }

    fn date_at(&mut self, now: SystemTime) -> &str {
        let second = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        if second != self.second {
            self.second = second;
            self.date = httpdate::fmt_http_date(now);
        }
        &self.date
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_head_is_complete_and_ends_with_an_empty_line() {
        let mut bytes = Vec::new();
        write_head(
            &mut bytes,
            Status::MethodNotAllowed,
            "text/plain",
            3,
            Persistence::Close,
            "now",
        );
        let text = String::from_utf8(bytes).expect("text");
        assert_eq!(
            text,
            "HTTP/1.1 405 Method Not Allowed\r\nDate: now\r\nContent-Type: text/plain\r\n\
             Content-Length: 3\r\nAllow: GET, HEAD\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn the_date_follows_the_clock() {
        let mut clock = Clock::new();
        let at = |clock: &mut Clock, seconds| {
            let time = UNIX_EPOCH + Duration::from_millis(seconds);
            clock.date_at(time).to_string()
        };
        assert_eq!(at(&mut clock, 0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(at(&mut clock, 1_500), "Thu, 01 Jan 1970 00:00:01 GMT");
        assert_eq!(at(&mut clock, 1_999), "Thu, 01 Jan 1970 00:00:01 GMT");
        assert_eq!(
            at(&mut clock, 784_111_777_000),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
    }
}
