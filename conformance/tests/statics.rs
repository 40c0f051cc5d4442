//! Contract row 27: the auto traits of every public type, and the conversions between types, on the
//! target that this is compiled for. The same assertions are made of mio's types: what holds for one
//! library holds for the other. A broken promise fails to compile.

use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};

fn auto_traits<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug>() {}
fn source<T: Source<K>, K>() {}
fn converts<A, B: From<A>>() {}

/// A library's `event::Source`, which is a different trait in each.
trait Source<K> {}
struct Ours;
struct Mios;
impl<T: ferrio::event::Source> Source<Ours> for T {}
impl<T: mio::event::Source> Source<Mios> for T {}

macro_rules! assert_types {
    ($krate:ident, $marker:ty) => {{
        use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
        use std::os::unix::net as unix;
        use std::process::{ChildStderr, ChildStdin, ChildStdout};
        use std::{io, net as std_net};
        use $krate::net::*;
        use $krate::unix::SourceFd;
        use $krate::unix::pipe::{Receiver, Sender};
        use $krate::{Events, Interest, Poll, Registry, Token, Waker, event};

        fn descriptor<T: AsFd + AsRawFd + FromRawFd + IntoRawFd + From<OwnedFd> + Into<OwnedFd>>() {
        }
        fn reader<T: io::Read>()
        where
            for<'a> &'a T: io::Read,
        {
        }
        fn writer<T: io::Write>()
        where
            for<'a> &'a T: io::Write,
        {
        }

        auto_traits::<Poll>();
        auto_traits::<Registry>();
        auto_traits::<Waker>();
        auto_traits::<Token>();
        auto_traits::<Interest>();
        auto_traits::<Events>();
        auto_traits::<event::Events>();
        auto_traits::<event::Event>();
        auto_traits::<event::Iter<'static>>();
        auto_traits::<TcpStream>();
        auto_traits::<TcpListener>();
        auto_traits::<UdpSocket>();
        auto_traits::<UnixStream>();
        auto_traits::<UnixListener>();
        auto_traits::<UnixDatagram>();
        auto_traits::<Sender>();
        auto_traits::<Receiver>();
        auto_traits::<SourceFd<'static>>();

        source::<TcpStream, $marker>();
        source::<TcpListener, $marker>();
        source::<UdpSocket, $marker>();
        source::<UnixStream, $marker>();
        source::<UnixListener, $marker>();
        source::<UnixDatagram, $marker>();
        source::<Sender, $marker>();
        source::<Receiver, $marker>();
        source::<SourceFd<'static>, $marker>();
        source::<Box<TcpStream>, $marker>();
        source::<Box<dyn event::Source>, $marker>();
        source::<Box<dyn event::Source + Send + Sync>, $marker>();

        descriptor::<TcpStream>();
        descriptor::<TcpListener>();
        descriptor::<UdpSocket>();
        descriptor::<UnixStream>();
        descriptor::<UnixListener>();
        descriptor::<UnixDatagram>();
        descriptor::<Sender>();
        descriptor::<Receiver>();

        reader::<TcpStream>();
        reader::<UnixStream>();
        reader::<Receiver>();
        writer::<TcpStream>();
        writer::<UnixStream>();
        writer::<Sender>();

        converts::<TcpStream, std_net::TcpStream>();
        converts::<TcpListener, std_net::TcpListener>();
        converts::<UdpSocket, std_net::UdpSocket>();
        converts::<UnixStream, unix::UnixStream>();
        converts::<UnixListener, unix::UnixListener>();
        converts::<UnixDatagram, unix::UnixDatagram>();
        converts::<ChildStdin, Sender>();
        converts::<ChildStdout, Receiver>();
        converts::<ChildStderr, Receiver>();
        converts::<Token, usize>();
    }};
}

#[test]
fn public_types_have_the_traits_of_mios() {
    assert_types!(ferrio, Ours);
    assert_types!(mio, Mios);
}

#[test]
fn types_that_mio_has_not_are_as_free() {
    auto_traits::<ferrio::Builder>();
    auto_traits::<ferrio::SelectorKind>();
    auto_traits::<ferrio::WakerKind>();
    fn value<T: Copy + Eq + std::hash::Hash + std::fmt::Display + std::str::FromStr>() {}
    value::<ferrio::SelectorKind>();
    value::<ferrio::WakerKind>();
}

/// `Registry::try_clone`, `Poll::registry`, and the methods of row 4 take `&self`: any thread that
/// can reach the `Registry` can register.
#[test]
fn registries_and_wakers_are_shared_by_reference() {
    fn takes(_: fn(&ferrio::Registry) -> std::io::Result<ferrio::Registry>) {}
    takes(ferrio::Registry::try_clone);
    fn wakes(_: fn(&ferrio::Waker) -> std::io::Result<()>) {}
    wakes(ferrio::Waker::wake);
}
