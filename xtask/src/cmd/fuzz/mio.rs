//! The same scripts on crates.io mio, by the adapter in `fuzz/mio`: what is answered differently, sorted and
//! counted, with the smallest script of each sort. A difference is no failure here.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::{Arguments, report};
use crate::counts::Counts;
use crate::run;
use crate::workspace::{Workspace, rustflags};

const POLL: &str = "--cfg mio_unsupported_force_poll_poll";
/// Scripts for each build, unless `--runs` says how many.
const SCRIPTS: u64 = 400;

/// A line of the adapter's output: of a run, or of a sort of difference.
#[derive(Deserialize)]
struct Line {
    backend: String,
    /// Whether a script may do what mio's documentation excludes.
    rules: String,
    scripts: Option<u64>,
    passed: Option<u64>,
    class: Option<String>,
    count: Option<u64>,
    script: Option<String>,
}

/// What the words of a complaint mean: a difference between the contracts, or against mio's own
/// documentation.
const VERDICTS: &[(&str, &str)] = &[
    (
        "events in a buffer for",
        "bug: more events than the capacity, up to which `Events::with_capacity` says they are held",
    ),
    (
        "has no cause: nothing has happened",
        "contract: a blocked read is followed by a writable event; mio permits spurious events",
    ),
    (
        "of a closed descriptor, again",
        "contract: a bare descriptor that was closed while registered is reported for ever, without a flag",
    ),
    (
        "events without end",
        "contract: as the closed descriptor that is reported for ever",
    ),
    (
        "of a waker",
        "bug: the waker's event has no flag, after a registration behind the wake",
    ),
    (
        "with a token that nobody has",
        "bug: the token of a waker that was dropped is reported",
    ),
    (
        "was reported by a poll that began",
        "bug: the token of a waker that was dropped is reported",
    ),
    (
        "no event: waker",
        "bug: a wake is lost when a registration follows it",
    ),
    (
        ": deregister answered Err(NotFound)",
        "bug: a source that has hung up is unknown, though nobody has deregistered it",
    ),
    (
        "reregister answered Err(NotFound), expected [Ok",
        "bug: as with deregister, after a hang-up",
    ),
    (
        "register answered Ok(()), expected [Err(AlreadyExists)]",
        "contract: a second registration is refused in debug builds only, or the first has ended with a hang-up",
    ),
    (
        "reregister answered Err(NotFound), expected [Err(AlreadyExists)]",
        "contract: the wrong `Poll` is told by another error",
    ),
    (
        "no event: SourceFd",
        "contract: a bare descriptor is reported once, and again after `reregister`; ferrio's is level-triggered",
    ),
    (
        "two events of one source",
        "bug: the second is that of a waker that was dropped",
    ),
    (
        "no event: ",
        "contract: after a short read mio asks for a read that blocks; ferrio's poll(2) doesn't need it",
    ),
    (
        "poll without room",
        "contract: a buffer without room is no error",
    ),
];

/// Polls that were to report something and did not. With bare descriptors in the scripts, those.
const NOTHING: [&str; 2] = [
    "contract: a bare descriptor is reported once; or, as below, a wake is lost",
    "bug: a wake is lost when a registration follows it",
];

/// Beside a poller there is always the waker that stops it.
const SEVERAL_WAKERS: &str =
    "contract: mio takes one `Waker` for each `Poll`; here there are several";

fn verdict(class: &str, by_mio: bool) -> &'static str {
    let wakers = class.contains("no event: waker") || class.contains("was reported by a poll");
    if wakers && !by_mio && !class.starts_with("one thread") {
        return SEVERAL_WAKERS;
    }
    if class.contains("poll returned nothing") {
        return NOTHING[usize::from(by_mio)];
    }
    let found = VERDICTS.iter().find(|(words, _)| class.contains(words));
    found.map_or("not classified", |(_, verdict)| verdict)
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    let mut text = String::new();
    for (home, flags) in [("fuzz-mio", ""), ("fuzz-mio-poll", POLL)] {
        let home = workspace.target(home);
        let mut build = workspace.cargo(["build", "--release"]);
        build
            .current_dir(workspace.root().join("fuzz/mio"))
            .env("RUSTFLAGS", rustflags(flags))
            .env("CARGO_TARGET_DIR", &home);
        run::step(&mut build)?;
        let scripts = arguments.runs.unwrap_or(SCRIPTS);
        for seed in arguments.seeds() {
            let mut program = std::process::Command::new(home.join("release/scripts-on-mio"));
            program.args([seed.to_string(), scripts.to_string()]);
            println!("$ {}", run::show(&program));
            let said = run::stdout(&mut program)?;
            let lines = said.lines().map(serde_json::from_str);
            let lines: Vec<Line> = lines
                .collect::<Result<_, _>>()
                .context("the adapter's output")?;
            ensure!(!lines.is_empty(), "the adapter said nothing");
            describe(&lines, seed, &mut text)?;
            counts.add(true);
        }
    }
    print!("{text}");
    match &arguments.report {
        Some(file) => {
            let head = report::head(workspace)?;
            let before = fs::read_to_string(file).unwrap_or_default();
            fs::write(file, format!("{before}\n{head}{text}"))?;
            Ok(())
        }
        None => Ok(()),
    }
}

fn describe(lines: &[Line], seed: u64, text: &mut String) -> Result<()> {
    let mut smallest = String::new();
    for line in lines {
        let (backend, rules) = (&line.backend, &line.rules);
        if let (Some(scripts), Some(passed)) = (line.scripts, line.passed) {
            let rules = match rules.as_str() {
                "contract" => "any script",
                _ => "scripts as mio's documentation has them",
            };
            writeln!(
                text,
                "\n**mio on {backend}, {rules}**: {passed} of {scripts} scripts of seed {seed} pass.\n"
            )?;
            if passed < scripts {
                text.push_str("| what was answered | scripts | what it is |\n|---|---:|---|\n");
            }
        }
        if let (Some(class), Some(count)) = (&line.class, line.count) {
            writeln!(
                text,
                "| {class} | {count} | {} |",
                verdict(class, rules != "contract")
            )?;
            let script = line.script.as_deref().unwrap_or_default();
            writeln!(smallest, "// {backend}, {rules}: {class}\n{script}")?;
        }
    }
    if !smallest.is_empty() {
        write!(
            text,
            "\n<details><summary>The smallest scripts</summary>\n\n```rust\n{smallest}```\n\n</details>\n"
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_verdict_of_its_own_words() {
        let of = |class| verdict(class, true).split(':').next().unwrap().to_owned();
        assert_eq!(of("one thread: no event: waker N, poll N"), "bug");
        assert_eq!(
            of("one thread: no event: TcpStream N is readable"),
            "contract"
        );
        assert_eq!(
            of("one thread: reregister answered Err(NotFound), expected [Err(AlreadyExists)]"),
            "contract"
        );
        assert_eq!(
            of("one thread: reregister answered Err(NotFound), expected [Ok(())]"),
            "bug"
        );
        assert_eq!(of("one thread: poll returned nothing"), "bug");
        assert_eq!(of("one thread: something else"), "not classified");
    }
}
