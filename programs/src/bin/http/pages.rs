//! What there is to get. This is the part to replace.

/// What a page consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    Text(&'static str),
    /// So many bytes, made as they are sent: the length may be more than memory can hold.
    Bytes(u64),
}

/// The page of a request's target (RFC 9112, section 3.2), if there is one.
pub fn find(target: &str) -> Option<Page> {
    let path = target.split(['?', '#']).next()?;
    // A proxy's client sends the whole URL. It's to be accepted from any client.
    let path = match path.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => path,
    };
    match path {
        "/" => Some(Page::Text("Hello from ferrio.\n")),
        _ => {
            let digits = path.strip_prefix("/bytes/")?;
            // `parse` would take a sign too.
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| digits.parse().ok().map(Page::Bytes))?
        }
    }
}

impl Page {
    pub fn media_type(self) -> &'static str {
        match self {
            Page::Text(_) => "text/plain; charset=utf-8",
            Page::Bytes(_) => "application/octet-stream",
        }
    }

    pub fn length(self) -> u64 {
        match self {
            Page::Text(text) => text.len() as u64,
            Page::Bytes(length) => length,
        }
    }

    /// Appends the bytes from `from` on to `to`, at most `room`, and returns how many it were.
    pub fn write(self, from: u64, room: usize, to: &mut Vec<u8>) -> u64 {
        let rest = self.length().saturating_sub(from);
        let count = rest.min(room as u64);
        let range = from..from + count;
        match self {
            // A text's length came from a usize.
            Page::Text(text) => {
                to.extend_from_slice(&text.as_bytes()[range.start as usize..range.end as usize]);
            }
            Page::Bytes(_) => to.extend(range.map(byte_at)),
        }
        count
    }
}

/// A byte of /bytes/N. The period is a prime, so a piece lost or doubled shows.
fn byte_at(position: u64) -> u8 {
    (position % 251) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_lead_to_pages() {
        for target in ["/", "/?a=/b", "http://example.org", "http://example.org/?x"] {
            assert!(matches!(find(target), Some(Page::Text(_))), "{target}");
        }
        assert_eq!(find("/bytes/12"), Some(Page::Bytes(12)));
        assert_eq!(find("http://h:1/bytes/0?x"), Some(Page::Bytes(0)));
        for target in [
            "",
            "*",
            "/x",
            "//",
            "/bytes",
            "/bytes/",
            "/bytes/-1",
            "/bytes/+1",
            "/bytes/1/",
            "/bytes/18446744073709551616",
            "/bytes/1 ",
        ] {
            assert_eq!(find(target), None, "{target}");
        }
    }

    #[test]
    fn a_page_in_pieces_is_the_page() {
        for page in [Page::Text("hello\n"), Page::Bytes(1000)] {
            let mut whole = Vec::new();
            assert_eq!(page.write(0, usize::MAX, &mut whole), page.length());
            assert_eq!(whole.len() as u64, page.length());
            let mut pieces = Vec::new();
            let mut from = 0;
            while from < page.length() {
                from += page.write(from, 7, &mut pieces);
            }
            assert_eq!(pieces, whole);
            assert_eq!(page.write(from, 7, &mut pieces), 0);
        }
    }
}
