//! A stream through each kind of stream socket, echoed and checked.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::path::Path;

use ferrio::net::{UnixListener, UnixStream};
use ferrio::{Events, Interest, Poll, Token};

use crate::demo::{Failure, RemoveOnDrop, byte_at, is_try_later, say, setup, wrong};

const LISTENER: Token = Token(0);
const SERVER: Token = Token(1);
const CLIENT: Token = Token(2);

pub fn all(directory: &Path, bytes: usize) -> Result<(), Failure> {
    let path = directory.join("stream.sock");
    {
        // The file comes with `bind` and stays when the socket is gone: who binds it, removes
        // it.
        let listener = UnixListener::bind(&path).map_err(setup(&path))?;
        let _file = RemoveOnDrop(&path);
        let client = UnixStream::connect(&path)?;
        Echo::new(Some(listener), None, client, bytes)?.run("stream, address in a directory")?;
    }
    // An abstract address is a name that is no file: nothing to remove, nothing left over.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        #[cfg(target_os = "android")]
        use std::os::android::net::SocketAddrExt as _;
        #[cfg(target_os = "linux")]
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::net::SocketAddr;

        let name = format!("ferrio-example-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(name)?;
        let listener = UnixListener::bind_addr(&address)?;
        let client = UnixStream::connect_addr(&address)?;
        Echo::new(Some(listener), None, client, bytes)?.run("stream, abstract address")?;
    }
    let (server, client) = UnixStream::pair()?;
    Echo::new(None, Some(server), client, bytes)?.run("stream, pair")
}

/// A client that sends a stream, a server that echoes it, and a listener that makes one out
/// of the other.
struct Echo {
    poll: Poll,
    listener: Option<UnixListener>,
    server: Option<UnixStream>,
    /// What the server has read and not yet sent: it reads no more until this is gone.
    unsent: Vec<u8>,
    client: UnixStream,
    bytes: usize,
    sent: usize,
    received: usize,
    is_finished: bool,
}

impl Echo {
    fn new(
        mut listener: Option<UnixListener>,
        mut server: Option<UnixStream>,
        mut client: UnixStream,
        bytes: usize,
    ) -> Result<Echo, Failure> {
        let poll = Poll::new()?;
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut client, CLIENT, both)?;
        if let Some(server) = &mut server {
            poll.registry().register(server, SERVER, both)?;
        }
        if let Some(listener) = &mut listener {
            poll.registry()
                .register(listener, LISTENER, Interest::READABLE)?;
        }
        let (unsent, is_finished) = (Vec::new(), false);
        Ok(Echo {
            poll,
            listener,
            server,
            unsent,
            client,
            bytes,
            sent: 0,
            received: 0,
            is_finished,
        })
    }

    fn run(mut self, what: &str) -> Result<(), Failure> {
        let mut events = Events::with_capacity(8);
        while !self.is_finished {
            match self.poll.poll(&mut events, None) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    SERVER => self.serve()?,
                    _ => {
                        self.send()?;
                        self.receive()?;
                    }
                }
            }
        }
        say(&format!(
            "{what}: {} bytes sent, echoed and checked\n",
            self.received
        ));
        Ok(())
    }

    fn accept(&mut self) -> Result<(), Failure> {
        // One is all we wait for; a server would accept until `WouldBlock`.
        let Some(listener) = &self.listener else {
            return Ok(());
        };
        match listener.accept() {
            Ok((mut stream, _)) => {
                let both = Interest::READABLE | Interest::WRITABLE;
                self.poll.registry().register(&mut stream, SERVER, both)?;
                self.server = Some(stream);
            }
            Err(error) if is_try_later(&error) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Echoes until one direction says `WouldBlock`: an event tells when to go on.
    fn serve(&mut self) -> Result<(), Failure> {
        let mut buffer = [0; 16 * 1024];
        while let Some(server) = &mut self.server {
            let gone = write_some(server, &self.unsent)?;
            self.unsent.drain(..gone);
            if !self.unsent.is_empty() {
                return Ok(());
            }
            match server.read(&mut buffer) {
                // The client has finished, and so have we: dropped is closed.
                Ok(0) => self.server = None,
                Ok(count) => self.unsent.extend_from_slice(&buffer[..count]),
                Err(error) if is_try_later(&error) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), Failure> {
        while self.sent < self.bytes {
            let part = (self.bytes - self.sent).min(16 * 1024);
            let bytes: Vec<u8> = (self.sent..self.sent + part).map(byte_at).collect();
            let gone = write_some(&mut self.client, &bytes)?;
            self.sent += gone;
            if gone < part {
                return Ok(());
            }
        }
        // Half-close: nothing more to send, all the more to receive.
        match self.client.shutdown(Shutdown::Write) {
            // Some systems say so when the other side has closed already.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            done => Ok(done?),
        }
    }

    fn receive(&mut self) -> Result<(), Failure> {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.client.read(&mut buffer) {
                Ok(0) if self.received == self.bytes => {
                    self.is_finished = true;
                    return Ok(());
                }
                Ok(0) => return Err(wrong("the stream ended early")),
                Ok(count) => {
                    for (index, &byte) in buffer[..count].iter().enumerate() {
                        if byte != byte_at(self.received + index) {
                            return Err(wrong("a byte came back wrong"));
                        }
                    }
                    self.received += count;
                }
                Err(error) if is_try_later(&error) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Writes what the kernel takes of `bytes`, and says how much that was.
fn write_some(stream: &mut UnixStream, bytes: &[u8]) -> io::Result<usize> {
    let mut gone = 0;
    while gone < bytes.len() {
        match stream.write(&bytes[gone..]) {
            Ok(count) => gone += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(gone)
}
