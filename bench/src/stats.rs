//! Medians and quartiles of per-round numbers.

/// The five numbers that describe a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub min: f64,
    pub q1: f64,
    pub median: f64,
    pub q3: f64,
    pub max: f64,
}

impl Summary {
    /// `None` for an empty series.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Summary> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Some(Summary {
            min: *sorted.first()?,
            q1: quantile(&sorted, 0.25),
            median: quantile(&sorted, 0.5),
            q3: quantile(&sorted, 0.75),
            max: *sorted.last()?,
        })
    }

    /// Summarises `numerator[i] / denominator[i]`: each round is compared with the same round of the other contender,
    /// so that what slows a whole round down (other load, clock speed) cancels out.
    pub fn of_ratios(numerator: &[f64], denominator: &[f64]) -> Option<Summary> {
        assert_eq!(numerator.len(), denominator.len(), "one ratio per round");
        Summary::of(numerator.iter().zip(denominator).map(|(a, b)| a / b))
    }
}

/// The value below which `share` of `sorted` lies, interpolated between neighbours.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = sorted[position.floor() as usize];
    let above = sorted[position.ceil() as usize];
    below + (above - below) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_series_takes_its_middle() {
        let summary = Summary::of([5.0, 1.0, 3.0, 2.0, 4.0]).unwrap();
        let expected = Summary {
            min: 1.0,
            q1: 2.0,
            median: 3.0,
            q3: 4.0,
            max: 5.0,
        };
        assert_eq!(summary, expected);
    }

    #[test]
    fn even_series_interpolates() {
        let summary = Summary::of([4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!((summary.q1, summary.median, summary.q3), (1.75, 2.5, 3.25));
    }

    #[test]
    fn one_value_is_every_quantile() {
        let summary = Summary::of([7.0]).unwrap();
        assert!(
            [
                summary.min,
                summary.q1,
                summary.median,
                summary.q3,
                summary.max
            ]
            .iter()
            .all(|&value| value == 7.0)
        );
    }

    #[test]
    fn empty_series_has_no_summary() {
        assert_eq!(Summary::of([]), None);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The sums' ratio would be 1.0; the rounds say that one half was twice as slow and one half twice as fast.
        let summary = Summary::of_ratios(&[2.0, 1.0, 2.0], &[1.0, 2.0, 1.0]).unwrap();
        assert_eq!((summary.min, summary.median, summary.max), (0.5, 2.0, 2.0));
    }

    #[test]
    #[should_panic(expected = "one ratio per round")]
    fn ratios_of_unequal_series_are_refused() {
        let _ = Summary::of_ratios(&[1.0], &[1.0, 2.0]);
    }
}
