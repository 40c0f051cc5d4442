//! Every call of every scene, with every errno.

use std::collections::BTreeSet;
use std::{io, thread};

use ferrio::fault::{self, Call, Injection};

use super::exceptions::{self, Exception, Then};
use super::{Named, Scene, manual};
use crate::{Backend, allocations, descriptors};

/// How often a failing operation is repeated on one object, which must not grow.
const REPEATS: usize = 4;

/// What was done, for the closing line and for those who check that nothing was left out.
#[derive(Debug, Default)]
pub struct Done {
    pub errors: usize,
    pub exceptions: usize,
    /// Two faults in one operation: where the first has led to another way.
    pub doubles: usize,
    used: BTreeSet<usize>,
}

/// Fails the call number `nth` of its kind in an operation.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Fault {
    call: Call,
    nth: usize,
    errno: i32,
    /// The kernel is asked all the same: what it does is done.
    made: bool,
}

impl Fault {
    fn new(scene: &Named, call: Call, nth: usize, errno: i32) -> Fault {
        // kevent(2): an interrupted call has made its changes; one without changes has fetched nothing.
        let changed =
            call == Call::Kevent && errno == libc::EINTR && !exceptions::polls(scene.name);
        // What the kernel says is not registered is not.
        let ended = errno == libc::ENOENT && scene.name.starts_with("deregister a");
        Fault {
            call,
            nth,
            errno,
            made: changed || ended,
        }
    }
}

/// The numbers of `count` calls of one kind that are made to fail: where it is a long loop, its beginning
/// and its end.
fn turns(first: usize, count: usize) -> impl Iterator<Item = usize> {
    (first..count).filter(move |nth| nth - first < 4 || count - nth <= 2)
}

/// Says where it was when something panics.
struct Where(String);

impl Drop for Where {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- in {}", self.0);
        }
    }
}

/// Runs every scene with every fault. Needs a process to itself, and its allocator to count.
pub fn each(b: &Backend, scenes: &[Named]) -> Done {
    allocations::assert_counting();
    let mut done = Done::default();
    for scene in scenes {
        for (call, count) in made(b, scene) {
            for nth in turns(0, count) {
                for errno in manual::answers(call) {
                    let fault = Fault::new(scene, call, nth, errno);
                    alone(b, scene, fault, &mut done);
                }
            }
        }
    }
    done
}

impl Done {
    /// Panics if there is an exception for this backend that nothing has needed.
    pub fn assert_no_exception_is_stale(&self, b: &Backend, scenes: &[Named]) {
        let made: Vec<_> = scenes.iter().map(|scene| made(b, scene)).collect();
        for (index, exception) in exceptions::ALL.iter().enumerate() {
            let here = scenes.iter().zip(&made).any(|(scene, made)| {
                exception.is_about(b, scene.name) && made.iter().any(|m| m.0 == exception.call)
            });
            assert!(
                !here || self.used.contains(&index),
                "nothing on {} needs the exception {exception:?}",
                b.name
            );
        }
    }
}

/// The calls of the operation when nothing fails.
pub fn made(b: &Backend, scene: &Named) -> Vec<(Call, usize)> {
    fault::forget_fallbacks();
    let _where = Where(format!("{}, without a fault", scene.name));
    let mut act = (scene.prepare)(b);
    let (result, made) = counted(|| act.run());
    result.unwrap_or_else(|error| panic!("{}: {error}", scene.name));
    act.prove();
    made
}

fn counted<T>(body: impl FnOnce() -> T) -> (T, Vec<(Call, usize)>) {
    let counts = || Call::ALL.iter().map(|&call| fault::calls(call));
    let before: Vec<u64> = counts().collect();
    let value = body();
    let made = Call::ALL.iter().zip(before.into_iter().zip(counts()));
    let made = made.map(|(&call, (before, after))| (call, (after - before) as usize));
    (value, made.filter(|&(_, count)| count > 0).collect())
}

/// One fault, and a second one wherever the first leads to another way.
fn alone(b: &Backend, scene: &Named, fault: Fault, done: &mut Done) {
    let exception = exceptions::find(b, scene.name, fault.call, fault.nth, fault.errno, None);
    let Some((index, exception)) = exception else {
        done.errors += 1;
        return cycle(b, scene, &[fault], None);
    };
    done.used.insert(index);
    if exception.then == Then::Untrue {
        return;
    }
    done.exceptions += 1;
    cycle(b, scene, &[fault], Some(exception));
    for (call, count) in made_under(b, scene, fault) {
        let first = if call == fault.call { fault.nth + 1 } else { 0 };
        for nth in turns(first, count) {
            let probe = Fault::new(scene, call, nth, manual::errnos(call)[0]);
            if !comes_second(b, scene, fault, probe) {
                continue;
            }
            for errno in manual::answers(call) {
                let second = Fault::new(scene, call, nth, errno);
                let exception = exceptions::find(b, scene.name, call, nth, errno, Some(fault.call));
                if let Some((index, _)) = exception {
                    done.used.insert(index);
                }
                done.doubles += 1;
                cycle(b, scene, &[fault, second], exception.map(|(_, e)| e));
            }
        }
    }
}

fn made_under(b: &Backend, scene: &Named, fault: Fault) -> Vec<(Call, usize)> {
    fault::forget_fallbacks();
    let mut act = (scene.prepare)(b);
    let _injection = inject(&[fault]);
    counted(|| act.run()).1
}

/// Whether the operation comes to `second` after `first`.
fn comes_second(b: &Backend, scene: &Named, first: Fault, second: Fault) -> bool {
    fault::forget_fallbacks();
    let mut act = (scene.prepare)(b);
    let injections = inject(&[first, second]);
    // Either error may be the answer.
    let _ = act.run();
    let first = injections[0].hit_at();
    first > 0 && first < injections[1].hit_at()
}

/// The last fault is the one that is judged; those before it have led to its call.
fn inject(faults: &[Fault]) -> Vec<Injection> {
    let mut injections = Vec::new();
    for (index, fault) in faults.iter().enumerate() {
        // A call that one injection has answered is not seen by the next.
        let seen = faults[..index].iter().filter(|f| f.call == fault.call);
        let skip = fault.nth - seen.count();
        let injection = fault::inject(fault.call, fault.errno).skip(skip);
        injections.push(if fault.made {
            injection.made()
        } else {
            injection
        });
    }
    injections
}

/// The operation with these faults, from its beginning to the proof that the next one works.
fn cycle(b: &Backend, scene: &Named, faults: &[Fault], exception: Option<&Exception>) {
    let what = format!("{} on {}, {faults:?}", scene.name, b.name);
    let _where = Where(what.clone());
    leaves_nothing(&what, || {
        fault::forget_fallbacks();
        let mut act = (scene.prepare)(b);
        let open = descriptors::open();
        let failed = one(&what, &mut *act, faults, exception);
        if failed {
            assert_eq!(descriptors::open(), open, "{what}: descriptors");
            act.mend();
            grows_not(&what, &mut *act, faults, exception);
        } else {
            act.prove();
        }
        let last = faults[faults.len() - 1];
        let before = fault::calls(last.call);
        act.run()
            .unwrap_or_else(|error| panic!("{what}: then {error}"));
        if exception.is_some_and(|exception| exception.then == Then::GivesWay) {
            let asked = fault::calls(last.call) - before;
            assert_eq!(asked, 0, "{what}: the refusal is remembered");
        }
        act.prove();
        assert_eq!(descriptors::open(), open, "{what}: descriptors in the end");
    });
}

/// Whether the operation has failed, as it must.
fn one(what: &str, act: &mut dyn Scene, faults: &[Fault], exception: Option<&Exception>) -> bool {
    fault::forget_fallbacks();
    let injections = inject(faults);
    let result: io::Result<()> = act.run();
    let last = faults.len() - 1;
    assert_eq!(injections[last].hits(), 1, "{what}: {result:?}");
    match (result, exception) {
        (Err(error), None) => {
            assert_eq!(error.raw_os_error(), Some(faults[last].errno), "{what}");
            true
        }
        (Ok(()), Some(_)) => false,
        (Ok(()), None) => panic!("{what}: the error did not reach the caller"),
        (Err(error), Some(exception)) => panic!("{what}: {error}, in spite of {exception:?}"),
    }
}

/// The same failure again and again on one object takes no more memory.
fn grows_not(what: &str, act: &mut dyn Scene, faults: &[Fault], exception: Option<&Exception>) {
    one(what, act, faults, exception);
    act.mend();
    let before = allocations::live_bytes();
    for _ in 0..REPEATS {
        one(what, act, faults, exception);
        act.mend();
    }
    let after = allocations::live_bytes();
    assert_eq!(after, before, "{what}: memory, after {REPEATS} times");
}

/// Panics unless `body` leaves descriptors and memory as they were. What is set up once in a process
/// may be set up by the first times.
pub fn leaves_nothing(what: &str, mut body: impl FnMut()) {
    let mut growth = 0;
    for _ in 0..3 {
        let open = descriptors::open();
        let before = allocations::live_bytes();
        body();
        growth = allocations::live_bytes() - before;
        assert_eq!(descriptors::open(), open, "{what}: descriptors left");
        if growth == 0 {
            return;
        }
    }
    panic!("{what}: {growth} bytes left each time");
}
