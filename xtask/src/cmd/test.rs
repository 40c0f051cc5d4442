//! The tests, by the command that the README gives. It is read out of the README, so that what is
//! promised there is what runs here.

use anyhow::{Context, Result, bail, ensure};

use crate::counts::Counts;
use crate::run;
use crate::workspace::Workspace;

pub fn run(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    let path = workspace.root().join("README.md");
    let readme = std::fs::read_to_string(&path)
        .with_context(|| format!("{} could not be read", path.display()))?;
    let command = command(&readme)?;
    let arguments = command.split_whitespace().skip(1);
    let report = run::tests(&mut workspace.cargo(arguments), counts)?;
    ensure!(report.counts.passed > 0, "`{command}` ran not one test");
    Ok(())
}

/// The one line in the README's code blocks that begins with `cargo test`.
fn command(readme: &str) -> Result<String> {
    let mut found: Vec<&str> = code_lines(readme)
        .filter(|line| *line == "cargo test" || line.starts_with("cargo test "))
        .map(|line| line.split(" #").next().unwrap_or(line).trim())
        .collect();
    found.dedup();
    match found.as_slice() {
        [command] => Ok((*command).to_owned()),
        [] => bail!("no code block of README.md has a line that begins with `cargo test`"),
        many => bail!("README.md gives more than one test command: {many:?}"),
    }
}

/// The lines inside fenced code blocks, without a prompt.
fn code_lines(markdown: &str) -> impl Iterator<Item = &str> {
    let mut fence: Option<&str> = None;
    markdown.lines().filter_map(move |line| {
        let line = line.trim();
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            None if ticks >= 3 => fence = line.get(..ticks),
            Some(open) if line == open => fence = None,
            Some(_) => return Some(line.strip_prefix("$ ").unwrap_or(line)),
            None => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_read_from_a_code_block() {
        let readme = "Run `cargo test`.\n\
            cargo test --outside\n\
            ```sh\ncargo run --example echo\n$ cargo test --workspace  # all of it\n```\n\
            ```toml\n[dependencies]\n```\n";
        assert_eq!(command(readme).unwrap(), "cargo test --workspace");
    }

    #[test]
    fn no_command_and_two_commands_are_errors() {
        assert!(command("cargo test --workspace").is_err());
        assert!(command("```\ncargo test -p a\ncargo test -p b\n```").is_err());
        assert!(command("```\ncargo testing\n```").is_err());
    }

    #[test]
    fn one_command_given_twice_is_one() {
        let readme = "```\ncargo test --workspace\n```\n```\ncargo test --workspace\n```\n";
        assert_eq!(command(readme).unwrap(), "cargo test --workspace");
    }
}
