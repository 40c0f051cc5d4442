//! Contract row 27: the auto traits of every public type, and the conversions between types, on the
//! target that this is compiled for. The same assertions are made of mio's types: what holds for one
//! library holds for the other. A broken promise fails to compile.

use std::fmt::Debug;
use std::io::{Read, Write};
#[cfg(not(windows))]
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
#[cfg(windows)]
use std::os::windows::io::{AsRawSocket, FromRawSocket, IntoRawSocket};
use std::panic::{RefUnwindSafe, UnwindSafe};

fn auto_traits<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug>() {}
fn source<T: Source<K>, K>() {}
fn converts<A, B: From<A>>() {}

#[cfg(not(windows))]
fn descriptor<T: AsFd + AsRawFd + FromRawFd + IntoRawFd + From<OwnedFd> + Into<OwnedFd>>() {}
#[cfg(windows)]
fn descriptor<T: AsRawSocket + FromRawSocket + IntoRawSocket>() {}
fn reader<T: Read>()
where
    for<'a> &'a T: Read,
{
}
fn writer<T: Write>()
where
    for<'a> &'a T: Write,
{
}

/// A library's `event::Source`, which is a different trait in each.
trait Source<K> {}
struct Ours;
struct Mios;
impl<T: ferrio::event::Source> Source<Ours> for T {}
impl<T: mio::event::Source> Source<Mios> for T {}

macro_rules! assert_types {
    ($krate:ident, $marker:ty) => {{
        use std::net as std_net;
        use $krate::net::*;
        use $krate::{Events, Interest, Poll, Registry, Token, event};

        auto_traits::<Poll>();
        auto_traits::<Registry>();
        auto_traits::<Token>();
        auto_traits::<Interest>();
        auto_traits::<Events>();
        auto_traits::<event::Events>();
        auto_traits::<event::Event>();
        auto_traits::<event::Iter<'static>>();
        auto_traits::<TcpStream>();
        auto_traits::<TcpListener>();
        #[cfg(not(wasi_p1))] // mio has none there.
        auto_traits::<UdpSocket>();

        source::<TcpStream, $marker>();
        source::<TcpListener, $marker>();
        #[cfg(not(wasi_p1))] // mio has none there.
        source::<UdpSocket, $marker>();
        source::<Box<TcpStream>, $marker>();
        source::<Box<dyn event::Source>, $marker>();
        source::<Box<dyn event::Source + Send + Sync>, $marker>();

        descriptor::<TcpStream>();
        descriptor::<TcpListener>();
        #[cfg(not(wasi_p1))] // mio has none there.
        descriptor::<UdpSocket>();

        reader::<TcpStream>();
        writer::<TcpStream>();

        converts::<TcpStream, std_net::TcpStream>();
        converts::<TcpListener, std_net::TcpListener>();
        #[cfg(not(wasi_p1))] // mio has none there.
        converts::<UdpSocket, std_net::UdpSocket>();
        converts::<Token, usize>();
    }};
}

/// What only Unix has.
#[cfg(unix)]
macro_rules! assert_unix_types {
    ($krate:ident, $marker:ty) => {{
        use std::os::unix::net as unix;
        use std::process::{ChildStderr, ChildStdin, ChildStdout};
        use $krate::net::*;
        use $krate::unix::SourceFd;
        use $krate::unix::pipe::{Receiver, Sender};

        auto_traits::<UnixStream>();
        auto_traits::<UnixListener>();
        auto_traits::<UnixDatagram>();
        auto_traits::<Sender>();
        auto_traits::<Receiver>();
        auto_traits::<SourceFd<'static>>();

        source::<UnixStream, $marker>();
        source::<UnixListener, $marker>();
        source::<UnixDatagram, $marker>();
        source::<Sender, $marker>();
        source::<Receiver, $marker>();
        source::<SourceFd<'static>, $marker>();

        descriptor::<UnixStream>();
        descriptor::<UnixListener>();
        descriptor::<UnixDatagram>();
        descriptor::<Sender>();
        descriptor::<Receiver>();

        reader::<UnixStream>();
        reader::<Receiver>();
        writer::<UnixStream>();
        writer::<Sender>();

        converts::<UnixStream, unix::UnixStream>();
        converts::<UnixListener, unix::UnixListener>();
        converts::<UnixDatagram, unix::UnixDatagram>();
        converts::<ChildStdin, Sender>();
        converts::<ChildStdout, Receiver>();
        converts::<ChildStderr, Receiver>();
    }};
}

#[test]
fn public_types_have_the_traits_of_mios() {
    assert_types!(ferrio, Ours);
    assert_types!(mio, Mios);
    auto_traits::<ferrio::Waker>();
    #[cfg(not(target_os = "wasi"))] // There is none.
    auto_traits::<mio::Waker>();
    #[cfg(unix)]
    {
        assert_unix_types!(ferrio, Ours);
        assert_unix_types!(mio, Mios);
    }
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
