//! The head of a request: request line and header fields, parsed by `httparse` and judged here.

use httparse::{EMPTY_HEADER, Header, Request};

use crate::body::Body;
use crate::response::{Persistence, Status};

/// The longest head that is accepted.
pub const MAX_HEAD: usize = 8 * 1024;
/// The most header fields.
const MAX_FIELDS: usize = 100;
/// The longest body.
pub const MAX_BODY: u64 = 16 * 1024 * 1024;

/// What the server has to know of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// `Err`: what to answer instead of a page, once the body was read.
    pub target: Result<String, Status>,
    /// HEAD: the answer ends with its head.
    pub is_head: bool,
    pub persistence: Persistence,
    /// None: there is none.
    pub body: Option<Body>,
    /// The client waits for leave to send the body.
    pub expects_continue: bool,
}

/// What was found at the start of the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The head hasn't arrived completely.
    Partial,
    /// A head, and its length.
    Head(Head, usize),
}

/// Parses what has arrived. An error means that nothing which follows can be understood either.
pub fn parse(input: &[u8]) -> Result<Parsed, Status> {
    let mut fields = [EMPTY_HEADER; MAX_FIELDS];
    let mut request = Request::new(&mut fields);
    match request.parse(&input[..input.len().min(MAX_HEAD)]) {
        Ok(httparse::Status::Complete(length)) => judge(&request, length),
        Ok(httparse::Status::Partial) if input.len() < MAX_HEAD => Ok(Parsed::Partial),
        // Too long a head, or its first line alone is.
        Ok(httparse::Status::Partial) if input[..MAX_HEAD].contains(&b'\n') => {
            Err(Status::HeaderFieldsTooLarge)
        }
        Ok(httparse::Status::Partial) => Err(Status::UriTooLong),
        Err(httparse::Error::TooManyHeaders) => Err(Status::HeaderFieldsTooLarge),
        Err(httparse::Error::Version) => Err(Status::VersionNotSupported),
        Err(_) => Err(Status::BadRequest),
    }
}

fn judge(request: &Request<'_, '_>, length: usize) -> Result<Parsed, Status> {
    let fields = Fields(request.headers);
    let is_new = request.version == Some(1);
    // RFC 9112, section 3.2: exactly one Host, from HTTP/1.1 on.
    let hosts = fields.all("host").count();
    if hosts > 1 || (is_new && hosts == 0) {
        return Err(Status::BadRequest);
    }
    let expectation = fields.all("expect").next();
    let expects_continue = is_new && expectation.is_some_and(is_continue);
    let target = match request.method.unwrap_or_default() {
        "GET" | "HEAD" if expectation.is_some_and(|value| !is_continue(value)) => {
            Err(Status::ExpectationFailed)
        }
        "GET" | "HEAD" => Ok(request.path.unwrap_or_default().to_string()),
        "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS" | "TRACE" | "CONNECT" => {
            Err(Status::MethodNotAllowed)
        }
        _ => Err(Status::NotImplemented),
    };
    let head = Head {
        target,
        is_head: request.method == Some("HEAD"),
        persistence: persistence(&fields, is_new),
        body: body(&fields, is_new)?,
        expects_continue,
    };
    Ok(Parsed::Head(head, length))
}

fn is_continue(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"100-continue")
}

/// RFC 9112, section 9.3.
fn persistence(fields: &Fields<'_, '_>, is_new: bool) -> Persistence {
    if fields.has_element("connection", "close") {
        Persistence::Close
    } else if is_new {
        Persistence::Implied
    } else if fields.has_element("connection", "keep-alive") {
        Persistence::KeepAlive
    } else {
        Persistence::Close
    }
}

/// RFC 9112, section 6.3. Anything doubtful is refused: what isn't agreed on could be smuggled.
fn body(fields: &Fields<'_, '_>, is_new: bool) -> Result<Option<Body>, Status> {
    let mut codings = fields.all("transfer-encoding");
    let mut lengths = fields.all("content-length");
    match (codings.next(), lengths.next()) {
        (None, None) => Ok(None),
        (None, Some(value)) => {
            if lengths.next().is_some() {
                return Err(Status::BadRequest);
            }
            match number(value)? {
                0 => Ok(None),
                length if length > MAX_BODY => Err(Status::ContentTooLarge),
                length => Ok(Some(Body::Length(length))),
            }
        }
        (Some(_), Some(_)) => Err(Status::BadRequest),
        (Some(_), None) if !is_new => Err(Status::BadRequest),
        (Some(coding), None) => {
            if codings.next().is_none() && coding.eq_ignore_ascii_case(b"chunked") {
                Ok(Some(Body::chunked(MAX_BODY)))
            } else {
                Err(Status::NotImplemented)
            }
        }
    }
}

/// Digits only: no sign, no list, nothing that another server could read differently.
fn number(value: &[u8]) -> Result<u64, Status> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Status::BadRequest);
    }
    let digits = std::str::from_utf8(value).map_err(|_| Status::BadRequest)?;
    // So many digits that it can't be counted: too large in any case.
    digits.parse().map_err(|_| Status::ContentTooLarge)
}

struct Fields<'a, 'b>(&'a [Header<'b>]);

impl<'b> Fields<'_, 'b> {
    /// The values of all fields of that name, in their order.
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'b [u8]> {
        self.0
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
            .map(|field| field.value.trim_ascii())
    }

    /// Is `element` in the comma-separated lists of that name?
    fn has_element(&self, name: &'static str, element: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(|&byte| byte == b','))
            .any(|found| found.trim_ascii().eq_ignore_ascii_case(element.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn head(request: &str) -> Head {
        match parse(request.as_bytes()) {
            Ok(Parsed::Head(head, length)) => {
                assert_eq!(length, request.len());
                head
            }
            other => panic!("{other:?} for {request:?}"),
        }
    }

    #[track_caller]
    fn assert_refused(request: &str, status: Status) {
        assert_eq!(parse(request.as_bytes()), Err(status), "{request:?}");
    }

    /// A GET with these lines in its head.
    fn get(fields: &str) -> String {
        format!("GET /x HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
    }

    #[test]
    fn a_plain_request() {
        let expected = Head {
            target: Ok(String::from("/x")),
            is_head: false,
            persistence: Persistence::Implied,
            body: None,
            expects_continue: false,
        };
        assert_eq!(head(&get("")), expected);
        assert!(head("HEAD / HTTP/1.1\r\nhost:h\r\n\r\n").is_head);
    }

    #[test]
    fn what_follows_the_head_is_left() {
        let request = get("");
        let two = request.clone() + &request;
        let Ok(Parsed::Head(_, length)) = parse(two.as_bytes()) else {
            panic!("no head");
        };
        assert_eq!(length, request.len());
    }

    #[test]
    fn a_part_of_a_head_is_partial() {
        let request = get("Accept: */*\r\n");
        for end in 0..request.len() {
            let parsed = parse(&request.as_bytes()[..end]);
            assert_eq!(parsed, Ok(Parsed::Partial), "up to {end}");
        }
    }

    #[test]
    fn the_connection_stays_or_not() {
        let persistence = |version, fields| {
            let request = format!("GET / HTTP/{version}\r\nHost: h\r\n{fields}\r\n");
            head(&request).persistence
        };
        assert_eq!(persistence("1.1", ""), Persistence::Implied);
        assert_eq!(
            persistence("1.1", "Connection: keep-alive\r\n"),
            Persistence::Implied
        );
        assert_eq!(
            persistence("1.1", "Connection: x, CLOSE\r\n"),
            Persistence::Close
        );
        assert_eq!(persistence("1.0", ""), Persistence::Close);
        assert_eq!(
            persistence("1.0", "connection: Keep-Alive\r\n"),
            Persistence::KeepAlive
        );
        let both = "connection: keep-alive\r\nconnection: close\r\n";
        assert_eq!(persistence("1.0", both), Persistence::Close);
    }

    #[test]
    fn methods_are_known_allowed_or_neither() {
        let target = |method| head(&format!("{method} / HTTP/1.1\r\nHost: h\r\n\r\n")).target;
        assert!(target("GET").is_ok() && target("HEAD").is_ok());
        assert_eq!(target("POST"), Err(Status::MethodNotAllowed));
        assert_eq!(target("get"), Err(Status::NotImplemented));
        assert_eq!(target("BREW"), Err(Status::NotImplemented));
    }

    #[test]
    fn bodies_are_announced_in_one_way_only() {
        let body = |fields: &str| head(&get(fields)).body;
        assert_eq!(body("Content-Length: 0\r\n"), None);
        assert_eq!(body("Content-Length:  12 \r\n"), Some(Body::Length(12)));
        assert_eq!(
            body("Transfer-Encoding: Chunked\r\n"),
            Some(Body::chunked(MAX_BODY))
        );
        for fields in [
            "Content-Length: +1\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: \r\n",
            "Content-Length: 0x1\r\n",
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        ] {
            assert_refused(&get(fields), Status::BadRequest);
        }
        for fields in [
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: identity\r\n",
        ] {
            assert_refused(&get(fields), Status::NotImplemented);
        }
        assert_refused(
            "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            Status::BadRequest,
        );
        for length in ["16777217", "99999999999999999999999"] {
            assert_refused(
                &get(&format!("Content-Length: {length}\r\n")),
                Status::ContentTooLarge,
            );
        }
    }

    #[test]
    fn expectations_other_than_continue_fail() {
        assert!(head(&get("Expect: 100-Continue\r\n")).expects_continue);
        let other = head(&get("Expect: the-unexpected\r\n"));
        assert_eq!(other.target, Err(Status::ExpectationFailed));
        assert!(!other.expects_continue);
        let old = "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n";
        assert!(!head(old).expects_continue, "HTTP/1.0 knows no 100");
    }

    #[test]
    fn garbage_is_refused() {
        for request in [
            "\x16\x03\x01\x02\x00\x01\x00",
            "GET\r\n\r\n",
            "GET / FTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\n: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHo st: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        ] {
            assert!(
                matches!(
                    parse(request.as_bytes()),
                    Err(Status::BadRequest | Status::VersionNotSupported)
                ),
                "{request:?}: {:?}",
                parse(request.as_bytes())
            );
        }
        assert_refused("GET / HTTP/2.0\r\n\r\n", Status::VersionNotSupported);
    }

    #[test]
    fn heads_have_a_limit() {
        let longest = MAX_HEAD - get("X: \r\n").len();
        assert!(
            head(&get(&format!("X: {}\r\n", "x".repeat(longest))))
                .target
                .is_ok()
        );
        let longer = get(&format!("X: {}\r\n", "x".repeat(longest + 1)));
        assert_refused(&longer, Status::HeaderFieldsTooLarge);
        assert_refused(&longer[..MAX_HEAD], Status::HeaderFieldsTooLarge);
        assert_eq!(
            parse(&longer.as_bytes()[..MAX_HEAD - 1]),
            Ok(Parsed::Partial)
        );
        assert_refused(&get(&"a: b\r\n".repeat(100)), Status::HeaderFieldsTooLarge);
        assert!(head(&get(&"a: b\r\n".repeat(99))).target.is_ok());
        let target = format!("GET /{}", "x".repeat(MAX_HEAD));
        assert_refused(&target, Status::UriTooLong);
    }
}
