//! The sources that only Unix has, as samples.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

use ferrio::event::Source;
use ferrio::net::{UnixDatagram, UnixListener};
use ferrio::unix::{SourceFd, pipe};
use ferrio::{Interest, Registry, Token};

use crate::pairs;
use crate::samples::Sample;

/// Those that keep their own registration.
pub(crate) const LOCAL: [fn() -> Sample; 5] = [
    unix_listener,
    unix_stream,
    unix_datagram,
    pipe_receiver,
    pipe_sender,
];

/// The one that doesn't.
pub(crate) const SOURCE_FD: [fn() -> Sample; 1] = [source_fd];

fn unix_listener() -> Sample {
    let path = TempPath::new();
    let listener = UnixListener::bind(&path).expect("bind");
    let mut clients = Vec::new();
    Sample::readable("UnixListener", listener, move || {
        clients.push(unix::net::UnixStream::connect(&path).expect("connect"));
    })
}

fn unix_stream() -> Sample {
    let (stream, mut peer) = pairs::unix();
    Sample::readable("UnixStream", stream, move || {
        peer.write_all(b"x").expect("write");
    })
}

fn unix_datagram() -> Sample {
    let (socket, peer) = UnixDatagram::pair().expect("a pair");
    Sample::readable("UnixDatagram", socket, move || {
        peer.send(b"x").expect("send");
    })
}

fn pipe_receiver() -> Sample {
    let (mut sender, receiver) = pipe::new().expect("a pipe");
    Sample::readable("pipe::Receiver", receiver, move || {
        sender.write_all(b"x").expect("write");
    })
}

fn pipe_sender() -> Sample {
    let (mut sender, mut receiver) = pipe::new().expect("a pipe");
    pairs::fill(&sender);
    let mut more = sender_duplicate(&mut sender);
    Sample {
        name: "pipe::Sender",
        source: Box::new(sender),
        interest: Interest::WRITABLE,
        // Full, then not full: an edge, however often it is repeated.
        trigger: Box::new(move || {
            pairs::fill(&mut more);
            let mut buffer = [0; 64 * 1024];
            let n = receiver.read(&mut buffer).expect("read");
            assert!(n > 0, "the pipe was full");
        }),
        reset: None,
    }
}

fn sender_duplicate(sender: &mut pipe::Sender) -> fs::File {
    fs::File::from(crate::descriptors::duplicate(sender))
}

fn source_fd() -> Sample {
    let (fd, mut counter) = eventfd();
    let mut again = counter.try_clone().expect("a duplicate");
    let mut sample = Sample::readable("SourceFd", Raw(fd), move || {
        counter.write_all(&1_u64.to_ne_bytes()).expect("write");
    });
    sample.reset = Some(Box::new(move || {
        // Fails where it isn't ready, which is as good.
        let _ = again.read(&mut [0; 8]);
    }));
    sample
}

/// A non-blocking eventfd, twice: a descriptor that belongs to none of the library's types.
pub fn eventfd() -> (OwnedFd, fs::File) {
    // SAFETY: eventfd(2) takes numbers only.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    assert_ne!(fd, -1, "eventfd: {}", io::Error::last_os_error());
    // SAFETY: the call above made the descriptor and nobody else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let file = fs::File::from(fd.try_clone().expect("a duplicate"));
    (fd, file)
}

/// An owned descriptor as a source, the way a user of `SourceFd` would write it.
#[derive(Debug)]
pub struct Raw(pub OwnedFd);

impl Source for Raw {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).register(registry, token, interest)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).reregister(registry, token, interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).deregister(registry)
    }
}

/// A path in the temporary directory that nothing uses; what is there is removed in the end.
#[derive(Debug)]
pub struct TempPath {
    path: PathBuf,
    /// The process that made it: a forked child removes nothing.
    owner: u32,
}

impl TempPath {
    #[allow(clippy::new_without_default)] // Each one is different, which `default` does not suggest.
    pub fn new() -> TempPath {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ferrio-{}-{number}", process::id());
        let path = env::temp_dir().join(name);
        // A process that was killed may have had the same number.
        let _ = fs::remove_file(&path);
        let owner = process::id();
        TempPath { path, owner }
    }
}

impl AsRef<Path> for TempPath {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl Drop for TempPath {
    fn drop(&mut self) {
        if process::id() == self.owner {
            let _ = fs::remove_file(&self.path);
        }
    }
}
