//! Wine: installing it, its prefix (the directory that is its drive C:), and its server.
//!
//! The prefix is our own, below `target/`. Three things have to be known of it:
//!
//! * Wine 8 has no bcryptprimitives.dll, from which every Rust program takes its random numbers. A few
//!   lines of C are one, see `bcryptprimitives.c`.
//! * The first Windows program starts a server and a handful of services, the last one ends them. One
//!   server is kept for the whole run, and ended at its end, however that comes.
//! * Whoever starts the services passes its standard streams on to them. A pipe among them would never
//!   end for who reads it, so everything here gets /dev/null.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::workspace::Workspace;
use crate::{install, interrupt, run};

const SHIM: &str = include_str!("bcryptprimitives.c");
const SHIM_NAME: &str = "bcryptprimitives.dll";
pub const COMPILER: &str = "x86_64-w64-mingw32-gcc";
/// Wine 8's server breaks the connection of one program in some 5000 when it begins, which ends with 1
/// before it has done anything. A test program that has failed ends with 101.
const RUNNER: &str = r#"#!/bin/sh
# Written by cargo xtask wine. Wine's program, and the one that it is to run.
wine=$1
shift
"$wine" "$@"
status=$?
if [ "$status" -eq 1 ]; then
    echo "$1 ended with 1, as if Wine could not start it; again" >&2
    "$wine" "$@"
    status=$?
fi
exit "$status"
"#;
const HOME: &str = "https://www.winehq.org";

/// Where Wine's programs and its prefix are.
#[derive(Clone, Debug)]
pub struct Prefix {
    /// Runs a program for 64-bit Windows.
    program: PathBuf,
    server: PathBuf,
    directory: PathBuf,
}

impl Prefix {
    /// Installs Wine and the compiler if need be, and makes the prefix if there is none.
    pub fn new(workspace: &Workspace) -> Result<Self> {
        install::package(
            COMPILER,
            "gcc-mingw-w64-x86-64",
            "https://www.mingw-w64.org",
        )?;
        let (program, server) = programs()?;
        let prefix = Self {
            program,
            server,
            directory: workspace.target("wine").join("prefix"),
        };
        let made = prefix.directory.join("made");
        if !made.exists() {
            if prefix.directory.exists() {
                fs::remove_dir_all(&prefix.directory)?;
            }
            fs::create_dir_all(&prefix.directory)?;
            println!("making a prefix in {}", prefix.directory.display());
            let _server = prefix.serve()?;
            prefix.quietly(Command::new(&prefix.program).args(["wineboot", "--init"]))?;
            fs::write(&made, "")?;
        }
        prefix.shim()?;
        Ok(prefix)
    }

    /// What cargo is to run programs with.
    pub fn runner(&self) -> Result<String> {
        let script = self.directory.join("run.sh");
        fs::write(&script, RUNNER)?;
        let (script, program) = (script.display(), self.program.display());
        Ok(format!("sh {script} {program}"))
    }

    /// What makes Wine use the prefix, print nothing, and ask nothing.
    pub fn surround<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env("WINEPREFIX", &self.directory)
            .env("WINESERVER", &self.server)
            .env("WINEDEBUG", "-all")
            // Nothing here is a .NET program or a web page, and nobody wants menus.
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=;winemenubuilder.exe=d")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
    }

    /// Starts the server and the services, which stay until the answer is dropped.
    pub fn serve(&self) -> Result<Server> {
        self.quietly(Command::new(&self.server).arg("--persistent"))?;
        let server = Server(self.clone());
        let on_interrupt = self.clone();
        interrupt::before_end(move || on_interrupt.end())?;
        // Any program brings the services up. They inherit its standard streams.
        let services = self.directory.join("drive_c/windows/system32/services.exe");
        if services.exists() {
            self.quietly(Command::new(&self.program).args(["cmd.exe", "/c", "exit"]))?;
        }
        Ok(server)
    }

    fn quietly(&self, command: &mut Command) -> Result<()> {
        let status = silent(self.surround(command)).status()?;
        ensure!(status.success(), "{}: {status}", run::show(command));
        Ok(())
    }

    /// Ends the server of this prefix, and every program in it. It may have ended by itself.
    fn end(&self) {
        let mut kill = Command::new(&self.server);
        let _ = silent(self.surround(kill.arg("--kill"))).status();
        let mut wait = Command::new(&self.server);
        let _ = silent(self.surround(wait.arg("--wait"))).status();
    }

    /// Compiles the library that Wine lacks, and puts it where Windows has it.
    fn shim(&self) -> Result<()> {
        let system = self.directory.join("drive_c/windows/system32");
        let source = self.directory.join("bcryptprimitives.c");
        if fs::read_to_string(&source).is_ok_and(|text| text == SHIM) {
            return Ok(());
        }
        let code = source.with_extension("tmp.c");
        fs::write(&code, SHIM)?;
        let mut compiler = Command::new(COMPILER);
        compiler.args(["-O2", "-shared", "-o"]);
        compiler.arg(system.join(SHIM_NAME)).arg(&code);
        run::stdout(compiler.arg("-ladvapi32"))?;
        // Written last: what is there was compiled.
        fs::rename(&code, &source)?;
        Ok(())
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server(Prefix);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn silent(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

/// The programs `wine64` and `wineserver64` of Debian's package wine64, which are not on the PATH.
fn programs() -> Result<(PathBuf, PathBuf)> {
    if let Some(found) = installed()? {
        return Ok(found);
    }
    install::packages(&["wine", "wine64"], HOME)?;
    installed()?.context("the package wine64 has no programs wine64 and wineserver64")
}

fn installed() -> Result<Option<(PathBuf, PathBuf)>> {
    let mut list = Command::new("dpkg");
    list.args(["-L", "wine64"])
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let output = list.output().with_context(|| {
        format!("dpkg, which knows where Debian's Wine is, could not be run; see {HOME}")
    })?;
    let files = String::from_utf8_lossy(&output.stdout);
    Ok(named(&files, "wine64").zip(named(&files, "wineserver64")))
}

/// The program of this name in a package's list of files, which names directories too.
fn named(files: &str, name: &str) -> Option<PathBuf> {
    let named = |path: &&Path| path.file_name().is_some_and(|last| last == name);
    let mut found = files.lines().map(Path::new).filter(named);
    found
        .find(|path| path.starts_with("/usr/lib") && path.is_file())
        .map(Path::to_owned)
}
