//! strace(1): which system calls a program makes between its markers.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::run;

/// What happened between two markers, `begin TIMES NAME` and `end TIMES NAME`.
#[derive(Debug, PartialEq, Eq)]
pub struct Section {
    pub name: String,
    /// How often the program did what it is about.
    pub times: usize,
    /// System calls by name. fcntl's have their command behind it.
    pub calls: BTreeMap<String, usize>,
}

/// Runs the program, with its trace in `file`.
pub fn run(command: &mut Command, file: &Path) -> Result<Vec<Section>> {
    let mut strace = Command::new("strace");
    strace
        .args(["--follow-forks", "--quiet=all", "--string-limit=200"])
        .args(["--signal=none".as_ref(), "--output".as_ref(), file])
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        strace.current_dir(directory);
    }
    run::stdout(&mut strace)?;
    let trace = std::fs::read(file).with_context(|| file.display().to_string())?;
    read(&String::from_utf8_lossy(&trace))
}

fn read(trace: &str) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    let mut open: Option<Section> = None;
    for line in trace.lines() {
        // strace puts the thread before each line.
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let call = call.trim_start();
        match (marker(call), &mut open) {
            (Some(("begin", times, name)), None) => {
                open = Some(Section {
                    name: name.to_owned(),
                    times,
                    calls: BTreeMap::new(),
                });
            }
            (Some(("end", times, name)), Some(section)) => {
                ensure!(
                    section.times == times && section.name == name,
                    "{} ends as {name}",
                    section.name
                );
                sections.extend(open.take());
            }
            (Some((which, _, name)), _) => bail!("'{which} {name}' is out of place in the trace"),
            (None, Some(section)) => *section.calls.entry(name(call)?).or_default() += 1,
            (None, None) => {}
        }
    }
    ensure!(open.is_none(), "the trace ends within a section");
    Ok(sections)
}

/// `statx(AT_FDCWD, "begin 1000 mio register SourceFd", ...) = -1 ENOENT (...)`
fn marker(call: &str) -> Option<(&str, usize, &str)> {
    let path = call.strip_prefix("statx(AT_FDCWD, \"")?;
    let (path, _) = path.split_once('"')?;
    let (which, rest) = path.split_once(' ')?;
    let (times, name) = rest.split_once(' ')?;
    let times = times.parse().ok()?;
    ["begin", "end"]
        .contains(&which)
        .then_some((which, times, name))
}

/// `fcntl(5, F_GETFD) = 0x1 (flags FD_CLOEXEC)` is `fcntl F_GETFD`, everything else what stands before the parenthesis.
fn name(call: &str) -> Result<String> {
    let (name, arguments) = call
        .split_once('(')
        .with_context(|| format!("not a system call: {call}"))?;
    if name != "fcntl" {
        return Ok(name.to_owned());
    }
    let command = arguments.split([',', ')']).nth(1).unwrap_or_default();
    Ok(format!("{name} {}", command.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "\
        77    write(1, \"x\", 1) = 1\n\
        77    statx(AT_FDCWD, \"begin 2 ferrio register\", 0, STATX_ALL, 0x7f) = -1 ENOENT (No such file)\n\
        77    fcntl(5, F_GETFD) = 0x1 (flags FD_CLOEXEC)\n\
        77    fcntl(6, F_GETFD) = 0x1 (flags FD_CLOEXEC)\n\
        77    brk(NULL) = 0x5\n\
        77    statx(AT_FDCWD, \"end 2 ferrio register\", 0, STATX_ALL, 0x7f) = -1 ENOENT (No such file)\n\
        77    statx(AT_FDCWD, \"begin 2 mio deregister\", 0, STATX_ALL, 0x7f) = -1 ENOENT (No such file)\n\
        77    statx(AT_FDCWD, \"end 2 mio deregister\", 0, STATX_ALL, 0x7f) = -1 ENOENT (No such file)\n";

    #[test]
    fn calls_are_counted_between_the_markers() {
        let sections = read(TRACE).unwrap();
        let [register, deregister] = sections.as_slice() else {
            panic!("{sections:?}");
        };
        assert_eq!(
            (register.name.as_str(), register.times),
            ("ferrio register", 2)
        );
        let calls: Vec<_> = register.calls.iter().collect();
        assert_eq!(
            calls,
            [(&"brk".to_owned(), &1), (&"fcntl F_GETFD".to_owned(), &2)]
        );
        assert_eq!(deregister.name, "mio deregister");
        assert!(deregister.calls.is_empty());
    }

    #[test]
    fn a_trace_that_breaks_off_is_an_error() {
        let lines: Vec<&str> = TRACE.lines().collect();
        assert!(read(&lines[..4].join("\n")).is_err());
        assert!(read(&lines[2..].join("\n")).is_err());
    }
}
