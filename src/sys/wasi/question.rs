//! What both previews have in common in asking the host.

use std::cell::Cell;
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
    MEMORY.with(|memory| {
        let mut questions = memory.take();
        questions.collect(records);
        let result = questions.ask(records, timeout);
        memory.set(questions);
        result
    })
}

thread_local! {
    /// What the last question needed, for the next.
    static MEMORY: Cell<Questions> = const { Cell::new(Questions::NONE) };
}

/// The records that ask for something, and where they stand.
#[derive(Default)]
struct Questions {
    asked: Vec<PollFd>,
    places: Vec<usize>,
}

impl Questions {
    const NONE: Questions = Questions {
        asked: Vec::new(),
        places: Vec::new(),
    };

    fn collect(&mut self, records: &mut [PollFd]) {
        self.asked.clear();
        self.places.clear();
        for (place, record) in records.iter_mut().enumerate() {
            record.revents = 0;
            let events = record.events & QUESTIONS;
            if record.fd >= 0 && events != 0 {
                self.asked.push(PollFd { events, ..*record });
                self.places.push(place);
            }
        }
    }

    fn ask(&mut self, records: &mut [PollFd], timeout: Option<Duration>) -> io::Result<usize> {
        if self.asked.is_empty() {
            return sleep(timeout);
        }
        if let Err(error) = poll(&mut self.asked, timeout) {
            if !one_by_one(&mut self.asked) {
                return Err(error);
            }
        }
        let mut count = 0;
        for (answer, &place) in self.asked.iter_mut().zip(&self.places) {
            look_again(answer)?;
            records[place].revents = answer.revents;
            count += usize::from(answer.revents != 0);
        }
        Ok(count)
    }
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
