//! What a registration is asked to do.

use std::io;

use ferrio::{SelectorKind, Token};

use super::stage::Stage;
use super::{Act, Named, Scene, nothing, works};
use crate::Backend;
use crate::samples::{self, Sample};

/// All of them.
pub(super) fn scenes() -> Vec<Named> {
    let scene = |(name, kind, change): &'static (&'static str, &'static str, Change)| Named {
        name,
        prepare: Box::new(move |b| changed(b, kind, *change)),
    };
    CHANGES.iter().map(scene).collect()
}

#[derive(Copy, Clone)]
enum Change {
    Register,
    Reregister,
    Deregister,
}

const CHANGES: &[(&str, &str, Change)] = &[
    ("register a stream", "TcpStream", Change::Register),
    ("reregister a stream", "TcpStream", Change::Reregister),
    ("deregister a stream", "TcpStream", Change::Deregister),
    ("register a pipe", "pipe::Receiver", Change::Register),
    ("reregister a pipe", "pipe::Receiver", Change::Reregister),
    ("deregister a pipe", "pipe::Receiver", Change::Deregister),
    ("register a SourceFd", "SourceFd", Change::Register),
    ("reregister a SourceFd", "SourceFd", Change::Reregister),
    ("deregister a SourceFd", "SourceFd", Change::Deregister),
];

fn changed(b: &Backend, kind: &str, change: Change) -> Box<dyn Scene> {
    let mut all = samples::all();
    let index = all.iter().position(|sample| sample.name.starts_with(kind));
    let index = index.unwrap_or_else(|| panic!("no sample is a {kind}"));
    let mut state = Stage::new(b, 8);
    state.with_bell();
    state.sample = Some(all.swap_remove(index));
    let act = |run, mend, prove, mut state: Stage, registered: bool| {
        if registered {
            add(&mut state);
        }
        Box::new(Act {
            state,
            run,
            mend,
            prove,
        })
    };
    type Run = fn(&mut Stage) -> io::Result<()>;
    type Prove = fn(&mut Stage);
    let (run, mend, prove): (Run, Prove, Prove) = match change {
        Change::Register => (
            |s| {
                with_sample(s, |registry, sample| {
                    registry.register(&mut sample.source, Token(1), sample.interest)
                })
            },
            nothing,
            |s| {
                expect_sample(s, 1);
                remove(s);
                works(s.driver());
            },
        ),
        Change::Reregister => (
            |s| {
                with_sample(s, |registry, sample| {
                    registry.reregister(&mut sample.source, Token(2), sample.interest)
                })
            },
            ended_on_kqueue,
            |s| {
                expect_sample(s, 2);
                remove(s);
                works(s.driver());
                add(s);
            },
        ),
        Change::Deregister => (
            |s| {
                with_sample(s, |registry, sample| {
                    registry.deregister(&mut sample.source)
                })
            },
            add_again,
            |s| {
                s.sample.as_mut().expect("a sample").trigger();
                s.driver().assert_quiet();
                works(s.driver());
                add(s);
            },
        ),
    };
    act(run, mend, prove, state, !matches!(change, Change::Register))
}

fn with_sample(
    s: &mut Stage,
    change: fn(&ferrio::Registry, &mut Sample) -> io::Result<()>,
) -> io::Result<()> {
    let driver = s.driver.as_ref().expect("there is one");
    change(driver.registry(), s.sample.as_mut().expect("a sample"))
}

fn add(s: &mut Stage) {
    with_sample(s, |registry, sample| {
        registry.register(&mut sample.source, Token(1), sample.interest)
    })
    .expect("register");
}

fn remove(s: &mut Stage) {
    with_sample(s, |registry, sample| {
        registry.deregister(&mut sample.source)
    })
    .expect("deregister");
}

/// A change of two filters of which one fails has lost the old token: then there is no registration.
fn ended_on_kqueue(s: &mut Stage) {
    if s.b.selector == SelectorKind::Kqueue {
        add_again(s);
    }
}

/// Whether or not there is a registration left.
fn add_again(s: &mut Stage) {
    let _ = with_sample(s, |registry, sample| {
        registry.deregister(&mut sample.source)
    });
    add(s);
}

fn expect_sample(s: &mut Stage, token: usize) {
    let driver = s.driver.as_mut().expect("there is one");
    let sample = s.sample.as_mut().expect("a sample");
    sample.trigger();
    sample.expect(driver, token);
}
