//! Lines over a few places, named at their ends.

use crate::axis::{Axis, mark};
use crate::canvas::{Anchor, Canvas, SERIES_COLOURS, width_of};

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// At its end.
    pub name: String,
    /// One value for each place; `None` where there is none.
    pub values: Vec<Option<f64>>,
}

/// Lines over places that have names.
#[derive(Debug, Clone, PartialEq)]
pub struct LineChart {
    /// Above it.
    pub title: String,
    /// For those who don't see it, and below the title.
    pub description: String,
    /// What the horizontal axis shows.
    pub x_axis: String,
    /// What the vertical axis shows, with its unit.
    pub y_axis: String,
    /// The places, from the left.
    pub places: Vec<String>,
    /// The lines.
    pub lines: Vec<Line>,
}

const LEFT: f64 = 76.0;
const RIGHT: f64 = 560.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 430.0;
/// Names at the ends are at least so far apart.
const NAME_HEIGHT: f64 = 17.0;

impl LineChart {
    /// The document.
    #[must_use]
    pub fn render(&self) -> String {
        let names = self.lines.iter().map(|line| width_of(&line.name)).fold(60.0, f64::max);
        let height = BOTTOM.max(TOP + NAME_HEIGHT * self.lines.len() as f64) + 60.0;
        let mut canvas = Canvas::new(RIGHT + 44.0 + names, height, &self.title, &self.description);
        canvas.text(20.0, 50.0, "soft", Anchor::Start, &self.description);
        let values = || self.lines.iter().flat_map(|line| line.values.iter().flatten().copied());
        let most = values().filter(|value| value.is_finite()).fold(0.0, f64::max);
        let y_axis = Axis::from_zero(most * 1.05, [BOTTOM, TOP]);
        let last = self.places.len().saturating_sub(1);
        let x_axis = Axis::linear([0.0, last as f64], [LEFT + 16.0, RIGHT]);
        for value in y_axis.marks(6) {
            let y = y_axis.at(value);
            canvas.line([LEFT, y, RIGHT, y], "grid");
            canvas.text(LEFT - 8.0, y + 4.0, "small number", Anchor::End, &mark(value));
        }
        for (index, place) in self.places.iter().enumerate() {
            canvas.text(x_axis.at(index as f64), BOTTOM + 18.0, "small", Anchor::Middle, place);
        }
        canvas.text(
            (LEFT + RIGHT) / 2.0,
            BOTTOM + 42.0,
            "soft",
            Anchor::Middle,
            &self.x_axis,
        );
        canvas.upward_text(24.0, (TOP + BOTTOM) / 2.0, "soft", &self.y_axis);
        let mut ends = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let places = line.values.iter().enumerate();
            let points: Vec<(f64, f64)> = places
                .filter_map(|(place, value)| Some((x_axis.at(place as f64), y_axis.at((*value)?))))
                .collect();
            let colour = index % SERIES_COLOURS;
            // The ninth line has the first's colour, and another stroke.
            let stroke = if (index / SERIES_COLOURS).is_multiple_of(2) {
                ""
            } else {
                " dashed"
            };
            canvas.polyline(&points, &format!("line l{colour}{stroke}"));
            for &(x, y) in &points {
                canvas.circle(x, y, 3.5, &format!("s{colour}"), &line.name);
            }
            if let Some(&(x, y)) = points.last() {
                ends.push((x, y, colour, line.name.as_str()));
            }
        }
        name_ends(&mut canvas, ends);
        canvas.finish()
    }
}

/// Names beside the ends of the lines, moved apart where lines end together, with a thin line to each.
fn name_ends(canvas: &mut Canvas, mut ends: Vec<(f64, f64, usize, &str)>) {
    ends.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut heights: Vec<f64> = Vec::with_capacity(ends.len());
    for &(_, y, _, _) in &ends {
        heights.push(heights.last().map_or(y, |above| y.max(above + NAME_HEIGHT)));
    }
    let mut limit = BOTTOM.max(TOP + NAME_HEIGHT * ends.len() as f64);
    for height in heights.iter_mut().rev() {
        *height = height.min(limit);
        limit = *height - NAME_HEIGHT;
    }
    for ((x, y, colour, name), height) in ends.into_iter().zip(heights) {
        canvas.line([x + 5.0, y, RIGHT + 20.0, height], "grid");
        canvas.text(RIGHT + 26.0, height + 4.0, &format!("s{colour}"), Anchor::Start, name);
    }
}
