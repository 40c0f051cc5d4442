//! The asleep-state word: how a wake reaches a poll without a system call unless the poll really
//! sleeps, and without ever being lost.
//!
//! One [`Notify`] belongs to each `Poll`; its `Registry`s and `Waker`s share it. At its centre are
//! one atomic word, and a flag, `awake`, that only the poller writes:
//!
//! ```text
//!  31      30             29         28 ... 0
//!  SLEPT   ALWAYS_WRITE   OVERFLOW   one signal bit per waker
//! ```
//!
//! * A **wake** is one `fetch_or` of the waker's bit, never a mere load: the read-modify-write is
//!   what hands the waking thread's writes on to the poller. If the old value has no signal bit and
//!   `awake` is false, the poll may be blocked and nobody is waking it, so the waker *rings*: it
//!   makes the kernel end the wait (an eventfd write, and its like elsewhere).
//! * A **poll** that may block makes `awake` false first, and then adds SLEPT to the word. If the old
//!   value has a signal bit it asks the kernel without blocking; if not, whoever sets the first bit
//!   from now on will ring. Both are read-modify-writes of the same word, so one of the two always
//!   sees the other: a wake that comes later acquires what the poll has released, and finds `awake`
//!   false, or true again because this very wait has ended. What SLEPT is then says nothing to
//!   anyone; it is there because adding something is what makes it a read-modify-write.
//! * When the wait has ended, well or not, `awake` is true again. That is a plain store: a wake that
//!   doesn't see it yet rings once too often, and one that happens after the poll has returned, in
//!   this thread or by any order between two, does see it.
//! * A poll that ends well clears the bits whose tokens it emitted, and no others. One that fails,
//!   with EINTR for example, clears none: the caller may well go on to poll again, and finds the bits
//!   still there.
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

mod turn;

pub(crate) use self::turn::Turn;
use crate::deadline::Deadline;
use crate::sync::{Arc, AtomicBool, AtomicU32, AtomicUsize, Mutex, Ordering, lock};
use crate::token::Token;

const SLEPT: u32 = 1 << 31;
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

    /// The same for a wait that lasts for ever (`block`) or takes no time.
    #[inline]
    fn wait_simply(&mut self, room: usize, block: bool) -> io::Result<Harvest> {
        self.wait(room, (!block).then_some(Duration::ZERO))
    }

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
    /// There was a ring among the records. It says nothing to the user, and used up room unless the
    /// selector has a place for it.
    pub(crate) rung: bool,
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
#[repr(C)] // What a wake and a poll look at comes first, side by side.
pub(crate) struct Notify {
    word: AtomicU32,
    /// No poll is blocked: a wake need not ring. Written by the poller only.
    awake: AtomicBool,
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
            awake: AtomicBool::new(true),
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
    #[inline]
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
        old & ALWAYS_WRITE != 0 || (old & SIGNALS == 0 && !self.awake.load(Ordering::Relaxed))
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
    /// here; the rest is [`poll_until`](Notify::poll_until)'s, which would do for all. It is inlined
    /// into the caller, system call and all: after one, the processor has forgotten where functions
    /// return to, and a return costs more than all the rest here (bench/report/trials.md).
    #[inline(always)]
    pub(crate) fn poll<K: Kernel>(
        &self,
        turn: &mut Turn,
        mut kernel: K,
        capacity: usize,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        let pending = self.word.load(Ordering::Acquire) & SIGNALS != 0;
        if !pending && timeout == Some(Duration::ZERO) {
            let harvest = kernel.wait_simply(capacity, false)?;
            if harvest.rung {
                return self.end_first(turn, kernel, capacity, timeout, harvest, false);
            }
            turn.waker_next = true;
            return Ok(());
        }
        let block = timeout.is_none();
        if !block && timeout != Some(Duration::ZERO) || pending && capacity == 1 {
            return self.poll_until(turn, kernel, capacity, timeout);
        }
        if pending {
            let harvest = kernel.wait_simply(capacity - 1, false)?;
            return self.end_first(turn, kernel, capacity, timeout, harvest, true);
        }
        if turn.spin != 0 {
            return self.poll_until(turn, kernel, capacity, None);
        }
        if self.fall_asleep() {
            self.wake_up();
            return self.poll_until(turn, kernel, capacity, None);
        }
        let answer = kernel.wait_simply(capacity, true);
        self.wake_up();
        let harvest = answer?;
        if harvest.rung || harvest.events == 0 {
            return self.end_first(turn, kernel, capacity, timeout, harvest, false);
        }
        // A wake that came meanwhile goes first next time.
        turn.waker_next = true;
        Ok(())
    }

    /// Ends the first try of a poll. By itself, and with the kernel by value, so that there is nothing
    /// to be kept in memory before.
    #[inline(never)]
    fn end_first<K: Kernel>(
        &self,
        turn: &mut Turn,
        mut kernel: K,
        capacity: usize,
        timeout: Option<Duration>,
        harvest: Harvest,
        reserved: bool,
    ) -> io::Result<()> {
        if self.finish(turn, &mut kernel, capacity, harvest, reserved) {
            return Ok(());
        }
        self.poll_until(turn, kernel, capacity, timeout)
    }

    #[inline(never)]
    fn poll_until<K: Kernel>(
        &self,
        turn: &mut Turn,
        mut kernel: K,
        capacity: usize,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        let mut deadline = Deadline::new(timeout);
        if turn.spin != 0
            && !deadline.is_zero()
            && self.spin(turn, &mut kernel, capacity, &mut deadline)?
        {
            return Ok(());
        }
        let mut overdue = false;
        loop {
            let mut pending = self.word.load(Ordering::Acquire) & SIGNALS != 0;
            let asleep = !pending && !deadline.is_zero();
            if asleep {
                // Even if there is no waker: one may be made during the call.
                pending = self.fall_asleep();
            }
            let reserved = pending && (capacity > 1 || turn.waker_next);
            let room = capacity - usize::from(reserved);
            let remaining = deadline.remaining();
            let answer = if room == 0 {
                Ok(Harvest::default())
            } else {
                let timeout = if pending {
                    Some(Duration::ZERO)
                } else {
                    remaining
                };
                kernel.wait(room, timeout)
            };
            if asleep {
                self.wake_up();
            }
            let harvest = answer?;
            let done = self.finish(turn, &mut kernel, capacity, harvest, reserved);
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

    /// Asks again and again without blocking: a wake that comes meanwhile finds nobody asleep and rings
    /// for nobody. `false`: nothing came.
    fn spin<K: Kernel>(
        &self,
        turn: &mut Turn,
        kernel: &mut K,
        capacity: usize,
        deadline: &mut Deadline,
    ) -> io::Result<bool> {
        let mut spin = None;
        loop {
            let pending = self.word.load(Ordering::Acquire) & SIGNALS != 0;
            if pending && capacity == 1 {
                // Whose turn it is, the other loop knows.
                return Ok(false);
            }
            let room = capacity - usize::from(pending);
            let harvest = kernel.wait(room, Some(Duration::ZERO))?;
            if self.finish(turn, kernel, capacity, harvest, pending) {
                return Ok(true);
            }
            // The clock is read only now: what is there already costs nothing more.
            let spin = spin.get_or_insert_with(|| deadline.spin(turn.spin));
            if spin.is_over() {
                return Ok(false);
            }
            std::hint::spin_loop();
        }
    }

    /// Ends one turn of a poll: adds what wakers there are. If a slot was kept for one
    /// (`reserved`), it is the first one. `false`: there is nothing for the user.
    #[inline]
    fn finish<K: Kernel>(
        &self,
        turn: &mut Turn,
        kernel: &mut K,
        capacity: usize,
        harvest: Harvest,
        reserved: bool,
    ) -> bool {
        let woken = self.settle(turn, kernel, capacity - harvest.events);
        turn.waker_next = woken == 0;
        if reserved && woken > 0 && harvest.events > 0 {
            kernel.promote();
        }
        if harvest.rung && harvest.events == capacity {
            self.ring_on(kernel);
        }
        harvest.events + woken > 0
    }

    /// A ring was taken out, and the buffer is full: a ring of poll(2)'s takes no room of it. The outer
    /// loop has to be told of the wake as long as it is pending.
    #[cold]
    fn ring_on<K: Kernel>(&self, kernel: &K) {
        let word = self.word.load(Ordering::Acquire);
        if word & ALWAYS_WRITE != 0 && word & SIGNALS != 0 {
            kernel.ring();
        }
    }

    /// Has wakes ring from now on, and tells whether one is pending already, which has not.
    #[inline]
    fn fall_asleep(&self) -> bool {
        self.awake.store(false, Ordering::Relaxed);
        self.word.fetch_add(SLEPT, Ordering::AcqRel) & SIGNALS != 0
    }

    /// Has wakes no longer ring.
    #[inline]
    fn wake_up(&self) {
        self.awake.store(true, Ordering::Relaxed);
    }

    /// Clears the bits of as many wakers as there is `room` for, and emits their tokens; returns their
    /// number.
    #[inline]
    fn settle<K: Kernel>(&self, turn: &mut Turn, kernel: &mut K, room: usize) -> usize {
        let seen = self.word.load(Ordering::Acquire) & SIGNALS;
        let chosen = turn.choose(seen, room);
        if chosen == 0 {
            return 0;
        }
        // A bit that is no longer set was discarded by its waker's drop. Tokens are read after
        // this: should the slot have a new owner already, then it is the new owner's wake that was
        // cleared.
        let mut old = self.word.fetch_and(!chosen, Ordering::AcqRel);
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

/// Lent, for those that look at it afterwards, or whose polls cost so much that it doesn't matter.
impl<K: Kernel> Kernel for &mut K {
    fn wait(&mut self, room: usize, timeout: Option<Duration>) -> io::Result<Harvest> {
        (**self).wait(room, timeout)
    }

    fn emit(&mut self, token: Token) {
        (**self).emit(token);
    }

    fn promote(&mut self) {
        (**self).promote();
    }

    fn ring(&self) {
        (**self).ring();
    }
}

#[cfg(all(test, not(ferrio_loom)))]
#[path = "notify_stepwise_tests.rs"]
mod stepwise_tests;

#[cfg(all(test, ferrio_loom))]
#[path = "notify_exhaustive_tests.rs"]
mod exhaustive_tests;
