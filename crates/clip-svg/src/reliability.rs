//! Reliability diagrams: whether what is said with a confidence is right as often.

use crate::axis::tenths;
use crate::canvas::{Anchor, Canvas};

/// Answers of similar confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReliabilityBin {
    /// Confidences above this, 0 to 1.
    pub from: f64,
    /// Up to this.
    pub to: f64,
    /// How many answers.
    pub count: usize,
    /// The share of right ones.
    pub accuracy: f64,
    /// Their mean confidence.
    pub confidence: f64,
}

/// One diagram.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Above it.
    pub name: String,
    /// Below its name.
    pub note: String,
    /// Its bins.
    pub bins: Vec<ReliabilityBin>,
}

/// Several diagrams side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct ReliabilityChart {
    /// Above it.
    pub title: String,
    /// For those who don't see it, and below the title.
    pub description: String,
    /// The diagrams, row by row.
    pub panels: Vec<Panel>,
}

const SIDE: f64 = 200.0;
const COLUMNS: usize = 4;
/// The histogram of the answers below each diagram.
const HISTOGRAM: f64 = 34.0;
const PITCH_X: f64 = SIDE + 54.0;
const PITCH_Y: f64 = SIDE + HISTOGRAM + 96.0;
const TOP: f64 = 66.0;
/// Wide enough for the description where there is one diagram.
const LEAST_WIDTH: f64 = 640.0;

impl ReliabilityChart {
    /// The document.
    #[must_use]
    pub fn render(&self) -> String {
        let columns = self.panels.len().clamp(1, COLUMNS);
        let rows = self.panels.len().div_ceil(columns);
        let width = (24.0 + PITCH_X * columns as f64).max(LEAST_WIDTH);
        let mut canvas = Canvas::new(width, TOP + PITCH_Y * rows as f64, &self.title, &self.description);
        canvas.text(20.0, 50.0, "soft", Anchor::Start, &self.description);
        for (index, panel) in self.panels.iter().enumerate() {
            let left = 52.0 + PITCH_X * (index % columns) as f64;
            let top = TOP + 44.0 + PITCH_Y * (index / columns) as f64;
            panel.draw(&mut canvas, left, top);
        }
        canvas.finish()
    }
}

impl Panel {
    fn draw(&self, canvas: &mut Canvas, left: f64, top: f64) {
        let bottom = top + SIDE;
        canvas.text(left, top - 24.0, "", Anchor::Start, &self.name);
        canvas.text(left, top - 9.0, "small number", Anchor::Start, &self.note);
        for part in [0.0, 0.5, 1.0] {
            let y = bottom - part * SIDE;
            canvas.line([left, y, left + SIDE, y], "grid");
            canvas.text(
                left - 6.0,
                y + 4.0,
                "small number",
                Anchor::End,
                &format!("{:.0}", part * 100.0),
            );
            canvas.text(
                left + part * SIDE,
                bottom + HISTOGRAM + 18.0,
                "small number",
                Anchor::Middle,
                &format!("{:.0}", part * 100.0),
            );
        }
        let most = self.bins.iter().map(|bin| bin.count).max().unwrap_or(0).max(1) as f64;
        for bin in self.bins.iter().filter(|bin| bin.count > 0) {
            let x = left + bin.from * SIDE;
            let width = (bin.to - bin.from) * SIDE - 1.0;
            let of = |value: f64| {
                bottom
                    - if value.is_finite() {
                        value.clamp(0.0, 1.0) * SIDE
                    } else {
                        0.0
                    }
            };
            let hint = format!(
                "{} answers, {} % sure on average, {} % right",
                bin.count,
                tenths(bin.confidence * 100.0),
                tenths(bin.accuracy * 100.0)
            );
            canvas.rect([x, of(bin.accuracy), width, bottom - of(bin.accuracy)], "accent", &hint);
            let (upper, lower) = (
                of(bin.accuracy.max(bin.confidence)),
                of(bin.accuracy.min(bin.confidence)),
            );
            canvas.rect([x, upper, width, lower - upper], "gap", &hint);
            let height = bin.count as f64 / most * (HISTOGRAM - 6.0);
            canvas.rect([x, bottom + HISTOGRAM - height, width, height], "muted", &hint);
        }
        canvas.line([left, bottom, left + SIDE, top], "reference");
        canvas.line([left, bottom, left + SIDE, bottom], "axis");
        canvas.line([left, bottom + HISTOGRAM, left + SIDE, bottom + HISTOGRAM], "axis");
        canvas.text(
            left + SIDE / 2.0,
            bottom + HISTOGRAM + 34.0,
            "small",
            Anchor::Middle,
            "confidence, %",
        );
        canvas.upward_text(left - 34.0, top + SIDE / 2.0, "small", "right, %");
    }
}
