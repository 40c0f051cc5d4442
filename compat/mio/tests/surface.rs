//! The whole public surface of mio 1.2 on Linux, used through this package: what is here compiles
//! against mio itself, and a method that is lost or changes its signature fails to compile.

use std::fmt::Debug;
use std::hash::Hash;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::ops::{BitOr, BitOrAssign};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::SocketAddr as UnixAddr;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::PathBuf;
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::time::Duration;

use mio::event::{Event, Events as AlsoEvents, Iter, Source};
use mio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use mio::unix::pipe::{Receiver, Sender};
use mio::unix::{SourceFd, pipe};
use mio::{Events, Interest, Poll, Registry, Token, Waker};

/// What the function that `try_io` takes answers here.
type Ask = fn() -> io::Result<u8>;

#[test]
fn poll_and_registry_have_mios_methods() {
    let _: fn() -> io::Result<Poll> = Poll::new;
    let _: fn(&Poll) -> &Registry = Poll::registry;
    let _: fn(&mut Poll, &mut Events, Option<Duration>) -> io::Result<()> = Poll::poll;
    let _: fn(&Registry, &mut TcpStream, Token, Interest) -> io::Result<()> = Registry::register;
    let _: fn(&Registry, &mut TcpStream, Token, Interest) -> io::Result<()> = Registry::reregister;
    let _: fn(&Registry, &mut TcpStream) -> io::Result<()> = Registry::deregister;
    let _: fn(&Registry) -> io::Result<Registry> = Registry::try_clone;
    type Unsized = dyn Source;
    let _: fn(&Registry, &mut Unsized, Token, Interest) -> io::Result<()> = Registry::register;
    let _: fn(&Registry, &mut Unsized, Token, Interest) -> io::Result<()> = Registry::reregister;
    let _: fn(&Registry, &mut Unsized) -> io::Result<()> = Registry::deregister;

    let _: fn(&Registry, Token) -> io::Result<Waker> = Waker::new;
    let _: fn(&Waker) -> io::Result<()> = Waker::wake;
}

#[test]
fn events_have_mios_methods() {
    let _: fn(usize) -> Events = Events::with_capacity;
    let _: fn(&Events) -> usize = Events::capacity;
    let _: fn(&Events) -> bool = Events::is_empty;
    let _: fn(&Events) -> Iter<'_> = Events::iter;
    let _: fn(&mut Events) = Events::clear;
    let _: fn(&Event) -> Token = Event::token;
    let flags: [fn(&Event) -> bool; 8] = [
        Event::is_readable,
        Event::is_writable,
        Event::is_error,
        Event::is_read_closed,
        Event::is_write_closed,
        Event::is_priority,
        Event::is_aio,
        Event::is_lio,
    ];
    assert_eq!(flags.len(), 8);

    fn iterates<'a, T: IntoIterator<Item = &'a Event, IntoIter = Iter<'a>>>(_: T) {}
    fn iterator<'a, T: Iterator<Item = &'a Event> + Clone>(_: T) {}
    let events = Events::with_capacity(1);
    iterates(&events);
    iterator(events.iter());
    // The same type under both of its names.
    let _: AlsoEvents = events;
}

#[test]
fn tokens_and_interests_have_mios_methods() {
    const SERVER: Token = Token(7);
    let Token(number) = SERVER;
    assert_eq!(number, usize::from(Token(7)));
    // A token can be a pattern.
    assert!(matches!(Token(7), SERVER));

    const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
    const _: () = assert!(BOTH.is_readable() && BOTH.is_writable());
    const _: () = assert!(!BOTH.is_priority() && !BOTH.is_aio() && !BOTH.is_lio());
    let _: fn(Interest, Interest) -> Option<Interest> = Interest::remove;
    assert_eq!(BOTH.remove(Interest::READABLE), Some(Interest::WRITABLE));
    assert!(matches!(Interest::READABLE.add(Interest::WRITABLE), BOTH));
    let mut all: Interest = BOTH | Interest::PRIORITY;
    all |= Interest::READABLE;
    assert!(all.is_priority());
}

#[test]
fn tcp_has_mios_methods() {
    let _: fn(SocketAddr) -> io::Result<TcpListener> = TcpListener::bind;
    let _: fn(std::net::TcpListener) -> TcpListener = TcpListener::from_std;
    let _: fn(&TcpListener) -> io::Result<(TcpStream, SocketAddr)> = TcpListener::accept;
    let _: fn(&TcpListener) -> io::Result<SocketAddr> = TcpListener::local_addr;
    let _: fn(&TcpListener, u32) -> io::Result<()> = TcpListener::set_ttl;
    let _: fn(&TcpListener) -> io::Result<u32> = TcpListener::ttl;
    let _: fn(&TcpListener) -> io::Result<Option<io::Error>> = TcpListener::take_error;

    let _: fn(SocketAddr) -> io::Result<TcpStream> = TcpStream::connect;
    let _: fn(std::net::TcpStream) -> TcpStream = TcpStream::from_std;
    let _: fn(&TcpStream) -> io::Result<SocketAddr> = TcpStream::peer_addr;
    let _: fn(&TcpStream) -> io::Result<SocketAddr> = TcpStream::local_addr;
    let _: fn(&TcpStream, Shutdown) -> io::Result<()> = TcpStream::shutdown;
    let _: fn(&TcpStream, bool) -> io::Result<()> = TcpStream::set_nodelay;
    let _: fn(&TcpStream) -> io::Result<bool> = TcpStream::nodelay;
    let _: fn(&TcpStream, u32) -> io::Result<()> = TcpStream::set_ttl;
    let _: fn(&TcpStream) -> io::Result<u32> = TcpStream::ttl;
    let _: fn(&TcpStream) -> io::Result<Option<io::Error>> = TcpStream::take_error;
    let _: fn(&TcpStream, &mut [u8]) -> io::Result<usize> = TcpStream::peek;
    let _: fn(&TcpStream, Ask) -> io::Result<u8> = TcpStream::try_io::<Ask, u8>;
}

#[test]
fn udp_has_mios_methods() {
    type On = fn(&UdpSocket, bool) -> io::Result<()>;
    type Is = fn(&UdpSocket) -> io::Result<bool>;
    type V4 = fn(&UdpSocket, &Ipv4Addr, &Ipv4Addr) -> io::Result<()>;
    type V6 = fn(&UdpSocket, &Ipv6Addr, u32) -> io::Result<()>;
    type From = fn(&UdpSocket, &mut [u8]) -> io::Result<(usize, SocketAddr)>;

    let _: fn(SocketAddr) -> io::Result<UdpSocket> = UdpSocket::bind;
    let _: fn(std::net::UdpSocket) -> UdpSocket = UdpSocket::from_std;
    let _: fn(&UdpSocket) -> io::Result<SocketAddr> = UdpSocket::local_addr;
    let _: fn(&UdpSocket) -> io::Result<SocketAddr> = UdpSocket::peer_addr;
    let _: fn(&UdpSocket, &[u8], SocketAddr) -> io::Result<usize> = UdpSocket::send_to;
    let _: From = UdpSocket::recv_from;
    let _: From = UdpSocket::peek_from;
    let _: fn(&UdpSocket, &[u8]) -> io::Result<usize> = UdpSocket::send;
    let _: fn(&UdpSocket, &mut [u8]) -> io::Result<usize> = UdpSocket::recv;
    let _: fn(&UdpSocket, &mut [u8]) -> io::Result<usize> = UdpSocket::peek;
    let _: fn(&UdpSocket, SocketAddr) -> io::Result<()> = UdpSocket::connect;
    let _: (On, Is) = (UdpSocket::set_broadcast, UdpSocket::broadcast);
    let _: (On, Is) = (
        UdpSocket::set_multicast_loop_v4,
        UdpSocket::multicast_loop_v4,
    );
    let _: (On, Is) = (
        UdpSocket::set_multicast_loop_v6,
        UdpSocket::multicast_loop_v6,
    );
    let _: Is = UdpSocket::only_v6;
    let _: fn(&UdpSocket, u32) -> io::Result<()> = UdpSocket::set_multicast_ttl_v4;
    let _: fn(&UdpSocket) -> io::Result<u32> = UdpSocket::multicast_ttl_v4;
    let _: fn(&UdpSocket, u32) -> io::Result<()> = UdpSocket::set_ttl;
    let _: fn(&UdpSocket) -> io::Result<u32> = UdpSocket::ttl;
    let _: (V4, V4) = (UdpSocket::join_multicast_v4, UdpSocket::leave_multicast_v4);
    let _: (V6, V6) = (UdpSocket::join_multicast_v6, UdpSocket::leave_multicast_v6);
    let _: fn(&UdpSocket) -> io::Result<Option<io::Error>> = UdpSocket::take_error;
    let _: fn(&UdpSocket, Ask) -> io::Result<u8> = UdpSocket::try_io::<Ask, u8>;
}

#[test]
fn unix_sockets_have_mios_methods() {
    type Pair<T> = fn() -> io::Result<(T, T)>;
    type From = fn(&UnixDatagram, &mut [u8]) -> io::Result<(usize, UnixAddr)>;

    let _: fn(PathBuf) -> io::Result<UnixListener> = UnixListener::bind::<PathBuf>;
    let _: fn(&UnixAddr) -> io::Result<UnixListener> = UnixListener::bind_addr;
    let _: fn(std::os::unix::net::UnixListener) -> UnixListener = UnixListener::from_std;
    let _: fn(&UnixListener) -> io::Result<(UnixStream, UnixAddr)> = UnixListener::accept;
    let _: fn(&UnixListener) -> io::Result<UnixAddr> = UnixListener::local_addr;
    let _: fn(&UnixListener) -> io::Result<Option<io::Error>> = UnixListener::take_error;

    let _: fn(PathBuf) -> io::Result<UnixStream> = UnixStream::connect::<PathBuf>;
    let _: fn(&UnixAddr) -> io::Result<UnixStream> = UnixStream::connect_addr;
    let _: fn(std::os::unix::net::UnixStream) -> UnixStream = UnixStream::from_std;
    let _: Pair<UnixStream> = UnixStream::pair;
    let _: fn(&UnixStream) -> io::Result<UnixAddr> = UnixStream::local_addr;
    let _: fn(&UnixStream) -> io::Result<UnixAddr> = UnixStream::peer_addr;
    let _: fn(&UnixStream) -> io::Result<Option<io::Error>> = UnixStream::take_error;
    let _: fn(&UnixStream, Shutdown) -> io::Result<()> = UnixStream::shutdown;
    let _: fn(&UnixStream, Ask) -> io::Result<u8> = UnixStream::try_io::<Ask, u8>;

    let _: fn(PathBuf) -> io::Result<UnixDatagram> = UnixDatagram::bind::<PathBuf>;
    let _: fn(&UnixAddr) -> io::Result<UnixDatagram> = UnixDatagram::bind_addr;
    let _: fn(std::os::unix::net::UnixDatagram) -> UnixDatagram = UnixDatagram::from_std;
    let _: fn(&UnixDatagram, PathBuf) -> io::Result<()> = UnixDatagram::connect::<PathBuf>;
    let _: fn() -> io::Result<UnixDatagram> = UnixDatagram::unbound;
    let _: Pair<UnixDatagram> = UnixDatagram::pair;
    let _: fn(&UnixDatagram) -> io::Result<UnixAddr> = UnixDatagram::local_addr;
    let _: fn(&UnixDatagram) -> io::Result<UnixAddr> = UnixDatagram::peer_addr;
    let _: From = UnixDatagram::recv_from;
    let _: fn(&UnixDatagram, &mut [u8]) -> io::Result<usize> = UnixDatagram::recv;
    let _: fn(&UnixDatagram, &[u8], PathBuf) -> io::Result<usize> =
        UnixDatagram::send_to::<PathBuf>;
    let _: fn(&UnixDatagram, &[u8]) -> io::Result<usize> = UnixDatagram::send;
    let _: fn(&UnixDatagram) -> io::Result<Option<io::Error>> = UnixDatagram::take_error;
    let _: fn(&UnixDatagram, Shutdown) -> io::Result<()> = UnixDatagram::shutdown;
    let _: fn(&UnixDatagram, Ask) -> io::Result<u8> = UnixDatagram::try_io::<Ask, u8>;
}

#[test]
fn pipes_and_raw_descriptors_have_mios_methods() {
    let _: fn() -> io::Result<(Sender, Receiver)> = pipe::new;
    let _: fn(&Sender, bool) -> io::Result<()> = Sender::set_nonblocking;
    let _: fn(&Sender, Ask) -> io::Result<u8> = Sender::try_io::<Ask, u8>;
    let _: fn(&Receiver, bool) -> io::Result<()> = Receiver::set_nonblocking;
    let _: fn(&Receiver, Ask) -> io::Result<u8> = Receiver::try_io::<Ask, u8>;
    let number: RawFd = 0;
    let SourceFd(given) = SourceFd(&number);
    assert_eq!(given, &number);
}

fn everything<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug>() {}
fn value<T: Copy + Eq + Ord>() {}
fn source<T: Source>() {}
fn descriptor<T: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd>>() {}
fn reads<T: Read>() {}
fn writes<T: Write>() {}

#[test]
fn every_type_has_mios_auto_traits() {
    everything::<Poll>();
    everything::<Registry>();
    everything::<Waker>();
    everything::<Events>();
    everything::<Event>();
    everything::<Iter<'_>>();
    everything::<Token>();
    everything::<Interest>();
    everything::<SourceFd<'_>>();
    everything::<Sender>();
    everything::<Receiver>();
    everything::<TcpListener>();
    everything::<TcpStream>();
    everything::<UdpSocket>();
    everything::<UnixListener>();
    everything::<UnixStream>();
    everything::<UnixDatagram>();
}

#[test]
fn every_type_has_mios_traits() {
    value::<Token>();
    value::<Interest>();
    fn hashes<T: Hash>() {}
    hashes::<Token>();
    fn combines<T: BitOr<Output = T> + BitOrAssign>() {}
    combines::<Interest>();
    fn clones<T: Clone>() {}
    clones::<Event>();
    fn raw<T: AsRawFd>() {}
    raw::<Poll>();
    raw::<Registry>();
    fn fd<T: AsFd>() {}
    fd::<Registry>();
    fn into<T: Into<U>, U>() {}
    into::<Token, usize>();
    into::<TcpListener, std::net::TcpListener>();
    into::<TcpStream, std::net::TcpStream>();
    into::<UdpSocket, std::net::UdpSocket>();
    into::<UnixListener, std::os::unix::net::UnixListener>();
    into::<UnixStream, std::os::unix::net::UnixStream>();
    into::<UnixDatagram, std::os::unix::net::UnixDatagram>();
    into::<ChildStdin, Sender>();
    into::<ChildStdout, Receiver>();
    into::<ChildStderr, Receiver>();
}

macro_rules! for_each_descriptor {
    ($($name:ident),+ $(,)?) => {$(
        source::<$name>();
        source::<Box<$name>>();
        descriptor::<$name>();
    )+};
}

#[test]
fn every_source_has_mios_traits() {
    for_each_descriptor!(
        TcpListener,
        TcpStream,
        UdpSocket,
        UnixListener,
        UnixStream,
        UnixDatagram,
        Sender,
        Receiver,
    );
    source::<SourceFd<'_>>();
    source::<Box<dyn Source>>();
    source::<Own>();
    reads::<TcpStream>();
    reads::<&TcpStream>();
    reads::<UnixStream>();
    reads::<&UnixStream>();
    reads::<Receiver>();
    reads::<&Receiver>();
    writes::<TcpStream>();
    writes::<&TcpStream>();
    writes::<UnixStream>();
    writes::<&UnixStream>();
    writes::<Sender>();
    writes::<&Sender>();
}

/// A source of a user's own needs these methods and no other.
struct Own(TcpStream);

impl Source for Own {
    fn register(&mut self, registry: &Registry, token: Token, how: Interest) -> io::Result<()> {
        self.0.register(registry, token, how)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, how: Interest) -> io::Result<()> {
        self.0.reregister(registry, token, how)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.0.deregister(registry)
    }
}

// The two modules of prose.
#[allow(unused_imports)]
use mio::{features, guide};

#[test]
fn the_version_lies_above_every_mio_1_2() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(version, "1.2.99");
    let lock = include_str!("../../../Cargo.lock");
    let entry = format!("[[package]]\nname = \"mio\"\nversion = \"{version}\"\n");
    let own = lock
        .split_once(&entry)
        .expect("the lock file has this package")
        .1;
    // A package from a registry has the registry's address here.
    let next = own.lines().next().unwrap_or_default();
    assert!(!next.starts_with("source"), "{next}");
}
