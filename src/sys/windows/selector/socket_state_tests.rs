use super::*;

const ENDS: Flags = DISCONNECT | BROKEN;
const READER: Flags = READ | ENDS;
const BOTH: Flags = READER | WRITE;

const READ_WRITE: Interest = Interest::READABLE.add(Interest::WRITABLE);

fn registered(interests: Interest) -> SocketState {
    let mut state = SocketState::new();
    state.register(Token(1), interests).unwrap();
    state
}

/// One whose question is under way.
fn asked(interests: Interest) -> SocketState {
    let mut state = registered(interests);
    let Action::Ask(_) = state.next() else {
        panic!("a new registration is asked about")
    };
    assert_eq!(state.next(), Action::Nothing);
    state
}

/// Answers the question, and expects a report.
fn told(state: &mut SocketState, holds: Flags) -> Readiness {
    state.completed(Answer::Holds(holds)).unwrap().readiness
}

/// Asks the next question, which has to be this.
fn asks(state: &mut SocketState, flags: Flags) {
    assert_eq!(state.next(), Action::Ask(flags | LOCAL_CLOSE));
}

fn has(readiness: Readiness, other: Readiness) -> bool {
    readiness.contains(other)
}

#[test]
fn interests_choose_what_is_asked() {
    asks(&mut registered(Interest::READABLE), READER);
    asks(&mut registered(Interest::WRITABLE), WRITE | BROKEN);
    asks(&mut registered(READ_WRITE), BOTH);
}

#[test]
fn what_was_reported_is_not_asked_about_again() {
    let mut state = asked(READ_WRITE);
    assert_eq!(told(&mut state, SEND), Readiness::WRITABLE);
    asks(&mut state, READER);
    let both = Readiness::READABLE | Readiness::WRITABLE;
    assert_eq!(told(&mut state, RECEIVE), both);
    asks(&mut state, ENDS);
}

#[test]
fn would_block_rearms_its_direction_alone() {
    let mut state = asked(READ_WRITE);
    assert_eq!(
        told(&mut state, SEND | RECEIVE),
        Readiness::READABLE | Readiness::WRITABLE
    );
    assert!(state.rearm(Direction::Read, Found::Nothing));
    asks(&mut state, READER);
    assert!(state.rearm(Direction::Write, Found::Nothing));
    assert_eq!(state.next(), Action::Cancel);
    assert_eq!(state.next(), Action::Nothing);
    assert_eq!(state.completed(Answer::Holds(0)), None);
    asks(&mut state, BOTH);
}

#[test]
fn rearming_what_is_armed_changes_nothing() {
    let mut state = asked(READ_WRITE);
    assert!(!state.rearm(Direction::Read, Found::Nothing));
    assert!(!state.rearm(Direction::Write, Found::Less));
    assert!(!registered(Interest::READABLE).rearm(Direction::Write, Found::Nothing));
    assert!(!SocketState::new().rearm(Direction::Both, Found::Nothing));
}

#[test]
fn an_answer_older_than_a_would_block_is_not_believed() {
    let mut state = asked(READ_WRITE);
    state.rearm(Direction::Read, Found::Nothing);
    assert_eq!(told(&mut state, RECEIVE | SEND), Readiness::WRITABLE);
    asks(&mut state, READER);
    let both = Readiness::READABLE | Readiness::WRITABLE;
    assert_eq!(told(&mut state, RECEIVE), both);
}

#[test]
fn registering_anew_delivers_again() {
    let mut state = asked(Interest::READABLE);
    assert_eq!(told(&mut state, RECEIVE), Readiness::READABLE);
    state.reregister(Token(2), Interest::READABLE).unwrap();
    asks(&mut state, READER);
    let report = state.completed(Answer::Holds(RECEIVE)).unwrap();
    assert_eq!(report.token, Token(2));

    asks(&mut state, ENDS);
    state.reregister(Token(3), READ_WRITE).unwrap();
    assert_eq!(state.next(), Action::Cancel);
    // It had ended already: what it found is as good as any answer.
    let report = state.completed(Answer::Holds(DISCONNECT)).unwrap();
    assert_eq!(report.token, Token(3));
    asks(&mut state, WRITE | BROKEN);
}

#[test]
fn less_interest_lets_the_question_run() {
    let mut state = asked(READ_WRITE);
    state.reregister(Token(1), Interest::READABLE).unwrap();
    assert_eq!(state.next(), Action::Nothing);
    assert_eq!(state.completed(Answer::Holds(SEND)), None);
    asks(&mut state, READER);
}

#[test]
fn nothing_is_reported_after_the_end_of_the_registration() {
    let mut state = asked(Interest::READABLE);
    state.deregister().unwrap();
    assert_eq!(state.next(), Action::Cancel);
    state.register(Token(2), Interest::READABLE).unwrap();
    // One question at a time.
    assert_eq!(state.next(), Action::Nothing);
    assert_eq!(state.completed(Answer::Holds(RECEIVE)), None);
    asks(&mut state, READER);

    state.deregister().unwrap();
    assert_eq!(state.completed(Answer::Holds(RECEIVE)), None);
    assert_eq!(state.next(), Action::Nothing);
    assert!(!state.is_busy());
}

#[test]
fn wrong_registrations_change_nothing() {
    let mut state = SocketState::new();
    let kind = |result: io::Result<()>| result.unwrap_err().kind();
    let reader = Interest::READABLE;
    assert_eq!(
        kind(state.reregister(Token(1), reader)),
        io::ErrorKind::NotFound
    );
    assert_eq!(kind(state.deregister()), io::ErrorKind::NotFound);
    state.register(Token(1), reader).unwrap();
    let again = kind(state.register(Token(2), READ_WRITE));
    assert_eq!(again, io::ErrorKind::AlreadyExists);
    asks(&mut state, READER);
    let report = state.completed(Answer::Holds(RECEIVE)).unwrap();
    assert_eq!(report.token, Token(1));
}

#[test]
fn the_end_of_the_stream_is_told_once() {
    let mut state = asked(Interest::READABLE);
    let end = Readiness::READABLE | Readiness::READ_CLOSED;
    assert_eq!(told(&mut state, RECEIVE | DISCONNECT), end);
    assert!(!state.rearm(Direction::Read, Found::Less));
    asks(&mut state, BROKEN);
}

#[test]
fn the_end_stays_armed_while_data_is_unread() {
    let mut state = asked(Interest::READABLE);
    assert_eq!(told(&mut state, RECEIVE), Readiness::READABLE);
    asks(&mut state, ENDS);
    let end = Readiness::READABLE | Readiness::READ_CLOSED;
    assert_eq!(told(&mut state, DISCONNECT), end);
}

#[test]
fn writers_are_not_told_that_the_peer_has_finished() {
    let mut state = asked(Interest::WRITABLE);
    assert_eq!(state.completed(Answer::Holds(DISCONNECT)), None);
    asks(&mut state, WRITE | BROKEN);
}

#[test]
fn a_broken_connection_is_told_to_everybody_once() {
    let all = Readiness::ERROR | Readiness::READ_CLOSED | Readiness::WRITE_CLOSED;
    for end in [ABORT, CONNECT_FAIL] {
        let mut state = asked(Interest::READABLE);
        assert_eq!(told(&mut state, end), all | Readiness::READABLE);
        assert_eq!(state.next(), Action::Nothing);

        let mut state = asked(Interest::WRITABLE);
        assert_eq!(told(&mut state, end), all | Readiness::WRITABLE);
        assert_eq!(state.next(), Action::Nothing);
    }
}

#[test]
fn a_connect_that_is_tried_again_is_asked_about() {
    let mut state = asked(Interest::WRITABLE);
    told(&mut state, CONNECT_FAIL);
    assert!(state.rearm(Direction::Both, Found::Nothing));
    asks(&mut state, WRITE | BROKEN);
    assert_eq!(told(&mut state, SEND), Readiness::WRITABLE);
}

/// Shuts down, successfully.
fn shut(state: &mut SocketState, read: bool, write: bool) {
    let before = state.begin_shutdown(read, write);
    state.shut_down(before, true);
}

#[test]
fn own_shutdown_of_reading_closes_reading_only() {
    let mut state = asked(READ_WRITE);
    let before = state.begin_shutdown(true, false);
    let early = told(&mut state, ABORT);
    assert!(!has(early, Readiness::WRITE_CLOSED) && !has(early, Readiness::ERROR));
    state.shut_down(before, true);
    assert_eq!(state.next(), Action::Post);
    let end = told(&mut state, 0);
    assert!(has(end, Readiness::READABLE | Readiness::READ_CLOSED));
    assert!(!has(end, Readiness::WRITE_CLOSED));
    assert_eq!(state.completed(Answer::Holds(0)), None);
}

#[test]
fn a_shutdown_after_a_break_is_no_news() {
    let mut state = asked(READ_WRITE);
    assert!(has(told(&mut state, ABORT), Readiness::ERROR));
    shut(&mut state, true, true);
    assert_eq!(state.next(), Action::Nothing);
}

#[test]
fn shutting_down_reading_after_the_end_of_the_stream_is_no_news() {
    let mut state = asked(READ_WRITE);
    assert!(has(
        told(&mut state, SEND | DISCONNECT),
        Readiness::READ_CLOSED
    ));
    asks(&mut state, BROKEN);
    shut(&mut state, true, false);
    assert_eq!(state.next(), Action::Nothing);

    let mut state = asked(READ_WRITE);
    shut(&mut state, false, true);
    assert!(has(told(&mut state, DISCONNECT), Readiness::WRITE_CLOSED));
    asks(&mut state, SEND | BROKEN);
    shut(&mut state, true, false);
    assert_eq!(state.next(), Action::Nothing);
}

#[test]
fn nothing_is_told_of_what_comes_after_own_shutdowns() {
    let mut state = asked(READ_WRITE);
    shut(&mut state, true, false);
    assert_eq!(state.next(), Action::Cancel);
    told(&mut state, 0);
    asks(&mut state, SEND | BROKEN);
    told(&mut state, SEND);
    // A read finds the end, and what the peer has sent is not to be had.
    assert!(!state.rearm(Direction::Read, Found::Less));
    shut(&mut state, false, true);
    assert_eq!(state.next(), Action::Post);
    assert!(has(told(&mut state, 0), Readiness::WRITE_CLOSED));
    assert_eq!(state.next(), Action::Nothing);
}

#[test]
fn a_shutdown_that_failed_changes_nothing() {
    let mut state = asked(READ_WRITE);
    let before = state.begin_shutdown(true, true);
    state.shut_down(before, false);
    assert_eq!(state.next(), Action::Nothing);
    assert!(has(told(&mut state, ABORT), Readiness::WRITE_CLOSED));
}

#[test]
fn both_shutdowns_make_a_hang_up() {
    let closed = Readiness::READ_CLOSED | Readiness::WRITE_CLOSED;
    // The peer's first.
    let mut state = asked(READ_WRITE);
    assert!(!has(told(&mut state, DISCONNECT), Readiness::WRITE_CLOSED));
    shut(&mut state, false, true);
    assert_eq!(state.next(), Action::Post);
    assert!(has(told(&mut state, 0), closed));
    // Ours first, and nobody reads.
    let mut state = asked(Interest::WRITABLE);
    shut(&mut state, false, true);
    assert_eq!(state.next(), Action::Cancel);
    assert_eq!(state.completed(Answer::Holds(0)), None);
    asks(&mut state, WRITE | BROKEN | DISCONNECT);
    assert!(has(told(&mut state, DISCONNECT), closed));
    // Both ours.
    let mut state = asked(READ_WRITE);
    shut(&mut state, true, true);
    assert_eq!(state.next(), Action::Cancel);
    assert!(has(told(&mut state, 0), closed));
}

#[test]
fn a_shutdown_is_told_to_a_later_registration() {
    let mut state = SocketState::new();
    shut(&mut state, true, false);
    assert_eq!(state.next(), Action::Nothing);
    state.register(Token(1), Interest::READABLE).unwrap();
    assert_eq!(state.next(), Action::Post);
    assert!(has(told(&mut state, 0), Readiness::READ_CLOSED));
}

#[test]
fn a_socket_that_is_gone_is_left_alone() {
    let mut state = asked(Interest::READABLE);
    assert_eq!(state.completed(Answer::Holds(LOCAL_CLOSE | ABORT)), None);
    assert_eq!(state.next(), Action::Nothing);
    assert!(!state.rearm(Direction::Read, Found::Nothing));
    state.deregister().unwrap();

    let mut state = asked(Interest::READABLE);
    state.ask_failed(Answer::Gone);
    assert_eq!(state.next(), Action::Nothing);
}

#[test]
fn a_question_that_failed_lets_the_user_try() {
    let mut state = asked(Interest::READABLE);
    state.ask_failed(Answer::Failed);
    assert_eq!(state.next(), Action::Post);
    assert_eq!(told(&mut state, 0), Readiness::READABLE);
    asks(&mut state, READER);
    assert_eq!(
        state.completed(Answer::Failed).unwrap().readiness,
        Readiness::READABLE
    );
}

#[test]
fn a_cancellation_that_failed_is_demanded_again() {
    let mut state = asked(Interest::READABLE);
    state.reregister(Token(1), READ_WRITE).unwrap();
    assert_eq!(state.next(), Action::Cancel);
    assert_eq!(state.next(), Action::Nothing);
    state.cancel_failed();
    assert_eq!(state.next(), Action::Cancel);
    assert_eq!(state.completed(Answer::Holds(0)), None);
    asks(&mut state, BOTH);
}
