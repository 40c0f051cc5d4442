//! The machines: what compiles for them, and what runs their programs.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::cmd::conformance::programs::Around;
use crate::install;
use crate::workspace::rustflags;

/// What Debian has for one target.
#[derive(Debug)]
pub struct Machine {
    /// As rustc calls it.
    pub target: &'static str,
    linker: &'static str,
    /// `None`: the processor here runs its programs.
    pub emulator: Option<&'static str>,
    /// Where its C library is.
    root: &'static str,
    /// The program that loads others, below `root`.
    loader: &'static str,
    packages: &'static [&'static str],
}

/// Another processor, and 32 bits. The first is tested if none is named.
pub const IN_CI: [&str; 2] = ["aarch64-unknown-linux-gnu", "i686-unknown-linux-gnu"];

pub const MACHINES: &[Machine] = &[
    Machine {
        target: "aarch64-unknown-linux-gnu",
        linker: "aarch64-linux-gnu-gcc",
        emulator: Some("qemu-aarch64-static"),
        root: "/usr/aarch64-linux-gnu",
        loader: "lib/ld-linux-aarch64.so.1",
        packages: &[
            "gcc-aarch64-linux-gnu",
            "libc6-dev-arm64-cross",
            "qemu-user-static",
        ],
    },
    // The other order of bytes.
    Machine {
        target: "s390x-unknown-linux-gnu",
        linker: "s390x-linux-gnu-gcc",
        emulator: Some("qemu-s390x-static"),
        root: "/usr/s390x-linux-gnu",
        loader: "lib/ld64.so.1",
        packages: &[
            "gcc-s390x-linux-gnu",
            "libc6-dev-s390x-cross",
            "qemu-user-static",
        ],
    },
    // 32 bits, and every system call is the kernel's own.
    Machine {
        target: "i686-unknown-linux-gnu",
        linker: "i686-linux-gnu-gcc",
        emulator: None,
        root: "/usr/i686-linux-gnu",
        loader: "lib/ld-linux.so.2",
        packages: &["gcc-i686-linux-gnu", "libc6-dev-i386-cross"],
    },
];

pub fn names() -> Vec<&'static str> {
    MACHINES.iter().map(|machine| machine.target).collect()
}

pub fn named(target: &str) -> Option<&'static Machine> {
    MACHINES.iter().find(|machine| machine.target == target)
}

impl Machine {
    /// Installs what is missing, and makes sure that it is there then.
    pub fn install(&self) -> Result<()> {
        ensure!(
            self.emulator.is_some() || env::consts::ARCH == "x86_64",
            "programs for {} run on x86_64 only, and this is {}",
            self.target,
            env::consts::ARCH
        );
        if self.missing().is_none() {
            return Ok(());
        }
        install::packages(self.packages, "https://www.debian.org/distrib/packages")?;
        let missing = self.missing();
        ensure!(
            missing.is_none(),
            "{} is installed, and {} is not there",
            self.packages.join(" "),
            missing.unwrap_or_default()
        );
        Ok(())
    }

    /// The first thing that is not there.
    fn missing(&self) -> Option<String> {
        let programs = [Some(self.linker), self.emulator];
        let mut programs = programs.into_iter().flatten();
        let missing = programs.find(|program| !runs(program)).map(str::to_owned);
        // The second is there to link with.
        let files = [self.loader, "lib/crt1.o"].map(|file| Path::new(self.root).join(file));
        let file = files.iter().find(|file| !file.exists());
        missing.or_else(|| Some(file?.display().to_string()))
    }

    /// What cargo, the emulator and the tests have to be told.
    pub fn around(&self) -> Result<Around> {
        let name = self.target.replace('-', "_").to_uppercase();
        let mut environment: Vec<(String, OsString)> = Vec::new();
        let mut set = |name: String, value: &str| environment.push((name, value.into()));
        set(format!("CARGO_TARGET_{name}_LINKER"), self.linker);
        let runner = match self.emulator {
            Some(emulator) => {
                set("QEMU_LD_PREFIX".into(), self.root);
                set(format!("CARGO_TARGET_{name}_RUNNER"), emulator);
                // See conformance/src/emulator.rs.
                set("FERRIO_RUNNER".into(), emulator);
                set("FERRIO_HOST".into(), env::consts::ARCH);
                Some(PathBuf::from(emulator))
            }
            None => {
                // The loader is not where programs expect it: that would be another architecture's package.
                let loader = format!(
                    "-Clink-arg=-Wl,--dynamic-linker={}/{}",
                    self.root, self.loader
                );
                let libraries = format!("-Clink-arg=-Wl,-rpath,{}/lib", self.root);
                let given = env::var_os("CARGO_ENCODED_RUSTFLAGS");
                ensure!(
                    given.is_none(),
                    "CARGO_ENCODED_RUSTFLAGS is set, and goes before RUSTFLAGS"
                );
                let flags = format!("{loader} {libraries}");
                set("RUSTFLAGS".into(), &rustflags(&flags));
                // The documentation's examples are linked by rustdoc.
                set("RUSTDOCFLAGS".into(), &flags);
                None
            }
        };
        Ok(Around {
            target: Some(self.target.to_owned()),
            runner,
            environment,
            ..Around::default()
        })
    }
}

fn runs(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_told_of_the_linker_and_the_emulator() {
        let around = MACHINES[0].around().unwrap();
        let value = |name: &str| {
            let found = around.environment.iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value.to_str().unwrap())
        };
        let linker = "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER";
        assert_eq!(value(linker), Some("aarch64-linux-gnu-gcc"));
        assert_eq!(value("FERRIO_RUNNER"), Some("qemu-aarch64-static"));
        assert_eq!(value("QEMU_LD_PREFIX"), Some("/usr/aarch64-linux-gnu"));
    }

    #[test]
    fn machines_are_found_by_their_target() {
        assert_eq!(
            named("s390x-unknown-linux-gnu").unwrap().linker,
            "s390x-linux-gnu-gcc"
        );
        assert!(named("s390x").is_none());
        assert_eq!(names().len(), MACHINES.len());
    }
}
