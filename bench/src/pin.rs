//! Pinning threads to CPUs.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The CPU of the measuring thread and that of the second thread, where a row has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpus {
    pub main: usize,
    pub helper: usize,
}

impl std::str::FromStr for Cpus {
    type Err = String;

    fn from_str(text: &str) -> Result<Cpus, String> {
        let cpus = text
            .split_once(',')
            .and_then(|(main, helper)| Some((main.parse().ok()?, helper.parse().ok()?)));
        let (main, helper) = cpus.ok_or("expected two CPU numbers, e.g. --pin=0,1")?;
        if main == helper {
            return Err("the two CPUs must differ".to_owned());
        }
        Ok(Cpus { main, helper })
    }
}

/// Pins the calling thread.
pub fn to_cpu(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set)
        .map_err(|error| io::Error::other(format!("can't pin to CPU {cpu}: {error}")))
}

/// The CPUs this process may run on.
pub fn allowed() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect())
}

/// Pins the calling thread until dropped; then it may run where it might before.
pub struct Pinned(CpuSet);

impl Pinned {
    pub fn to(cpu: usize) -> io::Result<Pinned> {
        let before = sched_getaffinity(None)?;
        to_cpu(cpu)?;
        Ok(Pinned(before))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Err(error) = sched_setaffinity(None, &self.0) {
            eprintln!("warning: the measuring thread stays pinned: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_is_free_again_afterwards() {
        let before = allowed().unwrap();
        let pinned = Pinned::to(before[0]).unwrap();
        assert_eq!(allowed().unwrap(), [before[0]]);
        drop(pinned);
        assert_eq!(allowed().unwrap(), before);
    }
}
