//! An echo server with busy connections: each always has a message under way. This thread is the server. The clients
//! are played by it too, between the measured sections, so that a section holds nothing but the server's work; or by two
//! other threads, which have to be woken, and then how fast they are decides how many requests a poll finds.

use std::io::{self, Read, Write};
use std::mem;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use super::workload::{CAPACITY, Env, WAKE, Workload};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::Contender;
use crate::pin::Pinned;

/// As much of it as a message has.
static MESSAGE: [u8; 4096] = [7; 4096];

/// Which server, and which clients.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    connections: usize,
    /// Of a message.
    size: usize,
    /// Registered for reading and writing, as async runtimes do it.
    writable: bool,
    /// Reads until it would block, even where a short read suffices.
    until_would_block: bool,
    /// The clients are threads.
    pub threads: bool,
}

impl Setup {
    pub const fn new(connections: usize, size: usize) -> Setup {
        Setup {
            connections,
            size,
            writable: false,
            until_would_block: true,
            threads: false,
        }
    }

    pub const fn writable(self) -> Setup {
        Setup {
            writable: true,
            ..self
        }
    }

    pub const fn short(self) -> Setup {
        Setup {
            until_would_block: false,
            ..self
        }
    }

    pub const fn threads(self) -> Setup {
        Setup {
            threads: true,
            ..self
        }
    }

    /// Messages of each connection in a round.
    fn messages(self) -> usize {
        match self.connections {
            0..8 => 128,
            8..256 => 8,
            _ => 1,
        }
    }

    /// A round of a thousand connections takes ten times as long as the others.
    pub fn fewer(self) -> usize {
        if self.connections >= 256 { 4 } else { 1 }
    }
}

pub struct Echo<C: Contender> {
    poll: C::Poll,
    events: C::Events,
    streams: Vec<C::Stream>,
    ready: Vec<usize>,
    clients: Clients,
    setup: Setup,
    main_cpu: Option<usize>,
    _waker: C::Waker,
}

impl<C: Contender> Echo<C> {
    pub fn new(env: &Env, setup: Setup) -> io::Result<Echo<C>> {
        let poll = C::poll()?;
        let waker = C::waker(&poll, WAKE)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let mut streams = Vec::with_capacity(setup.connections);
        let mut peers = Vec::with_capacity(setup.connections);
        for token in 0..setup.connections {
            let peer = TcpStream::connect(address)?;
            peer.set_nodelay(true)?;
            peers.push(peer);
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = C::stream(stream);
            C::register_stream(&poll, &mut stream, token, setup.writable)?;
            streams.push(stream);
        }
        Ok(Echo {
            poll,
            events: C::events(CAPACITY),
            streams,
            ready: Vec::with_capacity(setup.connections),
            clients: Clients::new(peers, setup)?,
            setup: Setup {
                until_would_block: setup.until_would_block || !C::SHORT_READ_SUFFICES,
                ..setup
            },
            main_cpu: env.cpus.filter(|_| setup.threads).map(|cpus| cpus.main),
            _waker: waker,
        })
    }

    fn serve(&mut self, messages: usize) -> io::Result<()> {
        let mut bytes = messages * self.setup.size;
        while bytes > 0 {
            C::wait(&mut self.poll, &mut self.events, None)?;
            self.ready.clear();
            C::readable(&self.events, &mut self.ready);
            for &token in &self.ready {
                bytes -= echo(&mut self.streams[token], self.setup.until_would_block)?;
            }
        }
        Ok(())
    }
}

/// Returns how much it was.
#[inline]
fn echo(stream: &mut (impl Read + Write), until_would_block: bool) -> io::Result<usize> {
    // A message is never as large: a read of it is a short one.
    let mut buffer = [0; 8192];
    let mut bytes = 0;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Err(io::Error::other("a client has hung up")),
            Ok(count) => {
                // A message is far smaller than the send buffer.
                stream.write_all(&buffer[..count])?;
                bytes += count;
                if count < buffer.len() && !until_would_block {
                    return Ok(bytes);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl<C: Contender> Workload for Echo<C> {
    fn round(&mut self) -> io::Result<Span> {
        let _pinned = self.main_cpu.map(Pinned::to).transpose()?;
        let Setup {
            connections, size, ..
        } = self.setup;
        let messages = self.setup.messages();
        let mut watch = Stopwatch::new(Scope::Thread);
        // Taken out, so that the server can be borrowed.
        let mut clients = mem::replace(&mut self.clients, Clients::Here(Vec::new()));
        let result = match &mut clients {
            Clients::Here(peers) => (0..messages).try_for_each(|_| {
                ask(peers, size)?;
                watch.section(|| self.serve(connections))?;
                receive(peers, size)
            }),
            Clients::Threads(threads) => {
                let started = threads.iter().try_for_each(Client::start);
                started
                    .and_then(|()| watch.section(|| self.serve(connections * messages)))
                    .and_then(|()| threads.iter().try_for_each(Client::finish))
            }
        };
        self.clients = clients;
        result?;
        Ok(watch.per(connections * messages))
    }
}

enum Clients {
    /// Played by the server's thread.
    Here(Vec<TcpStream>),
    Threads(Vec<Client>),
}

impl Clients {
    fn new(mut peers: Vec<TcpStream>, setup: Setup) -> io::Result<Clients> {
        if !setup.threads {
            return Ok(Clients::Here(peers));
        }
        let other_half = peers.split_off(setup.connections / 2);
        Ok(Clients::Threads(vec![
            Client::new(peers, setup)?,
            Client::new(other_half, setup)?,
        ]))
    }
}

/// Half of the clients, on a thread.
struct Client {
    start: Option<Sender<()>>,
    done: mpsc::Receiver<io::Result<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Client {
    fn new(mut peers: Vec<TcpStream>, setup: Setup) -> io::Result<Client> {
        let (start, starts) = mpsc::channel::<()>();
        let (report, done) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("client".into())
            .spawn(move || {
                for () in starts {
                    if report.send(messages(&mut peers, setup)).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Client {
            start: Some(start),
            done,
            thread: Some(thread),
        })
    }

    fn start(&self) -> io::Result<()> {
        let sent = self.start.as_ref().map(|start| start.send(()));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(io::Error::other("a client has ended")),
        }
    }

    fn finish(&self) -> io::Result<()> {
        self.done
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("a client has ended")))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.start.take();
        if let Some(thread) = self.thread.take() {
            // It can't have panicked, and there would be nobody to tell.
            let _ = thread.join();
        }
    }
}

/// A thread's round: whoever has an answer asks again.
fn messages(peers: &mut [TcpStream], setup: Setup) -> io::Result<()> {
    let size = setup.size;
    ask(peers, size)?;
    for _ in 1..setup.messages() {
        for peer in &mut *peers {
            receive_one(peer, size)?;
            peer.write_all(&MESSAGE[..size])?;
        }
    }
    receive(peers, size)
}

fn ask(peers: &mut [TcpStream], size: usize) -> io::Result<()> {
    peers
        .iter_mut()
        .try_for_each(|peer| peer.write_all(&MESSAGE[..size]))
}

fn receive(peers: &mut [TcpStream], size: usize) -> io::Result<()> {
    peers
        .iter_mut()
        .try_for_each(|peer| receive_one(peer, size))
}

fn receive_one(peer: &mut TcpStream, size: usize) -> io::Result<()> {
    let mut answer = [0; MESSAGE.len()];
    peer.read_exact(&mut answer[..size])?;
    if answer[..size] == MESSAGE[..size] {
        Ok(())
    } else {
        Err(io::Error::other("an answer is not the message"))
    }
}
