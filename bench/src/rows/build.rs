//! A cold build: a package that depends on one library alone, compiled for release from nothing but sources that cargo
//! has already. The versions are those of the workspace's lock file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::workload::Workload;
use crate::clock::Span;
use crate::contender::Id;

/// A round takes seconds.
pub const FEWER: usize = 60;

pub struct ColdBuild {
    directory: PathBuf,
}

impl ColdBuild {
    pub fn new(contender: Id) -> io::Result<ColdBuild> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let dependency = match contender {
            Id::Ferrio => format!("ferrio = {{ path = {:?} }}", root.canonicalize()?),
            Id::Mio | Id::Control => {
                "mio = { version = \"1.2.4\", features = [\"os-poll\", \"os-ext\", \"net\"] }"
                    .into()
            }
            Id::Polling => "polling = \"3.11\"".to_owned(),
            _ => return Err(io::Error::other("there is nothing to build")),
        };
        let directory = crate::target_directory()?
            .join("bench-build")
            .join(contender.name());
        fs::create_dir_all(directory.join("src"))?;
        fs::write(
            directory.join("Cargo.toml"),
            format!(
                "[package]\nname = \"cold\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
                 [dependencies]\n{dependency}\n\n[workspace]\n"
            ),
        )?;
        fs::write(directory.join("src/lib.rs"), "")?;
        fs::copy(root.join("Cargo.lock"), directory.join("Cargo.lock"))?;
        let build = ColdBuild { directory };
        // What is not in the package's graph leaves the lock file now.
        build.cargo(&["update", "--workspace", "--offline"])?;
        Ok(build)
    }

    fn cargo(&self, arguments: &[&str]) -> io::Result<()> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(arguments)
            .current_dir(&self.directory)
            .env("CARGO_TARGET_DIR", self.directory.join("target"))
            .env_remove("RUSTFLAGS")
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!(
            "cargo {}: {}",
            arguments.join(" "),
            said.trim()
        )))
    }
}

impl Workload for ColdBuild {
    fn round(&mut self) -> io::Result<Span> {
        let target = self.directory.join("target");
        if target.exists() {
            fs::remove_dir_all(&target)?;
        }
        let (cpu, wall) = (children_cpu_ns()?, Instant::now());
        self.cargo(&["build", "--release", "--offline", "--locked"])?;
        Ok(Span {
            cpu_ns: children_cpu_ns()? - cpu,
            wall_ns: wall.elapsed().as_nanos() as f64,
        })
    }
}

/// Of all children that have ended, and theirs: getrusage(2).
fn children_cpu_ns() -> io::Result<f64> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the kernel fills the structure.
    if unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is filled.
    let usage = unsafe { usage.assume_init() };
    let ns = |time: libc::timeval| time.tv_sec as f64 * 1e9 + time.tv_usec as f64 * 1e3;
    Ok(ns(usage.ru_utime) + ns(usage.ru_stime))
}
