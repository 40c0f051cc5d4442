//! One row's numbers, and whether its target is met.

use crate::contender::Id;
use crate::measure::{RowResult, Series};
use crate::rows::{Limit, Metric, Row, Target};
use crate::stats::Summary;

/// Which of the two recorded clocks is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    Cpu,
    Wall,
}

impl Clock {
    pub fn of(self, series: &Series) -> &[f64] {
        match self {
            Clock::Cpu => &series.cpu_ns,
            Clock::Wall => &series.wall_ns,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Met,
    Missed,
    /// The row has no target, or somebody did not run who decides it.
    None,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Met => "met",
            Verdict::Missed => "missed",
            Verdict::None => "-",
        }
    }

    /// A target has one part or two, and is met if each is.
    pub fn judge(target: Target, ratio: Option<Summary>, over_raw: Option<Summary>) -> Verdict {
        let against_mio = target.mio.map(|limit| {
            ratio.map(|ratio| match limit {
                Limit::AtMost(limit) => ratio.median <= limit,
                Limit::Parity => ratio.q1 <= 1.0,
            })
        });
        let against_raw = target
            .raw
            .map(|limit| over_raw.map(|ratio| ratio.median <= limit));
        let parts: Vec<Option<bool>> = against_mio.into_iter().chain(against_raw).collect();
        if parts.is_empty() || parts.contains(&None) {
            Verdict::None
        } else if parts.contains(&Some(false)) {
            Verdict::Missed
        } else {
            Verdict::Met
        }
    }
}

/// One row by one clock.
#[derive(Debug)]
pub struct Comparison {
    pub row: &'static Row,
    /// Medians of one operation, in nanoseconds.
    pub mio: f64,
    pub ferrio: Option<f64>,
    pub raw: Option<f64>,
    /// Round by round, divided by mio.
    pub ferrio_ratio: Option<Summary>,
    pub control_ratio: Option<Summary>,
    pub raw_ratio: Option<Summary>,
    /// ferrio's rounds, divided by those without a library.
    pub over_raw: Option<Summary>,
    /// Medians, and rounds divided by mio, of everybody who ran.
    pub all: Vec<(Id, f64, Summary)>,
    pub verdict: Verdict,
}

impl Comparison {
    /// By the clock that judges the row.
    pub fn judged(result: &RowResult) -> Option<Comparison> {
        Comparison::of(
            result,
            match result.row.metric {
                Metric::Wall => Clock::Wall,
                _ => Clock::Cpu,
            },
        )
    }

    /// `None` if mio has no rounds.
    pub fn of(result: &RowResult, clock: Clock) -> Option<Comparison> {
        let baseline = clock.of(result.series(Id::Mio)?);
        let median = |id| Some(Summary::of(clock.of(result.series(id)?).iter().copied())?.median);
        let ratio = |id| Summary::of_ratios(clock.of(result.series(id)?), baseline);
        let over_raw = || {
            let [ferrio, raw] = [Id::Ferrio, Id::Raw].map(|id| result.series(id));
            Summary::of_ratios(clock.of(ferrio?), clock.of(raw?))
        };
        let ferrio = median(Id::Ferrio);
        let ferrio_ratio = ratio(Id::Ferrio);
        Some(Comparison {
            row: result.row,
            mio: median(Id::Mio)?,
            ferrio,
            raw: median(Id::Raw),
            ferrio_ratio,
            control_ratio: ratio(Id::Control),
            raw_ratio: ratio(Id::Raw),
            over_raw: over_raw(),
            all: result
                .series
                .iter()
                .filter_map(|series| {
                    let id = series.contender;
                    Some((id, median(id)?, ratio(id)?))
                })
                .collect(),
            verdict: Verdict::judge(result.row.target, ferrio_ratio, over_raw()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows;

    fn series(contender: Id, cpu: &[f64]) -> Series {
        Series {
            contender,
            cpu_ns: cpu.to_vec(),
            wall_ns: cpu.iter().map(|nanos| nanos * 2.0).collect(),
        }
    }

    fn at_most(ratio: f64) -> Target {
        Target {
            mio: Some(Limit::AtMost(ratio)),
            raw: None,
        }
    }

    const PARITY: Target = Target {
        mio: Some(Limit::Parity),
        raw: Some(1.03),
    };

    fn judge(target: Target, ratio: &[f64], over_raw: &[f64]) -> Verdict {
        let of = |values: &[f64]| Summary::of(values.iter().copied());
        Verdict::judge(target, of(ratio), of(over_raw))
    }

    #[test]
    fn a_ratio_at_its_limit_is_met_and_above_it_missed() {
        assert_eq!(judge(at_most(1.03), &[1.03], &[]), Verdict::Met);
        assert_eq!(judge(at_most(1.03), &[1.031], &[]), Verdict::Missed);
        // The median counts, not the extremes.
        assert_eq!(judge(at_most(1.03), &[0.5, 1.0, 9.0], &[]), Verdict::Met);
    }

    #[test]
    fn parity_is_a_range_that_includes_one_or_lies_below_it() {
        let raw = &[1.0];
        assert_eq!(judge(PARITY, &[0.98, 1.02, 1.04], raw), Verdict::Met);
        assert_eq!(judge(PARITY, &[0.90, 0.91, 0.92], raw), Verdict::Met);
        assert_eq!(judge(PARITY, &[1.001, 1.002, 1.003], raw), Verdict::Missed);
    }

    #[test]
    fn both_parts_of_a_target_have_to_be_met() {
        assert_eq!(judge(PARITY, &[1.0], &[1.03]), Verdict::Met);
        assert_eq!(judge(PARITY, &[1.0], &[1.04]), Verdict::Missed);
        assert_eq!(judge(PARITY, &[1.1], &[1.0]), Verdict::Missed);
    }

    #[test]
    fn without_a_target_or_one_who_decides_it_there_is_no_verdict() {
        assert_eq!(judge(Target::NONE, &[1.0], &[1.0]), Verdict::None);
        assert_eq!(judge(at_most(1.0), &[], &[1.0]), Verdict::None);
        assert_eq!(judge(PARITY, &[1.0], &[]), Verdict::None);
    }

    #[test]
    fn a_limit_to_the_bare_calls_is_judged_by_them() {
        let target = |limit| Target {
            mio: None,
            raw: Some(limit),
        };
        assert_eq!(judge(target(1.05), &[0.9], &[1.06]), Verdict::Missed);
        assert_eq!(judge(target(1.06), &[9.0], &[1.06]), Verdict::Met);
    }

    #[test]
    fn ratios_are_against_mio_by_the_chosen_clock() {
        let row = rows::named("empty-poll").unwrap();
        let result = RowResult {
            row,
            series: vec![
                series(Id::Mio, &[100.0, 200.0, 100.0]),
                series(Id::Ferrio, &[50.0, 100.0, 50.0]),
                series(Id::Control, &[100.0, 200.0, 110.0]),
                series(Id::Raw, &[40.0, 80.0, 40.0]),
            ],
        };
        let cpu = Comparison::of(&result, Clock::Cpu).unwrap();
        assert_eq!(
            (cpu.mio, cpu.ferrio, cpu.raw),
            (100.0, Some(50.0), Some(40.0))
        );
        assert_eq!(cpu.ferrio_ratio.unwrap().median, 0.5);
        assert_eq!(cpu.control_ratio.unwrap().median, 1.0);
        assert_eq!(cpu.raw_ratio.unwrap().median, 0.4);
        assert_eq!(cpu.over_raw.unwrap().median, 1.25);
        assert_eq!(Comparison::of(&result, Clock::Wall).unwrap().mio, 200.0);
    }
}
