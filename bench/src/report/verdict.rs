//! One row's numbers, and whether its target is met.

use crate::contender::Id;
use crate::measure::{RowResult, Series};
use crate::rows::{Row, Target};
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
    /// The row has no target, or ferrio did not run.
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

    /// By the median: of the ratios, or of ferrio's own time.
    pub fn judge(
        target: Target,
        ratio: Option<Summary>,
        over_raw: Option<Summary>,
        nanos: Option<f64>,
    ) -> Verdict {
        let met = match target {
            Target::None => None,
            Target::Ratio(limit) => ratio.map(|ratio| ratio.median <= limit),
            Target::RatioToRaw(limit) => over_raw.map(|ratio| ratio.median <= limit),
            Target::Below(limit) => nanos.map(|nanos| nanos < limit),
        };
        match met {
            None => Verdict::None,
            Some(true) => Verdict::Met,
            Some(false) => Verdict::Missed,
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
    pub verdict: Verdict,
}

impl Comparison {
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
            verdict: Verdict::judge(result.row.target, ferrio_ratio, over_raw(), ferrio),
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

    fn judge(target: Target, ratio: f64, nanos: f64) -> Verdict {
        Verdict::judge(target, Summary::of([ratio]), None, Some(nanos))
    }

    #[test]
    fn a_ratio_at_its_limit_is_met_and_above_it_missed() {
        assert_eq!(judge(Target::Ratio(1.03), 1.03, 9e9), Verdict::Met);
        assert_eq!(judge(Target::Ratio(1.03), 1.031, 1.0), Verdict::Missed);
    }

    #[test]
    fn an_absolute_limit_must_be_stayed_below() {
        assert_eq!(judge(Target::Below(250.0), 9.0, 249.0), Verdict::Met);
        assert_eq!(judge(Target::Below(250.0), 0.1, 250.0), Verdict::Missed);
    }

    #[test]
    fn without_target_or_ferrio_there_is_no_verdict() {
        assert_eq!(judge(Target::None, 1.0, 1.0), Verdict::None);
        assert_eq!(
            Verdict::judge(Target::Ratio(1.0), None, None, None),
            Verdict::None
        );
    }

    #[test]
    fn a_limit_to_the_bare_calls_is_judged_by_them() {
        let over_raw = Summary::of([1.06]);
        let judge = |limit| {
            Verdict::judge(
                Target::RatioToRaw(limit),
                Summary::of([0.9]),
                over_raw,
                None,
            )
        };
        assert_eq!(judge(1.05), Verdict::Missed);
        assert_eq!(judge(1.06), Verdict::Met);
    }

    #[test]
    fn ratios_are_against_mio_by_the_chosen_clock() {
        let row = rows::select(rows::EPOLL, &["empty-poll".into()]).unwrap()[0];
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
