use std::fmt;

use crate::event::Event;

/// The buffer that [`Poll::poll`](crate::Poll::poll) fills; made once and used again and again.
///
/// Its capacity is the largest number of events one poll returns. What does not fit stays in the
/// kernel and comes with the next poll; repeated polls reach every ready source and every waker at
/// any capacity of 1 or more.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::time::Duration;
/// use ferrio::{Events, Poll};
///
/// let mut poll = Poll::new()?;
/// let mut events = Events::with_capacity(1024);
/// poll.poll(&mut events, Some(Duration::ZERO))?;
/// for event in &events {
///     println!("{event:?}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Events {
    list: Vec<Event>,
    // Not `list.capacity()`: the allocator may have given more than was asked for.
    capacity: usize,
}

impl Events {
    /// A buffer for at most `capacity` events, 16 bytes each.
    ///
    /// With a capacity of 0, [`Poll::poll`](crate::Poll::poll) answers
    /// [`InvalidInput`](std::io::ErrorKind::InvalidInput).
    ///
    /// # Examples
    ///
    /// ```
    /// let events = ferrio::Events::with_capacity(128);
    /// assert!(events.is_empty());
    /// ```
    pub fn with_capacity(capacity: usize) -> Events {
        Events {
            list: Vec::with_capacity(capacity),
            capacity,
        }
    }

    /// The capacity asked for. No poll makes it grow.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(ferrio::Events::with_capacity(128).capacity(), 128);
    /// ```
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether there are no events: the last poll's timeout has passed, or it has failed.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # use std::time::Duration;
    /// # let mut poll = ferrio::Poll::new()?;
    /// # let mut events = ferrio::Events::with_capacity(8);
    /// poll.poll(&mut events, Some(Duration::from_millis(1)))?;
    /// assert!(events.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The events of the last poll, in no particular order.
    ///
    /// # Examples
    ///
    /// ```
    /// # let events = ferrio::Events::with_capacity(8);
    /// for event in events.iter() {
    ///     println!("{:?}", event.token());
    /// }
    /// ```
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            inner: self.list.iter(),
        }
    }

    /// Forgets the events of the last poll. `Poll::poll` does so by itself.
    ///
    /// # Examples
    ///
    /// ```
    /// # let mut events = ferrio::Events::with_capacity(8);
    /// events.clear();
    /// assert!(events.is_empty());
    /// ```
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// The list, for selectors to fill up to the capacity.
    pub(crate) fn list_mut(&mut self) -> &mut Vec<Event> {
        &mut self.list
    }
}

impl<'a> IntoIterator for &'a Events {
    type Item = &'a Event;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// The iterator over an [`Events`] buffer.
///
/// # Examples
///
/// ```
/// # let events = ferrio::Events::with_capacity(8);
/// let mut iter: ferrio::event::Iter<'_> = events.iter();
/// assert!(iter.next().is_none());
/// ```
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    inner: std::slice::Iter<'a, Event>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Event;

    #[inline]
    fn next(&mut self) -> Option<&'a Event> {
        self.inner.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }

    fn count(self) -> usize {
        self.inner.count()
    }
}

impl ExactSizeIterator for Iter<'_> {}
