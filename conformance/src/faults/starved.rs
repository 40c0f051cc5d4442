//! The scenes where the process has no descriptor left, or too few: RLIMIT_NOFILE, for real.

use std::io;
use std::os::fd::OwnedFd;

use super::{Named, Scene};
use crate::{Backend, allocations, descriptors};

/// How often an operation fails with the same room, which must not take memory.
const REPEATS: usize = 4;

/// Runs every scene with no room for a descriptor, with room for one, for two, ..., until it works; the
/// number of errors that it took. Needs a process to itself, and its allocator to count.
pub fn starved(b: &Backend, scenes: &[Named]) -> usize {
    allocations::assert_counting();
    scenes.iter().map(|scene| one(b, scene)).sum()
}

fn one(b: &Backend, scene: &Named) -> usize {
    let what = format!("{} on {}, starved", scene.name, b.name);
    let mut act = (scene.prepare)(b);
    let before = descriptors::open();
    let mut hoard = hoard();
    let mut errors = 0;
    while let Err(error) = act.run() {
        assert_eq!(
            error.raw_os_error(),
            Some(libc::EMFILE),
            "{what}: {error}, with {errors} left"
        );
        act.mend();
        fails_without_growing(&what, &mut *act);
        assert!(room() == errors, "{what}: there was room for {errors}");
        errors += 1;
        drop(hoard.pop().expect("no operation takes them all"));
    }
    drop(hoard);
    act.prove();
    act.run()
        .unwrap_or_else(|error| panic!("{what}: then {error}"));
    act.prove();
    assert_eq!(descriptors::open(), before, "{what}: descriptors");
    errors
}

fn fails_without_growing(what: &str, act: &mut dyn Scene) {
    let mut before = 0;
    for repeat in 0..=REPEATS {
        let error = act.run().expect_err("no room, as before");
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{what}: {error}");
        act.mend();
        drop(error);
        let now = allocations::live_bytes();
        assert!(repeat == 0 || now == before, "{what}: memory");
        before = now;
    }
}

/// Takes every descriptor that there is.
fn hoard() -> Vec<OwnedFd> {
    let mut hoard = Vec::new();
    loop {
        match descriptors::try_duplicate(&io::stderr()) {
            Ok(fd) => hoard.push(fd),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
                return hoard;
            }
        }
    }
}

/// For how many descriptors there is room.
fn room() -> usize {
    hoard().len()
}
