//! The kernel's objects, as far as a program that made them can know: what is buffered, who has
//! shut what, and hence what they are ready for.

use std::collections::VecDeque;

use super::super::op::{How, Kind};

/// What an end of a [`Kind`] is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Type {
    Tcp,
    Unix,
    Datagram,
    Udp,
    Sender,
    Receiver,
    Raw,
    Eventfd,
    TcpListener,
    UnixListener,
}

impl Type {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Type::Tcp => "TcpStream",
            Type::Unix => "UnixStream",
            Type::Datagram => "UnixDatagram",
            Type::Udp => "UdpSocket",
            Type::Sender => "pipe::Sender",
            Type::Receiver => "pipe::Receiver",
            Type::Raw => "SourceFd(socket)",
            Type::Eventfd => "SourceFd(eventfd)",
            Type::TcpListener => "TcpListener",
            Type::UnixListener => "UnixListener",
        }
    }

    /// Registered through `SourceFd`.
    pub(crate) fn is_raw(self) -> bool {
        matches!(self, Type::Raw | Type::Eventfd)
    }

    /// One operation moves one thing.
    pub(crate) fn is_datagram(self) -> bool {
        matches!(self, Type::Datagram | Type::Udp)
    }

    pub(crate) fn is_listener(self) -> bool {
        matches!(self, Type::TcpListener | Type::UnixListener)
    }

    /// What one end does reaches the other through the network stack, in the end.
    pub(crate) fn is_network(self) -> bool {
        matches!(self, Type::Tcp | Type::Udp | Type::TcpListener)
    }

    /// A connected stream socket.
    pub(crate) fn is_stream_socket(self) -> bool {
        matches!(self, Type::Tcp | Type::Unix | Type::Raw)
    }
}

/// Whether an operation of one direction would go through.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    No,
    /// The size of the kernel's buffers, or the moment at which an error arrives, decides.
    Unknown,
    Yes,
}

/// More than this in a buffer, and the kernel decides whether there is room.
const ROOMY: usize = 24 * 1024;
/// What one write costs the kernel beside its bytes, at most.
const OVERHEAD: usize = 2 * 1024;

/// An open file description.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) kind: Type,
    pub(crate) peer: Option<usize>,
    /// Descriptors.
    pub(super) refs: usize,
    /// In a listener's queue.
    pub(super) pending: bool,
    /// To be read.
    pub(crate) bytes: usize,
    /// The writes that brought them, at most.
    pub(super) pieces: usize,
    pub(crate) messages: VecDeque<usize>,
    pub(super) queue: VecDeque<usize>,
    pub(super) read_shut: bool,
    pub(super) write_shut: bool,
    /// An error was, or will be, delivered by the kernel, at a moment of its own choice.
    pub(crate) uncertain: bool,
    /// What was written may fill the buffers.
    pub(crate) crowded: bool,
    /// It has written something.
    pub(super) has_sent: bool,
    /// There was something to be read since an operation has last found nothing.
    pub(super) was_readable: bool,
    /// Counts what may have woken somebody who waits for this object.
    pub(super) stirs: u64,
}

impl Object {
    fn new(kind: Type, peer: Option<usize>) -> Object {
        Object {
            kind,
            peer,
            refs: 1,
            pending: false,
            bytes: 0,
            pieces: 0,
            messages: VecDeque::new(),
            queue: VecDeque::new(),
            read_shut: false,
            write_shut: false,
            uncertain: false,
            crowded: false,
            has_sent: false,
            was_readable: false,
            stirs: 0,
        }
    }

    /// Whether this end has shut down this half.
    pub(crate) fn is_shut(&self, direction: usize) -> bool {
        [self.read_shut, self.write_shut][direction]
    }

    /// The other end may acknowledge something, at any moment.
    pub(super) fn is_acknowledged(&self) -> bool {
        self.kind == Type::Tcp && self.has_sent
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0 && self.messages.is_empty()
    }

    /// Whether what is in here may fill the buffers.
    pub(super) fn is_roomy(&self) -> bool {
        let load: usize = self.bytes + self.messages.iter().sum::<usize>();
        load + (self.pieces + self.messages.len()) * OVERHEAD <= ROOMY
    }
}

/// All objects of a script, the closed ones included.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(super) objects: Vec<Object>,
    /// See [`Rules`](super::Rules).
    pub(super) shutting_hides: bool,
    /// Likewise.
    pub(super) trickles: bool,
    /// Likewise.
    pub(super) lingers: bool,
    /// Likewise.
    pub(super) writable_listeners: bool,
}

impl World {
    pub(crate) fn get(&self, id: usize) -> &Object {
        &self.objects[id]
    }

    fn add(&mut self, kind: Type, peer: Option<usize>) -> usize {
        self.objects.push(Object::new(kind, peer));
        self.objects.len() - 1
    }

    /// What [`Op::Create`](super::super::op::Op::Create) makes: one object or two.
    pub(super) fn create(&mut self, kind: Kind) -> (usize, Option<usize>) {
        let (a, b) = match kind {
            Kind::Tcp => (Type::Tcp, Some(Type::Tcp)),
            Kind::Unix => (Type::Unix, Some(Type::Unix)),
            Kind::Datagram => (Type::Datagram, Some(Type::Datagram)),
            Kind::Udp => (Type::Udp, Some(Type::Udp)),
            Kind::Pipe => (Type::Sender, Some(Type::Receiver)),
            Kind::Raw => (Type::Raw, Some(Type::Raw)),
            Kind::Eventfd => (Type::Eventfd, None),
            Kind::TcpListener => (Type::TcpListener, None),
            Kind::UnixListener => (Type::UnixListener, None),
        };
        let first = self.objects.len();
        self.add(a, b.map(|_| first + 1));
        let second = b.map(|b| self.add(b, Some(first)));
        (first, second)
    }

    /// A client of the listener; its other end waits to be accepted.
    pub(super) fn connect(&mut self, listener: usize) -> usize {
        let kind = match self.objects[listener].kind {
            Type::TcpListener => Type::Tcp,
            _ => Type::Unix,
        };
        let client = self.objects.len();
        self.add(kind, Some(client + 1));
        let server = self.add(kind, Some(client));
        self.objects[server].refs = 0;
        self.objects[server].pending = true;
        self.objects[listener].queue.push_back(server);
        self.objects[listener].was_readable = true;
        self.stir(listener);
        client
    }

    pub(super) fn accept(&mut self, listener: usize) -> Option<usize> {
        let server = self.objects[listener].queue.pop_front()?;
        self.objects[server].pending = false;
        self.objects[server].refs = 1;
        Some(server)
    }

    pub(crate) fn waiting(&self, listener: usize) -> usize {
        self.objects[listener].queue.len()
    }

    pub(super) fn stir(&mut self, id: usize) {
        self.objects[id].stirs += 1;
        if let Some(peer) = self.objects[id].peer {
            self.objects[peer].stirs += 1;
        }
    }

    /// An operation would have had to wait for something to be read.
    pub(super) fn found_empty(&mut self, id: usize) {
        self.objects[id].was_readable = false;
    }

    pub(super) fn shut(&mut self, id: usize, how: How) {
        self.objects[id].read_shut |= how != How::Writing;
        self.objects[id].write_shut |= how != How::Reading;
        self.stir(id);
        // What is under way to a TCP end that doesn't read any more may be answered with a reset.
        let peer = self.objects[id]
            .peer
            .filter(|&peer| self.objects[peer].crowded);
        if let Some(peer) = peer.filter(|_| self.objects[id].read_shut) {
            if self.objects[id].kind == Type::Tcp {
                self.objects[id].uncertain = true;
                self.objects[peer].uncertain = true;
            }
        }
    }

    /// One descriptor more.
    pub(super) fn share(&mut self, id: usize) {
        self.objects[id].refs += 1;
    }

    /// Whether it has more than one descriptor.
    pub(crate) fn is_shared(&self, id: usize) -> bool {
        self.objects[id].refs > 1
    }

    /// One descriptor less. `true`: it was the last.
    pub(super) fn release(&mut self, id: usize) -> bool {
        self.objects[id].refs -= 1;
        if self.objects[id].refs > 0 {
            return false;
        }
        self.stir(id);
        self.reset_if_unread(id);
        for server in std::mem::take(&mut self.objects[id].queue) {
            self.objects[server].pending = false;
            self.stir(server);
            self.break_peer(server);
        }
        true
    }

    /// A stream that is closed with something unread tells its peer so by an error.
    fn reset_if_unread(&mut self, id: usize) {
        let object = &self.objects[id];
        let crowded = object.peer.is_some_and(|peer| self.objects[peer].crowded);
        if object.kind.is_stream_socket() && (object.bytes > 0 || crowded) {
            self.break_peer(id);
        }
    }

    fn break_peer(&mut self, id: usize) {
        if let Some(peer) = self.objects[id].peer {
            self.objects[peer].uncertain = true;
        }
    }

    pub(super) fn peer(&self, id: usize) -> Option<&Object> {
        self.objects[id].peer.map(|peer| &self.objects[peer])
    }

    pub(crate) fn is_closed(&self, id: usize) -> bool {
        self.objects[id].refs == 0 && !self.objects[id].pending
    }

    pub(super) fn peer_is_closed(&self, id: usize) -> bool {
        self.objects[id]
            .peer
            .is_some_and(|peer| self.is_closed(peer))
    }

    /// Whether the kernel says so when the peer is closed, without being asked.
    pub(crate) fn peer_hung_up(&self, id: usize) -> bool {
        !self.objects[id].kind.is_datagram() && self.peer_is_closed(id)
    }

    /// Nothing more will come.
    pub(super) fn is_finished(&self, id: usize) -> bool {
        let shut = self.peer(id).is_some_and(|peer| peer.write_shut);
        let is_stream = !self.objects[id].kind.is_datagram();
        self.objects[id].read_shut || is_stream && (shut || self.peer_is_closed(id))
    }

    pub(crate) fn level(&self, id: usize, direction: usize) -> Level {
        if direction == super::READ {
            self.read_level(id)
        } else {
            self.write_level(id)
        }
    }

    fn read_level(&self, id: usize) -> Level {
        let object = &self.objects[id];
        if object.kind == Type::Sender {
            return Level::No;
        }
        if object.uncertain {
            return Level::Unknown;
        }
        if !object.is_empty() || !object.queue.is_empty() || self.is_finished(id) {
            Level::Yes
        } else if self.lingers && object.was_readable {
            Level::Unknown
        } else {
            Level::No
        }
    }

    fn write_level(&self, id: usize) -> Level {
        let object = &self.objects[id];
        if object.kind.is_listener() && self.writable_listeners && !object.queue.is_empty() {
            return Level::Unknown;
        }
        if object.kind == Type::Receiver || object.kind.is_listener() {
            return Level::No;
        }
        let broken = object.kind == Type::Sender && self.peer_is_closed(id);
        if object.kind == Type::Eventfd || broken {
            return Level::Yes;
        }
        if object.uncertain || object.crowded {
            return Level::Unknown;
        }
        Level::Yes
    }

    /// Whether an event may say that reading is over.
    pub(super) fn may_be_read_closed(&self, id: usize) -> bool {
        self.objects[id].uncertain || self.is_finished(id) || self.peer_is_closed(id)
    }

    /// Whether a direction has ended, and the kernel knows it.
    pub(super) fn has_ended(&self, id: usize, direction: usize) -> bool {
        let object = &self.objects[id];
        if object.uncertain || object.kind.is_network() || object.kind.is_datagram() {
            return false;
        }
        match direction {
            super::READ => object.kind != Type::Sender && self.is_finished(id),
            _ => object.write_shut || object.kind == Type::Sender && self.peer_is_closed(id),
        }
    }

    /// Whether an event may say that writing is over.
    pub(super) fn may_be_write_closed(&self, id: usize) -> bool {
        let object = &self.objects[id];
        let is_local = matches!(object.kind, Type::Unix | Type::Raw);
        let refused = is_local && self.peer(id).is_some_and(|peer| peer.read_shut);
        object.uncertain || object.write_shut || refused || self.peer_is_closed(id)
    }

    pub(super) fn may_have_error(&self, id: usize) -> bool {
        self.objects[id].uncertain || self.peer_is_closed(id)
    }

    /// Whether the connection may have ended for the kernel.
    pub(super) fn is_over(&self, id: usize) -> bool {
        let shut = self.peer(id).is_some_and(|peer| peer.write_shut);
        self.may_have_error(id) || shut && self.objects[id].write_shut
    }

    /// Whether there may be what poll(2) reports without being asked: POLLHUP or POLLERR.
    pub(super) fn may_hang_up(&self, id: usize) -> bool {
        self.may_have_error(id) || self.may_be_read_closed(id) && self.may_be_write_closed(id)
    }

    /// Whether the kernel may wake those who wait for this object at any moment.
    pub(super) fn is_restless(&self, id: usize) -> bool {
        let restless = |object: &Object| {
            object.read_shut || object.write_shut || object.uncertain || object.crowded
        };
        self.objects[id].kind == Type::Tcp
            && (restless(&self.objects[id])
                || self.peer(id).is_some_and(restless)
                || self.peer_is_closed(id))
    }
}
