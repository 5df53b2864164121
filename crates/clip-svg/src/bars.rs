//! Horizontal bars, one a row, with intervals.

use crate::axis::{Axis, mark, tenths};
use crate::canvas::{Anchor, Canvas, TEXT, width_of};

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What it is of.
    pub name: String,
    /// How long it is.
    pub value: f64,
    /// The ends of its whisker.
    pub interval: Option<[f64; 2]>,
    /// Drawn as what the others are compared with: muted, and with a dashed line through all rows.
    pub is_reference: bool,
}

/// Bars from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct BarChart {
    /// Above it.
    pub title: String,
    /// For those who don't see it, and below the title.
    pub description: String,
    /// What the axis shows, with its unit.
    pub axis: String,
    /// The rows, from above.
    pub bars: Vec<Bar>,
}

const ROW: f64 = 30.0;
const PLOT_WIDTH: f64 = 460.0;
const TOP: f64 = 66.0;

impl BarChart {
    /// The document.
    #[must_use]
    pub fn render(&self) -> String {
        let names = self.bars.iter().map(|bar| width_of(&bar.name)).fold(60.0, f64::max);
        let left = 24.0 + names.min(320.0);
        let right = left + PLOT_WIDTH;
        let bottom = TOP + ROW * self.bars.len() as f64;
        let mut canvas = Canvas::new(right + 80.0, bottom + 56.0, &self.title, &self.description);
        canvas.text(20.0, 50.0, "soft", Anchor::Start, &self.description);
        let reach = |bar: &Bar| bar.interval.map_or(bar.value, |[_, high]| high.max(bar.value));
        let most = self
            .bars
            .iter()
            .map(reach)
            .filter(|value| value.is_finite())
            .fold(0.0, f64::max);
        let axis = Axis::from_zero(most, [left, right]);
        for value in axis.marks(6) {
            let x = axis.at(value);
            canvas.line([x, TOP, x, bottom], "grid");
            canvas.text(x, bottom + 18.0, "small number", Anchor::Middle, &mark(value));
        }
        canvas.text((left + right) / 2.0, bottom + 40.0, "soft", Anchor::Middle, &self.axis);
        for (index, bar) in self.bars.iter().enumerate() {
            let middle = TOP + ROW * (index as f64 + 0.5);
            canvas.text(left - 10.0, middle + TEXT / 3.0, "", Anchor::End, &bar.name);
            let class = if bar.is_reference { "muted" } else { "accent" };
            let hint = format!("{}: {}", bar.name, mark(rounded(bar.value)));
            canvas.rect([left, middle - 9.0, axis.at(bar.value) - left, 18.0], class, &hint);
            let mut end = axis.at(bar.value);
            if let Some([low, high]) = bar.interval {
                let (low, high) = (axis.at(low), axis.at(high));
                canvas.line([low, middle, high, middle], "whisker");
                canvas.line([low, middle - 4.0, low, middle + 4.0], "whisker");
                canvas.line([high, middle - 4.0, high, middle + 4.0], "whisker");
                end = end.max(high);
            }
            canvas.text(
                end + 8.0,
                middle + TEXT / 3.0,
                "number",
                Anchor::Start,
                &tenths(bar.value),
            );
        }
        if let Some(reference) = self.bars.iter().find(|bar| bar.is_reference) {
            let x = axis.at(reference.value);
            canvas.line([x, TOP, x, bottom], "reference");
        }
        canvas.line([left, TOP, left, bottom], "axis");
        canvas.finish()
    }
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
