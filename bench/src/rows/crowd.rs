//! One of 5000: every call of poll(2) brings the whole array along, so this is where a library can only add to the
//! kernel's cost. The idle sources are the same descriptors for all contenders. The few that become ready are each
//! contender's own sockets, spread evenly over the array, and drained until they would block, as edges demand.

use std::hint::black_box;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::workload::{CAPACITY, Env, WAKE, Workload};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::Contender;
use crate::descriptors::EventFds;
use crate::pin::{self, Pinned};

const SOURCES: usize = 5000;

/// Of these, the ones that become ready. A cycle takes the next one but six, so that neighbours don't follow each other.
const OWN: usize = 50;

/// Cycles per round, each of about half a millisecond.
const CYCLES: usize = 4;

/// What happens in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cycle {
    /// One source becomes ready; poll, read the event, drain the source.
    Ready,
    /// Wake, poll, read the event, on one thread.
    Wake,
    /// The thread sleeps in its poll until another one wakes it.
    WakeAsleep,
}

pub struct Crowd<C: Contender> {
    cycle: Cycle,
    // Before the descriptors: fields are dropped in this order, so no poll outlives what it watches.
    poll: C::Poll,
    events: C::Events,
    own: Vec<(C::Socket, UnixDatagram)>,
    _idle: Arc<EventFds>,
    next: usize,
    waker: Arc<C::Waker>,
    helper: Option<Helper>,
    main_cpu: Option<usize>,
}

impl<C: Contender> Crowd<C> {
    pub fn new(env: &Env, cycle: Cycle) -> io::Result<Crowd<C>> {
        let poll = C::poll()?;
        let waker = Arc::new(C::waker(&poll, WAKE)?);
        let idle = idle()?;
        let mut own = Vec::with_capacity(OWN);
        let mut idle_fds = idle.raw().into_iter();
        for token in 0..SOURCES {
            if token % (SOURCES / OWN) == SOURCES / OWN / 2 {
                let (mine, theirs) = UnixDatagram::pair()?;
                mine.set_nonblocking(true)?;
                let mut socket = C::socket(mine);
                C::register_socket(&poll, &mut socket, token)?;
                own.push((socket, theirs));
            } else if let Some(fd) = idle_fds.next() {
                C::register_fd(&poll, fd, token)?;
            }
        }
        let asleep = cycle == Cycle::WakeAsleep;
        let cpus = env.cpus.filter(|_| asleep);
        let helper = asleep.then(|| Helper::new::<C>(&waker, cpus.map(|cpus| cpus.helper)));
        Ok(Crowd {
            cycle,
            poll,
            events: C::events(CAPACITY),
            own,
            _idle: idle,
            next: 0,
            waker,
            helper: helper.transpose()?,
            main_cpu: cpus.map(|cpus| cpus.main),
        })
    }

    fn cycle(&mut self) -> io::Result<()> {
        match self.cycle {
            Cycle::Ready => self.ready(),
            Cycle::Wake => {
                C::wake(&self.waker)?;
                self.one_event()
            }
            Cycle::WakeAsleep => self.one_event(),
        }
    }

    fn ready(&mut self) -> io::Result<()> {
        let index = self.next;
        self.next = (index + 7) % OWN;
        self.own[index].1.send(&[1])?;
        self.one_event()?;
        let mut buffer = [0; 64];
        loop {
            match C::recv(&self.own[index].0, &mut buffer) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// A poll may return without an event, and what that costs counts.
    fn one_event(&mut self) -> io::Result<()> {
        loop {
            C::wait(&mut self.poll, &mut self.events, None)?;
            match black_box(C::read(&self.events)).events {
                0 => {}
                1 => return Ok(()),
                many => return Err(io::Error::other(format!("{many} events instead of one"))),
            }
        }
    }
}

impl<C: Contender> Workload for Crowd<C> {
    fn round(&mut self) -> io::Result<Span> {
        let _pinned = self.main_cpu.map(Pinned::to).transpose()?;
        let mut watch = Stopwatch::new(Scope::Thread);
        // Once without a clock: the contender before us has had the caches.
        for cycle in 0..=CYCLES {
            if let Some(helper) = &self.helper {
                helper.wake_soon()?;
            }
            if cycle == 0 {
                self.cycle()?;
            } else {
                watch.section(|| self.cycle())?;
            }
        }
        Ok(watch.per(CYCLES))
    }
}

/// The idle descriptors, shared by the workloads that exist at the same time.
fn idle() -> io::Result<Arc<EventFds>> {
    static SHARED: Mutex<Weak<EventFds>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(idle) = shared.upgrade() {
        return Ok(idle);
    }
    let idle = Arc::new(EventFds::new(SOURCES - OWN)?);
    *shared = Arc::downgrade(&idle);
    Ok(idle)
}

/// A thread that wakes on request, when the one that asked is probably asleep.
struct Helper {
    requests: Option<Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// Several times what 5000 descriptors take the kernel to look at. A wake that comes too early is one without sleep, and
/// the round is still measured.
const SOON: Duration = Duration::from_millis(2);

impl Helper {
    fn new<C: Contender>(waker: &Arc<C::Waker>, cpu: Option<usize>) -> io::Result<Helper> {
        let (requests, inbox) = mpsc::channel::<()>();
        let waker = Arc::clone(waker);
        let thread = thread::Builder::new()
            .name("helper".into())
            .spawn(move || {
                if let Some(cpu) = cpu {
                    pin::to_cpu(cpu)?;
                }
                for () in inbox {
                    thread::sleep(SOON);
                    C::wake(&waker)?;
                }
                Ok(())
            })?;
        Ok(Helper {
            requests: Some(requests),
            thread: Some(thread),
        })
    }

    fn wake_soon(&self) -> io::Result<()> {
        let sent = self.requests.as_ref().map(|requests| requests.send(()));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(io::Error::other("the helper has ended")),
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.requests.take();
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            eprintln!("error: {error}");
        }
    }
}
