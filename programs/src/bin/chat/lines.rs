//! From bytes to lines.

/// The longest line, without its end.
pub const MAX_LINE: usize = 1024;

/// What was received and isn't a line yet, or one whose turn hasn't come.
#[derive(Default)]
pub struct Lines {
    bytes: Vec<u8>,
    /// How many of them are used up.
    used: usize,
}

/// A line longer than [`MAX_LINE`].
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

impl Lines {
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.used);
        self.used = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next complete line, if there is one.
    pub fn next(&mut self) -> Result<Option<String>, TooLong> {
        let rest = &self.bytes[self.used..];
        let searched = &rest[..rest.len().min(MAX_LINE + 1)];
        match searched.iter().position(|&byte| byte == b'\n') {
            Some(end) => {
                let line = presentable(&rest[..end]);
                self.used += end + 1;
                Ok(Some(line))
            }
            None if searched.len() > MAX_LINE => Err(TooLong),
            None => Ok(None),
        }
    }

    /// What is left when no more comes: a last line without an end.
    pub fn last(&mut self) -> Option<String> {
        let rest = &self.bytes[self.used..];
        let line = (!rest.is_empty()).then(|| presentable(rest));
        self.used = self.bytes.len();
        line
    }
}

/// Text that can be shown on anyone's terminal: what one client sends goes to all the others, and a
/// terminal takes control characters for commands.
fn presentable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let visible = |c: char| match c {
        '\t' => Some(' '),
        c if c.is_control() => None,
        // Would turn the direction of what others write, too (Unicode's bidirectional controls).
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
        c => Some(c),
    };
    let text: String = text.chars().filter_map(visible).collect();
    text.trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: &mut Lines) -> Vec<String> {
        std::iter::from_fn(|| lines.next().expect("no line is too long")).collect()
    }

    #[test]
    fn lines_come_whole_however_they_were_cut() {
        let text = b"one\r\n\ntwo words\nrest";
        for piece in 1..text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for bytes in text.chunks(piece) {
                lines.extend(bytes);
                found.extend(all(&mut lines));
            }
            assert_eq!(found, ["one", "", "two words"], "by {piece}");
            assert_eq!(lines.last().as_deref(), Some("rest"));
            assert_eq!(lines.last(), None);
        }
    }

    #[test]
    fn a_line_has_a_limit_with_or_without_an_end() {
        let mut lines = Lines::default();
        lines.extend(&[b'x'; MAX_LINE]);
        assert_eq!(lines.next(), Ok(None));
        lines.extend(b"\nshort\n");
        assert_eq!(all(&mut lines), [&*"x".repeat(MAX_LINE), "short"]);

        lines.extend(&[b'x'; MAX_LINE + 1]);
        assert_eq!(lines.next(), Err(TooLong));
        let mut lines = Lines::default();
        lines.extend(&[b'x'; MAX_LINE + 1]);
        lines.extend(b"\n");
        assert_eq!(lines.next(), Err(TooLong));
    }

    #[test]
    fn what_could_hurt_a_terminal_is_taken_out() {
        assert_eq!(presentable(b"\x1b[2Jred\x07 \x9b"), "[2Jred \u{fffd}");
        assert_eq!(
            presentable("a\tb\u{9b}c\u{202e}d\u{7f}".as_bytes()),
            "a bcd"
        );
        assert_eq!(presentable("  grüße \r".as_bytes()), "grüße");
    }
}
