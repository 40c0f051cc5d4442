//! Eventfds, Unix sockets or TCP connections that become ready on demand, in a crowd that is idle.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::net::sockopt::set_socket_linger;

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Eventfd,
    /// Unix stream sockets, both ends of each pair.
    Unix,
    /// TCP over loopback, both ends of each connection.
    Tcp,
}

/// From here on the idle ones are shared by all contenders: descriptors are limited.
const OWN: usize = 1000;
const OWN_OF_MANY: usize = 512;

/// Of a workload's descriptors, some become ready, and the others are everybody's.
pub struct Mixed {
    sort: Sort,
    watched: usize,
    own: Vec<OwnedFd>,
    idle: Arc<Vec<OwnedFd>>,
}

impl Mixed {
    pub fn new(sort: Sort, count: usize) -> io::Result<Mixed> {
        let own = if count > OWN { OWN_OF_MANY } else { count };
        Ok(Mixed {
            sort,
            watched: own,
            own: make(sort, own)?,
            idle: idle(sort, count - own)?,
        })
    }

    /// How many can be made ready.
    pub fn own(&self) -> usize {
        self.watched
    }

    /// Those to be watched; the ones that can be made ready come first.
    pub fn raw(&self) -> Vec<RawFd> {
        self.own[..self.watched]
            .iter()
            .chain(self.idle.iter())
            .map(AsRawFd::as_raw_fd)
            .collect()
    }

    /// Each of `indices` becomes readable, and is when this returns.
    pub fn make_ready(&self, indices: &[usize]) -> io::Result<()> {
        for &index in indices {
            if self.sort == Sort::Eventfd {
                rustix::io::write(&self.own[index], &1u64.to_ne_bytes())?;
            } else {
                // Its peer is its neighbour.
                rustix::io::write(&self.own[index ^ 1], &[1])?;
            }
        }
        // A write to a TCP socket may return before the data is at the other end.
        if self.sort == Sort::Tcp {
            let readable = |&index: &usize| PollFd::new(&self.own[index], PollFlags::IN);
            let mut records: Vec<PollFd<'_>> = indices.iter().map(readable).collect();
            while poll(&mut records, None)? < records.len() {}
        }
        Ok(())
    }

    /// None of `indices` is readable any more.
    pub fn drain(&self, indices: &[usize]) -> io::Result<()> {
        for &index in indices {
            rustix::io::read(&self.own[index], &mut [0; 8])?;
        }
        Ok(())
    }
}

/// Descriptors of which nothing is heard, shared by all who ask while others have them.
pub fn idle(sort: Sort, count: usize) -> io::Result<Arc<Vec<OwnedFd>>> {
    type Known = (Sort, usize, Weak<Vec<OwnedFd>>);
    static SHARED: Mutex<Vec<Known>> = Mutex::new(Vec::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.retain(|(.., idle)| idle.strong_count() > 0);
    let known = shared
        .iter()
        .find(|&&(is, of, _)| (is, of) == (sort, count))
        .and_then(|(.., idle)| idle.upgrade());
    if let Some(idle) = known {
        return Ok(idle);
    }
    let idle = Arc::new(make(sort, count)?);
    shared.push((sort, count, Arc::downgrade(&idle)));
    Ok(idle)
}

/// At least `count`: a pair has two ends.
fn make(sort: Sort, count: usize) -> io::Result<Vec<OwnedFd>> {
    let mut made = Vec::with_capacity(count + 1);
    let listener = (sort == Sort::Tcp)
        .then(|| TcpListener::bind("127.0.0.1:0"))
        .transpose()?;
    while made.len() < count {
        match &listener {
            None if sort == Sort::Eventfd => {
                made.push(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
            }
            None => {
                let (one, other) = UnixStream::pair()?;
                one.set_nonblocking(true)?;
                other.set_nonblocking(true)?;
                made.extend([OwnedFd::from(one), OwnedFd::from(other)]);
            }
            Some(listener) => {
                let one = TcpStream::connect(listener.local_addr()?)?;
                let (other, _) = listener.accept()?;
                for end in [&one, &other] {
                    end.set_nonblocking(true)?;
                    end.set_nodelay(true)?;
                    // Nothing of them shall stay in TIME_WAIT: there will be tens of thousands.
                    set_socket_linger(end.as_fd(), Some(std::time::Duration::ZERO))?;
                }
                made.extend([OwnedFd::from(one), OwnedFd::from(other)]);
            }
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_ready_is_readable_until_it_is_drained() {
        for sort in [Sort::Eventfd, Sort::Unix, Sort::Tcp] {
            let mixed = Mixed::new(sort, 6).unwrap();
            let readable = || -> Vec<bool> {
                mixed.own[..6]
                    .iter()
                    .map(|fd| {
                        let mut record = [PollFd::new(fd, PollFlags::IN)];
                        poll(&mut record, Some(&rustix::time::Timespec::default())).unwrap() == 1
                    })
                    .collect()
            };
            mixed.make_ready(&[1, 4]).unwrap();
            assert_eq!(readable(), [false, true, false, false, true, false]);
            mixed.drain(&[1, 4]).unwrap();
            assert_eq!(readable(), [false; 6]);
        }
    }

    #[test]
    fn the_idle_ones_are_shared_while_somebody_has_them() {
        let mine = idle(Sort::Unix, 3).unwrap();
        assert!(Arc::ptr_eq(&mine, &idle(Sort::Unix, 3).unwrap()));
        assert!(!Arc::ptr_eq(&mine, &idle(Sort::Eventfd, 3).unwrap()));
        assert!(mine.len() >= 3);
    }

    #[test]
    fn of_many_most_are_shared() {
        let mixed = Mixed::new(Sort::Eventfd, 8000).unwrap();
        assert_eq!((mixed.own(), mixed.raw().len()), (OWN_OF_MANY, 8000));
    }
}
