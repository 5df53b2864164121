//! The page about growth: tables, and a plot of each.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clip_svg::{Line, LineChart};
use serde_json::Value;

/// The page.
pub(super) fn render(document: &Value) -> String {
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or("–");
    let mut page = format!(
        "# How an episode's time and memory grow\n\n\
         The pocket model, one picture, natively on the CPU device: medians of three episodes after a first one. A first episode also encodes its labels, which are then kept: that time stands for itself. \
         Memory is the most that the process ever had.\n\n\
         {}; {}, {} cores; {}. Written by\n\n\
         ```sh\ncargo xtask growth\n```\n\n\
         with every figure in [growth.json](growth.json), on a machine that should do nothing else.\n",
        text("version"),
        text("machine"),
        document.get("cores").and_then(Value::as_u64).unwrap_or_default(),
        text("date"),
    );
    for series in series(document) {
        let (name, unit) = (name(series), one(name(series)));
        let fixed = series.get("fixed").and_then(Value::as_str).unwrap_or_default();
        page += &format!(
            "\n## {}\n\n`{fixed}`\n\n![Time of an episode]({name}.svg)\n\n\
             | {name} | episode | for each further {unit} | encoding the labels once | memory |\n|--:|--:|--:|--:|--:|\n",
            capitalised(name)
        );
        let mut before: Option<(f64, f64)> = None;
        for point in points(series) {
            let number = |key: &str| point.get(key).and_then(Value::as_f64);
            let (count, time) = (
                number("count").unwrap_or_default(),
                number("episode_ms").unwrap_or(f64::NAN),
            );
            let further = before.map_or_else(
                || "–".to_owned(),
                |(fewer, less)| format!("{:.2} ms", (time - less) / (count - fewer)),
            );
            before = Some((count, time));
            page += &format!(
                "| {count} | {time:.0} ms | {further} | {:.0} ms | {:.1} MB |\n",
                number("first_encoding_of_labels_ms").unwrap_or(f64::NAN),
                number("peak_memory_bytes").unwrap_or(f64::NAN) / 1e6,
            );
        }
    }
    page
}

/// A plot for each series, with its file's name.
pub(super) fn plots(document: &Value) -> Vec<(String, String)> {
    series(document)
        .iter()
        .map(|series| {
            let name = name(series);
            let chart = LineChart {
                title: format!("Time of an episode over its {name}"),
                description: "Pocket model, natively on the CPU device.".to_owned(),
                x_axis: capitalised(name),
                y_axis: "Time, ms".to_owned(),
                places: points(series)
                    .iter()
                    .map(|point| point.get("count").map(Value::to_string).unwrap_or_default())
                    .collect(),
                lines: [
                    ("episode", "episode_ms"),
                    ("labels, once", "first_encoding_of_labels_ms"),
                ]
                .into_iter()
                .map(|(line, key)| Line {
                    name: line.to_owned(),
                    values: points(series)
                        .iter()
                        .map(|point| point.get(key).and_then(Value::as_f64))
                        .collect(),
                })
                .collect(),
            };
            (format!("{name}.svg"), chart.render())
        })
        .collect()
}

/// The day of a time, as `2026-01-31`, by the calendar of Greenwich.
pub(super) fn date(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (mut year, mut days) = (1970, since.as_secs() / 86_400);
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [
        31,
        28 + u64::from(is_leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

fn series(document: &Value) -> &[Value] {
    list(document, "series")
}

fn points(series: &Value) -> &[Value] {
    list(series, "points")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn name(series: &Value) -> &str {
    series.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn one(many: &str) -> &str {
    many.strip_suffix('s').unwrap_or(many)
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_says_what_each_further_one_costs() {
        let document = json!({
            "version": "clip-ttl 1.2.3", "machine": "a machine", "cores": 2, "date": "2026-01-31",
            "series": [{"name": "views", "fixed": "--steps 1", "points": [
                {"count": 8, "first_encoding_of_labels_ms": 3.2, "episode_ms": 60.0, "peak_memory_bytes": 62_000_000},
                {"count": 64, "first_encoding_of_labels_ms": 3.4, "episode_ms": 396.0, "peak_memory_bytes": 62_500_000},
            ]}],
        });
        let page = render(&document);
        assert!(page.contains("| 8 | 60 ms | – | 3 ms | 62.0 MB |"), "{page}");
        assert!(page.contains("| 64 | 396 ms | 6.00 ms | 3 ms | 62.5 MB |"), "{page}");
        assert!(
            page.contains("for each further view |") && page.contains("clip-ttl 1.2.3; a machine, 2 cores; 2026-01-31")
        );
        let plots = plots(&document);
        assert_eq!(plots[0].0, "views.svg");
        assert!(plots[0].1.contains("<svg") && plots[0].1.contains("Time of an episode over its views"));
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_735_689_599, "2024-12-31"),
            (1_735_689_600, "2025-01-01"),
        ] {
            assert_eq!(date(UNIX_EPOCH + Duration::from_secs(seconds)), day);
        }
    }
}
