use std::io::Write;

use ferrio::windows::NamedPipe;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessHandleCount};

use crate::fixture::{
    BOTH, Driver, SERVER, client_of, connected, fill, name, read_blocks, would_block,
};
use crate::memory;

fn open_handles() -> u32 {
    let mut count = 0;
    // SAFETY: takes nothing; the answer is a constant.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: `count` is room for the answer.
    let done = unsafe { GetProcessHandleCount(process, &raw mut count) };
    assert_ne!(done, 0);
    count
}

/// Whatever is under way when a pipe or a `Poll` is dropped.
#[test]
fn nothing_is_left_whatever_is_dropped_first() {
    // In a process of its own: other tests open handles and allocate as well.
    const CHILD: &str = "FERRIO_TEST_LEAKS";
    if std::env::var_os(CHILD).is_none() {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args([
            "--exact",
            "leaks::nothing_is_left_whatever_is_dropped_first",
        ]);
        let output = child
            .args(["--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        return;
    }
    // What is made once, is made in the first rounds.
    round(0);
    round(1);
    let before = (open_handles(), memory::live());
    for turn in 0..100 {
        round(turn);
    }
    assert_eq!((open_handles(), memory::live()), before);
}

fn round(turn: usize) {
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
