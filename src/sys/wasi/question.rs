//! What both previews have in common in asking the host.

use std::io;
use std::slice;
use std::time::Duration;

use super::os::poll::{Flags, POLLIN, POLLNVAL, POLLOUT, PollFd};
use super::preview::{look_again, poll};
use super::sleep::sleep;

/// What can be asked about.
const QUESTIONS: Flags = POLLIN | POLLOUT;

/// One call; returns how many records have an answer.
///
/// Records that ask for nothing are left out: no host waits for a mere end. So the end of a connection
/// is not seen between an event and the user's reaction to it.
pub(crate) fn ask(records: &mut [PollFd], timeout: Option<Duration>) -> io::Result<usize> {
    let (mut asked, places) = questions(records);
    if asked.is_empty() {
        return sleep(timeout);
    }
    if let Err(error) = poll(&mut asked, timeout) {
        if !one_by_one(&mut asked) {
            return Err(error);
        }
    }
    let mut count = 0;
    for (answer, place) in asked.iter_mut().zip(places) {
        look_again(answer)?;
        records[place].revents = answer.revents;
        count += usize::from(answer.revents != 0);
    }
    Ok(count)
}

/// The records that ask for something, and where they stand.
fn questions(records: &mut [PollFd]) -> (Vec<PollFd>, Vec<usize>) {
    let mut asked = Vec::with_capacity(records.len());
    let mut places = Vec::with_capacity(records.len());
    for (place, record) in records.iter_mut().enumerate() {
        record.revents = 0;
        let events = record.events & QUESTIONS;
        if record.fd >= 0 && events != 0 {
            asked.push(PollFd { events, ..*record });
            places.push(place);
        }
    }
    (asked, places)
}

/// A call has failed because of single descriptors: closed ones, and such as the host cannot wait for.
/// They get POLLNVAL, which gives one event and silence. `false`: there are none.
fn one_by_one(records: &mut [PollFd]) -> bool {
    let mut found = false;
    for record in records {
        if poll(slice::from_mut(record), Some(Duration::ZERO)).is_err() {
            record.revents = POLLNVAL;
            found = true;
        }
    }
    found
}
