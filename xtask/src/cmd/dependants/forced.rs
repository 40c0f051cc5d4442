//! Builds in which mio, and ferrio likewise, is on poll(2) where it would be on epoll.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{cargo_in, directory};
use crate::run;
use crate::workspace::{Workspace, rustflags};

/// mio's name for it. tokio's tests look at it too.
const CFG: &str = "mio_unsupported_force_poll_poll";

/// What build.rs of ferrio makes of it.
const TAKEN: &str = "force_poll";

/// The flags reach every crate: hence a directory of its own to build in.
pub fn apply(workspace: &Workspace, cargo: &mut Command) {
    cargo
        .env("RUSTFLAGS", rustflags(&format!("--cfg {CFG}")))
        // It would go before the other.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("CARGO_TARGET_DIR", directory(workspace).join("build-poll"));
}

/// An error unless the flags reach ferrio: otherwise epoll would be tested twice.
pub fn check(workspace: &Workspace, copy: &Path) -> Result<()> {
    let arguments = ["build", "--features", "full", "--message-format", "json"];
    let mut build = cargo_in(workspace, copy, &arguments);
    apply(workspace, build.env("CARGO_PROFILE_DEV_DEBUG", "false"));
    ensure!(
        took(&run::stdout(&mut build)?),
        "ferrio was built without {TAKEN}"
    );
    println!("ok      ferrio is on poll(2)");
    Ok(())
}

/// Whether one of the build scripts in cargo's messages has set the cfg.
fn took(messages: &str) -> bool {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|message: &Value| message["reason"] == "build-script-executed")
        .filter_map(|message| message["cfgs"].as_array().cloned())
        .any(|cfgs| cfgs.iter().any(|cfg| cfg == TAKEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_the_cfg_is_seen() {
        let other = r#"{"reason":"build-script-executed","cfgs":["has_epoll"]}"#;
        let ours = r#"{"reason":"build-script-executed","cfgs":["has_epoll","force_poll"]}"#;
        let artifact = r#"{"reason":"compiler-artifact","cfgs":["force_poll"]}"#;
        assert!(!took(""));
        assert!(!took(&format!("{other}\n{artifact}\n")));
        assert!(took(&format!("{other}\nno JSON\n{ours}\n")));
    }
}
