//! What was reached, for the reports.

use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, fs};

use ferrio_conformance::Backend;
use ferrio_conformance::script::{Case, Stats};
use serde_json::{Value, json};

/// How long what was counted may be missing from the file.
const EVERY: Duration = Duration::from_secs(5);

/// What one sort of scripts has reached on each backend.
struct Sort {
    name: &'static str,
    sums: Vec<(Backend, Stats)>,
}

pub struct Tally {
    sorts: [Sort; 3],
    divergences: u64,
    file: Option<PathBuf>,
    written: Instant,
}

impl Tally {
    pub fn new(backends: &[Backend]) -> Tally {
        let sort = |name| Sort {
            name,
            sums: backends.iter().map(|b| (*b, Stats::default())).collect(),
        };
        Tally {
            sorts: [
                sort("one thread"),
                sort("several threads"),
                sort("overlapping operations"),
            ],
            divergences: 0,
            file: env::var_os("FERRIO_FUZZ_COUNTS").map(PathBuf::from),
            written: Instant::now(),
        }
    }

    pub fn backends(&self) -> Vec<Backend> {
        self.sorts[0].sums.iter().map(|(b, _)| *b).collect()
    }

    /// Where scripts of this sort are counted.
    pub fn of(&mut self, case: &Case) -> &mut [(Backend, Stats)] {
        match case {
            Case::One(_) => &mut self.sorts[0].sums,
            Case::Threads { .. } => &mut self.sorts[1].sums,
            Case::Rounds { .. } => &mut self.sorts[2].sums,
        }
    }

    pub fn diverged(&mut self) {
        self.divergences += 1;
    }

    pub fn write_sometimes(&mut self) {
        if self.written.elapsed() > EVERY {
            self.write();
        }
    }

    pub fn write(&mut self) {
        self.written = Instant::now();
        let Some(file) = &self.file else { return };
        let sorts: Vec<Value> = self.sorts.iter().flat_map(lines).collect();
        let all = json!({ "divergences": self.divergences, "counts": sorts });
        fs::write(file, all.to_string()).expect("the file for the counts");
    }
}

fn lines(sort: &Sort) -> impl Iterator<Item = Value> {
    sort.sums.iter().map(|(backend, stats)| {
        json!({
            "sort": sort.name,
            "backend": backend.name,
            "scripts": stats.scripts,
            "operations": stats.operations,
            "would_block": stats.would_block,
            "events": stats.events,
            "due": stats.due,
            "extras": stats.extras.values().sum::<u64>(),
        })
    })
}
