//! Probabilities as bars of text.

use clip_adapt::report::Score;

use super::{Surface, columns_of, fitted};

/// So many labels are shown if not all are.
const BEST: usize = 10;
/// A bar of fewer columns says nothing.
const LEAST_BAR: usize = 8;
/// Columns of `100.0 %`.
const PERCENT: usize = 7;
/// Eighths of a column, from one to seven.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Labels with their probabilities, best first, one a line.
pub fn scores(scores: &[Score], all: bool, surface: Surface) -> String {
    let mut sorted: Vec<&Score> = scores.iter().collect();
    sorted.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    let shown = sorted.get(..shown(sorted.len(), all)).unwrap_or(&sorted);
    let label_columns = label_columns(shown.iter().map(|score| score.label.as_str()), surface);
    let bar_columns = bar_columns(surface, label_columns + PERCENT + 6);
    let largest = shown.first().map_or(1.0, |score| score.probability);
    let mut text = String::new();
    for (rank, score) in shown.iter().enumerate() {
        let label = fitted(&score.label, label_columns);
        let label = if rank == 0 { surface.bold(&label) } else { label };
        let bar = plain_bar(share(score.probability, largest), bar_columns);
        push_line(&mut text, &format!("  {label}  {}  {bar}", percent(score.probability)));
    }
    push_rest(&mut text, sorted.len() - shown.len(), surface);
    text
}

/// Labels with their probabilities before and after, those that are best afterwards first, one a line.
pub fn changes(before: &[Score], after: &[Score], all: bool, surface: Surface) -> String {
    let mut sorted: Vec<(&Score, f32)> = after
        .iter()
        .zip(before)
        .map(|(after, before)| (after, before.probability))
        .collect();
    sorted.sort_by(|(a, _), (b, _)| b.probability.total_cmp(&a.probability));
    let total = sorted.len();
    let rest = sorted.split_off(shown(total, all));
    // What was best before is shown in any case.
    let best_before = |rows: &[(&Score, f32)]| rows.iter().map(|row| row.1).fold(f32::MIN, f32::max);
    if best_before(&rest) > best_before(&sorted) {
        sorted.extend(rest.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)));
    }
    let label_columns = label_columns(sorted.iter().map(|(score, _)| score.label.as_str()), surface);
    let bar_columns = bar_columns(surface, label_columns + 2 * PERCENT + 10 + 10);
    let largest = sorted
        .iter()
        .map(|(score, before)| score.probability.max(*before))
        .fold(f32::MIN_POSITIVE, f32::max);
    let mut text = String::new();
    let heading = format!(
        "  {}  {:>PERCENT$}  {:>PERCENT$}  {:>10}",
        fitted("", label_columns),
        "before",
        "after",
        "change"
    );
    let legend = format!(
        "  {} kept  {} gained  {} lost",
        KEPT,
        surface.good(GAINED),
        surface.bad(LOST)
    );
    push_line(
        &mut text,
        &format!(
            "{}{}",
            surface.dim(&heading),
            if bar_columns < 22 { "" } else { &legend }
        ),
    );
    for (rank, (score, before)) in sorted.iter().enumerate() {
        let after = score.probability;
        let label = fitted(&score.label, label_columns);
        let label = if rank == 0 { surface.bold(&label) } else { label };
        let points = f64::from(after - before) * 100.0;
        let change = format!("{points:>+7.1} pp");
        let change = match change.trim_start().chars().next() {
            _ if change.contains("+0.0") || change.contains("-0.0") => surface.dim("    0.0 pp"),
            Some('+') => surface.good(&change),
            _ => surface.bad(&change),
        };
        let bar = change_bar(share(*before, largest), share(after, largest), bar_columns, surface);
        push_line(
            &mut text,
            &format!("  {label}  {}  {}  {change}  {bar}", percent(*before), percent(after)),
        );
    }
    push_rest(&mut text, total - sorted.len(), surface);
    text
}

const KEPT: &str = "█";
const GAINED: &str = "▓";
const LOST: &str = "░";

fn shown(labels: usize, all: bool) -> usize {
    if all { labels } else { labels.min(BEST) }
}

fn label_columns<'a>(labels: impl Iterator<Item = &'a str>, surface: Surface) -> usize {
    labels
        .map(columns_of)
        .max()
        .unwrap_or_default()
        .clamp(1, surface.columns / 3)
}

/// What other columns leave for bars, the last column staying empty; none where that is too little.
fn bar_columns(surface: Surface, others: usize) -> usize {
    let left = surface.columns.saturating_sub(others + 1);
    if left < LEAST_BAR { 0 } else { left }
}

/// The part of `largest`, from 0 to 1; 0 for what is not a number.
fn share(value: f32, largest: f32) -> f64 {
    (f64::from(value) / f64::from(largest)).clamp(0.0, 1.0)
}

fn percent(probability: f32) -> String {
    format!("{:>5.1} %", f64::from(probability) * 100.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shares lie between 0 and 1; NaN becomes 0"
)]
fn units(share: f64, of: usize) -> usize {
    ((share * of as f64).round() as usize).min(of)
}

/// A bar with eighths of a column at its end.
fn plain_bar(share: f64, columns: usize) -> String {
    let eighths = units(share, columns * 8);
    let mut bar = KEPT.repeat(eighths / 8);
    bar.extend((eighths % 8).checked_sub(1).and_then(|index| EIGHTHS.get(index)));
    bar
}

/// A bar of what was there before and after: kept, and then gained or lost.
fn change_bar(before: f64, after: f64, columns: usize, surface: Surface) -> String {
    let (before, after) = (units(before, columns), units(after, columns));
    let kept = KEPT.repeat(before.min(after));
    let gained = GAINED.repeat(after.saturating_sub(before));
    let lost = LOST.repeat(before.saturating_sub(after));
    format!("{kept}{}{}", surface.good(&gained), surface.bad(&lost))
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

fn push_rest(text: &mut String, rest: usize, surface: Surface) {
    if rest > 0 {
        push_line(text, &surface.dim(&format!("  and {rest} more (--all shows them)")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Surface = Surface {
        columns: 60,
        colours: false,
    };

    fn list(values: &[(&str, f32)]) -> Vec<Score> {
        values
            .iter()
            .map(|&(label, probability)| Score {
                label: label.to_owned(),
                probability,
            })
            .collect()
    }

    #[test]
    fn bars_are_sorted_and_fill_the_width() {
        let text = scores(&list(&[("dog", 0.25), ("cat", 0.75)]), false, PLAIN);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("  cat   75.0 %  ████"), "{text}");
        assert!(lines[1].starts_with("  dog   25.0 %  ████"), "{text}");
        assert_eq!(columns_of(lines[0]), 59, "{text}");
        assert_eq!(lines[0].matches('█').count(), 43, "{text}");
        assert!(lines[1].ends_with("█▍"), "{text}");
        assert_eq!(lines[1].matches('█').count(), 14, "a third: {text}");
    }

    #[test]
    fn ten_labels_are_shown_unless_all_are_wanted() {
        let many: Vec<Score> = (0..25)
            .map(|index| Score {
                label: format!("label {index}"),
                probability: 0.04,
            })
            .collect();
        let text = scores(&many, false, PLAIN);
        assert_eq!(text.lines().count(), 11);
        assert!(text.ends_with("  and 15 more (--all shows them)\n"), "{text}");
        assert_eq!(scores(&many, true, PLAIN).lines().count(), 25);
    }

    #[test]
    fn changes_are_in_percentage_points() {
        let text = changes(
            &list(&[("cat", 0.6), ("dog", 0.4)]),
            &list(&[("cat", 0.2), ("dog", 0.8)]),
            false,
            PLAIN,
        );
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("  dog   40.0 %   80.0 %    +40.0 pp  "), "{text}");
        assert!(lines[2].starts_with("  cat   60.0 %   20.0 %    -40.0 pp  "), "{text}");
        assert!(lines[1].contains("█▓") && !lines[1].contains('░'), "{text}");
        assert!(lines[2].contains("█░") && !lines[2].contains('▓'), "{text}");
    }

    #[test]
    fn what_was_best_before_stays_in_sight() {
        let mut before: Vec<(String, f32)> = (0..12).map(|index| (format!("label {index}"), 0.05)).collect();
        let mut after = before.clone();
        before[11].1 = 0.9;
        after[11].1 = 0.0;
        let list = |values: &[(String, f32)]| {
            values
                .iter()
                .map(|(label, p)| Score {
                    label: label.clone(),
                    probability: *p,
                })
                .collect::<Vec<_>>()
        };
        let text = changes(&list(&before), &list(&after), false, PLAIN);
        assert!(text.contains("label 11"), "{text}");
        assert!(text.contains("and 1 more"), "{text}");
    }

    #[test]
    fn no_change_has_no_sign() {
        let text = changes(&list(&[("cat", 1.0)]), &list(&[("cat", 0.999_99)]), false, PLAIN);
        assert!(text.contains("    0.0 pp"), "{text}");
    }
}
