//! An echo server with 64 busy connections: each always has a request under way. This thread is the server. The clients
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

const CONNECTIONS: usize = 64;
const SIZE: usize = 64;
const REQUEST: [u8; SIZE] = [7; SIZE];
/// Of each connection, in a round.
const REQUESTS: usize = 32;

/// Which server, and which clients.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Registered for reading and writing, as async runtimes do it.
    pub writable: bool,
    /// Reads until it would block, even where a short read suffices.
    pub until_would_block: bool,
    /// The clients are threads.
    pub threads: bool,
}

pub struct Echo<C: Contender> {
    poll: C::Poll,
    events: C::Events,
    streams: Vec<C::Stream>,
    ready: Vec<usize>,
    clients: Clients,
    until_would_block: bool,
    main_cpu: Option<usize>,
    _waker: C::Waker,
}

impl<C: Contender> Echo<C> {
    pub fn new(env: &Env, setup: Setup) -> io::Result<Echo<C>> {
        let poll = C::poll()?;
        let waker = C::waker(&poll, WAKE)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let mut streams = Vec::with_capacity(CONNECTIONS);
        let mut peers = Vec::with_capacity(CONNECTIONS);
        for token in 0..CONNECTIONS {
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
            ready: Vec::with_capacity(CONNECTIONS),
            clients: Clients::new(peers, setup.threads)?,
            until_would_block: setup.until_would_block || !C::SHORT_READ_SUFFICES,
            main_cpu: env.cpus.filter(|_| setup.threads).map(|cpus| cpus.main),
            _waker: waker,
        })
    }

    fn serve(&mut self, requests: usize) -> io::Result<()> {
        let mut bytes = requests * SIZE;
        while bytes > 0 {
            C::wait(&mut self.poll, &mut self.events, None)?;
            self.ready.clear();
            C::readable(&self.events, &mut self.ready);
            for &token in &self.ready {
                bytes -= echo(&mut self.streams[token], self.until_would_block)?;
            }
        }
        Ok(())
    }
}

/// Returns how much it was.
#[inline]
fn echo(stream: &mut (impl Read + Write), until_would_block: bool) -> io::Result<usize> {
    let mut buffer = [0; 4096];
    let mut bytes = 0;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Err(io::Error::other("a client has hung up")),
            Ok(count) => {
                // A request is far smaller than the send buffer.
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
        let requests = CONNECTIONS * REQUESTS;
        let mut watch = Stopwatch::new(Scope::Thread);
        // Taken out, so that the server can be borrowed.
        let mut clients = mem::replace(&mut self.clients, Clients::Here(Vec::new()));
        let result = match &mut clients {
            Clients::Here(peers) => (0..REQUESTS).try_for_each(|_| {
                ask(peers)?;
                watch.section(|| self.serve(CONNECTIONS))?;
                receive(peers)
            }),
            Clients::Threads(threads) => {
                let started = threads.iter().try_for_each(Client::start);
                started
                    .and_then(|()| watch.section(|| self.serve(requests)))
                    .and_then(|()| threads.iter().try_for_each(Client::finish))
            }
        };
        self.clients = clients;
        result?;
        Ok(watch.per(requests))
    }
}

enum Clients {
    /// Played by the server's thread.
    Here(Vec<TcpStream>),
    Threads(Vec<Client>),
}

impl Clients {
    fn new(mut peers: Vec<TcpStream>, threads: bool) -> io::Result<Clients> {
        if !threads {
            return Ok(Clients::Here(peers));
        }
        let other_half = peers.split_off(CONNECTIONS / 2);
        Ok(Clients::Threads(vec![
            Client::new(peers)?,
            Client::new(other_half)?,
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
    fn new(mut peers: Vec<TcpStream>) -> io::Result<Client> {
        let (start, starts) = mpsc::channel::<()>();
        let (report, done) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("client".into())
            .spawn(move || {
                for () in starts {
                    if report.send(requests(&mut peers)).is_err() {
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
fn requests(peers: &mut [TcpStream]) -> io::Result<()> {
    ask(peers)?;
    for _ in 1..REQUESTS {
        for peer in &mut *peers {
            receive_one(peer)?;
            peer.write_all(&REQUEST)?;
        }
    }
    receive(peers)
}

fn ask(peers: &mut [TcpStream]) -> io::Result<()> {
    peers
        .iter_mut()
        .try_for_each(|peer| peer.write_all(&REQUEST))
}

fn receive(peers: &mut [TcpStream]) -> io::Result<()> {
    peers.iter_mut().try_for_each(receive_one)
}

fn receive_one(peer: &mut TcpStream) -> io::Result<()> {
    let mut answer = [0; SIZE];
    peer.read_exact(&mut answer)?;
    if answer == REQUEST {
        Ok(())
    } else {
        Err(io::Error::other("an answer is not the request"))
    }
}
