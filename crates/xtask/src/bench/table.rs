//! The figures as a table in Markdown: a row for each quantity, a column for each model.

use serde_json::Value;

/// How a figure is written.
#[derive(Debug, Clone, Copy)]
enum Unit {
    /// Given in milliseconds.
    Time,
    /// Given in bytes.
    Size,
    Count,
    /// How often the one contains the other.
    Ratio,
}

/// What stands in a row, and where it is in a model's document.
const ROWS: &[(&str, &str, Unit)] = &[
    ("parameters", "/browser/parameters", Unit::Count),
    ("file", "/browser/file_bytes", Unit::Size),
    ("weights as kept", "/browser/resident_bytes", Unit::Size),
    (
        "Chromium: first answer, first visit",
        "/browser/visits/first_ms",
        Unit::Time,
    ),
    ("- on later visits", "/browser/visits/later_ms", Unit::Time),
    (
        "Chromium: load, without storage",
        "/browser/loads/without_storage/load_ms",
        Unit::Time,
    ),
    (
        "- transferred",
        "/browser/loads/without_storage/transferred_bytes",
        Unit::Size,
    ),
    (
        "- wasm memory after it",
        "/browser/loads/without_storage/memory_bytes",
        Unit::Size,
    ),
    (
        "Chromium: load, into the storage",
        "/browser/loads/into_storage/load_ms",
        Unit::Time,
    ),
    (
        "- transferred",
        "/browser/loads/into_storage/transferred_bytes",
        Unit::Size,
    ),
    (
        "- wasm memory after it",
        "/browser/loads/into_storage/memory_bytes",
        Unit::Size,
    ),
    (
        "Chromium: load, from the storage",
        "/browser/loads/from_storage/load_ms",
        Unit::Time,
    ),
    (
        "- transferred",
        "/browser/loads/from_storage/transferred_bytes",
        Unit::Size,
    ),
    (
        "- wasm memory after it",
        "/browser/loads/from_storage/memory_bytes",
        Unit::Size,
    ),
    (
        "limit: weights as kept and 128 MiB",
        "/browser/memory_limit_bytes",
        Unit::Size,
    ),
    ("Chromium: episode", "/browser/episode/timing_ms/total", Unit::Time),
    ("- labels", "/browser/episode/timing_ms/text", Unit::Time),
    ("- views", "/browser/episode/timing_ms/views", Unit::Time),
    ("- trunk", "/browser/episode/timing_ms/trunk", Unit::Time),
    ("- update", "/browser/episode/timing_ms/steps", Unit::Time),
    ("- last look", "/browser/episode/timing_ms/measure", Unit::Time),
    ("- wasm memory after it", "/browser/episode/memory_bytes", Unit::Size),
    ("native: load", "/native/load_ms", Unit::Time),
    ("native: first episode", "/native/first/episode_ms/total", Unit::Time),
    ("- labels", "/native/first/episode_ms/text", Unit::Time),
    ("- views", "/native/first/episode_ms/views", Unit::Time),
    ("- trunk", "/native/first/episode_ms/trunk", Unit::Time),
    ("- update", "/native/first/episode_ms/steps", Unit::Time),
    ("- last look", "/native/first/episode_ms/measure", Unit::Time),
    ("native: further episodes, median", "/native/episode_ms", Unit::Time),
    ("native: one picture", "/native/first/classify_ms", Unit::Time),
    ("native: most memory", "/native/peak_memory_bytes", Unit::Size),
    ("PyTorch, f32: episode, median", "/pytorch/episode_ms", Unit::Time),
    ("PyTorch, f32: forward pass", "/pytorch/forward_ms", Unit::Time),
    ("native episode to PyTorch's", "/ratio_to_pytorch", Unit::Ratio),
];

/// The table with a sentence about what was measured. Figures that are missing are dashes.
pub(super) fn render(document: &Value) -> String {
    let models = document.get("models").and_then(Value::as_array);
    let models = models.map(Vec::as_slice).unwrap_or_default();
    let text = |place: &Value, key: &str| place.get(key).and_then(Value::as_str).unwrap_or("–").to_owned();
    let number = |key: &str| document.get(key).and_then(Value::as_u64).unwrap_or_default();
    let browser = models
        .iter()
        .find_map(|model| model.pointer("/browser/browser")?.as_str())
        .unwrap_or("Chromium");

    let names: Vec<String> = models.iter().map(|model| text(model, "shape")).collect();
    let mut lines = vec![
        format!(
            "Weights in {}, random but for the model that ships; an episode of {} views and 1 step, 10 labels; {browser}, CPU device, \
             on a machine of {} cores; natively the release build.\n",
            text(document, "dtype"),
            number("views"),
            number("cores"),
        ),
        row("", &names),
        row("---", &vec!["---:".to_owned(); names.len()]),
    ];
    for (label, pointer, unit) in ROWS {
        let cells: Vec<String> = models
            .iter()
            .map(|model| {
                model
                    .pointer(pointer)
                    .and_then(Value::as_f64)
                    .map_or_else(|| "–".to_owned(), |value| write(value, *unit))
            })
            .collect();
        lines.push(row(label, &cells));
    }
    lines.join("\n")
}

/// Padded, so that it can be read on the terminal too.
fn row(label: &str, cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!(" {cell:>10} |")).collect();
    format!("| {label:<34} |{cells}")
}

fn write(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Time if value < 1000.0 => format!("{value:.0} ms"),
        Unit::Time => format!("{:.1} s", value / 1e3),
        Unit::Size => format!("{:.1} MB", value / 1e6),
        Unit::Count => format!("{:.1} M", value / 1e6),
        Unit::Ratio => format!("{value:.2} x"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_stand_in_their_rows_and_missing_ones_are_dashes() {
        let document = json!({"dtype": "q8", "views": 8, "cores": 2, "models": [
            {
                "shape": "vit-b-16",
                "native": {"load_ms": 950.4, "first": {"episode_ms": {"total": 61_250.0}}},
                "ratio_to_pytorch": 0.834,
                "browser": {"browser": "Chrome/141", "parameters": 149_620_737, "loads": {"without_storage": {"memory_bytes": 250_000_000}}},
            },
            {"shape": "vit-l-14", "native": {"load_ms": 2_000.0, "runs": []}, "browser": null},
        ]});
        let table = render(&document);
        assert!(table.starts_with("Weights in q8"), "{table}");
        assert!(table.contains("8 views") && table.contains("Chrome/141") && table.contains("2 cores"));
        let cells: Vec<Vec<&str>> = table
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        assert!(cells.iter().all(|row| row.len() == 3));
        assert_eq!(cells[0], ["", "vit-b-16", "vit-l-14"]);
        assert_eq!(cells[1], ["---", "---:", "---:"]);
        assert!(cells.contains(&vec!["parameters", "149.6 M", "–"]));
        assert!(cells.contains(&vec!["- wasm memory after it", "250.0 MB", "–"]));
        assert!(cells.contains(&vec!["native: load", "950 ms", "2.0 s"]));
        assert!(cells.contains(&vec!["native episode to PyTorch's", "0.83 x", "–"]));
        assert!(cells.contains(&vec!["native: first episode", "61.2 s", "–"]));
    }
}
