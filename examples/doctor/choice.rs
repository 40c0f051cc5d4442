//! What ferrio would choose here, and why.

use ferrio::{Poll, SelectorKind, WakerKind, capabilities};

use crate::calls::{Answer, Call, answer};

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
    let poll = Poll::new();
    let selector = match &poll {
        Ok(poll) => Choice {
            what: "selector",
            chosen: Some(poll.selector().to_string()),
            why: selector_reason(poll.selector(), calls),
        },
        Err(error) => nothing("selector", error, calls, "epoll_create1"),
    };
    let waker = match &poll {
        Ok(poll) => Choice {
            what: "waker",
            chosen: Some(poll.waker().to_string()),
            why: waker_reason(poll.waker(), calls),
        },
        Err(error) => nothing("waker", error, calls, "eventfd2"),
    };
    vec![selector, waker, timeouts(calls), accepting(calls)]
}

fn nothing(what: &'static str, error: &std::io::Error, calls: &[Call], call: &str) -> Choice {
    let mut why = format!("there is no Poll to be had: {error}");
    if let Some(answer) = answer(calls, call).filter(|answer| !answer.works()) {
        why.push_str(&format!("; {call} {answer}"));
    }
    Choice {
        what,
        chosen: None,
        why,
    }
}

fn selector_reason(kind: SelectorKind, calls: &[Call]) -> String {
    match SelectorKind::available() {
        [] | [_] => format!(
            "the only one in this build{}",
            and_works(calls, "epoll_create1")
        ),
        [best, ..] if *best == kind => {
            format!(
                "the best of this target{}",
                and_works(calls, "epoll_create1")
            )
        }
        _ => String::from("asked for when this was built"),
    }
}

fn waker_reason(kind: WakerKind, calls: &[Call]) -> String {
    match WakerKind::available() {
        [] | [_] => format!("the only one in this build{}", and_works(calls, "eventfd2")),
        [best, ..] if *best == kind => {
            format!("the best of this target{}", and_works(calls, "eventfd2"))
        }
        _ => String::from("asked for when this was built"),
    }
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
    if !capabilities::EPOLL {
        let why = String::from("this target has no epoll: they are up to its selector");
        return Choice {
            what,
            chosen: None,
            why,
        };
    }
    if !capabilities::EPOLL_PWAIT2 {
        return rounded(String::from(
            "by epoll_wait: epoll_pwait2 is not for this target",
        ));
    }
    match answer(calls, "epoll_pwait2") {
        Some(Answer::Works) => exact(String::from("epoll_pwait2 works")),
        Some(answer) if answer.is_no() => rounded(format!("by epoll_wait: epoll_pwait2 {answer}")),
        Some(answer) => Choice {
            what,
            chosen: None,
            why: format!("those below 1 ms fail: epoll_pwait2 {answer}"),
        },
        None => exact(String::from("by epoll_pwait2, if the kernel has it")),
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
