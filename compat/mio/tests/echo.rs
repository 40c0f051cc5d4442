//! A program written for mio runs.

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

const LISTENER: Token = Token(0);
const SERVER: Token = Token(1);
const CLIENT: Token = Token(2);
const WAKER: Token = Token(3);

/// Polls until `done` says so, and hands it every event; fails when nothing happens for long.
fn drive(poll: &mut Poll, mut done: impl FnMut(&Event) -> io::Result<bool>) -> io::Result<()> {
    let mut events = Events::with_capacity(8);
    loop {
        poll.poll(&mut events, Some(Duration::from_secs(10)))?;
        assert!(!events.is_empty(), "nothing happened");
        for event in &events {
            if done(event)? {
                return Ok(());
            }
        }
    }
}

/// Takes what is there: the bytes so far, and whether that is all for now.
fn take(mut stream: &TcpStream, into: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_to_end(into) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
    }
}

#[test]
fn an_echo_server_and_a_waker_run() -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let registry = poll.registry().try_clone()?;
    registry.register(&mut listener, LISTENER, Interest::READABLE)?;
    registry.register(
        &mut client,
        CLIENT,
        Interest::READABLE.add(Interest::WRITABLE),
    )?;

    let (mut server, mut sent) = (None, false);
    let (mut heard, mut echoed) = (Vec::new(), Vec::new());
    let message = b"the same bytes come back";
    drive(&mut poll, |event| {
        match event.token() {
            LISTENER => {
                let (stream, _) = listener.accept()?;
                let stream = server.insert(stream);
                registry.register(stream, SERVER, Interest::READABLE)?;
            }
            SERVER => {
                let mut stream = server.as_ref().expect("an accepted stream");
                take(stream, &mut heard)?;
                stream.write_all(&heard.split_off(0))?;
            }
            CLIENT if event.is_writable() && !sent => {
                sent = true;
                assert!(client.take_error()?.is_none());
                (&client).write_all(message)?;
                registry.reregister(&mut client, CLIENT, Interest::READABLE)?;
            }
            CLIENT => take(&client, &mut echoed)?,
            other => panic!("an event for {other:?}"),
        }
        Ok(echoed.len() >= message.len())
    })?;
    assert_eq!(echoed, message);

    let waker = Waker::new(&registry, WAKER)?;
    let thread = thread::spawn(move || waker.wake().map(|()| waker));
    drive(&mut poll, |event| Ok(event.token() == WAKER))?;
    let _waker: Waker = thread.join().expect("no panic")?;
    Ok(())
}
