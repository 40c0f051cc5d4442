//! `pipes`: everything a child prints arrives, and its end becomes the program's own.

use std::process::{Command, Stdio};

use crate::binaries::example;
use crate::process::{Process, run};

#[test]
fn the_demonstration_labels_both_outputs() {
    let pipes = run("pipes", &[]);
    assert_eq!(pipes.code, Some(0), "{pipes:?}");
    for line in ["out | to stdout\n", "err | to stderr\n", "out | the end\n"] {
        assert!(pipes.stdout.contains(line), "no {line:?} in {pipes:?}");
    }
    assert_eq!(pipes.stderr, "");
}

#[test]
fn a_megabyte_on_each_output_arrives_as_it_was() {
    // Every byte value, line ends and zeros among them; the two outputs differ, and take turns
    // that would block anyone who reads one to its end first.
    let script = r#"
        part() { n=0; while [ $n -lt 64 ]; do printf "$1"; n=$((n+1)); done; }
        i=0
        while [ $i -lt 256 ]; do
            part 'out\001\377\n0123456789' ; part 'err\000\376\n9876543210' >&2
            part '................' ; part '================' >&2
            part '0123456789abcde\n' ; part 'ABCDEFGHIJKLMNO\n' >&2
            part '++++++++++++++++' ; part '****************' >&2
            i=$((i+1))
        done
    "#;
    let direct = Command::new("sh")
        .args(["-c", script])
        .output()
        .expect("a shell");
    let piped = example("pipes")
        .args(["sh", "-c", script])
        .stdin(Stdio::null())
        .output()
        .expect("the example runs");
    assert!(piped.status.success(), "{:?}", piped.status);
    assert_eq!(direct.stdout.len(), 1 << 20, "as much as a megabyte");
    assert!(piped.stdout == direct.stdout, "stdout differs");
    assert!(piped.stderr == direct.stderr, "stderr differs");
}

#[test]
fn the_exit_code_is_the_commands() {
    for code in [0, 1, 3, 255] {
        let pipes = run(
            "pipes",
            &["sh", "-c", &format!("echo so long; exit {code}")],
        );
        assert_eq!(pipes.code, Some(code), "{pipes:?}");
        assert_eq!(
            (pipes.stdout.as_str(), pipes.stderr.as_str()),
            ("so long\n", "")
        );
    }
    assert_eq!(
        run("pipes", &["sh", "-c", "kill -KILL $$"]).code,
        Some(128 + 9)
    );
    assert_eq!(
        run("pipes", &["sh", "-c", "kill -TERM $$"]).code,
        Some(128 + 15)
    );
}

#[test]
fn a_command_that_cannot_be_run_is_one_clear_line() {
    for (command, code) in [("/nonexistent/command", 127), ("/", 126)] {
        let pipes = run("pipes", &[command]);
        assert_eq!(pipes.code, Some(code), "{pipes:?}");
        assert_eq!(pipes.stderr.lines().count(), 1, "{pipes:?}");
        assert!(
            pipes.stderr.contains(&format!("cannot run {command}: ")),
            "{pipes:?}"
        );
    }
}

#[test]
fn one_output_may_end_long_before_the_other() {
    let script = "exec >&-; for i in 1 2 3; do echo line $i >&2; done; exit 4";
    let pipes = run("pipes", &["--label", "sh", "-c", script]);
    assert_eq!(pipes.code, Some(4), "{pipes:?}");
    assert_eq!(pipes.stdout, "err | line 1\nerr | line 2\nerr | line 3\n");
}

#[test]
fn the_commands_own_options_are_the_commands() {
    let pipes = run("pipes", &["echo", "--label", "--help"]);
    assert_eq!(pipes.stdout, "--label --help\n");
}

#[test]
fn a_last_line_without_an_end_is_shown() {
    let pipes = run("pipes", &["--label", "printf", "half a line"]);
    assert_eq!(pipes.stdout, "out | half a line\n");
}

/// `pipes yes | head`: the child has to learn of it, or it would run for ever.
#[test]
fn nobody_to_read_ends_the_command() {
    let pipes = Process::start_with("pipes", &["yes"], |command| {
        let (reader, writer) = std::os::unix::net::UnixStream::pair().expect("a pair");
        drop(reader);
        command.stdout(Stdio::from(std::os::fd::OwnedFd::from(writer)));
    });
    let pipes = pipes.finish();
    // Ended by SIGPIPE, or by an error where that is ignored.
    assert!(matches!(pipes.code, Some(1 | 141)), "{pipes:?}");
    assert!(!pipes.stderr.contains("panicked"), "{pipes:?}");
}
