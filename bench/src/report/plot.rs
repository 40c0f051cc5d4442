//! The plots: each row a line, ratios to mio on a logarithmic axis, a mark at the median and a bar from quartile to
//! quartile. They have a background of their own, so that they can be read on light and dark pages.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::contender::Id;
use crate::stats::Summary;

/// Who a mark belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Series {
    Ferrio,
    Control,
    Raw,
    Of(Id),
}

/// One row.
pub struct Bar {
    pub label: String,
    /// A limit to the ratio.
    pub target: Option<f64>,
    /// Those drawn last are on top.
    pub marks: Vec<(Series, Summary)>,
}

pub struct Plot<'a> {
    pub title: &'a str,
    pub axis: &'a str,
    pub bars: Vec<Bar>,
}

const WIDTH: u32 = 960;
const LINE: i32 = 22;
const LEFT: i32 = 230;
const RIGHT: i32 = 36;
const TOP: i32 = 76;
const BOTTOM: i32 = 52;

const INK: RGBColor = RGBColor(36, 41, 47);
const FAINT: RGBColor = RGBColor(208, 215, 222);
const TARGET: RGBColor = RGBColor(207, 34, 46);

impl Series {
    fn colour(self) -> RGBColor {
        match self {
            Series::Ferrio => RGBColor(9, 105, 218),
            Series::Control => RGBColor(140, 149, 159),
            Series::Raw => RGBColor(36, 41, 47),
            Series::Of(Id::Polling) => RGBColor(191, 135, 0),
            Series::Of(Id::Libuv) => RGBColor(26, 127, 55),
            Series::Of(Id::Libevent) => RGBColor(130, 80, 223),
            Series::Of(Id::FerrioPoll) => RGBColor(84, 174, 255),
            Series::Of(_) => RGBColor(188, 76, 0),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Series::Ferrio => "ferrio",
            Series::Control => "control (mio again)",
            Series::Raw => "system calls alone",
            Series::Of(id) => id.name(),
        }
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Failed = Box<dyn std::error::Error>;

impl Plot<'_> {
    /// Writes an SVG file.
    pub fn write(&self, path: &Path) -> Result<(), Failed> {
        let lines = i32::try_from(self.bars.len())?;
        let height = TOP + lines * LINE + BOTTOM;
        let root = SVGBackend::new(path, (WIDTH, u32::try_from(height)?)).into_drawing_area();
        root.fill(&WHITE)?;
        let scale = Scale::over(&self.bars);
        self.frame(&root, &scale, lines)?;
        self.legend(&root)?;
        for (place, bar) in (0..).zip(&self.bars) {
            draw(&root, &scale, bar, TOP + place * LINE + LINE / 2)?;
        }
        root.present()?;
        Ok(())
    }

    fn frame(&self, root: &Area<'_>, scale: &Scale, lines: i32) -> Result<(), Failed> {
        let bottom = TOP + lines * LINE;
        text(root, self.title, (16, 22), 18, &INK, HPos::Left)?;
        for tick in scale.ticks() {
            let x = scale.x(tick);
            let one = (tick - 1.0).abs() < 1e-9;
            let style = if one {
                INK.stroke_width(1)
            } else {
                FAINT.stroke_width(1)
            };
            root.draw(&PathElement::new(vec![(x, TOP), (x, bottom)], style))?;
            let label = format!("{tick}");
            text(root, &label, (x, bottom + 14), 12, &INK, HPos::Center)?;
        }
        let middle = (LEFT + WIDTH as i32 - RIGHT) / 2;
        text(
            root,
            self.axis,
            (middle, bottom + 36),
            13,
            &INK,
            HPos::Center,
        )
    }

    fn legend(&self, root: &Area<'_>) -> Result<(), Failed> {
        let mut seen: Vec<Series> = Vec::new();
        for (series, _) in self.bars.iter().flat_map(|bar| &bar.marks) {
            if !seen.contains(series) {
                seen.push(*series);
            }
        }
        let mut x = LEFT;
        for series in seen {
            root.draw(&Circle::new((x, 52), 5, series.colour().filled()))?;
            text(root, series.name(), (x + 10, 52), 13, &INK, HPos::Left)?;
            x += 34 + 8 * i32::try_from(series.name().len())?;
        }
        if self.bars.iter().any(|bar| bar.target.is_some()) {
            let line = vec![(x, 45), (x, 59)];
            root.draw(&PathElement::new(line, TARGET.stroke_width(2)))?;
            text(root, "target", (x + 10, 52), 13, &INK, HPos::Left)?;
        }
        Ok(())
    }
}

fn draw(root: &Area<'_>, scale: &Scale, bar: &Bar, y: i32) -> Result<(), Failed> {
    text(root, &bar.label, (LEFT - 10, y), 13, &INK, HPos::Right)?;
    let ends = vec![(LEFT, y + LINE / 2), (WIDTH as i32 - RIGHT, y + LINE / 2)];
    root.draw(&PathElement::new(ends, FAINT.mix(0.5).stroke_width(1)))?;
    if let Some(target) = bar.target {
        let x = scale.x(target);
        let line = vec![(x, y - 8), (x, y + 8)];
        root.draw(&PathElement::new(line, TARGET.stroke_width(2)))?;
    }
    for (series, ratio) in &bar.marks {
        let colour = series.colour();
        let range = vec![(scale.x(ratio.q1), y), (scale.x(ratio.q3), y)];
        root.draw(&PathElement::new(range, colour.mix(0.5).stroke_width(4)))?;
        root.draw(&Circle::new((scale.x(ratio.median), y), 4, colour.filled()))?;
    }
    Ok(())
}

fn text(
    root: &Area<'_>,
    text: &str,
    at: (i32, i32),
    size: i32,
    colour: &RGBColor,
    side: HPos,
) -> Result<(), Failed> {
    let style = ("sans-serif", size)
        .into_font()
        .color(colour)
        .pos(Pos::new(side, VPos::Center));
    root.draw_text(text, &style, at)?;
    Ok(())
}

/// The logarithmic axis.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// Wide enough for every mark and for 1.
    fn over(bars: &[Bar]) -> Scale {
        let ratios = bars.iter().flat_map(|bar| &bar.marks).map(|(_, r)| r);
        let (mut low, mut high) = (0.9_f64, 1.1_f64);
        for ratio in ratios {
            low = low.min(ratio.q1);
            high = high.max(ratio.q3);
        }
        for target in bars.iter().filter_map(|bar| bar.target) {
            low = low.min(target);
            high = high.max(target);
        }
        Scale {
            low: low.max(1e-4) / 1.08,
            high: high.min(1e4) * 1.08,
        }
    }

    fn x(&self, ratio: f64) -> i32 {
        let share =
            (ratio.clamp(self.low, self.high) / self.low).ln() / (self.high / self.low).ln();
        LEFT + (share * f64::from(WIDTH as i32 - RIGHT - LEFT)).round() as i32
    }

    /// Round numbers, none nearer to the next than their labels need.
    fn ticks(&self) -> Vec<f64> {
        let width = self.high / self.low;
        let steps: &[f64] = if width < 1.5 {
            &[
                0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3,
            ]
        } else if width < 3.0 {
            &[
                1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0,
            ]
        } else {
            &[1.0, 2.0, 5.0]
        };
        let mut ticks: Vec<f64> = Vec::new();
        for power in -5..=4 {
            let decade = 10f64.powi(power);
            let in_range = steps
                .iter()
                // As few digits as there are.
                .map(|step| (step * decade * 1e6).round() / 1e6)
                .filter(|tick| (self.low..=self.high).contains(tick));
            for tick in in_range {
                let last = ticks.last().copied();
                if last.is_none_or(|last| self.x(tick) - self.x(last) >= 34) {
                    ticks.push(tick);
                }
            }
        }
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, median: f64) -> Bar {
        let ratio = Summary {
            min: median * 0.8,
            q1: median * 0.9,
            median,
            q3: median * 1.1,
            max: median * 1.2,
        };
        Bar {
            label: label.to_owned(),
            target: Some(0.22),
            marks: vec![(Series::Control, ratio), (Series::Ferrio, ratio)],
        }
    }

    #[test]
    fn a_plot_names_its_rows_and_series() {
        let directory = std::env::temp_dir().join(format!("ferrio-plot-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("plot.svg");
        let plot = Plot {
            title: "A title",
            axis: "an axis",
            bars: vec![bar("wake-256", 0.02), bar("register", 1.0)],
        };
        plot.write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        for needle in [
            "A title", "an axis", "wake-256", "register", "ferrio", "target",
        ] {
            assert!(text.contains(needle), "{needle} is missing");
        }
    }

    #[test]
    fn the_axis_is_logarithmic_and_holds_everything() {
        let bars = [bar("a", 0.02), bar("b", 4.0)];
        let scale = Scale::over(&bars);
        assert!(scale.low < 0.018 && scale.high > 4.4);
        let decade = scale.x(1.0) - scale.x(0.1);
        assert!((decade - (scale.x(0.5) - scale.x(0.05))).abs() <= 1);
        let ticks = scale.ticks();
        assert!(ticks.contains(&1.0) && ticks.contains(&0.05), "{ticks:?}");
        // Out of range is at the edge.
        assert_eq!(scale.x(1e9), WIDTH as i32 - RIGHT);
    }
}
