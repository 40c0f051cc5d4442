//! What is known about the kernel, the sandbox and the limits.

use serde_json::{Value, json};

use crate::calls::{Answer, Call, Need};

/// Something about this machine.
pub struct Fact {
    pub group: &'static str,
    pub key: &'static str,
    pub value: Value,
}

pub fn gather() -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |group, key, value: Option<Value>| {
        // What can't be found out isn't mentioned.
        if let Some(value) = value {
            facts.push(Fact { group, key, value });
        }
    };
    add("system", "os", Some(json!(std::env::consts::OS)));
    add(
        "system",
        "architecture",
        Some(json!(std::env::consts::ARCH)),
    );
    add("system", "kernel", text("/proc/sys/kernel/osrelease"));
    add("system", "version", text("/proc/sys/kernel/version"));

    add(
        "sandbox",
        "seccomp",
        status("Seccomp").map(|mode| json!(seccomp(&mode))),
    );
    add(
        "sandbox",
        "seccomp_filters",
        status("Seccomp_filters").and_then(|n| number(&n)),
    );
    add(
        "sandbox",
        "no_new_privileges",
        status("NoNewPrivs").map(|is_set| json!(is_set == "1")),
    );
    add("sandbox", "container", Some(json!(container())));

    let (soft, hard) = descriptors().unzip();
    add("limits", "descriptors", soft);
    add("limits", "descriptors_at_most", hard);
    for (key, path) in [
        ("backlog", "/proc/sys/net/core/somaxconn"),
        ("epoll_watches", "/proc/sys/fs/epoll/max_user_watches"),
        ("descriptors_of_all", "/proc/sys/fs/file-max"),
    ] {
        add("limits", key, read(path).and_then(|text| number(&text)));
    }
    add(
        "limits",
        "local_ports",
        text("/proc/sys/net/ipv4/ip_local_port_range"),
    );
    facts
}

/// What to do about it.
pub fn advise(facts: &[Fact], calls: &[Call]) -> Vec<String> {
    let limit = |key| {
        let fact = facts
            .iter()
            .find(|fact| fact.group == "limits" && fact.key == key);
        fact.and_then(|fact| fact.value.as_u64())
    };
    let mut advice = Vec::new();
    if let (Some(soft), Some(hard)) = (limit("descriptors"), limit("descriptors_at_most")) {
        if soft < hard {
            advice.push(format!(
                "a server may raise its limit of descriptors from {soft} to {hard} by itself: \
                 setrlimit(2), RLIMIT_NOFILE"
            ));
        }
        if hard < 4096 {
            advice.push(format!(
                "no more than {hard} descriptors: raise the hard limit (ulimit -Hn, systemd's LimitNOFILE=)"
            ));
        }
        if let Some(watches) = limit("epoll_watches").filter(|&watches| watches < hard) {
            advice.push(format!(
                "epoll watches {watches} descriptors per user at most, fewer than may be open: \
                 registrations beyond fail with ENOSPC (sysctl fs.epoll.max_user_watches)"
            ));
        }
    }
    if let Some(backlog) = limit("backlog").filter(|&backlog| backlog < 4096) {
        advice.push(format!(
            "a listener's queue holds {backlog} connections at most: a burst of more waits or fails \
             (sysctl net.core.somaxconn)"
        ));
    }
    for call in calls.iter().filter(|call| !call.answer.works()) {
        let filter = match (call.need, call.answer) {
            (Need::Sometimes, _) => continue,
            (_, Answer::Missing) => {
                "update the kernel, or the seccomp profile if that is what says so"
            }
            _ => "allow it in the seccomp profile",
        };
        advice.push(format!("{} {}: {filter}", call.name, call.answer));
    }
    advice
}

fn read(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn text(path: &str) -> Option<Value> {
    read(path).map(Value::from)
}

fn number(text: &str) -> Option<Value> {
    text.parse::<u64>().ok().map(Value::from)
}

/// A line of /proc/self/status, see proc(5).
fn status(key: &str) -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        (name == key).then(|| value.trim().to_string())
    };
    status.lines().find_map(line)
}

fn seccomp(mode: &str) -> String {
    match mode {
        "0" => String::from("off"),
        "1" => String::from("strict"),
        "2" => String::from("filter"),
        other => format!("mode {other}"),
    }
}

/// The files by which Docker and Podman mark their containers.
fn container() -> Option<&'static str> {
    let marks = [("/.dockerenv", "docker"), ("/run/.containerenv", "podman")];
    let exists = |(path, name): (&str, _)| std::path::Path::new(path).exists().then_some(name);
    marks.into_iter().find_map(exists)
}

/// The soft and the hard limit. Their type differs from system to system.
#[cfg(unix)]
fn descriptors() -> Option<(Value, Value)> {
    use nix::sys::resource::{Resource, getrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    Some((soft.into(), hard.into()))
}

#[cfg(not(unix))]
fn descriptors() -> Option<(Value, Value)> {
    None
}
