//! How a number went on over the steps, on one line.

use super::{Surface, fitted};

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Columns of a row's name.
const NAME: usize = 20;
/// Columns of what stands beside the line: margins, name, first and last value, change.
const OTHERS: usize = NAME + 34;

/// A number before the first update and after each.
pub struct Series<'a> {
    /// What it is of.
    pub name: &'a str,
    /// At least the value before the first update.
    pub values: Vec<f64>,
}

/// One line for each series: first value, the way, last value, change. Each line has a scale of its own.
pub fn series(all: &[Series<'_>], surface: Surface) -> String {
    let columns = surface.columns.saturating_sub(OTHERS).max(2);
    let mut text = String::new();
    for Series { name, values } in all {
        let (Some(first), Some(last)) = (values.first(), values.last()) else {
            continue;
        };
        let name = fitted(name, NAME);
        let line = if values.len() == 1 {
            format!("  {name}  {first:>8.4}")
        } else {
            format!(
                "  {name}  {first:>8.4}  {}  {last:.4}  ({:+.4})",
                sparkline(values, columns),
                last - first
            )
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// At most so many columns: of more values, some that lie evenly apart, the first and the last among them.
fn sparkline(values: &[f64], columns: usize) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let count = values.len().min(columns);
    let last = values.len().saturating_sub(1);
    (0..count)
        .filter_map(|column| values.get(if count > 1 { column * last / (count - 1) } else { 0 }))
        .filter_map(|value| LEVELS.get(level(*value, least, most)))
        .collect()
}

/// Where between the least and the most a value lies, as an index of [`LEVELS`]; the middle where all are the same.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the share lies between 0 and 1"
)]
fn level(value: f64, least: f64, most: f64) -> usize {
    let highest = LEVELS.len() - 1;
    if most > least {
        ((value - least) / (most - least) * highest as f64).round() as usize
    } else {
        highest / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Surface = Surface {
        columns: 80,
        colours: false,
    };

    #[test]
    fn a_line_has_first_value_way_last_value_and_change() {
        let text = series(
            &[Series {
                name: "prediction",
                values: vec![2.0, 1.5, 1.0],
            }],
            PLAIN,
        );
        assert_eq!(text, "  prediction              2.0000  █▅▁  1.0000  (-1.0000)\n");
    }

    #[test]
    fn a_value_alone_has_no_way() {
        let text = series(
            &[Series {
                name: "prediction",
                values: vec![2.0],
            }],
            PLAIN,
        );
        assert_eq!(text, "  prediction              2.0000\n");
    }

    #[test]
    fn many_values_fit_and_keep_both_ends() {
        let falling: Vec<f64> = (0..1000).map(|step| 1000.0 - f64::from(step)).collect();
        let line = sparkline(&falling, 26);
        assert_eq!(line.chars().count(), 26);
        assert!(line.starts_with('█') && line.ends_with('▁'), "{line}");
    }

    #[test]
    fn what_does_not_change_is_flat() {
        assert_eq!(sparkline(&[1.0, 1.0], 10), "▄▄");
    }
}
