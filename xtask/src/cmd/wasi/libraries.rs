//! The standard libraries that programs for WASI are built with: rustup's or, where it has none, Rust's
//! sources on the C library of Debian's package `wasi-libc`.
//!
//! That comes from Debian's unstable release: the stable one's is too old to link preview 2. It is
//! unpacked below the target directory by an apt with lists of its own; nothing is installed, and the
//! system's lists of packages stay what they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace::{Workspace, rustflags};
use crate::{install, run};

const PACKAGE: &str = "wasi-libc";
const RELEASE: &str = "sid";

/// Where the system names none.
const MIRROR: &str = "http://deb.debian.org/debian";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// What a program starts with, before `main`.
const START: &str = "crt1-command.o";

pub enum Libraries {
    Rustup,
    Debian {
        /// `usr/lib` of the package, which has a directory for each target.
        libraries: PathBuf,
        builds: PathBuf,
    },
}

impl Libraries {
    /// rustup's for all the targets, or Debian's for all of them.
    pub fn find(workspace: &Workspace, targets: &[&str], debian: bool) -> Result<Self> {
        if debian {
            return Self::debian(workspace, targets);
        }
        let mut targets_of_rustup = targets.iter();
        match targets_of_rustup.try_for_each(|target| install::target(workspace, target)) {
            Ok(()) => Ok(Self::Rustup),
            Err(error) => {
                let why = format!("rustup has no standard library: {error:#}");
                println!("{why}; building it on Debian's {PACKAGE}");
                Self::debian(workspace, targets).context(why)
            }
        }
    }

    fn debian(workspace: &Workspace, targets: &[&str]) -> Result<Self> {
        install::std_sources(workspace).context("Rust's sources, to build std from")?;
        let store = workspace.target("wasi").join("debian");
        let libraries = store.join("root/usr/lib");
        if !complete(&libraries, targets) {
            fetch(&store)
                .with_context(|| format!("Debian's package {PACKAGE}, from its {RELEASE}"))?;
        }
        ensure!(
            complete(&libraries, targets),
            "{} has no {START} and libc.a for {}",
            libraries.display(),
            targets.join(" and ")
        );
        let builds = store.join("target");
        Ok(Self::Debian { libraries, builds })
    }

    /// Where builds are that go to the usual place otherwise.
    pub fn builds(&self, workspace: &Workspace, target: &str) -> PathBuf {
        match self {
            Self::Rustup => workspace.target(target),
            Self::Debian { builds, .. } => builds.join(target),
        }
    }

    /// Makes a cargo command that builds for `target` use them. `flags` are for rustc.
    pub fn apply(&self, command: &mut Command, target: &str, flags: &str) {
        let mut flags = flags.to_owned();
        if let Self::Debian { libraries, builds } = self {
            let directory = libraries.join(target);
            flags.push_str(&format!(
                " -Clink-self-contained=no -Clink-arg={} -Lnative={}",
                directory.join(START).display(),
                directory.display()
            ));
            // An unstable option, which a stable toolchain takes under this variable.
            command
                .args(["-Z", "build-std=std,panic_abort"])
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_DIR", builds);
        }
        if !flags.is_empty() {
            command.env("RUSTFLAGS", rustflags(flags.trim()));
        }
    }
}

fn complete(libraries: &Path, targets: &[&str]) -> bool {
    let has = |target: &&str| {
        let directory = libraries.join(target);
        [START, "libc.a"].map(|file| directory.join(file).exists()) == [true; 2]
    };
    targets.iter().all(has)
}

/// Downloads the package into `store` and unpacks it there.
fn fetch(store: &Path) -> Result<()> {
    if store.exists() {
        // Another version of it would be unpacked over this one.
        fs::remove_dir_all(store)?;
    }
    for directory in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(store.join(directory))?;
    }
    let mut ask = Command::new("apt-get");
    ask.args(["indextargets", "--no-release-info"]).args([
        "--format",
        "$(REPO_URI)",
        "Identifier: Packages",
    ]);
    let named = run::stdout(&mut ask).context("apt is needed")?;
    let source = format!(
        "deb [signed-by={KEYRING}] {} {RELEASE} main\n",
        mirror(&named)
    );
    fs::write(store.join("sources.list"), &source)?;
    print!("{source}");
    // What cannot be had is an error; without that it is a warning.
    run::step(apt(store).args(["-qq", "-o", "APT::Update::Error-Mode=any", "update"]))?;
    run::step(apt(store).args(["-qq", "download", PACKAGE]))?;
    let mut found = None;
    for file in store.read_dir()? {
        let file = file?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            found = Some(file);
        }
    }
    let package = found.context("apt-get has downloaded nothing")?;
    println!("{}", package.display());
    let root = store.join("root");
    run::step(Command::new("dpkg").arg("-x").arg(package).arg(root))
}

/// An apt-get that knows of one source and keeps all it learns in `store`.
fn apt(store: &Path) -> Command {
    let mut apt = Command::new("apt-get");
    apt.current_dir(store);
    let directories = [
        ("Dir::Etc::sourcelist", "sources.list"),
        ("Dir::State", "state"),
        ("Dir::Cache", "cache"),
    ];
    for (name, path) in directories {
        let setting = format!("{name}={}", store.join(path).display());
        apt.args(["-o", &setting]);
    }
    // Its downloading user may have no right to enter the directory.
    for setting in [
        "Dir::Etc::sourceparts=-",
        "Acquire::Languages=none",
        "APT::Sandbox::User=root",
    ] {
        apt.args(["-o", setting]);
    }
    apt
}

/// The mirror of Debian among those that apt uses here; security updates have no unstable release.
fn mirror(named: &str) -> &str {
    let mut mirrors = named.lines().map(|line| line.trim().trim_end_matches('/'));
    mirrors
        .find(|uri| uri.ends_with("/debian"))
        .unwrap_or(MIRROR)
}

#[cfg(test)]
mod units {
    use super::*;

    #[test]
    fn the_mirror_is_one_of_debian_itself() {
        let named = "http://a.example/debian-security/\nhttp://b.example/debian/\n";
        assert_eq!(mirror(named), "http://b.example/debian");
        assert_eq!(mirror("http://a.example/ubuntu/\n"), MIRROR);
        assert_eq!(mirror(""), MIRROR);
    }

    #[test]
    fn flags_are_added_to_those_of_the_command() {
        let libraries = Libraries::Debian {
            libraries: "/l".into(),
            builds: "/b".into(),
        };
        let mut cargo = Command::new("cargo");
        libraries.apply(cargo.arg("build"), "wasm32-wasip2", "--cfg one");
        let set = |name: &str| cargo.get_envs().find(|(key, _)| *key == name).unwrap().1;
        let flags = set("RUSTFLAGS").unwrap().to_string_lossy();
        assert!(
            flags.ends_with(
                "--cfg one -Clink-self-contained=no -Clink-arg=/l/wasm32-wasip2/crt1-command.o \
                 -Lnative=/l/wasm32-wasip2"
            ),
            "{flags}"
        );
        assert_eq!(set("CARGO_TARGET_DIR").unwrap(), "/b");
        let arguments: Vec<_> = cargo.get_args().collect();
        assert_eq!(arguments, ["build", "-Z", "build-std=std,panic_abort"]);
    }

    #[test]
    fn rustups_need_no_flags() {
        let mut cargo = Command::new("cargo");
        Libraries::Rustup.apply(&mut cargo, "wasm32-wasip2", "");
        assert_eq!(cargo.get_args().count() + cargo.get_envs().count(), 0);
    }
}
