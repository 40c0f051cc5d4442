use crate::sync::{Mutex, lock};

/// What a pooled buffer holds: as much as a read asks for by default.
const SIZE: usize = 64 * 1024;

/// How many unused buffers are kept, 1 MiB.
const KEPT: usize = 16;

/// Memory for operations, to be used again.
///
/// One for all pipes of a `Poll`: an idle pipe has one buffer, that of its read under way, and while
/// data flows each read and each write needs another. Memory that is larger or much smaller is not
/// pooled: it is made for the purpose, and freed.
#[derive(Debug, Default)]
pub(super) struct Pool {
    unused: Mutex<Vec<Vec<u8>>>,
}

impl Pool {
    /// A buffer of `len` bytes, with any content.
    pub(super) fn take(&self, len: usize) -> Vec<u8> {
        if !(SIZE / 16..=SIZE).contains(&len) {
            return vec![0; len];
        }
        let unused = lock(&self.unused).pop();
        let mut buffer = unused.unwrap_or_else(|| Vec::with_capacity(SIZE));
        buffer.resize(len, 0);
        buffer
    }

    pub(super) fn give(&self, buffer: Vec<u8>) {
        // A larger one would keep memory that is never made use of.
        if buffer.capacity() != SIZE {
            return;
        }
        let mut unused = lock(&self.unused);
        if unused.len() < KEPT {
            unused.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_and_a_bounded_number_kept() {
        let pool = Pool::default();
        let buffer = pool.take(SIZE);
        let address = buffer.as_ptr();
        assert_eq!(buffer.len(), SIZE);
        pool.give(buffer);
        let buffer = pool.take(SIZE / 2);
        assert_eq!((buffer.as_ptr(), buffer.len()), (address, SIZE / 2));

        let many: Vec<_> = (0..2 * KEPT).map(|_| pool.take(SIZE)).collect();
        many.into_iter().for_each(|buffer| pool.give(buffer));
        assert_eq!(lock(&pool.unused).len(), KEPT);
    }

    #[test]
    fn other_sizes_are_not_kept() {
        let pool = Pool::default();
        for len in [0, 1, SIZE / 16 - 1, SIZE + 1, 1 << 20] {
            let buffer = pool.take(len);
            assert_eq!(buffer.len(), len);
            pool.give(buffer);
        }
        assert!(lock(&pool.unused).is_empty());
    }
}
