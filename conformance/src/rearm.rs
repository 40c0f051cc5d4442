//! What the cases of contract row 8 share: after an operation hit `WouldBlock`, the next change of
//! readiness is an event.

use std::io;

use ferrio::Interest;
use ferrio::event::Source;

use crate::backend::Backend;
use crate::driver::Driver;
use crate::kernel::{self, AsRaw, Number};
use crate::{pairs, wait_for};

const ROUNDS: usize = 5;

/// `operate` reads from `source` and blocks until `unblock` has run, which is an event, every time.
pub fn reads<S: Source>(
    b: &Backend,
    source: S,
    operate: impl FnMut(&mut S) -> io::Result<()>,
    unblock: impl FnMut(),
) {
    rearms(b, source, Interest::READABLE, operate, unblock);
}

/// As [`reads`], for an operation that waits for writability.
pub fn writes<S: Source>(
    b: &Backend,
    source: S,
    operate: impl FnMut(&mut S) -> io::Result<()>,
    unblock: impl FnMut(),
) {
    rearms(b, source, Interest::WRITABLE, operate, unblock);
}

fn rearms<S: Source>(
    b: &Backend,
    mut source: S,
    interest: Interest,
    mut operate: impl FnMut(&mut S) -> io::Result<()>,
    mut unblock: impl FnMut(),
) {
    let mut driver = b.driver();
    driver.add(&mut source, 1, interest);
    for _ in 0..ROUNDS {
        block(&mut driver, &mut source, &mut operate);
        unblock();
        match interest {
            Interest::WRITABLE => driver.expect_writable(1),
            _ => driver.expect_readable(1),
        };
        operate(&mut source).expect("ready");
    }
}

/// Operates until that blocks and no event is left. A full TCP buffer has some room again, and says
/// so, when the kernel has moved its contents to the peer; that ends when the peer's is full as well.
fn block<S: Source>(
    driver: &mut Driver,
    source: &mut S,
    operate: &mut impl FnMut(&mut S) -> io::Result<()>,
) {
    wait_for("the operation to block, without an event", || {
        let error = loop {
            if let Err(error) = operate(source) {
                break error;
            }
        };
        pairs::assert_would_block::<()>(Err(error));
        driver.quiesce().is_empty()
    });
}

/// Takes the number of bytes that an operation moved, which is never 0 here.
pub fn some(n: usize) {
    assert!(n > 0, "nothing was moved, or the stream has ended");
}

/// A read beside the library, for `try_io`.
pub fn raw_read(from: &impl AsRaw) -> io::Result<()> {
    kernel::read(from, &mut [0; 8]).map(some)
}

/// A write beside the library, for `try_io`.
pub fn raw_write(to: &impl AsRaw) -> io::Result<()> {
    kernel::write(to, &[0; 8 * 1024]).map(some)
}

/// Reads at `peer` until the kernel says that `writer`, the other end, can be written to again.
pub fn make_room(peer: &impl AsRaw, writer: Number) {
    let mut buffer = vec![0_u8; 256 * 1024];
    wait_for("room at the writing end", || {
        // Nothing may have come yet.
        let _ = kernel::receive(peer, &mut buffer);
        kernel::is_writable(writer)
    });
}
