//! Named pipes whose system calls fail, each in turn: an error, or the same as without, and nothing left.
#![cfg(windows)]

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Write};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::OwnedHandle;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ferrio::fault::{self, Call};
use ferrio::windows::NamedPipe;
use ferrio::{Events, Interest, Poll, Token};
use ferrio_conformance::{descriptors, isolated};

const FILE_FLAG_OVERLAPPED: u32 = 0x4000_0000;
const NOT_ENOUGH_MEMORY: i32 = 8;
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

const CALLS: [Call; 10] = [
    Call::Associate,
    Call::Cancel,
    Call::ConnectNamedPipe,
    Call::CreateNamedPipe,
    Call::CreatePort,
    Call::DisconnectNamedPipe,
    Call::PipeInfo,
    Call::Post,
    Call::ReadFile,
    Call::WriteFile,
];

#[test]
fn every_call_may_fail_and_leaves_nothing_behind() {
    isolated("every_call_may_fail_and_leaves_nothing_behind", || {
        // What is made once, is made here.
        life().expect("without a fault");
        for call in CALLS {
            let mut reached = 0;
            for skip in 0.. {
                let hits = descriptors::assert_none_left(&format!("{call:?} {skip}"), || {
                    let injection = fault::inject(call, NOT_ENOUGH_MEMORY).skip(skip);
                    if let Err(error) = life() {
                        let injected = error.raw_os_error() == Some(NOT_ENOUGH_MEMORY);
                        assert!(injected, "{call:?} {skip}: {error:?}");
                    }
                    injection.hits()
                });
                reached += hits;
                if hits == 0 {
                    break;
                }
            }
            assert!(reached > 0, "{call:?} was never made");
        }
    });
}

#[test]
fn a_registration_of_which_no_poll_can_be_told_is_none() {
    isolated(
        "a_registration_of_which_no_poll_can_be_told_is_none",
        || {
            let poll = Poll::new().unwrap();
            let name = name();
            let server = NamedPipe::new(&name).unwrap();
            let mut client = open(&name).unwrap();
            let injection = fault::inject(Call::Post, NOT_ENOUGH_MEMORY);
            let result = poll.registry().register(&mut client, Token(1), BOTH);
            assert_eq!(result.unwrap_err().raw_os_error(), Some(NOT_ENOUGH_MEMORY));
            drop(injection);
            let result = poll.registry().deregister(&mut client);
            assert_eq!(result.unwrap_err().kind(), ErrorKind::NotFound);
            let mut driver = Driver { poll };
            driver
                .poll
                .registry()
                .register(&mut client, Token(2), BOTH)
                .unwrap();
            driver.wait(&mut || Ok(true)).unwrap();
            drop(server);
        },
    );
}

fn name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!(r"\\.\pipe\ferrio-faults-{}-{next}", std::process::id())
}

fn open(name: &str) -> io::Result<NamedPipe> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let file = options.custom_flags(FILE_FLAG_OVERLAPPED).open(name)?;
    Ok(NamedPipe::from(OwnedHandle::from(file)))
}

struct Driver {
    poll: Poll,
}

impl Driver {
    /// Polls until `done` says so; the first error ends it.
    fn wait(&mut self, done: &mut dyn FnMut() -> io::Result<bool>) -> io::Result<()> {
        let end = Instant::now() + Duration::from_secs(60);
        let mut events = Events::with_capacity(16);
        while !done()? {
            assert!(Instant::now() < end, "nothing more happens");
            // An event may have been lost to the fault: its call says so, or the next does.
            self.poll
                .poll(&mut events, Some(Duration::from_millis(20)))?;
        }
        Ok(())
    }
}

/// What a pipe does in its life.
fn life() -> io::Result<()> {
    let mut driver = Driver { poll: Poll::new()? };
    let name = name();
    let mut server = NamedPipe::new(&name)?;
    driver
        .poll
        .registry()
        .register(&mut server, Token(0), BOTH)?;
    for _ in 0..2 {
        assert!(unblocked(server.connect())?.is_none());
        let mut client = open(&name)?;
        driver
            .poll
            .registry()
            .register(&mut client, Token(1), BOTH)?;
        driver.wait(&mut || Ok(unblocked(server.connect())?.is_some()))?;
        client.write_all(b"hello")?;
        let mut room = [0; 16];
        driver.wait(&mut || Ok(unblocked((&server).read(&mut room))? == Some(5)))?;
        server.write_all(&[7; 300_000])?;
        driver
            .poll
            .registry()
            .reregister(&mut client, Token(2), BOTH)?;
        driver.poll.registry().deregister(&mut client)?;
        server.disconnect()?;
    }
    if let Some(error) = server.take_error()? {
        return Err(error);
    }
    // With something under way.
    assert!(unblocked(server.connect())?.is_none());
    Ok(())
}

fn unblocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
