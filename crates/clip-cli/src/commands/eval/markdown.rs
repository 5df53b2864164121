//! The report of an evaluation as Markdown.

use std::fmt::Write as _;

use clip_eval::measures::{Paired, Share};
use clip_eval::record::Condition;
use clip_eval::summary::{Figures, MethodFigures};

use super::document::Document;
use crate::output::{duration, printable};

/// The whole report.
pub(super) fn render(document: &Document, plots: &[(&str, &str)]) -> String {
    let mut text = format!(
        "# Evaluation of {} on {}\n\n",
        cell(&document.model),
        cell(&document.device)
    );
    text.push_str(&facts(document));
    text.push_str("\n## Figures\n\n");
    text.push_str(&methods_table(&document.summary.overall));
    text.push_str(&reading(document));
    for (file, title) in plots {
        let _ = writeln!(text, "![{title}]({file})\n");
    }
    if document.summary.conditions.len() > 1 {
        text.push_str(&conditions(document));
    }
    text.push_str(&options(document));
    text.push_str(&problems(document));
    text
}

/// What was asked, of which pictures.
fn facts(document: &Document) -> String {
    let mut text = String::new();
    let conditions: Vec<String> = document.conditions.iter().map(ToString::to_string).collect();
    let _ = writeln!(
        text,
        "{} of {} pictures, {} labels, {} condition{}: {}.",
        document.pictures,
        document.pictures_found,
        document.labels.len(),
        conditions.len(),
        if conditions.len() == 1 { "" } else { "s" },
        conditions.join(", ")
    );
    let _ = writeln!(
        text,
        "Template “{}”, {} views of each picture, seed {}. Matrices in {}. clip-ttl {}.",
        cell(&document.template),
        document.views,
        document.seed,
        listed(&document.formats.iter().map(|format| format.dtype).collect::<Vec<_>>()),
        document.version
    );
    text
}

/// Words as a sentence has them: “a, b and c”.
fn listed(words: &[&str]) -> String {
    match words {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        words => words.concat(),
    }
}

/// One row for each method.
pub(super) fn methods_table(figures: &Figures) -> String {
    let mut text = String::from(
        "| method | top-1 | 95 % | top-5 | difference | 95 % | made right | made wrong | p | ECE | mean confidence | NLL | time | forward | backward | memory |\n\
         |---|--:|:-:|--:|--:|:-:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for method in &figures.methods {
        let columns = [
            cell(&method.name),
            percent(method.top1.value),
            interval(method.top1),
            percent(method.top5.value),
            paired(method, |paired| signed_points(paired.difference)),
            paired(method, |paired| {
                format!(
                    "{} to {}",
                    signed_points(paired.interval[0]),
                    signed_points(paired.interval[1])
                )
            }),
            paired(method, |paired| paired.made_right.to_string()),
            paired(method, |paired| paired.made_wrong.to_string()),
            paired(method, |paired| paired.p_value.map_or_else(|| "-".to_owned(), p_value)),
            answered(method, || percent(method.calibration.ece)),
            answered(method, || percent(method.calibration.confidence)),
            answered(method, || {
                let likelihood = method.calibration.negative_log_likelihood;
                likelihood.map_or_else(|| "∞".to_owned(), |value| format!("{value:.3}"))
            }),
            answered(method, || short_duration(method.cost_ms.median)),
            answered(method, || passes(method.forward_passes)),
            answered(method, || passes(method.backward_passes)),
            method.peak_memory_bytes.map_or_else(|| "-".to_owned(), megabytes),
        ];
        let _ = writeln!(text, "| {} |", columns.join(" | "));
    }
    text
}

/// How to read the table.
fn reading(document: &Document) -> String {
    let shared = document.summary.overall.shared_ms;
    format!(
        "\nDifferences are in percentage points to the answer without adaptation, on the same pictures and views, with a bootstrap over the pictures; p is \
         McNemar's exact test. A vote gives most labels no probability: they are not among the top 5, and if a true one is among them, the NLL is infinite. ECE has 20 bins; NLL is in nats. Time is the median of what a method took by itself for one picture; cutting and encoding \
         the views (up to the deepest block that one of these methods needs), which all methods share, took {} more. Forward and backward: passes through the vision tower's blocks, in full passes of all views. Memory: the most that the process had while the method ran, model \
         included.\n\n",
        duration(shared.median)
    )
}

/// Accuracy under each condition, and its difference to the answer without adaptation.
fn conditions(document: &Document) -> String {
    let summary = &document.summary;
    let names: Vec<String> = summary
        .overall
        .methods
        .iter()
        .map(|method| cell(&method.name))
        .collect();
    let mut text = format!(
        "## Conditions\n\nTop-1 accuracy in percent; in brackets the difference to the answer without adaptation, in bold where chance is no good explanation: p below 0.05, or, over several conditions, a 95 % interval that doesn't hold 0.\n\n| condition | {} |\n|---|{}\n",
        names.join(" | "),
        "--:|".repeat(names.len())
    );
    let row = |name: &str, figures: &Figures| {
        let cells: Vec<String> = figures.methods.iter().map(accuracy_cell).collect();
        format!("| {name} | {} |\n", cells.join(" | "))
    };
    for condition in &summary.conditions {
        text.push_str(&row(&condition.condition.to_string(), &condition.figures));
    }
    text.push_str(&row("all", &summary.overall));
    text.push_str("\nECE in percent:\n\n");
    let _ = writeln!(
        text,
        "| condition | {} |\n|---|{}",
        names.join(" | "),
        "--:|".repeat(names.len())
    );
    let row = |name: &str, figures: &Figures| {
        let cells: Vec<String> = figures
            .methods
            .iter()
            .map(|method| answered(method, || format!("{:.1}", method.calibration.ece * 100.0)))
            .collect();
        format!("| {name} | {} |\n", cells.join(" | "))
    };
    for condition in &summary.conditions {
        text.push_str(&row(&condition.condition.to_string(), &condition.figures));
    }
    text.push_str(&row("all", &summary.overall));
    if summary
        .conditions
        .iter()
        .any(|figures| matches!(figures.condition, Condition::Corrupted(_)))
    {
        text.push_str(
            "\nCorruptions are clip-ttl's own implementation of ImageNet-C's, scaled to each picture's size; frost is made up instead of photographed. Their figures can't be \
             compared with published ones.\n",
        );
    }
    text.push('\n');
    text
}

fn accuracy_cell(method: &MethodFigures) -> String {
    let accuracy = format!("{:.1}", method.top1.value * 100.0);
    match &method.against_zero_shot {
        None => accuracy,
        Some(paired) => {
            let difference = signed_points(paired.difference);
            let difference = if paired.is_clear() {
                format!("**{difference}**")
            } else {
                difference
            };
            format!("{accuracy} ({difference})")
        }
    }
}

fn options(document: &Document) -> String {
    let mut text = String::from("## Methods\n\n");
    for run in &document.runs {
        let options: Vec<String> = run
            .options
            .iter()
            .map(|(name, value)| format!("{} {}", cell(name), cell(&value.to_string())))
            .collect();
        let options = if options.is_empty() {
            "no options".to_owned()
        } else {
            options.join(", ")
        };
        let _ = writeln!(text, "- **{}** ({}): {options}", cell(&run.name), cell(&run.title));
    }
    text.push('\n');
    text
}

/// What went wrong or was passed over.
fn problems(document: &Document) -> String {
    let mut lines: Vec<String> = document.warnings.iter().map(|warning| cell(&warning.message)).collect();
    let broken = &document.summary.broken;
    if !broken.is_empty() {
        lines.push(format!(
            "{} pictures could not be opened, and count nowhere:",
            broken.len()
        ));
        for picture in broken {
            lines.push(format!("  - {}: {}", cell(&picture.path), cell(&picture.error.message)));
        }
    }
    for method in document
        .summary
        .overall
        .methods
        .iter()
        .filter(|method| method.failed > 0)
    {
        let first = method
            .first_failure
            .as_ref()
            .map_or("", |failure| failure.message.as_str());
        lines.push(format!(
            "{} failed {} times, which counts as wrong; the first time: {}",
            cell(&method.name),
            method.failed,
            cell(first)
        ));
    }
    for method in &document.summary.overall.methods {
        for warning in &method.warnings {
            lines.push(format!(
                "{}: “{}” with {} of {} answers; the first time: {}",
                cell(&method.name),
                cell(&warning.code),
                warning.count,
                method.top1.of,
                cell(&warning.first_message)
            ));
        }
    }
    let passed_over = document.passed_over;
    for (count, what) in [
        (
            passed_over.loose_pictures,
            "pictures lie beside the folders of classes, and were not used",
        ),
        (
            passed_over.hidden,
            "folders and pictures are hidden (`.NAME`, `__MACOSX`), and were not used",
        ),
        (passed_over.empty_folders, "folders have no picture"),
        (
            passed_over.labels_without_pictures,
            "labels have no picture; they can be answered all the same",
        ),
    ] {
        if count > 0 {
            lines.push(format!("{count} {what}"));
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    let mut text = String::from("## What to know\n\n");
    for line in lines {
        let is_nested = line.starts_with("  ");
        let _ = if is_nested {
            writeln!(text, "{line}")
        } else {
            writeln!(text, "- {line}")
        };
    }
    text
}

/// A figure of the answers, where there is one.
fn answered(method: &MethodFigures, show: impl Fn() -> String) -> String {
    if method.failed < method.top1.of {
        show()
    } else {
        "-".to_owned()
    }
}

fn paired(method: &MethodFigures, show: impl Fn(&Paired) -> String) -> String {
    method.against_zero_shot.as_ref().map_or_else(|| "-".to_owned(), show)
}

fn interval(share: Share) -> String {
    format!("{:.1} to {:.1}", share.interval[0] * 100.0, share.interval[1] * 100.0)
}

fn percent(value: f64) -> String {
    format!("{:.1} %", value * 100.0)
}

/// A difference of shares in percentage points, with its sign.
pub(super) fn signed_points(difference: f64) -> String {
    let points = (difference * 1000.0).round() / 10.0;
    // No sign for what rounds to nothing.
    if points.abs() < 0.05 {
        "0.0".to_owned()
    } else {
        format!("{points:+.1}")
    }
}

/// A probability; below a ten-thousandth its size no longer matters.
pub(super) fn p_value(value: f64) -> String {
    if value < 1e-4 {
        "< 0.0001".to_owned()
    } else {
        format!("{value:.4}")
    }
}

fn passes(count: f64) -> String {
    if count < 0.005 {
        "0".to_owned()
    } else {
        format!("{count:.2}")
    }
}

/// Methods on features take less than a millisecond.
pub(super) fn short_duration(milliseconds: f64) -> String {
    if milliseconds < 10.0 {
        format!("{milliseconds:.2} ms")
    } else {
        duration(milliseconds)
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}

/// Text of the user's in a line of Markdown: nothing in it is markup, and it can't leave its cell.
fn cell(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in printable(text).chars() {
        if matches!(
            letter,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '!' | '&' | '~'
        ) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        assert_eq!(cell("a|b <i>*c*\n[d](e)"), "a\\|b \\<i\\>\\*c\\*\u{fffd}\\[d\\](e)");
    }

    #[test]
    fn words_are_listed_as_a_sentence_has_them() {
        assert_eq!(listed(&["q4"]), "q4");
        assert_eq!(listed(&["q4", "q8"]), "q4 and q8");
        assert_eq!(listed(&["q4", "q8", "f16"]), "q4, q8 and f16");
        assert_eq!(listed(&[]), "");
    }

    #[test]
    fn differences_have_a_sign_unless_they_are_none() {
        assert_eq!(signed_points(0.0312), "+3.1");
        assert_eq!(signed_points(-0.0004), "0.0");
        assert_eq!(signed_points(-0.01), "-1.0");
    }
}
