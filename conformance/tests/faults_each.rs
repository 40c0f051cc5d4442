//! Contract row 23: each system call failed in turn with each errno of its manual page. The error
//! reaches the caller, or stands on the list of exceptions; descriptors and memory are as before; the
//! next operation works.
#![cfg(unix)]

use std::collections::BTreeSet;

use ferrio::fault::Call;
use ferrio::{SelectorKind, WakerKind};
use ferrio_conformance::allocations::Counting;
use ferrio_conformance::faults::{self, Named, manual, scenes, sockets};
use ferrio_conformance::{Backend, conformance, descriptors, isolated};

conformance! { faults_each {
    every_error_of_every_call_reaches_the_caller_and_leaves_nothing,
    without_room_for_descriptors_every_operation_fails_and_leaves_nothing,
} }

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Finding open descriptors means asking for every number below the limit. The simulated kqueue(2) keeps
/// its own above 511.
const LIMIT: i32 = if cfg!(ferrio_kqueue) { 1024 } else { 256 };

fn each(b: &Backend, scenes: &[Named]) {
    descriptors::set_soft_limit(descriptors::soft_limit().min(LIMIT));
    let done = faults::each(b, scenes);
    done.assert_no_exception_is_stale(b, scenes);
    println!("{}: {} scenes, {done:?}", b.name, scenes.len());
}

fn every_error_of_every_call_reaches_the_caller_and_leaves_nothing(b: &Backend) {
    b.isolated(|| each(b, &scenes::scenes(b)));
}

/// `limits.rs` has those that make sockets, and accept.
fn without_room_for_descriptors_every_operation_fails_and_leaves_nothing(b: &Backend) {
    b.isolated(|| {
        descriptors::set_soft_limit(descriptors::soft_limit().min(LIMIT));
        let errors = faults::starved(b, &scenes::scenes(b));
        assert!(errors >= 1, "every selector takes a descriptor");
        println!("{}: {errors} errors for want of descriptors", b.name);
    });
}

/// Any backend: sockets and pipes know nothing of it.
fn any() -> Backend {
    Backend {
        selector: SelectorKind::available()[0],
        waker: WakerKind::available()[0],
        name: "sockets",
        test: "every_error_of_every_call_of_sockets_reaches_the_caller_and_leaves_nothing",
    }
}

#[test]
fn every_error_of_every_call_of_sockets_reaches_the_caller_and_leaves_nothing() {
    let b = any();
    isolated(b.test, || each(&b, &sockets::scenes()));
}

#[test]
fn every_call_has_one_row_of_errors() {
    for &call in Call::ALL {
        let rows = manual::TABLE.iter().filter(|row| row.call == call);
        assert_eq!(rows.count(), 1, "{call:?} in src/faults/manual.rs");
    }
    assert_eq!(manual::TABLE.len(), Call::ALL.len());
    for row in manual::TABLE {
        assert!(row.page.contains("(2)"), "{row:?}");
        let different: BTreeSet<i32> = row.errnos.iter().copied().collect();
        assert_eq!(different.len(), row.errnos.len(), "{row:?}");
        assert!(row.errnos.len() > 2, "{row:?}");
    }
}

#[test]
fn every_exception_has_a_reason() {
    for exception in faults::exceptions::ALL {
        assert!(exception.why.len() > 15, "{exception:?}");
    }
}

/// The scenes leave no call of the library out, and the table says which ones this build makes.
#[test]
fn every_call_is_made_by_a_scene() {
    isolated("every_call_is_made_by_a_scene", || {
        let mut seen = Vec::new();
        let mut see = |b: &Backend, scenes: Vec<Named>| {
            for scene in scenes {
                seen.extend(faults::made(b, &scene).into_iter().map(|(call, _)| call));
            }
        };
        see(&any(), sockets::scenes());
        for &selector in SelectorKind::available() {
            for &waker in WakerKind::available() {
                let b = Backend {
                    selector,
                    waker,
                    ..any()
                };
                see(&b, scenes::scenes(&b));
            }
        }
        for row in manual::TABLE {
            assert_eq!(seen.contains(&row.call), (row.made)(), "{row:?}");
        }
    });
}
