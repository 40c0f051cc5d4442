//! The asleep-state word: how a wake reaches a poll without a system call unless the poll really
//! sleeps, and without ever being lost.
//!
//! One [`Notify`] belongs to each `Poll`; its `Registry`s and `Waker`s share it. At its centre is
//! one atomic word:
//!
//! ```text
//!  31       30             29         28 ... 0
//!  ASLEEP   ALWAYS_WRITE   OVERFLOW   one signal bit per waker
//! ```
//!
//! * A **wake** is one `fetch_or` of the waker's bit, never a mere load: the read-modify-write is
//!   what hands the waking thread's writes on to the poller. If the old value was ASLEEP with no
//!   signal bit, the poll may be blocked and nobody is waking it, so the waker *rings*: it makes
//!   the kernel end the wait (an eventfd write, and its like elsewhere).
//! * A **poll** that may block sets ASLEEP first. If the old value has a signal bit it asks the
//!   kernel without blocking; if not, whoever sets the first bit from now on will ring. Both are
//!   read-modify-writes of the same word, so one of the two always sees the other.
//! * A poll that ends well clears ASLEEP and the bits whose tokens it emitted, and no others. One
//!   that fails, with EINTR for example, clears ASLEEP only: the caller may well go on to poll
//!   again, and finds the bits still there.
//! * A ring may arrive late, when its bit was emitted already. The kernel then wakes the poll for
//!   nothing, and the poll asks again for what is left of its time.
//! * **Fairness**: a wake that is pending when a poll begins takes one slot of the buffer, further
//!   ones what the kernel leaves. With a single slot the two take turns.
//! * After the kernel object has been **handed out** for another loop to watch, that loop's
//!   readiness has to tell of wakes too: ALWAYS_WRITE makes each of them ring. So it does after a
//!   ring that failed: its bit is set, and would keep later wakes silent.
//! * Wakers beyond the signal bits share the OVERFLOW bit and have a flag each.
//!
//! The loop itself is here as well, over the trait [`Kernel`], so that loom runs what ships.

use std::io;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::sync::{Arc, AtomicBool, AtomicU32, AtomicUsize, Mutex, Ordering, lock};
use crate::token::Token;

const ASLEEP: u32 = 1 << 31;
const ALWAYS_WRITE: u32 = 1 << 30;
const OVERFLOW: u32 = 1 << OVERFLOW_INDEX;
const OVERFLOW_INDEX: u32 = 29;
/// Wakers that have a bit of their own. Two under loom, so that a model with three overflows.
const SLOTS: usize = if cfg!(all(test, ferrio_loom)) { 2 } else { 29 };
const SIGNALS: u32 = OVERFLOW | ((1 << SLOTS) - 1);

/// What a poll needs of its selector.
pub(crate) trait Kernel {
    /// Asks for at most `room` events (at least 1), blocking for at most `timeout`, and appends
    /// them to the caller's list.
    fn wait(&mut self, room: usize, timeout: Option<Duration>) -> io::Result<Harvest>;

    /// Appends the event of a waker.
    fn emit(&mut self, token: Token);

    /// Moves the event that was emitted last to the front.
    fn promote(&mut self);

    /// Makes the next wait return, as a waker does.
    fn ring(&self);
}

/// What one [`Kernel::wait`] brought.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Harvest {
    /// Events of the user's sources.
    pub(crate) events: usize,
    /// There was a ring among the records. It used up room, and says nothing to the user.
    pub(crate) rung: bool,
}

/// What a poller remembers from one poll to the next, so that nothing starves.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// With a single slot: a source's event came last, it is the waker's turn.
    waker_next: bool,
    /// The signal bit to look at first.
    first_bit: u32,
    /// The overflowing waker to look at first.
    first_extra: usize,
}

/// A waker's place in the word.
#[derive(Debug)]
pub(crate) enum Signal {
    Slot(u32),
    Extra(Arc<Extra>),
}

/// A waker that found all slots taken.
#[derive(Debug)]
pub(crate) struct Extra {
    token: Token,
    pending: AtomicBool,
}

#[derive(Debug)]
pub(crate) struct Notify {
    word: AtomicU32,
    /// The token of each slot. Written before the slot's bit can be set, read after it was cleared.
    tokens: [AtomicUsize; SLOTS],
    /// The slots that are taken. No lock guards it: a forked child, which may drop its wakers, could
    /// have inherited the lock taken.
    used: AtomicU32,
    extras: Mutex<Vec<Arc<Extra>>>,
}

impl Notify {
    pub(crate) fn new() -> Notify {
        Notify {
            word: AtomicU32::new(0),
            tokens: std::array::from_fn(|_| AtomicUsize::new(0)),
            used: AtomicU32::new(0),
            extras: Mutex::new(Vec::new()),
        }
    }

    /// A place for one more waker.
    pub(crate) fn subscribe(&self, token: Token) -> Signal {
        loop {
            let free = self.used.load(Ordering::Relaxed).trailing_ones();
            if free as usize >= SLOTS {
                break;
            }
            if self.used.fetch_or(1 << free, Ordering::AcqRel) & 1 << free == 0 {
                self.tokens[free as usize].store(token.0, Ordering::Release);
                return Signal::Slot(free);
            }
        }
        let extra = Arc::new(Extra {
            token,
            pending: AtomicBool::new(false),
        });
        lock(&self.extras).push(extra.clone());
        Signal::Extra(extra)
    }

    /// Gives the place back and discards a wake that is still pending: the bit first, so that the
    /// slot's next owner never inherits it. No system call: in a forked child it would reach the
    /// parent.
    pub(crate) fn release(&self, signal: &Signal) {
        match signal {
            Signal::Slot(slot) => {
                self.word.fetch_and(!(1 << slot), Ordering::AcqRel);
                self.used.fetch_and(!(1 << slot), Ordering::AcqRel);
            }
            Signal::Extra(extra) => {
                lock(&self.extras).retain(|other| !Arc::ptr_eq(other, extra));
            }
        }
    }

    /// Records a wake; `true` asks the caller to ring. Takes no lock, so a signal handler may call
    /// it.
    #[must_use]
    pub(crate) fn wake(&self, signal: &Signal) -> bool {
        let bit = match signal {
            Signal::Slot(slot) => 1 << slot,
            Signal::Extra(extra) => {
                // Before the bit: whoever clears the bit looks at the flags afterwards. A swap, as
                // in the word, so that a second wake hands its writes on as well.
                extra.pending.swap(true, Ordering::AcqRel);
                OVERFLOW
            }
        };
        let old = self.word.fetch_or(bit, Ordering::AcqRel);
        old & ALWAYS_WRITE != 0 || (old & ASLEEP != 0 && old & SIGNALS == 0)
    }

    /// From now on every wake rings: somebody else watches the kernel object, or a ring has failed.
    /// `true` asks the caller to ring for the wakes that are pending.
    #[must_use]
    pub(crate) fn ring_always(&self) -> bool {
        let old = self.word.fetch_or(ALWAYS_WRITE, Ordering::AcqRel);
        old & SIGNALS != 0
    }

    /// One poll: returns when there are events of sources or wakers, when the time has passed, or
    /// with the kernel's error.
    ///
    /// Whatever needs no clock and brings something at the first try, as most polls do, is spelt out
    /// here and in [`poll_once`](Notify::poll_once); the rest is [`poll_until`](Notify::poll_until)'s,
    /// which would do for all.
    #[inline]
    pub(crate) fn poll<K: Kernel>(
        &self,
        turn: &mut Turn,
        kernel: &mut K,
        capacity: usize,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        let at_once = timeout == Some(Duration::ZERO);
        if (at_once || timeout.is_none()) && self.poll_once(turn, kernel, capacity, at_once)? {
            return Ok(());
        }
        self.poll_until(turn, kernel, capacity, Deadline::new(timeout))
    }

    /// The first try of a poll that may block for ever or not at all. `false`: go on.
    #[inline(always)]
    fn poll_once<K: Kernel>(
        &self,
        turn: &mut Turn,
        kernel: &mut K,
        capacity: usize,
        at_once: bool,
    ) -> io::Result<bool> {
        if self.word.load(Ordering::Acquire) & SIGNALS != 0 {
            if capacity == 1 {
                return Ok(false);
            }
            let harvest = kernel.wait(capacity - 1, Some(Duration::ZERO))?;
            return Ok(self.finish_reserved(turn, kernel, capacity, harvest, 0));
        }
        if at_once {
            let harvest = kernel.wait(capacity, Some(Duration::ZERO))?;
            if !harvest.rung {
                turn.waker_next = true;
                return Ok(true);
            }
            return Ok(self.finish(turn, kernel, capacity, harvest, 0));
        }
        if self.word.fetch_or(ASLEEP, Ordering::AcqRel) & SIGNALS != 0 {
            self.wake_up(ASLEEP);
            return Ok(false);
        }
        match kernel.wait(capacity, None) {
            Ok(harvest) if !harvest.rung && harvest.events > 0 => {
                // A wake that came meanwhile goes first next time.
                self.wake_up(ASLEEP);
                turn.waker_next = true;
                Ok(true)
            }
            Ok(harvest) => Ok(self.finish(turn, kernel, capacity, harvest, ASLEEP)),
            Err(error) => {
                self.wake_up(ASLEEP);
                Err(error)
            }
        }
    }

    #[inline(never)]
    fn poll_until<K: Kernel>(
        &self,
        turn: &mut Turn,
        kernel: &mut K,
        capacity: usize,
        mut deadline: Deadline,
    ) -> io::Result<()> {
        let mut overdue = false;
        loop {
            let mut asleep = 0;
            let mut pending = self.word.load(Ordering::Acquire) & SIGNALS != 0;
            if !pending && !deadline.is_zero() {
                // Even if there is no waker: one may be made during the call.
                asleep = ASLEEP;
                pending = self.word.fetch_or(ASLEEP, Ordering::AcqRel) & SIGNALS != 0;
            }
            let reserved = pending && (capacity > 1 || turn.waker_next);
            let room = capacity - usize::from(reserved);
            let remaining = deadline.remaining();
            let harvest = if room == 0 {
                Harvest::default()
            } else {
                let timeout = if pending {
                    Some(Duration::ZERO)
                } else {
                    remaining
                };
                match kernel.wait(room, timeout) {
                    Ok(harvest) => harvest,
                    Err(error) => {
                        self.wake_up(asleep);
                        return Err(error);
                    }
                }
            };
            let done = if reserved {
                self.finish_reserved(turn, kernel, capacity, harvest, asleep)
            } else {
                self.finish(turn, kernel, capacity, harvest, asleep)
            };
            if done {
                return Ok(());
            }
            // Nothing for the user. After a late ring, or if the only slot was kept for a waker
            // that was dropped meanwhile, the sources are asked again, however little time is left.
            if room > 0 && deadline.has_passed() {
                // Once more at most, or somebody who rings without end holds the poll for ever. The
                // kernel has put the ring behind every source that was ready.
                if !harvest.rung || overdue {
                    return Ok(());
                }
                overdue = true;
            }
        }
    }

    /// Ends one turn of a poll: wakes up, and adds what wakers there are. `false`: there is nothing
    /// for the user.
    fn finish<K: Kernel>(
        &self,
        turn: &mut Turn,
        kernel: &mut K,
        capacity: usize,
        harvest: Harvest,
        asleep: u32,
    ) -> bool {
        let woken = self.settle(turn, kernel, capacity - harvest.events, asleep);
        turn.waker_next = woken == 0;
        harvest.events + woken > 0
    }

    /// The same where a slot was kept for a waker: it is the first one.
    fn finish_reserved<K: Kernel>(
        &self,
        turn: &mut Turn,
        kernel: &mut K,
        capacity: usize,
        harvest: Harvest,
        asleep: u32,
    ) -> bool {
        let done = self.finish(turn, kernel, capacity, harvest, asleep);
        let woken = !turn.waker_next;
        if woken && harvest.events > 0 {
            kernel.promote();
        }
        done
    }

    /// Clears ASLEEP, if this poll has set it, and nothing else.
    #[inline]
    fn wake_up(&self, asleep: u32) {
        if asleep != 0 {
            self.word.fetch_and(!ASLEEP, Ordering::AcqRel);
        }
    }

    /// Clears ASLEEP (where it was set) and the bits of as many wakers as there is `room` for, and
    /// emits their tokens; returns their number.
    fn settle<K: Kernel>(
        &self,
        turn: &mut Turn,
        kernel: &mut K,
        room: usize,
        asleep: u32,
    ) -> usize {
        let seen = self.word.load(Ordering::Acquire) & SIGNALS;
        let chosen = turn.choose(seen, room);
        if chosen | asleep == 0 {
            return 0;
        }
        // A bit that is no longer set was discarded by its waker's drop. Tokens are read after
        // this: should the slot have a new owner already, then it is the new owner's wake that was
        // cleared.
        let mut old = self.word.fetch_and(!(chosen | asleep), Ordering::AcqRel);
        let taken = old & chosen;
        let mut woken = 0;
        let mut slots = taken & !OVERFLOW;
        while slots != 0 {
            let token = &self.tokens[slots.trailing_zeros() as usize];
            kernel.emit(Token(token.load(Ordering::Acquire)));
            woken += 1;
            slots &= slots - 1;
        }
        let mut left = old & SIGNALS & !chosen != 0;
        if taken & OVERFLOW != 0 {
            if let Some(now) = self.settle_extras(turn, kernel, room, &mut woken) {
                left = true;
                // ALWAYS_WRITE may have come while the bit was clear: whoever set it saw no wake.
                old |= now;
            }
        }
        if left && old & ALWAYS_WRITE != 0 {
            // The ring that told the outer loop of these wakes may have been consumed above.
            kernel.ring();
        }
        woken
    }

    /// The same for the wakers behind OVERFLOW, whose bit was just cleared. `Some`: some found no
    /// room, the bit is set again, and this is what the word was then.
    fn settle_extras<K: Kernel>(
        &self,
        turn: &mut Turn,
        kernel: &mut K,
        room: usize,
        woken: &mut usize,
    ) -> Option<u32> {
        let extras = lock(&self.extras);
        let count = extras.len();
        for step in 0..count {
            let index = (turn.first_extra + step) % count;
            let extra = &extras[index];
            if *woken == room {
                turn.first_extra = index;
                return Some(self.word.fetch_or(OVERFLOW, Ordering::AcqRel));
            }
            if extra.pending.swap(false, Ordering::AcqRel) {
                kernel.emit(extra.token);
                *woken += 1;
            }
        }
        turn.first_extra = 0;
        None
    }
}

impl Turn {
    /// At most `room` of the bits in `seen`, beginning where the last choice that had to leave some
    /// out ended.
    fn choose(&mut self, seen: u32, room: usize) -> u32 {
        if seen.count_ones() as usize <= room {
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

#[cfg(all(test, not(ferrio_loom)))]
#[path = "notify_stepwise_tests.rs"]
mod stepwise_tests;

#[cfg(all(test, ferrio_loom))]
#[path = "notify_exhaustive_tests.rs"]
mod exhaustive_tests;
