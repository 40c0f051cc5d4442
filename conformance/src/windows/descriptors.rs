//! The handles of this process. Only meaningful in [`isolated`](crate::isolated) bodies.

use std::collections::BTreeSet;
use std::os::windows::io::{AsSocket, OwnedSocket};
use std::ptr;
use std::time::Duration;

use ferrio::{Interest, Poll};
use windows_sys::Win32::Foundation::GetHandleInformation;

use crate::driver::Driver;
use crate::pairs;

/// More than a case opens. Windows and Wine give the lowest numbers first.
const LAST: usize = 4096;

/// All open handles, of every kind: the multiples of 4 that are one.
pub fn open() -> BTreeSet<usize> {
    let mut flags = 0;
    (1..LAST)
        .map(|number| number * 4)
        .filter(|&number| {
            let handle = ptr::without_provenance_mut(number);
            // SAFETY: any number may be asked about, and `flags` is a valid place for the answer.
            unsafe { GetHandleInformation(handle, &raw mut flags) != 0 }
        })
        .collect()
}

/// A duplicate of a socket: another SOCKET for the same.
pub fn duplicate(socket: &impl AsSocket) -> OwnedSocket {
    let duplicate = socket.as_socket().try_clone_to_owned();
    duplicate.expect("a duplicate")
}

/// Has the system open what it opens once for the process, or for this thread.
fn warm_up() {
    let mut driver = Driver::new(Poll::new().expect("a Poll"), 8);
    let waker = driver.waker(1);
    let (mut stream, peer) = pairs::tcp();
    let (mut socket, _other) = pairs::udp();
    driver.add(&mut stream, 2, Interest::READABLE);
    driver.add(&mut socket, 3, Interest::READABLE);
    waker.wake().expect("wake");
    driver.expect_readable(1);
    drop(peer);
    driver.expect_readable(2);
    driver.turn_within(Duration::from_millis(1));
}

/// Runs `body` and panics unless the same handles are open afterwards as before.
pub fn assert_none_left<T>(what: &str, body: impl FnOnce() -> T) -> T {
    warm_up();
    let before = open();
    let value = body();
    let after = open();
    let left: Vec<_> = after.difference(&before).collect();
    let lost: Vec<_> = before.difference(&after).collect();
    assert!(
        left.is_empty() && lost.is_empty(),
        "{what}: left open {left:?}, closed {lost:?}"
    );
    value
}
