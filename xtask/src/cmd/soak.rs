//! Many connections that come and go for a long time, as two processes: `soak/README.md`.

use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::counts::Counts;
use crate::run;
use crate::workspace::Workspace;

#[derive(Args, Clone, Debug, Default)]
#[command(disable_help_flag = true)]
pub struct Arguments {
    /// The program's own: --minutes 10, --seconds, --connections, --churn, --requests, --wakers,
    /// --selector, --seed, --patience, --output; --help explains them
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "OPTIONS"
    )]
    arguments: Vec<String>,
    #[arg(skip)]
    is_ci: bool,
}

impl Arguments {
    /// A minute with the figures of a full run.
    pub fn ci() -> Self {
        Self {
            arguments: vec!["--seconds=60".to_owned()],
            is_ci: true,
        }
    }

    /// Anything but epoll needs a build with all selectors; epoll has the one that users get.
    fn needs_all_selectors(&self) -> bool {
        let mut arguments = self.arguments.iter();
        let selector = arguments.find_map(|argument| argument.strip_prefix("--selector"));
        match selector {
            Some("") => arguments.next().is_some_and(|name| name != "epoll"),
            Some(name) => name != "=epoll",
            None => false,
        }
    }
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    let mut build = workspace.cargo(["build", "--quiet", "--release", "-p", "ferrio-soak"]);
    if arguments.needs_all_selectors() {
        build.args(["--features", "runtime-selector"]);
    }
    run::step(&mut build)?;
    let program = workspace.target("release").join("ferrio-soak");
    let mut soak = Command::new(program);
    soak.args(&arguments.arguments)
        .current_dir(workspace.root());
    println!("$ {}", run::show(&soak));
    let status = soak.status().context("the soak could not be run")?;
    match status.code() {
        Some(0) => counts.add(true),
        Some(1) => counts.add(false),
        // It has said in one line why it could not start, which is all that there is to say.
        Some(2) if !arguments.is_ci => std::process::exit(2),
        _ => bail!("{}: {status}", run::show(&soak)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poll_is_built_with_all_selectors_and_epoll_as_users_build_it() {
        let needs = |arguments: &[&str]| {
            let arguments = arguments.iter().map(|&argument| argument.to_owned());
            let arguments = Arguments {
                arguments: arguments.collect(),
                is_ci: false,
            };
            arguments.needs_all_selectors()
        };
        assert!(needs(&["--minutes", "1", "--selector", "poll"]));
        assert!(needs(&["--selector=poll", "--seed=1"]));
        assert!(!needs(&["--selector=epoll"]));
        assert!(!needs(&["--seconds", "60"]));
    }
}
