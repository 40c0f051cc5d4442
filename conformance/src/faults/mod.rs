//! Every system call failed in turn, with every errno of its manual page.
//!
//! [`manual`] says what each call may answer, [`scenes`](mod@scenes) and [`sockets`] what the library is
//! asked to do, [`exceptions`] where an error of the kernel is not the caller's, and [`each`] puts them
//! together: every call of every scene, the first, the second, ..., with every errno.

mod changes;
mod each;
pub mod exceptions;
pub mod manual;
pub mod scenes;
pub mod sockets;
mod stage;
mod starved;

use std::io;

use ferrio::Interest;

use crate::backend::Backend;
use crate::driver::Driver;
use crate::pairs;

pub use self::each::{Done, each, leaves_nothing, made};
pub use self::starved::starved;

/// What the library is asked to do, from the same beginning each time.
pub trait Scene {
    /// The operation whose calls are made to fail.
    fn run(&mut self) -> io::Result<()>;

    /// After an error, where the contract says that the operation has ended something.
    fn mend(&mut self);

    /// After success: proves that it was one, and brings the beginning back.
    fn prove(&mut self);
}

/// Sets a scene up.
pub type Prepare = Box<dyn Fn(&Backend) -> Box<dyn Scene>>;

/// A scene by its name, and how to set it up.
pub struct Named {
    pub name: &'static str,
    pub prepare: Prepare,
}

/// A scene of three functions on one state.
struct Act<S> {
    state: S,
    run: fn(&mut S) -> io::Result<()>,
    mend: fn(&mut S),
    prove: fn(&mut S),
}

impl<S> Scene for Act<S> {
    fn run(&mut self) -> io::Result<()> {
        (self.run)(&mut self.state)
    }

    fn mend(&mut self) {
        (self.mend)(&mut self.state);
    }

    fn prove(&mut self) {
        (self.prove)(&mut self.state);
    }
}

/// Where an error ends nothing.
fn nothing<S>(_: &mut S) {}

/// That a poll with any history still serves a source and a waker.
fn works(driver: &mut Driver) {
    let waker = driver.waker(900);
    waker.wake().expect("wake");
    driver.expect_readable(900);
    let (mut stream, mut peer) = pairs::unix();
    driver.add(&mut stream, 901, Interest::READABLE);
    io::Write::write_all(&mut peer, b"x").expect("write");
    driver.expect_readable(901);
    driver.remove(&mut stream);
}
