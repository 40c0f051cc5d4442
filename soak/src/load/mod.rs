//! The load: connections that are held, send requests at random, and end in every way there is.

mod client;
mod crowd;

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use anyhow::Result;
use ferrio::{Events, Token, Waker};

use crate::cli::Load;
use crate::limits;
use crate::link::{Ending, Kind, Line, Waits, fault, hear, report_panics, say};
use crowd::Crowd;
pub use crowd::RESET_UNANSWERED;

const COMMANDS: Token = Token(3 << 62);

/// How finely the load is spread over time.
const TICK: Duration = Duration::from_millis(1);

pub fn run(options: &Load) -> Result<()> {
    report_panics();
    limits::raise_descriptors(options.common.connections)?;
    let mut poll = options.common.poll()?;
    let waker = Waker::new(poll.registry(), COMMANDS)?;
    let (sender, commands) = channel();
    hear(move |line| {
        if line == "end" && sender.send(()).is_ok() {
            if let Err(error) = waker.wake() {
                fault(Kind::Error, format!("the waker for commands: {error}"));
            }
        }
    });
    let mut crowd = Crowd::new(options);
    let mut events = Events::with_capacity(1024);
    let (mut ready_since, mut ending_since) = (None, None);
    let mut number = 0;
    loop {
        number += 1;
        match poll.poll(&mut events, Some(TICK)) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        }
        crowd.begin(number);
        for event in events.iter().filter(|event| event.token() != COMMANDS) {
            crowd.note(event);
        }
        if ending_since.is_none() && commands.try_recv().is_ok() {
            ending_since = Some(Instant::now());
        }
        match (ready_since, ending_since) {
            (None, None) => {
                crowd.open(poll.registry());
                if crowd.is_complete() {
                    ready_since = Some(Instant::now());
                    say(&Line::Ready);
                }
            }
            (Some(since), None) => {
                let so_far = Instant::now() - since;
                crowd.churn(so_far);
                crowd.ask(so_far);
                crowd.open(poll.registry());
            }
            (_, Some(since)) => {
                if crowd.leave() || since.elapsed() > options.common.patience {
                    break;
                }
            }
        }
        crowd.watch();
        crowd.sample();
    }
    end(&mut crowd, number);
    Ok(())
}

fn end(crowd: &mut Crowd, polls: u64) {
    crowd.tell_leftovers();
    let mut counts = crowd.counts();
    counts.push((String::from("polls"), polls));
    let waits = (
        "an answer, from its sending to its reading",
        Waits::of(crowd.waits()),
    );
    say(&Line::Done(Ending {
        counts,
        waits: vec![(waits.0.to_owned(), waits.1)],
        connections: crowd.connections(),
    }));
}
