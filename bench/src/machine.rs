//! Where and when a run took place.

use std::fs;
use std::process::Command;

use crate::measure::Plan;

/// Facts for the head of the report: (what, value).
#[derive(Debug)]
pub struct Machine {
    pub date: String,
    pub cpu: String,
    pub kernel: String,
    rustc: String,
    memory: String,
    load: String,
    options: String,
}

/// Asks the system; what it does not tell is "unknown".
pub fn describe(plan: &Plan) -> Machine {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let uname = rustix::system::uname();
    Machine {
        date: jiff::Timestamp::now()
            .strftime("%Y-%m-%d %H:%M UTC")
            .to_string(),
        cpu: cpu(&cpuinfo),
        kernel: format!(
            "{} {}",
            uname.sysname().to_string_lossy(),
            uname.release().to_string_lossy()
        ),
        rustc: rustc(),
        memory: memory(&fs::read_to_string("/proc/meminfo").unwrap_or_default()),
        load: load(),
        options: options(plan),
    }
}

impl Machine {
    /// Lines for the report's head. The load is read again: it tells how quiet the machine was.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        vec![
            ("date", self.date.clone()),
            ("cpu", self.cpu.clone()),
            ("memory", self.memory.clone()),
            ("kernel", self.kernel.clone()),
            ("compiler", self.rustc.clone()),
            (
                "load average before, after",
                format!("{}, {}", self.load, load()),
            ),
            ("run", self.options.clone()),
        ]
    }
}

fn cpu(cpuinfo: &str) -> String {
    let field = |name: &str| {
        cpuinfo
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim())
    };
    let model = field("model name").unwrap_or("unknown model");
    let virtual_machine = field("flags")
        .is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"));
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    let place = if virtual_machine {
        ", virtual machine"
    } else {
        ""
    };
    format!("{model}, {count} CPUs{place}")
}

fn memory(meminfo: &str) -> String {
    meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB"))
        .and_then(|kib| kib.trim().parse::<f64>().ok())
        .map_or("unknown".to_owned(), |kib| {
            format!("{:.1} GiB", kib / 1024.0 / 1024.0)
        })
}

/// The one-minute load average.
fn load() -> String {
    fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| text.split_whitespace().next().map(str::to_owned))
        .unwrap_or_else(|| "unknown".to_owned())
}

fn rustc() -> String {
    Command::new("rustc")
        .arg("--version")
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map_or("unknown".to_owned(), |output| {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        })
}

fn options(plan: &Plan) -> String {
    let pinned = match (plan.cpus, plan.pin_all) {
        (None, _) => "not pinned: one CPU".to_owned(),
        (Some(cpus), false) => {
            format!(
                "rows with two threads pinned to CPUs {} and {}, others not pinned",
                cpus.main, cpus.helper
            )
        }
        (Some(cpus), true) => {
            format!(
                "pinned to CPU {}, second threads to {}",
                cpus.main, cpus.helper
            )
        }
    };
    format!(
        "{} rounds per row, seed {}, {pinned}",
        plan.rounds, plan.seed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_model_and_virtualisation_are_found() {
        let text = "processor\t: 0\nmodel name\t: Fast CPU\nflags\t\t: fpu hypervisor sse\n";
        let cpu = cpu(text);
        assert!(cpu.starts_with("Fast CPU, "), "{cpu}");
        assert!(cpu.ends_with("virtual machine"), "{cpu}");
        assert!(super::cpu("").starts_with("unknown model"));
        assert!(!super::cpu("flags : fpu\n").contains("virtual"));
    }

    #[test]
    fn memory_is_in_gibibytes() {
        assert_eq!(
            memory("MemTotal:       16777216 kB\nMemFree: 1 kB\n"),
            "16.0 GiB"
        );
        assert_eq!(memory(""), "unknown");
    }
}
