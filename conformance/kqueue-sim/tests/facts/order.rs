//! n. More events than room, and their order.

use super::support::*;
use kqueue::*;

fn idents(events: &[Kevent]) -> Vec<usize> {
    events.iter().map(|event| event.ident).collect()
}

#[test]
fn n_events_come_in_the_order_in_which_they_became_ready() {
    let pairs: Vec<_> = (0..6).map(|_| pipe()).collect();
    let kq = Kq::new();
    for (reader, _) in &pairs {
        kq.add(reader, EVFILT_READ, EV_CLEAR);
    }
    let order = [3, 0, 5, 1, 4, 2];
    for index in order {
        pairs[index].1.write(1);
    }
    let mut seen = Vec::new();
    for room in [1, 3, 8] {
        seen.extend(idents(&kq.call(&[], room, None).unwrap()));
    }
    assert_eq!(seen, order.map(|index| ident(&pairs[index].0)));
}

#[test]
fn n_what_becomes_ready_later_comes_after_what_was_left() {
    let pairs: Vec<_> = (0..3).map(|_| unix()).collect();
    let kq = Kq::new();
    for (reader, _) in &pairs {
        kq.add(reader, EVFILT_READ, EV_CLEAR);
    }
    pairs[2].1.write(1);
    pairs[1].1.write(1);
    assert_eq!(
        idents(&kq.call(&[], 1, None).unwrap()),
        [ident(&pairs[2].0)]
    );
    pairs[0].1.write(1);
    // Goes to the tail, as a new edge does.
    pairs[2].1.write(1);
    let expected = [1, 0, 2].map(|index| ident(&pairs[index].0));
    assert_eq!(idents(&kq.now()), expected);
}

#[test]
fn n_levels_go_round() {
    let pairs: Vec<_> = (0..3).map(|_| pipe()).collect();
    let kq = Kq::new();
    for (reader, writer) in &pairs {
        writer.write(1);
        kq.add(reader, EVFILT_READ, 0);
    }
    let mut seen = Vec::new();
    for _ in 0..9 {
        seen.extend(idents(&kq.call(&[], 1, None).unwrap()));
    }
    let round = [0, 1, 2].map(|index| ident(&pairs[index].0));
    assert_eq!(seen, round.repeat(3));
}

#[test]
fn n_a_level_comes_once_in_a_call() {
    let (reader, writer) = pipe();
    writer.write(1);
    let kq = Kq::new();
    kq.add(&reader, EVFILT_READ, 0);
    kq.add(&writer, EVFILT_WRITE, 0);
    assert_eq!(kq.call(&[], 16, None).unwrap().len(), 2);
}

#[test]
fn n_reading_and_writing_edges_of_different_descriptors_keep_their_order() {
    let (first, first_peer) = unix();
    let (second, second_peer) = unix();
    let kq = Kq::new();
    first.write(1);
    kq.add(&first, EVFILT_WRITE, EV_CLEAR);
    kq.one();
    kq.add(&second, EVFILT_READ, EV_CLEAR);
    for _ in 0..3 {
        first_peer.drain();
        second_peer.write(1);
        let events = kq.now();
        assert_eq!(idents(&events), [ident(&first), ident(&second)]);
        first.write(1);
        kq.assert_quiet();
        second_peer.write(1);
        first_peer.drain();
        let events = kq.now();
        assert_eq!(idents(&events), [ident(&second), ident(&first)]);
        first.write(1);
    }
}
