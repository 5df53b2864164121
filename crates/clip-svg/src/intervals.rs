//! Differences with their intervals about zero, one a row.

use crate::axis::{Axis, mark};
use crate::canvas::{Anchor, Canvas, TEXT, width_of};

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// What it is of.
    pub name: String,
    /// The difference.
    pub value: f64,
    /// Where it may lie.
    pub interval: [f64; 2],
    /// Whether chance is no good explanation of it. Its interval alone doesn't say: a test may be stricter.
    pub is_clear: bool,
    /// Text at its right.
    pub note: String,
}

/// Points with whiskers about a line at zero. What is clearly above it is drawn as good, what is clearly below as bad, the rest muted.
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalChart {
    /// Above it.
    pub title: String,
    /// For those who don't see it, and below the title.
    pub description: String,
    /// What the axis shows, with its unit.
    pub axis: String,
    /// The rows, from above.
    pub rows: Vec<Interval>,
}

const ROW: f64 = 28.0;
const PLOT_WIDTH: f64 = 420.0;
const TOP: f64 = 66.0;

impl IntervalChart {
    /// The document.
    #[must_use]
    pub fn render(&self) -> String {
        let widest =
            |text: fn(&Interval) -> &String| self.rows.iter().map(|row| width_of(text(row))).fold(60.0, f64::max);
        let left = 24.0 + widest(|row| &row.name).min(320.0);
        let right = left + PLOT_WIDTH;
        let bottom = TOP + ROW * self.rows.len() as f64;
        let width = right + 24.0 + widest(|row| &row.note);
        let mut canvas = Canvas::new(width, bottom + 56.0, &self.title, &self.description);
        canvas.text(20.0, 50.0, "soft", Anchor::Start, &self.description);
        let ends = || {
            self.rows
                .iter()
                .flat_map(|row| row.interval)
                .filter(|end| end.is_finite())
        };
        let (low, high) = (ends().fold(0.0, f64::min), ends().fold(0.0, f64::max));
        // Where all is 0, marks would differ by billionths, and each would say 0.
        let room = if high - low > 1e-9 { 0.05 * (high - low) } else { 0.5 };
        let axis = Axis::linear([low - room, high + room], [left, right]);
        for value in axis.marks(6) {
            let x = axis.at(value);
            canvas.line([x, TOP, x, bottom], "grid");
            canvas.text(x, bottom + 18.0, "small number", Anchor::Middle, &mark(value));
        }
        canvas.text((left + right) / 2.0, bottom + 40.0, "soft", Anchor::Middle, &self.axis);
        canvas.line([axis.at(0.0), TOP, axis.at(0.0), bottom], "axis");
        for (index, row) in self.rows.iter().enumerate() {
            let middle = TOP + ROW * (index as f64 + 0.5);
            let [low, high] = row.interval;
            let kind = if row.is_clear && row.value > 0.0 {
                "good"
            } else if row.is_clear && row.value < 0.0 {
                "bad"
            } else {
                "muted"
            };
            canvas.text(left - 10.0, middle + TEXT / 3.0, "", Anchor::End, &row.name);
            canvas.line([axis.at(low), middle, axis.at(high), middle], &format!("{kind}-line"));
            let hint = format!("{}: {} ({} to {})", row.name, mark(row.value), mark(low), mark(high));
            canvas.circle(axis.at(row.value), middle, 5.0, kind, &hint);
            canvas.text(
                right + 12.0,
                middle + TEXT / 3.0,
                "soft number",
                Anchor::Start,
                &row.note,
            );
        }
        canvas.finish()
    }
}
