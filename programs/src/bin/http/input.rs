//! What a client has sent and the server hasn't looked at yet.

/// How much memory a connection may keep while nothing is in it.
const KEEP: usize = 4 * 1024;

/// Bytes that are taken from the front and added at the end.
#[derive(Default)]
pub struct Input {
    bytes: Vec<u8>,
    used: usize,
}

impl Input {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.used..]
    }

    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.used);
        self.used = 0;
        self.bytes.extend_from_slice(bytes);
    }

    pub fn consume(&mut self, length: usize) {
        self.used += length;
        if self.bytes().is_empty() {
            self.take_all();
        }
    }

    /// Discards all, and returns how much it was. Idle connections should hold little memory.
    pub fn take_all(&mut self) -> usize {
        let length = self.bytes().len();
        self.bytes.clear();
        self.bytes.shrink_to(KEEP);
        self.used = 0;
        length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_consumed_is_gone_and_the_rest_stays_in_order() {
        let mut input = Input::default();
        input.extend(b"one two");
        input.consume(4);
        assert_eq!(input.bytes(), b"two");
        input.extend(b" three");
        assert_eq!(input.bytes(), b"two three");
        assert_eq!(input.take_all(), 9);
        assert_eq!(input.bytes(), b"");
        assert_eq!(input.take_all(), 0);
    }

    #[test]
    fn an_empty_one_gives_its_memory_back() {
        let mut input = Input::default();
        input.extend(&[1; 100_000]);
        input.consume(100_000);
        assert!(input.bytes.capacity() <= KEEP);
    }
}
