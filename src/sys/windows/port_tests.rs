use std::sync::Mutex;

use super::*;
use crate::sys::windows::os::overlapped::{Complete, Outcome, Overlapped};

/// What is posted, in place of an operation: brings an event if it has a token.
struct Parcel {
    token: Option<Token>,
    place: Mutex<Place>,
    arrivals: AtomicUsize,
}

impl Parcel {
    fn new(token: Option<Token>) -> Arc<Overlapped<Parcel>> {
        Overlapped::new(Parcel {
            token,
            place: Mutex::default(),
            arrivals: AtomicUsize::new(0),
        })
    }
}

impl Complete for Parcel {
    fn complete(parcel: &Arc<Overlapped<Parcel>>, outcome: Outcome, batch: &mut Batch<'_>) {
        assert_eq!(outcome.result().unwrap(), 0);
        parcel.arrivals.fetch_add(1, Ordering::Relaxed);
        if let Some(token) = parcel.token {
            let place = &mut parcel.place.lock().unwrap();
            batch.emit(place, token, Readiness::READABLE, 1);
            batch.emit(place, token, Readiness::WRITABLE, 2);
        }
    }
}

/// What one wait brings, without blocking.
fn wait(port: &Port, room: usize) -> (Vec<Event>, bool) {
    let mut list = Vec::new();
    let mut batch = port.batch(&mut list, room);
    port.wait(&mut Packets::default(), &mut batch, 0).unwrap();
    let rung = batch.rung();
    (list, rung)
}

#[test]
fn a_source_has_one_event_in_a_batch() {
    let port = Port::new().unwrap();
    let parcel = Parcel::new(Some(Token(7)));
    for _ in 0..2 {
        parcel.post(&port).unwrap();
        let (list, rung) = wait(&port, 8);
        assert!(!rung);
        assert_eq!(list.len(), 1);
        assert_eq!((list[0].token(), list[0].raw()), (Token(7), 3));
        assert!(list[0].is_readable() && list[0].is_writable());
    }
}

#[test]
fn a_packet_is_under_way_once() {
    let port = Port::new().unwrap();
    let parcel = Parcel::new(None);
    parcel.post(&port).unwrap();
    let again = parcel.post(&port).unwrap_err();
    assert_eq!(again.kind(), io::ErrorKind::ResourceBusy);
    assert!(parcel.while_idle(|| ()).is_none());
    wait(&port, 1);
    assert_eq!(parcel.arrivals.load(Ordering::Relaxed), 1);
    assert!(parcel.while_idle(|| ()).is_some());
}

#[test]
fn packets_without_events_hide_none_behind_them() {
    let port = Port::new().unwrap();
    let silent: Vec<_> = (0..300).map(|_| Parcel::new(None)).collect();
    for parcel in &silent {
        parcel.post(&port).unwrap();
    }
    let parcel = Parcel::new(Some(Token(1)));
    parcel.post(&port).unwrap();
    assert_eq!(wait(&port, 1).0.len(), 1);
    assert!(silent.iter().all(|p| Arc::strong_count(p) == 1));
}

#[test]
fn no_more_events_than_there_is_room_for() {
    let port = Port::new().unwrap();
    let parcels: Vec<_> = (0..1000).map(|n| Parcel::new(Some(Token(n)))).collect();
    for parcel in &parcels {
        parcel.post(&port).unwrap();
    }
    let mut seen = 0;
    for room in [1, 2, 300, 700] {
        let (list, _) = wait(&port, room);
        for event in &list {
            assert_eq!(event.token(), Token(seen), "first in, first out");
            seen += 1;
        }
        assert!(list.len() <= room);
    }
    assert_eq!(seen, 1000);
}

#[test]
fn rings_are_no_operations() {
    let port = Port::new().unwrap();
    let ringer = port.ringer();
    ringer.ring().unwrap();
    let (list, rung) = wait(&port, 1);
    assert!(rung && list.is_empty());
    drop(port);
    ringer.ring().unwrap();
}

#[test]
fn the_last_of_a_port_frees_what_is_in_its_queue() {
    let port = Port::new().unwrap();
    let parcel = Parcel::new(Some(Token(1)));
    parcel.post(&port).unwrap();
    port.ringer().ring().unwrap();
    assert_eq!(Arc::strong_count(&parcel), 2);
    let other = port.clone();
    drop(port);
    assert_eq!(Arc::strong_count(&parcel), 2);
    drop(other);
    assert_eq!(Arc::strong_count(&parcel), 1);
    assert_eq!(parcel.arrivals.load(Ordering::Relaxed), 1);
}
