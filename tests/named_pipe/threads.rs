//! Everything at the same time.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ferrio::windows::NamedPipe;

use crate::fixture::{BOTH, CLIENT, Driver, SERVER, client_of, connected, name, would_block};

/// Reads and writes until the pipe says that its `Poll` is gone.
fn use_until_the_end(pipe: &Arc<NamedPipe>) -> [thread::JoinHandle<()>; 2] {
    let (reader, writer) = (pipe.clone(), pipe.clone());
    let gone = |kind| matches!(kind, ErrorKind::NotFound);
    let reader = thread::spawn(move || {
        let mut room = vec![0; 5000];
        loop {
            match (&*reader).read(&mut room) {
                Err(error) if gone(error.kind()) => return,
                _ => thread::yield_now(),
            }
        }
    });
    let writer = thread::spawn(move || {
        loop {
            match (&*writer).write(&[7; 3000]) {
                Err(error) if gone(error.kind()) => return,
                _ => thread::yield_now(),
            }
        }
    });
    [reader, writer]
}

#[test]
fn a_poll_dropped_amid_the_io_of_other_threads_ends_it() {
    for round in 0..20 {
        let mut driver = Driver::new();
        let (server, client) = connected(&mut driver);
        let (server, client) = (Arc::new(server), Arc::new(client));
        let users = [use_until_the_end(&server), use_until_the_end(&client)];
        for _ in 0..round {
            driver.batch(Duration::from_millis(1));
        }
        drop(driver);
        for user in users.into_iter().flatten() {
            user.join().unwrap();
        }
    }
}

#[test]
fn pipes_dropped_amid_polls_leave_polls_alone() {
    let mut driver = Driver::new();
    let registry = driver.poll.registry().try_clone().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let helper = {
        let done = done.clone();
        thread::spawn(move || {
            for round in 0..200_usize {
                let name = name();
                let mut server = NamedPipe::new(&name).unwrap();
                registry.register(&mut server, SERVER, BOTH).unwrap();
                would_block(server.connect());
                let mut client = client_of(&name);
                registry.register(&mut client, CLIENT, BOTH).unwrap();
                let _ = (&client).write(&vec![1; round * 1000]);
                let _ = (&server).read(&mut [0; 100]);
                match round % 4 {
                    0 => registry.deregister(&mut server).unwrap(),
                    1 => drop(server),
                    2 => server.disconnect().unwrap(),
                    _ => drop(client),
                }
            }
            done.store(true, Ordering::Release);
        })
    };
    while !done.load(Ordering::Acquire) {
        driver.poll_any();
    }
    helper.join().unwrap();
    // What was accepted for pipes that are gone may still be under way; nobody hears of it.
    driver.expect_silence();
}

#[test]
fn connections_come_and_go_while_the_server_is_read_elsewhere() {
    let mut driver = Driver::new();
    let name = name();
    let mut server = NamedPipe::new(&name).unwrap();
    driver.add(&mut server, SERVER, BOTH);
    let server = Arc::new(server);
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (server, done) = (server.clone(), done.clone());
        thread::spawn(move || {
            let mut room = [0; 64];
            while !done.load(Ordering::Acquire) {
                match (&*server).read(&mut room) {
                    Ok(count) => assert!(room[..count].iter().all(|byte| *byte == 5)),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
                thread::yield_now();
            }
        })
    };
    for _ in 0..100 {
        would_block(server.connect());
        let mut client = client_of(&name);
        driver.writable(SERVER);
        server.connect().unwrap();
        driver.add(&mut client, CLIENT, BOTH);
        client.write_all(&[5; 300]).unwrap();
        driver.writable(CLIENT);
        server.disconnect().unwrap();
        drop(client);
        driver.all();
    }
    done.store(true, Ordering::Release);
    reader.join().unwrap();
}
