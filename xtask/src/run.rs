//! Running other programs.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::counts::Counts;
use crate::libtest::Report;

/// What `command` prints; an error if it fails.
pub fn stdout(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| failed(command))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{}: {}: {}", show(command), output.status, errors.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} printed no text", show(command)))
}

/// Runs a program whose output is worth reading while it runs; an error if it fails.
pub fn step(command: &mut Command) -> Result<()> {
    println!("$ {}", show(command));
    let status = command.status().with_context(|| failed(command))?;
    if !status.success() {
        bail!("{}: {status}", show(command));
    }
    Ok(())
}

/// Runs one of many checks: a line if it passes, everything that it printed if it fails.
pub fn check(label: &str, command: &mut Command, counts: &mut Counts) -> Result<()> {
    let begun = Instant::now();
    let output = command.output().with_context(|| failed(command))?;
    let passed = output.status.success();
    counts.add(passed);
    let seconds = begun.elapsed().as_secs_f64();
    if passed {
        println!("ok      {label} ({seconds:.1} s)");
        return Ok(());
    }
    println!("FAILED  {label} ({seconds:.1} s)\n$ {}", show(command));
    let mut out = std::io::stdout().lock();
    out.write_all(&output.stdout)?;
    out.write_all(&output.stderr)?;
    Ok(())
}

/// Runs tests, showing their output as it comes, and counts what the test harnesses report.
pub fn tests(command: &mut Command, counts: &mut Counts) -> Result<Report> {
    println!("$ {}", show(command));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| failed(command))?;
    let mut report = Report::default();
    let output = child.stdout.take().context("no output to read")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        report.line(&line);
    }
    let status = child.wait()?;
    *counts += report.counts;
    if !status.success() && report.counts.failed == 0 {
        bail!("{}: {status}", show(command));
    }
    Ok(report)
}

/// A command as one would type it.
pub fn show(command: &Command) -> String {
    let mut text = String::new();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            text.push_str(&format!("{}={value:?} ", name.to_string_lossy()));
        }
    }
    let program = std::path::Path::new(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program());
    text.push_str(&program.to_string_lossy());
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}

fn failed(command: &Command) -> String {
    format!("{} could not be run", show(command))
}
