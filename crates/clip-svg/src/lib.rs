//! Plots as SVG text: bars, intervals, lines, points, and reliability diagrams.
//!
//! A plot is a whole SVG document that needs nothing beside it. It has its own background and reads well in light and in dark (it follows
//! `prefers-color-scheme`, also inside an `<img>`), has a title and a description for those who don't see it, and its text is escaped: labels
//! may hold anything. The same input gives the same text.

mod axis;
mod bars;
mod canvas;
mod intervals;
mod lines;
mod points;
mod reliability;

pub use bars::{Bar, BarChart};
pub use intervals::{Interval, IntervalChart};
pub use lines::{Line, LineChart};
pub use points::{Point, PointChart};
pub use reliability::{Panel, ReliabilityBin, ReliabilityChart};
