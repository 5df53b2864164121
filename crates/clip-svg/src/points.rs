//! Points with names: one quantity against another.

use crate::axis::{Axis, mark};
use crate::canvas::{Anchor, Canvas, TEXT, width_of};

/// A point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Beside it.
    pub name: String,
    /// Along the horizontal axis; above 0 if that is logarithmic.
    pub x: f64,
    /// Along the vertical axis.
    pub y: f64,
    /// Drawn as what the others are compared with, with a dashed line at its height.
    pub is_reference: bool,
}

/// Points over a logarithmic horizontal axis.
#[derive(Debug, Clone, PartialEq)]
pub struct PointChart {
    /// Above it.
    pub title: String,
    /// For those who don't see it, and below the title.
    pub description: String,
    /// What the horizontal axis shows, with its unit.
    pub x_axis: String,
    /// What the vertical axis shows, with its unit.
    pub y_axis: String,
    /// The points.
    pub points: Vec<Point>,
}

const LEFT: f64 = 76.0;
const RIGHT: f64 = 720.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 430.0;
const RADIUS: f64 = 6.0;

/// Left, top, right, bottom.
type Area = [f64; 4];

impl PointChart {
    /// The document.
    #[must_use]
    pub fn render(&self) -> String {
        let mut canvas = Canvas::new(RIGHT + 40.0, BOTTOM + 60.0, &self.title, &self.description);
        canvas.text(20.0, 50.0, "soft", Anchor::Start, &self.description);
        let (x_axis, y_axis) = self.axes();
        for value in x_axis.marks(6) {
            let x = x_axis.at(value);
            canvas.line([x, TOP, x, BOTTOM], "grid");
            canvas.text(x, BOTTOM + 18.0, "small number", Anchor::Middle, &mark(value));
        }
        for value in y_axis.marks(6) {
            let y = y_axis.at(value);
            canvas.line([LEFT, y, RIGHT, y], "grid");
            canvas.text(LEFT - 8.0, y + 4.0, "small number", Anchor::End, &mark(value));
        }
        canvas.text(
            (LEFT + RIGHT) / 2.0,
            BOTTOM + 42.0,
            "soft",
            Anchor::Middle,
            &self.x_axis,
        );
        canvas.upward_text(24.0, (TOP + BOTTOM) / 2.0, "soft", &self.y_axis);
        let mut taken: Vec<Area> = Vec::new();
        if let Some(reference) = self.points.iter().find(|point| point.is_reference) {
            let y = y_axis.at(reference.y);
            canvas.line([LEFT, y, RIGHT, y], "reference");
            taken.push([LEFT, y - 1.0, RIGHT, y + 1.0]);
        }
        let places: Vec<(f64, f64)> = self
            .points
            .iter()
            .map(|point| (x_axis.at(point.x), y_axis.at(point.y)))
            .collect();
        taken.extend(places.iter().map(|&(x, y)| around(x, y)));
        for (point, &(x, y)) in self.points.iter().zip(&places) {
            let class = if point.is_reference {
                "muted ring"
            } else {
                "accent ring"
            };
            let hint = format!("{}: {} {}", point.name, mark(point.x), mark(point.y));
            canvas.circle(x, y, RADIUS, class, &hint);
            let (anchor, text_x, text_y, area) = place_of_name(&point.name, x, y, &taken);
            taken.push(area);
            canvas.text(text_x, text_y, "", anchor, &point.name);
        }
        canvas.finish()
    }

    fn axes(&self) -> (Axis, Axis) {
        let ends = |value: fn(&Point) -> f64| {
            let values = || self.points.iter().map(value).filter(|value| value.is_finite());
            (
                values().fold(f64::INFINITY, f64::min),
                values().fold(f64::NEG_INFINITY, f64::max),
            )
        };
        let (left, right) = ends(|point| point.x);
        let (low, high) = ends(|point| point.y);
        let room = 0.12 * (high - low).max(0.5);
        (
            Axis::logarithmic([left / 1.5, right * 1.8], [LEFT, RIGHT]),
            Axis::linear([low - room, high + room], [BOTTOM, TOP]),
        )
    }
}

fn around(x: f64, y: f64) -> Area {
    [x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS]
}

/// Beside, below or above the point, where it covers the least of what is there already.
fn place_of_name(name: &str, x: f64, y: f64, taken: &[Area]) -> (Anchor, f64, f64, Area) {
    let width = width_of(name);
    let line =
        |text_x: f64, text_y: f64, left: f64| (text_x, text_y, [left, text_y - TEXT + 2.0, left + width, text_y + 3.0]);
    let gap = RADIUS + 5.0;
    let places = [
        (Anchor::Start, line(x + gap, y + 4.0, x + gap)),
        (Anchor::End, line(x - gap, y + 4.0, x - gap - width)),
        (Anchor::Middle, line(x, y - gap, x - width / 2.0)),
        (Anchor::Middle, line(x, y + gap + TEXT - 3.0, x - width / 2.0)),
        (Anchor::Start, line(x + gap, y - gap, x + gap)),
        (Anchor::Start, line(x + gap, y + gap + TEXT - 3.0, x + gap)),
        (Anchor::End, line(x - gap, y - gap, x - gap - width)),
        (Anchor::End, line(x - gap, y + gap + TEXT - 3.0, x - gap - width)),
    ];
    let covered = |area: &Area| {
        let outside = (LEFT - area[0]).max(0.0)
            + (area[2] - RIGHT - 36.0).max(0.0)
            + (TOP - area[1]).max(0.0)
            + (area[3] - BOTTOM).max(0.0);
        taken.iter().map(|other| overlap(area, other)).sum::<f64>() + 100.0 * outside
    };
    let mut best = places[0];
    for place in places {
        if covered(&place.1.2) < covered(&best.1.2) {
            best = place;
        }
    }
    let (anchor, (text_x, text_y, area)) = best;
    (anchor, text_x, text_y, area)
}

fn overlap(a: &Area, b: &Area) -> f64 {
    let along = |low: usize, high: usize| (a[high].min(b[high]) - a[low].max(b[low])).max(0.0);
    along(0, 2) * along(1, 3)
}
