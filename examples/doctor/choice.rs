//! What ferrio would choose here, and why.

use std::io;

use ferrio::{Poll, SelectorKind, Token, Waker, WakerKind, capabilities};

use crate::calls::{Answer, Call, Need, answer};

/// A choice and its reason.
pub struct Choice {
    /// What is chosen for.
    pub what: &'static str,
    /// None: there is nothing to choose.
    pub chosen: Option<String>,
    pub why: String,
}

/// Asks ferrio, and explains the answers.
pub fn choose(calls: &[Call]) -> Vec<Choice> {
    let made = make();
    let chosen = |what, name: String, why| Choice {
        what,
        chosen: Some(name),
        why,
    };
    let [selector, waker] = match made {
        Ok((selector, waker)) => [
            chosen(
                "selector",
                selector.to_string(),
                selector_reason(selector, calls),
            ),
            chosen("waker", waker.to_string(), waker_reason(waker, calls)),
        ],
        Err(error) => ["selector", "waker"].map(|what| nothing(what, &error, calls)),
    };
    vec![selector, waker, timeouts(calls), accepting(calls)]
}

/// What a program gets that leaves the choice to ferrio.
fn make() -> io::Result<(SelectorKind, WakerKind)> {
    let poll = Poll::new()?;
    // With the first waker it is found out which one this kernel lets through.
    let _waker = Waker::new(poll.registry(), Token(0))?;
    Ok((poll.selector(), poll.waker()))
}

fn nothing(what: &'static str, error: &io::Error, calls: &[Call]) -> Choice {
    let mut why = format!("there is none to be had: {error}");
    let failing = calls
        .iter()
        .filter(|call| call.need == Need::Always && !call.answer.works());
    for call in failing {
        why.push_str(&format!("; {} {}", call.name, call.answer));
    }
    Choice {
        what,
        chosen: None,
        why,
    }
}

/// Is this what a build has that asks for nothing?
pub fn is_usual(kind: SelectorKind) -> bool {
    capabilities::EPOLL == (kind == SelectorKind::Epoll)
}

fn selector_reason(kind: SelectorKind, calls: &[Call]) -> String {
    let call = match kind {
        SelectorKind::Epoll => "epoll_create1",
        SelectorKind::Poll => "poll",
        _ => "",
    };
    let why = match SelectorKind::available() {
        _ if !is_usual(kind) => "asked for when this was built",
        [] | [_] => "the only one in this build",
        _ => "the best of this target",
    };
    format!("{why}{}", and_works(calls, call))
}

fn waker_reason(kind: WakerKind, calls: &[Call]) -> String {
    let (call, other) = match kind {
        WakerKind::Eventfd => ("eventfd2", None),
        WakerKind::Pipe => ("pipe2", answer(calls, "eventfd2")),
        _ => ("", None),
    };
    let wanted = WakerKind::available().first() == Some(&kind);
    let why = match (other, WakerKind::available()) {
        (Some(other), _) if !wanted => format!("eventfd2 {other}, and this is the next best"),
        (Some(_), _) => String::from("asked for when this was built"),
        // A pipe is in every build, for kernels that refuse the other.
        (None, [] | [_]) if kind != WakerKind::Eventfd => {
            String::from("the only one in this build")
        }
        (None, _) => String::from("the best of this target"),
    };
    format!("{why}{}", and_works(calls, call))
}

fn and_works(calls: &[Call], name: &str) -> String {
    answer(calls, name).map_or_else(String::new, |answer| format!(", and {name} {answer}"))
}

fn timeouts(calls: &[Call]) -> Choice {
    let what = "timeouts";
    let rounded = |why| Choice {
        what,
        chosen: Some(String::from("rounded up to milliseconds")),
        why,
    };
    let exact = |why| Choice {
        what,
        chosen: Some(String::from("nanoseconds below 1 ms, milliseconds above")),
        why,
    };
    let (by, precise, is_there) = match SelectorKind::available().first() {
        Some(SelectorKind::Epoll) => ("epoll_wait", "epoll_pwait2", capabilities::EPOLL_PWAIT2),
        Some(SelectorKind::Poll) => ("poll", "ppoll", capabilities::PPOLL),
        _ => {
            return Choice {
                what,
                chosen: None,
                why: String::from("they are up to the selector"),
            };
        }
    };
    if !is_there {
        return rounded(format!("by {by}: {precise} is not for this target"));
    }
    match answer(calls, precise) {
        Some(Answer::Works) => exact(format!("{precise} works")),
        Some(answer) if answer.is_no() => rounded(format!("by {by}: {precise} {answer}")),
        Some(answer) => Choice {
            what,
            chosen: None,
            why: format!("those below 1 ms fail: {precise} {answer}"),
        },
        None => exact(format!("by {precise}, if the kernel has it")),
    }
}

fn accepting(calls: &[Call]) -> Choice {
    let what = "accepting";
    let choice = |chosen: &str, why: String| Choice {
        what,
        chosen: Some(chosen.to_string()),
        why,
    };
    let two_steps = "accept, then fcntl";
    if !capabilities::ACCEPT4 {
        return choice(two_steps, String::from("accept4 is not for this target"));
    }
    match answer(calls, "accept4") {
        Some(Answer::Works) => choice("accept4", String::from("it works, and takes one call")),
        Some(answer) if answer.is_no() => choice(two_steps, format!("accept4 {answer}")),
        Some(answer) => Choice {
            what,
            chosen: None,
            why: format!("it isn't possible: accept4 {answer}"),
        },
        None => choice("accept4", String::from("if the kernel has it")),
    }
}
