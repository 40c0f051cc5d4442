//! From the bytes of a request to the bytes of its answer.

use httparse::{Error, Header, Request, Status};

/// The longest head of a request that is waited for.
const HEAD_LIMIT: usize = 16 * 1024;

const HEADERS: usize = 64;

const HELLO: &str = "Hello, world!";

/// What came of looking at the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Answered {
    /// There is no whole head of a request yet.
    NotYet,
    /// A request of `head` bytes was answered; `body` bytes of body follow it. After the `last` one
    /// the connection ends.
    Request {
        head: usize,
        body: usize,
        last: bool,
    },
    /// These bytes can't be understood, and so nor can those after them.
    Refused,
}

/// Looks at the next request in `input`. An answer goes to `output`, a refusal too.
pub fn next(input: &[u8], output: &mut Vec<u8>) -> Answered {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = Request::new(&mut headers);
    let head = match request.parse(input) {
        Ok(Status::Complete(head)) => head,
        Ok(Status::Partial) if input.len() < HEAD_LIMIT => return Answered::NotYet,
        Ok(Status::Partial) | Err(Error::TooManyHeaders) => {
            return refuse("431 Request Header Fields Too Large", output);
        }
        Err(Error::Version) => return refuse("505 HTTP Version Not Supported", output),
        Err(_) => return refuse("400 Bad Request", output),
    };
    let body = match body(request.headers) {
        Ok(body) => body,
        Err(status) => return refuse(status, output),
    };
    let last = !keeps_alive(&request);
    respond(&request, last, output);
    Answered::Request { head, body, last }
}

/// The length of the body.
fn body(headers: &[Header<'_>]) -> Result<usize, &'static str> {
    if named(headers, "transfer-encoding").next().is_some() {
        return Err("501 Not Implemented");
    }
    let mut lengths = named(headers, "content-length");
    let Some(length) = lengths.next() else {
        return Ok(0);
    };
    // Two lengths are how requests are smuggled (RFC 9112, 6.3); a sign is no digit.
    let digits = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
    if lengths.next().is_some() || !digits {
        return Err("400 Bad Request");
    }
    let length = std::str::from_utf8(length).map_err(|_| "400 Bad Request")?;
    length.parse().map_err(|_| "413 Content Too Large")
}

/// HTTP/1.1 does unless it says otherwise, 1.0 only if it says so.
fn keeps_alive(request: &Request<'_, '_>) -> bool {
    let says = |option: &str| {
        named(request.headers, "connection")
            .flat_map(|value| value.split(|&byte| byte == b','))
            .any(|value| value.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
    };
    match request.version {
        Some(1) => !says("close"),
        _ => says("keep-alive"),
    }
}

fn named<'a>(headers: &'a [Header<'_>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value)
}

fn respond(request: &Request<'_, '_>, last: bool, output: &mut Vec<u8>) {
    let method = request.method.unwrap_or_default();
    let (status, content) = match (method, request.path) {
        ("GET" | "HEAD", Some("/")) => ("200 OK", HELLO),
        ("GET" | "HEAD", _) => ("404 Not Found", ""),
        _ => ("405 Method Not Allowed\r\nAllow: GET, HEAD", ""),
    };
    head(status, content.len(), last, output);
    if method != "HEAD" {
        output.extend_from_slice(content.as_bytes());
    }
}

fn refuse(status: &str, output: &mut Vec<u8>) -> Answered {
    head(status, 0, true, output);
    Answered::Refused
}

fn head(status: &str, length: usize, last: bool, output: &mut Vec<u8>) {
    for part in ["HTTP/1.1 ", status, "\r\nContent-Type: text/plain\r\n"] {
        output.extend_from_slice(part.as_bytes());
    }
    if last {
        output.extend_from_slice(b"Connection: close\r\n");
    }
    output.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer's outcome and status line.
    fn answer(input: &str) -> (Answered, String) {
        let mut output = Vec::new();
        let answered = next(input.as_bytes(), &mut output);
        let output = String::from_utf8(output).unwrap();
        (answered, output.lines().next().unwrap_or("").to_owned())
    }

    fn request(head: usize, body: usize, last: bool) -> Answered {
        Answered::Request { head, body, last }
    }

    const OK: &str = "HTTP/1.1 200 OK";

    #[test]
    fn a_request_is_answered_once_its_head_is_whole() {
        let input = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";
        assert_eq!(answer(input), (request(input.len(), 0, false), OK.into()));
        for length in 0..input.len() {
            assert_eq!(answer(&input[..length]), (Answered::NotYet, String::new()));
        }
    }

    #[test]
    fn who_asks_to_close_is_told_so() {
        for (input, last) in [
            ("GET / HTTP/1.0\r\n\r\n", true),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nConnection: x, CLOSE\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nConnection: upgrade\r\n\r\n", false),
        ] {
            let mut output = Vec::new();
            let answered = next(input.as_bytes(), &mut output);
            assert_eq!(answered, request(input.len(), 0, last), "{input}");
            let output = String::from_utf8(output).unwrap();
            assert_eq!(output.contains("\r\nConnection: close\r\n"), last);
            assert!(output.ends_with("\r\nContent-Length: 13\r\n\r\nHello, world!"));
        }
    }

    #[test]
    fn other_paths_and_methods_have_their_status() {
        let (_, status) = answer("GET /no HTTP/1.1\r\n\r\n");
        assert_eq!(status, "HTTP/1.1 404 Not Found");
        let input = "POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nabcde";
        let (answered, status) = answer(input);
        assert_eq!(answered, request(input.len() - 5, 5, false));
        assert_eq!(status, "HTTP/1.1 405 Method Not Allowed");
        let mut output = Vec::new();
        next(b"HEAD / HTTP/1.1\r\n\r\n", &mut output);
        assert!(output.ends_with(b"Content-Length: 13\r\n\r\n"));
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        let long = format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(HEAD_LIMIT));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(HEADERS + 1));
        for (input, status) in [
            ("\0\x01\x02", "400"),
            ("GET /\r\n\r\n", "400"),
            ("GET / HTTP/2.0\r\n\r\n", "505"),
            (&long, "431"),
            (&many, "431"),
            (
                "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
                "501",
            ),
            ("GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", "400"),
            ("GET / HTTP/1.1\r\nContent-Length:\r\n\r\n", "400"),
            (
                "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
                "400",
            ),
            (
                "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "413",
            ),
        ] {
            let (answered, line) = answer(input);
            assert_eq!(answered, Answered::Refused, "{input}");
            assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{line}");
        }
    }
}
