//! Short-lived connections: accepted, registered, answered, closed. The clients are played by the same thread, between
//! the measured sections.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use super::workload::{CAPACITY, WAKE, Workload};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::Contender;

/// At a time, which is less than the backlog that std asks for.
const CONNECTIONS: usize = 32;
const BATCHES: usize = 2;
const MESSAGE: [u8; 64] = [7; 64];
const LISTENER: usize = WAKE + 1;

pub struct AcceptEchoClose<C: Contender> {
    poll: C::Poll,
    events: C::Events,
    listener: C::Listener,
    address: SocketAddr,
    streams: Vec<Option<C::Stream>>,
    ready: Vec<usize>,
    _waker: C::Waker,
}

impl<C: Contender> AcceptEchoClose<C> {
    pub fn new() -> io::Result<AcceptEchoClose<C>> {
        let poll = C::poll()?;
        let waker = C::waker(&poll, WAKE)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let mut listener = C::listener(listener);
        C::register_listener(&poll, &mut listener, LISTENER)?;
        Ok(AcceptEchoClose {
            poll,
            events: C::events(CAPACITY),
            listener,
            address,
            streams: Vec::with_capacity(CONNECTIONS),
            ready: Vec::with_capacity(CONNECTIONS),
            _waker: waker,
        })
    }

    fn connect(&self) -> io::Result<Vec<TcpStream>> {
        (0..CONNECTIONS)
            .map(|_| {
                let mut client = TcpStream::connect(self.address)?;
                client.write_all(&MESSAGE)?;
                Ok(client)
            })
            .collect()
    }

    /// Until every connection has had its answer.
    fn answer(&mut self) -> io::Result<()> {
        let mut bytes = CONNECTIONS * MESSAGE.len();
        while bytes > 0 {
            self.wait()?;
            for place in 0..self.ready.len() {
                match self.ready[place] {
                    LISTENER => self.accept()?,
                    token => bytes -= self.echo(token)?,
                }
            }
        }
        Ok(())
    }

    /// Until every client's end was read, and the connection closed.
    fn close(&mut self) -> io::Result<()> {
        let mut open = CONNECTIONS;
        while open > 0 {
            self.wait()?;
            for place in 0..self.ready.len() {
                let token = self.ready[place];
                let Some(mut stream) = self.streams.get_mut(token).and_then(Option::take) else {
                    continue;
                };
                if stream.read(&mut [0; 64])? != 0 {
                    return Err(io::Error::other("a client says more than it should"));
                }
                C::deregister_stream(&self.poll, &mut stream)?;
                open -= 1;
            }
        }
        self.streams.clear();
        Ok(())
    }

    fn wait(&mut self) -> io::Result<()> {
        C::wait(&mut self.poll, &mut self.events, None)?;
        self.ready.clear();
        C::readable(&self.events, &mut self.ready);
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match C::accept(&self.listener) {
                Ok(mut stream) => {
                    C::register_stream(&self.poll, &mut stream, self.streams.len(), false)?;
                    self.streams.push(Some(stream));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn echo(&mut self, token: usize) -> io::Result<usize> {
        let Some(Some(stream)) = self.streams.get_mut(token) else {
            return Ok(0);
        };
        let mut buffer = [0; 4096];
        let mut bytes = 0;
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return Err(io::Error::other("a client has hung up")),
                Ok(count) => {
                    stream.write_all(&buffer[..count])?;
                    bytes += count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(bytes),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Takes the answers and says that there is no more to come.
fn finish(clients: &mut [TcpStream]) -> io::Result<()> {
    for client in clients {
        let mut answer = [0; MESSAGE.len()];
        client.read_exact(&mut answer)?;
        if answer != MESSAGE {
            return Err(io::Error::other("an answer is not the message"));
        }
        client.shutdown(Shutdown::Write)?;
    }
    Ok(())
}

impl<C: Contender> Workload for AcceptEchoClose<C> {
    fn round(&mut self) -> io::Result<Span> {
        let mut watch = Stopwatch::new(Scope::Thread);
        for _ in 0..BATCHES {
            let mut clients = self.connect()?;
            watch.section(|| self.answer())?;
            finish(&mut clients)?;
            watch.section(|| self.close())?;
        }
        Ok(watch.per(BATCHES * CONNECTIONS))
    }
}
