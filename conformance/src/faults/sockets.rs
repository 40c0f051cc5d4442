//! What sockets and pipes are asked to do: the operations of [`operations`], and those whose calls
//! depend on what came before.

use std::io::{self, Read};

use ferrio::capabilities::ACCEPT4;
use ferrio::fault::{self, Call};
use ferrio::unix::pipe;

use super::{Act, Named, Scene, nothing};
use crate::operations::{self, Operation};
use crate::pairs;

/// All of them. They need no `Poll`.
pub fn scenes() -> Vec<Named> {
    let mut scenes: Vec<Named> = operations::ALL.iter().map(operation).collect();
    for (name, set) in MODES {
        scenes.push(Named {
            name,
            prepare: Box::new(move |_| mode(*set)),
        });
    }
    if ACCEPT4 {
        for (name, make) in REFUSED {
            scenes.push(Named {
                name,
                prepare: Box::new(|_| refused(*make)),
            });
        }
    }
    scenes
}

/// What it makes is dropped at its end, so there is nothing more to prove.
fn operation(make: &'static Make) -> Named {
    Named {
        name: make().name,
        prepare: Box::new(|_| {
            Box::new(Act {
                state: make(),
                run: |operation: &mut Operation| (operation.run)(),
                mend: nothing,
                prove: nothing,
            })
        }),
    }
}

type Make = fn() -> Operation;

const REFUSED: &[(&str, Make)] = &[
    (
        "TcpListener::accept without accept4",
        operations::tcp_accept,
    ),
    (
        "UnixListener::accept without accept4",
        operations::unix_accept,
    ),
];

/// accept(2) and what follows it, in the place of an accept4(2) that is refused.
fn refused(make: Make) -> Box<dyn Scene> {
    Box::new(Act {
        state: make(),
        run: |operation: &mut Operation| {
            fault::forget_fallbacks();
            let _refusal = fault::inject(Call::Accept4, libc::ENOSYS);
            (operation.run)()
        },
        mend: nothing,
        prove: nothing,
    })
}

type Ends = (pipe::Sender, pipe::Receiver);
type Set = fn(&Ends, bool) -> io::Result<()>;

const MODES: &[(&str, Set)] = &[
    ("Sender::set_nonblocking", |ends, on| {
        ends.0.set_nonblocking(on)
    }),
    ("Receiver::set_nonblocking", |ends, on| {
        ends.1.set_nonblocking(on)
    }),
];

struct Mode {
    ends: Ends,
    set: Set,
}

/// From non-blocking to blocking, which takes two calls.
fn mode(set: Set) -> Box<dyn Scene> {
    Box::new(Act {
        state: Mode {
            ends: pipe::new().expect("a pipe"),
            set,
        },
        run: |mode: &mut Mode| (mode.set)(&mode.ends, false),
        // Where the second call has failed nothing has changed.
        mend: Mode::assert_nonblocking,
        prove: |mode| {
            (mode.set)(&mode.ends, true).expect("back again");
            mode.assert_nonblocking();
        },
    })
}

impl Mode {
    fn assert_nonblocking(&mut self) {
        pairs::assert_would_block(self.ends.1.read(&mut [0; 1]));
        assert!(pairs::fill(&self.ends.0) > 0);
        pairs::drain(&self.ends.1);
    }
}
