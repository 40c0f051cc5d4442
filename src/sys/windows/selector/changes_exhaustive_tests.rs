//! loom: whatever the order, the kernel is told of each change before the poller sleeps, or while it
//! does.

use loom::thread;

use super::*;
use crate::sync::Arc;

/// A source: what it wants of the kernel, and what the kernel was told.
struct Source {
    place: AtomicUsize,
    wanted: AtomicUsize,
    told: Mutex<usize>,
}

impl Listed for Arc<Source> {
    fn place(&self) -> &AtomicUsize {
        &self.place
    }
}

fn source() -> Arc<Source> {
    Arc::new(Source {
        place: AtomicUsize::new(0),
        wanted: AtomicUsize::new(0),
        told: Mutex::new(0),
    })
}

/// What is done about a source on the list, or instead of putting it there.
fn apply(source: &Arc<Source>) {
    let mut told = lock(&source.told);
    *told = source.wanted.load(Ordering::SeqCst);
}

fn change(changes: &Changes<Arc<Source>>, source: &Arc<Source>) {
    source.wanted.fetch_add(1, Ordering::SeqCst);
    if changes.add(source) {
        apply(source);
    }
}

/// A poll up to where it blocks.
fn flush(changes: &Changes<Arc<Source>>) {
    let list = changes.take(true);
    list.iter().for_each(apply);
    changes.give_back(list);
}

#[test]
fn a_poll_that_sleeps_has_been_told_of_everything() {
    loom::model(|| {
        let changes = Arc::new(Changes::new());
        let sources = [source(), source()];
        let users: Vec<_> = sources
            .iter()
            .map(|source| {
                let (changes, source) = (changes.clone(), source.clone());
                thread::spawn(move || change(&changes, &source))
            })
            .collect();
        // One poll that has ended, and one that sleeps.
        flush(&changes);
        changes.awake();
        flush(&changes);
        for user in users {
            user.join().unwrap();
        }
        for source in &sources {
            assert_eq!(*lock(&source.told), 1);
        }
        assert!(changes.is_empty());
    });
}

#[test]
fn a_source_that_leaves_is_kept_by_nobody() {
    loom::model(|| {
        let changes = Arc::new(Changes::new());
        let source = source();
        let user = {
            let (changes, source) = (changes.clone(), source.clone());
            thread::spawn(move || {
                change(&changes, &source);
                changes.forget(&source);
            })
        };
        flush(&changes);
        changes.awake();
        user.join().unwrap();
        assert!(changes.is_empty());
        assert_eq!(source.place.load(Ordering::Relaxed), 0);
    });
}
