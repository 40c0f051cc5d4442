//! What a `Poll`, its wakers and its registrations are asked to do.

use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::time::Duration;

use ferrio::event::Event;
use ferrio::fault::{self, Call};
use ferrio::unix::pipe;
use ferrio::{Interest, Poll, SelectorKind, Token, Waker};

use super::stage::Stage;
use super::{Act, Named, Scene, changes, nothing, works};
use crate::{Backend, Capability, Driver, LIMIT, descriptors, has, outside};

/// The token under which epoll's selector keeps its bell, until a user takes it.
const TAKEN: usize = 0xFE11_10C0_57A7_E5ED_u64 as usize;

/// Short enough for the call that is precise.
const SHORT: Duration = Duration::from_micros(50);

/// All that this backend can be asked.
pub fn scenes(b: &Backend) -> Vec<Named> {
    let mut scenes: Vec<Named> = SIMPLE
        .iter()
        .map(|&(name, prepare)| Named {
            name,
            prepare: Box::new(prepare),
        })
        .collect();
    if b.gap(Capability::BellHoldsRings).is_none() {
        scenes.push(Named {
            name: "wake, with a full bell",
            prepare: Box::new(wake_full),
        });
    }
    scenes.extend(changes::scenes());
    if b.selector == SelectorKind::Epoll {
        scenes.push(Named {
            name: "Builder::build without epoll_create1",
            prepare: Box::new(build_late),
        });
    }
    for (name, timeout, ready) in WAITS {
        scenes.push(Named {
            name,
            prepare: Box::new(|b| waited(b, *timeout, *ready)),
        });
    }
    scenes
}

type Simple = (&'static str, fn(&Backend) -> Box<dyn Scene>);

const SIMPLE: &[Simple] = &[
    ("Builder::build", build),
    ("Waker::new", first_waker),
    ("register under the bell's token", take_token),
    ("reregister under the bell's token", move_to_token),
    ("deregister what is not registered", deregister_nothing),
    ("reregister what is not registered", reregister_nothing),
    ("register a pipe without a reader", late_pipe),
    ("poll, for a pipe without a reader", late_pipe_told),
    ("wake", wake),
    ("poll, rung", rung),
    ("poll, rung, with room for one of two", rung_for_two),
    ("as_raw_fd, with a wake pending", hand_out),
];

struct Build {
    b: Backend,
    poll: Option<Poll>,
}

/// What comes in the place of a call that is refused.
fn build_late(b: &Backend) -> Box<dyn Scene> {
    Box::new(Act {
        state: Build { b: *b, poll: None },
        run: |s: &mut Build| {
            fault::forget_fallbacks();
            let _refusal = fault::inject(Call::EpollCreate1, libc::ENOSYS);
            s.poll = Some(s.b.try_poll()?);
            Ok(())
        },
        mend: nothing,
        prove: prove_built,
    })
}

fn prove_built(s: &mut Build) {
    let poll = s.poll.take().expect("it was built");
    works(&mut Driver::new(poll, 8));
}

fn build(b: &Backend) -> Box<dyn Scene> {
    Box::new(Act {
        state: Build { b: *b, poll: None },
        run: |s: &mut Build| {
            s.poll = Some(s.b.try_poll()?);
            Ok(())
        },
        mend: nothing,
        prove: prove_built,
    })
}

fn staged(
    b: &Backend,
    set_up: fn(&mut Stage),
    run: fn(&mut Stage) -> io::Result<()>,
    prove: fn(&mut Stage),
) -> Box<dyn Scene> {
    let mut state = Stage::new(b, 8);
    set_up(&mut state);
    Box::new(Act {
        state,
        run,
        mend: nothing,
        prove,
    })
}

fn first_waker(b: &Backend) -> Box<dyn Scene> {
    let run = |s: &mut Stage| {
        let waker = Waker::new(s.driver().registry(), Token(1))?;
        s.wakers.push(waker);
        Ok(())
    };
    staged(b, nothing, run, |s| {
        s.wake(0).expect("wake");
        s.driver().expect_readable(1);
        works(s.driver());
        s.renew(nothing);
    })
}

fn with_bell_and_stream(s: &mut Stage) {
    let waker = s.driver().waker(1);
    s.wakers.push(waker);
    s.connect();
}

fn prove_taken(s: &mut Stage) {
    s.send();
    s.driver().expect_readable(TAKEN);
    s.wake(0).expect("wake");
    s.driver().expect_readable(1);
    works(s.driver());
}

fn take_token(b: &Backend) -> Box<dyn Scene> {
    let run = |s: &mut Stage| {
        s.change(|registry, stream| registry.register(stream, Token(TAKEN), Interest::READABLE))
    };
    staged(b, with_bell_and_stream, run, |s| {
        prove_taken(s);
        s.renew(with_bell_and_stream);
    })
}

fn with_registration(s: &mut Stage) {
    with_bell_and_stream(s);
    s.change(|registry, stream| registry.register(stream, Token(2), Interest::READABLE))
        .expect("register");
}

fn move_to_token(b: &Backend) -> Box<dyn Scene> {
    let mut state = Stage::new(b, 8);
    with_registration(&mut state);
    Box::new(Act {
        state,
        run: |s: &mut Stage| {
            s.change(|registry, stream| {
                registry.reregister(stream, Token(TAKEN), Interest::READABLE)
            })
        },
        mend: |s| {
            if s.b.selector == SelectorKind::Kqueue {
                s.renew(with_registration);
            }
        },
        prove: |s| {
            prove_taken(s);
            s.renew(with_registration);
        },
    })
}

/// `NotFound` is what is right here.
fn not_found(result: io::Result<()>) -> io::Result<()> {
    match result {
        Ok(()) => panic!("it is not registered"),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn deregister_nothing(b: &Backend) -> Box<dyn Scene> {
    let run = |s: &mut Stage| not_found(s.change(|registry, stream| registry.deregister(stream)));
    staged(b, Stage::connect, run, |s| works(s.driver()))
}

fn reregister_nothing(b: &Backend) -> Box<dyn Scene> {
    let run = |s: &mut Stage| {
        not_found(
            s.change(|registry, stream| registry.reregister(stream, Token(1), Interest::READABLE)),
        )
    };
    staged(b, Stage::connect, run, |s| works(s.driver()))
}

fn with_late_pipe(s: &mut Stage) {
    s.with_bell();
    let (sender, receiver) = pipe::new().expect("a pipe");
    drop(receiver);
    s.sender = Some(sender);
}

fn register_late(s: &mut Stage) -> io::Result<()> {
    let driver = s.driver.as_ref().expect("there is one");
    let sender = s.sender.as_mut().expect("a pipe");
    driver
        .registry()
        .register(sender, Token(1), Interest::WRITABLE)
}

fn late_pipe(b: &Backend) -> Box<dyn Scene> {
    staged(b, with_late_pipe, register_late, |s| {
        s.driver().expect(1, Event::is_write_closed);
        s.renew(with_late_pipe);
    })
}

/// The same, and the event has yet to be told.
fn with_untold_pipe(s: &mut Stage) {
    with_late_pipe(s);
    register_late(s).expect("register");
}

fn late_pipe_told(b: &Backend) -> Box<dyn Scene> {
    let run = |s: &mut Stage| s.driver().poll(Some(LIMIT));
    staged(b, with_untold_pipe, run, |s| {
        let batch = s.driver().batch();
        if !has(&batch, 1, Event::is_write_closed) {
            s.driver().expect(1, Event::is_write_closed);
        }
        s.renew(with_untold_pipe);
    })
}

fn wake(b: &Backend) -> Box<dyn Scene> {
    let run = |s: &mut Stage| s.wake(0);
    staged(
        b,
        |s| s.watched(1),
        run,
        |s| {
            s.driver().expect_readable(1);
            works(s.driver());
            s.driver().quiesce();
        },
    )
}

/// What a stranger has filled who got hold of the descriptor.
fn with_full_bell(s: &mut Stage) {
    let b = s.b;
    s.driver = None;
    let ((), opened) = descriptors::opened_by(|| {
        *s = Stage::new(&b, 8);
        s.watched(1);
    });
    descriptors::fill_rings(&opened);
}

fn wake_full(b: &Backend) -> Box<dyn Scene> {
    let mut state = Stage::new(b, 8);
    with_full_bell(&mut state);
    Box::new(Act {
        state,
        run: |s: &mut Stage| s.wake(0),
        // Emptied, or not: the next wake finds it full.
        mend: |s| s.renew(with_full_bell),
        prove: |s| {
            s.driver().expect_readable(1);
            works(s.driver());
            s.renew(with_full_bell);
        },
    })
}

fn with_ring(s: &mut Stage) {
    s.watched(1);
    s.wake(0).expect("wake");
}

fn rung(b: &Backend) -> Box<dyn Scene> {
    let run = |s: &mut Stage| s.driver().poll(Some(Duration::ZERO));
    staged(b, with_ring, run, |s| {
        assert_eq!(s.driver().tokens(), [1]);
        s.driver().assert_quiet();
        works(s.driver());
        s.driver().quiesce();
        s.wake(0).expect("wake");
    })
}

/// The poll rings for the wake that it has no room for.
fn rung_for_two(b: &Backend) -> Box<dyn Scene> {
    let mut state = Stage::new(b, 1);
    state.watched(2);
    let ring = |s: &mut Stage| (0..2).for_each(|index| s.wake(index).expect("wake"));
    ring(&mut state);
    Box::new(Act {
        state,
        run: |s: &mut Stage| s.driver().poll(Some(Duration::ZERO)),
        mend: nothing,
        prove: |s| {
            let mut seen = s.driver().tokens();
            let rest = s.driver().quiesce();
            seen.extend(rest.iter().map(|event| event.token().0));
            seen.sort_unstable();
            assert_eq!(seen, [1, 2]);
            (0..2).for_each(|index| s.wake(index).expect("wake"));
        },
    })
}

fn with_wake(s: &mut Stage) {
    let waker = s.driver().waker(1);
    waker.wake().expect("wake");
    s.wakers.push(waker);
}

fn hand_out(b: &Backend) -> Box<dyn Scene> {
    let run = |s: &mut Stage| {
        s.driver().registry().as_raw_fd();
        Ok(())
    };
    staged(b, with_wake, run, |s| {
        s.wake(0).expect("wake");
        let shown = s.driver().registry().as_raw_fd();
        assert!(outside::is_readable(shown), "an outer loop is told");
        s.driver().expect_readable(1);
        works(s.driver());
        s.renew(with_wake);
    })
}

const WAITS: &[(&str, Option<Duration>, bool)] = &[
    ("poll that does not block", Some(Duration::ZERO), true),
    ("poll without a timeout", None, true),
    ("poll with a timeout, ready", Some(LIMIT), true),
    ("poll with a short timeout, ready", Some(SHORT), true),
    ("poll with a short timeout", Some(SHORT), false),
    ("poll with a timeout", Some(Duration::from_millis(1)), false),
    (
        "poll with an odd timeout",
        Some(Duration::from_micros(1500)),
        false,
    ),
];

struct Wait {
    stage: Stage,
    timeout: Option<Duration>,
    ready: bool,
}

fn waited(b: &Backend, timeout: Option<Duration>, ready: bool) -> Box<dyn Scene> {
    let mut stage = Stage::new(b, 8);
    stage.connect();
    stage
        .change(|registry, stream| registry.register(stream, Token(1), Interest::READABLE))
        .expect("register");
    if ready {
        stage.send();
    }
    Box::new(Act {
        state: Wait {
            stage,
            timeout,
            ready,
        },
        run: |s: &mut Wait| {
            let timeout = s.timeout;
            s.stage.driver().poll(timeout)
        },
        mend: |s| assert!(s.stage.driver().events.is_empty(), "events beside an error"),
        prove: |s| {
            let batch = s.stage.driver().batch();
            assert_eq!(has(&batch, 1, Event::is_readable), s.ready, "{batch:?}");
            s.stage.receive();
            works(s.stage.driver());
            if s.ready {
                s.stage.send();
            }
        },
    })
}
