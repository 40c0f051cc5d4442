use std::fmt;
use std::io;

use crate::notify::Signal;
use crate::poll::Registry;
use crate::sync::Arc;
use crate::sys;
use crate::token::Token;

/// Ends a [`Poll::poll`](crate::Poll::poll) from another thread, or from a signal handler.
///
/// A wake gives at least one event with the waker's token, readable, in the poll that is under way
/// or in the next one; wakes that come before that event are merged with it. If more wakers have woken
/// than [`Events`](crate::Events) has room for they take turns, and with room for one event they and the
/// sources do. What the waking thread wrote before [`wake`](Waker::wake) is visible to the polling thread
/// after it has seen the event.
///
/// A `Poll` can have any number of wakers, whose tokens may equal each other's or a source's.
/// Dropping a waker discards a wake that was not delivered yet: keep it, for instance in an
/// [`Arc`](std::sync::Arc), for as long as its wakes matter. Waking outlives the `Poll`, without
/// effect.
///
/// # Platform notes
///
/// Linux: the first waker of a `Poll` makes an `eventfd(2)` that all of them share. After a
/// `fork(2)`, wakes in the child do not reach the parent. The child may drop the wakers that it
/// inherited; beyond the 29th of a `Poll` only if no other thread was making or dropping one during
/// the fork, because those share a lock.
///
/// WASI has one thread, so a wake comes before the poll, which then does not block. With
/// `wasm32-wasip1-threads` no thread can end another's poll: [`new`](Waker::new) answers
/// [`Unsupported`](io::ErrorKind::Unsupported).
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::{sync::Arc, thread};
/// use ferrio::{Events, Poll, Token, Waker};
///
/// const WAKE: Token = Token(10);
/// let mut poll = Poll::new()?;
/// let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
///
/// let other = waker.clone();
/// let thread = thread::spawn(move || other.wake());
///
/// let mut events = Events::with_capacity(2);
/// poll.poll(&mut events, None)?; // blocks until the thread has run
/// assert_eq!(events.iter().next().unwrap().token(), WAKE);
/// thread.join().unwrap()
/// # }
/// ```
pub struct Waker {
    hub: Arc<sys::WakeHub>,
    signal: Signal,
}

impl Waker {
    /// A waker for the `Poll` that `registry` belongs to, whose events carry `token`.
    ///
    /// # Errors
    ///
    /// When the first waker's kernel object cannot be made: on Linux those of `eventfd(2)` (too
    /// many descriptors, no memory) and `epoll_ctl(2)`. Nothing is left behind then.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use ferrio::{Poll, Token, Waker};
    ///
    /// let poll = Poll::new()?;
    /// let waker = Waker::new(poll.registry(), Token(0))?;
    /// # drop(waker); Ok(())
    /// # }
    /// ```
    #[doc(alias = "eventfd")]
    pub fn new(registry: &Registry, token: Token) -> io::Result<Waker> {
        let hub = registry.selector().hub()?;
        let signal = hub.notify().subscribe(token);
        Ok(Waker { hub, signal })
    }

    /// Makes the current or the next poll return an event with this waker's token.
    ///
    /// Never blocks. While a wake is pending, or the poll is not blocked, this is one atomic
    /// operation and no system call. It takes no lock and allocates nothing, so a signal handler
    /// may call it.
    ///
    /// # Errors
    ///
    /// Those of the kernel's wake-up, `write(2)` on an eventfd for example; none are expected. The
    /// wake stays pending then, and is delivered by the poll that ends next, whatever ends it;
    /// trying again is the way to end a blocked one.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let poll = ferrio::Poll::new()?;
    /// # let waker = ferrio::Waker::new(poll.registry(), ferrio::Token(0))?;
    /// waker.wake()?;
    /// drop(poll);
    /// waker.wake() // nobody is there any more, and that is fine
    /// # }
    /// ```
    #[inline]
    pub fn wake(&self) -> io::Result<()> {
        if !self.hub.notify().wake(&self.signal) {
            return Ok(());
        }
        self.ring()
    }

    /// Not inlined: a wake that somebody else has rung for is one operation on memory, and stays small
    /// wherever it is called.
    #[inline(never)]
    fn ring(&self) -> io::Result<()> {
        let result = self.hub.ring();
        if result.is_err() {
            // The wake stays pending, and may end the poll yet: by the caller's next try, or another
            // waker's. The rings that this asks for are theirs to make.
            let _ = self.hub.notify().ring_always();
        }
        result
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.hub.notify().release(&self.signal);
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waker").finish_non_exhaustive()
    }
}
