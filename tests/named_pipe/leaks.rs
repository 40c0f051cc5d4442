//! What is left behind: handles and memory. Each test has a process of its own, because the others open
//! handles and allocate as well.

use std::env;
use std::io::Write;
use std::process::Command;

use ferrio::windows::NamedPipe;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessHandleCount};

use crate::fixture::{
    BOTH, Driver, SERVER, client_of, connected, fill, name, read_blocks, would_block,
};
use crate::memory;

#[test]
fn nothing_is_left_whatever_is_dropped_first() {
    alone("nothing_is_left_whatever_is_dropped_first", whole_lives);
}

#[test]
fn a_poll_keeps_nothing_of_pipes_that_are_gone() {
    let mut driver = None;
    alone("a_poll_keeps_nothing_of_pipes_that_are_gone", |turn| {
        let driver = driver.get_or_insert_with(Driver::new);
        let (mut server, client) = connected(driver);
        match turn % 4 {
            0 => drop(client),
            1 => drop((fill(&server), client)),
            2 => driver.poll.registry().deregister(&mut server).unwrap(),
            _ => server.disconnect().unwrap(),
        }
        drop(server);
        driver.all();
    });
}

fn open_handles() -> u32 {
    let mut count = 0;
    // SAFETY: takes nothing; the answer is a constant.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: `count` is room for the answer.
    let done = unsafe { GetProcessHandleCount(process, &raw mut count) };
    assert_ne!(done, 0);
    count
}

/// Runs `round` again and again in a process that does nothing else, which is to have as many handles and
/// as much memory in use afterwards as before.
fn alone(test: &str, mut round: impl FnMut(usize)) {
    const CHILD: &str = "FERRIO_TEST_LEAKS";
    if env::var_os(CHILD).is_none() {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", &format!("leaks::{test}"), "--nocapture"]);
        let output = child.env(CHILD, "1").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        return;
    }
    // What is made once, is made in the first rounds.
    (0..20).for_each(&mut round);
    let before = (open_handles(), memory::live());
    (0..100).for_each(&mut round);
    assert_eq!((open_handles(), memory::live()), before);
}

/// Two pipes and one that waits, with anything under way.
fn whole_lives(turn: usize) {
    let mut driver = Driver::new();
    let (server, client) = connected(&mut driver);
    let mut waiting = NamedPipe::new(name()).unwrap();
    driver.add(&mut waiting, SERVER, BOTH);
    would_block(waiting.connect());
    read_blocks(&server);
    if turn % 2 == 0 {
        fill(&server);
    }
    if turn % 3 == 0 {
        (&client).write_all(b"x").unwrap();
    }
    let unregistered = NamedPipe::new(name()).unwrap();
    let file = name();
    let alone = NamedPipe::new(&file).unwrap();
    let guest = client_of(&file);
    match turn % 4 {
        0 => {
            drop(driver);
            drop((server, client, waiting));
        }
        1 => {
            drop((server, client, waiting));
            drop(driver);
        }
        2 => {
            drop(client);
            driver.all();
            drop(driver);
            drop((server, waiting));
        }
        _ => {
            let _ = server.disconnect();
            drop((waiting, client));
            driver.all();
            drop(server);
            driver.all();
        }
    }
    drop((unregistered, alone, guest));
}
