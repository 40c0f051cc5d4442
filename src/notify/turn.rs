use std::time::Duration;

use super::OVERFLOW_INDEX;

/// What a poller remembers from one poll to the next, so that nothing starves, and how long it asks
/// before it blocks.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// In nanoseconds; under loom the number of times.
    pub(super) spin: u64,
    /// With a single slot: a source's event came last, it is the waker's turn.
    pub(super) waker_next: bool,
    /// The signal bit to look at first.
    first_bit: u32,
    /// The overflowing waker to look at first.
    pub(super) first_extra: usize,
}

impl Turn {
    /// For polls that ask for `spin` before they block.
    pub(crate) fn new(spin: Duration) -> Turn {
        Turn {
            spin: u64::try_from(spin.as_nanos()).unwrap_or(u64::MAX),
            ..Turn::default()
        }
    }

    /// At most `room` of the bits in `seen`, beginning where the last choice that had to leave some
    /// out ended.
    pub(super) fn choose(&mut self, seen: u32, room: usize) -> u32 {
        // The first is only quicker.
        if room > OVERFLOW_INDEX as usize || seen.count_ones() as usize <= room {
            return seen;
        }
        let mut chosen = 0;
        for _ in 0..room {
            let rest = seen & !chosen;
            let ahead = rest >> self.first_bit << self.first_bit;
            let bit = if ahead != 0 { ahead } else { rest }.trailing_zeros();
            chosen |= 1 << bit;
            self.first_bit = (bit + 1) % (OVERFLOW_INDEX + 1);
        }
        chosen
    }
}
