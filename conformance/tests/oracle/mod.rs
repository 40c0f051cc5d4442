//! ferrio and mio at the same kernel object, for `differential.rs`.

use std::os::fd::AsRawFd;

use ferrio_conformance::{Backend, wait_for};

/// Readable, writable, error, read closed, write closed, priority; then AIO and LIO.
pub type Bits = [bool; 8];

/// What to make of a descriptor.
#[derive(Copy, Clone, Debug)]
pub enum Kind {
    TcpStream,
    TcpListener,
    UdpSocket,
    UnixStream,
    UnixDatagram,
    Receiver,
    Sender,
    Raw,
}

macro_rules! watcher {
    ($module:ident, $krate:ident) => {
        pub mod $module {
            use super::{Bits, Kind};
            use std::io;
            use std::os::fd::{AsRawFd, OwnedFd};
            use std::time::Duration;
            use $krate::event::{Event, Source};
            use $krate::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixStream};
            use $krate::unix::{SourceFd, pipe};
            use $krate::{Events, Interest, Poll, Registry, Token};

            pub struct Raw(OwnedFd);

            impl Source for Raw {
                fn register(&mut self, r: &Registry, t: Token, i: Interest) -> io::Result<()> {
                    SourceFd(&self.0.as_raw_fd()).register(r, t, i)
                }
                fn reregister(&mut self, r: &Registry, t: Token, i: Interest) -> io::Result<()> {
                    SourceFd(&self.0.as_raw_fd()).reregister(r, t, i)
                }
                fn deregister(&mut self, r: &Registry) -> io::Result<()> {
                    SourceFd(&self.0.as_raw_fd()).deregister(r)
                }
            }

            pub struct Watcher {
                pub poll: Poll,
                pub source: Box<dyn Source>,
                events: Events,
            }

            pub fn interest(letters: &str) -> Interest {
                letters
                    .chars()
                    .map(|letter| match letter {
                        'r' => Interest::READABLE,
                        'w' => Interest::WRITABLE,
                        'p' => Interest::PRIORITY,
                        other => panic!("no interest is called {other}"),
                    })
                    .reduce(|all, one| all | one)
                    .expect("not empty")
            }

            pub fn bits(e: &Event) -> Bits {
                [
                    e.is_readable(),
                    e.is_writable(),
                    e.is_error(),
                    e.is_read_closed(),
                    e.is_write_closed(),
                    e.is_priority(),
                    e.is_aio(),
                    e.is_lio(),
                ]
            }

            impl Watcher {
                pub fn new(poll: Poll, kind: Kind, fd: OwnedFd, letters: &str) -> Watcher {
                    let mut source: Box<dyn Source> = match kind {
                        Kind::TcpStream => Box::new(TcpStream::from(fd)),
                        Kind::TcpListener => Box::new(TcpListener::from(fd)),
                        Kind::UdpSocket => Box::new(UdpSocket::from(fd)),
                        Kind::UnixStream => Box::new(UnixStream::from(fd)),
                        Kind::UnixDatagram => Box::new(UnixDatagram::from(fd)),
                        Kind::Receiver => Box::new(pipe::Receiver::from(fd)),
                        Kind::Sender => Box::new(pipe::Sender::from(fd)),
                        Kind::Raw => Box::new(Raw(fd)),
                    };
                    poll.registry()
                        .register(&mut source, Token(1), interest(letters))
                        .expect("register");
                    let events = Events::with_capacity(16);
                    Watcher {
                        poll,
                        source,
                        events,
                    }
                }

                pub fn reregister(&mut self, letters: &str) {
                    self.poll
                        .registry()
                        .reregister(&mut self.source, Token(1), interest(letters))
                        .expect("reregister");
                }

                /// The batches of polls of zero, until one is empty.
                pub fn take(&mut self) -> Vec<Vec<Bits>> {
                    let mut batches = Vec::new();
                    loop {
                        self.poll
                            .poll(&mut self.events, Some(Duration::ZERO))
                            .expect("poll");
                        if self.events.is_empty() {
                            return batches;
                        }
                        batches.push(self.events.iter().map(bits).collect());
                    }
                }
            }
        }
    };
}

watcher!(ours, ferrio);
watcher!(theirs, mio);

/// Both libraries at one kernel object.
pub struct Both {
    ours: ours::Watcher,
    theirs: theirs::Watcher,
    interest: String,
    exact: bool,
}

impl Both {
    pub fn new(b: &Backend, kind: Kind, fd: &impl AsRawFd, interest: &str) -> Both {
        let duplicate = || ferrio_conformance::descriptors::duplicate(fd);
        Both {
            ours: ours::Watcher::new(b.poll(), kind, duplicate(), interest),
            theirs: theirs::Watcher::new(
                mio::Poll::new().expect("mio's poll"),
                kind,
                duplicate(),
                interest,
            ),
            interest: interest.to_string(),
            exact: !matches!(kind, Kind::TcpStream | Kind::TcpListener | Kind::UdpSocket),
        }
    }

    pub fn reregister(&mut self, interest: &str) {
        self.interest = interest.to_string();
        self.ours.reregister(interest);
        self.theirs.reregister(interest);
    }

    /// What both have to say now; what they agree on is returned. Where packets are involved, that
    /// is what a new registration would report, and not the same number of events.
    pub fn agree(&mut self) -> Bits {
        if self.exact {
            let (ours, theirs) = (self.ours.take(), self.theirs.take());
            assert_eq!(ours, theirs, "ours, mio's");
            return merge(&ours);
        }
        // Packets arrive when they like, between the two polls too, and an edge more for one of the
        // two makes its events differ for good. So both are asked for everything anew until nothing
        // arrives any more.
        let mut agreed = Bits::default();
        wait_for("both libraries to say the same", || {
            let interest = self.interest.clone();
            self.reregister(&interest);
            agreed = merge(&self.ours.take());
            agreed == merge(&self.theirs.take())
        });
        agreed
    }

    /// Waits until both agree and have said at least what `wanted` asks for.
    pub fn agree_on(&mut self, wanted: fn(&Bits) -> bool) -> Bits {
        let mut all = Bits::default();
        wait_for("what both libraries should report", || {
            add(&mut all, self.agree());
            wanted(&all)
        });
        all
    }
}

fn merge(batches: &[Vec<Bits>]) -> Bits {
    let mut all = Bits::default();
    for bits in batches.iter().flatten() {
        add(&mut all, *bits);
    }
    all
}

fn add(all: &mut Bits, more: Bits) {
    for (bit, other) in all.iter_mut().zip(more) {
        *bit |= other;
    }
}
