//! Counting: what a test runner said, and the sum over all of them.

use std::fmt;
use std::ops::AddAssign;

use serde_json::Value;

/// How many lines of what a failed test said are kept: an assertion's message, what was expected, what came.
const REASON_LINES: usize = 8;

/// How many tests passed, failed, and were left out.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
    /// The failed tests that the runner named, each with the first lines of what it said where the runner's report has that.
    pub failures: Vec<String>,
}

impl Tally {
    /// One check that passed.
    pub const PASSED: Self = Self {
        passed: 1,
        failed: 0,
        skipped: 0,
        failures: Vec::new(),
    };

    /// One check that failed.
    pub const FAILED: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
        failures: Vec::new(),
    };

    /// A runner that reports failure without a failed test has failed in another way (a crash, a file that does not compile),
    /// and one that ran nothing at all has not shown anything: both count as one failure.
    pub fn judged(mut self, success: bool) -> Self {
        if (!success && self.failed == 0) || self == Self::default() {
            self.failed += 1;
        }
        self
    }

    /// Adds what a line of `cargo test` says, if it is one of its totals or names a failed test.
    pub fn read_cargo(&mut self, line: &str) {
        if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failures.push(name.to_owned());
        }
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split(';') {
            match count.trim().split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                Some((number, "ignored")) => self.skipped += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }

    /// Adds what a line of `node --test` says, if it is one of its totals (`ℹ pass 3` or `# pass 3`) or names a failed test
    /// (`✖ joins errors (1.2ms)`).
    pub fn read_node(&mut self, line: &str) {
        if let Some((name, _)) = line
            .trim_start()
            .strip_prefix("✖ ")
            .and_then(|rest| rest.rsplit_once(" ("))
        {
            // It names each of them again at its end.
            if !self.failures.iter().any(|known| known == name) {
                self.failures.push(name.to_owned());
            }
        }
        let mut words = line.split_whitespace();
        let (Some("ℹ" | "#"), Some(name), Some(number), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return;
        };
        let Ok(number) = number.parse::<u64>() else { return };
        match name {
            "pass" => self.passed += number,
            "fail" | "cancelled" => self.failed += number,
            "skipped" | "todo" => self.skipped += number,
            _ => {}
        }
    }

    /// Reads the totals of a Playwright report in JSON, and which tests failed.
    pub fn read_playwright(report: &str) -> Option<Self> {
        let report: Value = serde_json::from_str(report).ok()?;
        let stats = report.get("stats")?;
        let count = |name: &str| stats.get(name).and_then(Value::as_u64);
        // A file that cannot be loaded is an error of the report, not a test.
        let errors = list(&report, "errors");
        let mut failures: Vec<String> = errors.iter().filter_map(reason).collect();
        for suite in list(&report, "suites") {
            read_suite(suite, &mut failures);
        }
        Some(Self {
            passed: count("expected")?,
            // A test that passes only at the second try is not one to rely on.
            failed: count("unexpected")? + count("flaky")? + errors.len() as u64,
            skipped: count("skipped")?,
            failures,
        })
    }
}

/// Adds the failed tests of a file, or of a group in one, of a Playwright report.
fn read_suite(suite: &Value, failures: &mut Vec<String>) {
    for spec in list(suite, "specs") {
        if spec.get("ok").and_then(Value::as_bool) == Some(true) {
            continue;
        }
        let text = |name: &str| spec.get(name).and_then(Value::as_str).unwrap_or("?");
        let line = spec.get("line").and_then(Value::as_u64).unwrap_or_default();
        let mut failure = format!("{}:{line} › {}", text("file"), text("title"));
        let results = list(spec, "tests").iter().flat_map(|test| list(test, "results"));
        for said in results.flat_map(|result| list(result, "errors")).filter_map(reason) {
            failure.push('\n');
            failure.push_str(&said);
        }
        failures.push(failure);
    }
    for inner in list(suite, "suites") {
        read_suite(inner, failures);
    }
}

/// The first lines of an error of a Playwright report, without their colours.
fn reason(error: &Value) -> Option<String> {
    let message = error.get("message")?.as_str()?;
    let mut plain = String::new();
    let mut parts = message.split("\u{1b}[");
    plain.push_str(parts.next()?);
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, text)| text));
    }
    let lines = plain.lines().filter(|line| !line.trim().is_empty());
    Some(lines.take(REASON_LINES).collect::<Vec<_>>().join("\n"))
}

/// A list of a report, or none.
fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Adds the counts. Which tests failed stays with those who ran them.
impl AddAssign<&Self> for Tally {
    fn add_assign(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(formatter, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally {
            passed,
            failed,
            skipped,
            failures: Vec::new(),
        }
    }

    #[test]
    fn cargos_totals_are_added_up() {
        let mut total = Tally::default();
        for line in [
            "running 3 tests",
            "test entropy::tests::one_label ... ok",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.20s",
            "test entropy::tests::no_label ... FAILED",
            "a test prints: test result: ok. 100 passed; 0 failed",
        ] {
            total.read_cargo(line);
        }
        assert_eq!((total.passed, total.failed, total.skipped), (4, 2, 1));
        assert_eq!(total.failures, ["entropy::tests::no_label"]);
    }

    #[test]
    fn nodes_totals_are_added_up_in_both_forms() {
        let mut total = Tally::default();
        for line in [
            "✔ joins errors (1.2ms)",
            "▶ pictures",
            "  ✖ keeps (two of) them (3.4ms)",
            "✖ failing tests:",
            "✖ keeps (two of) them (3.4ms)",
            "ℹ tests 6",
            "ℹ suites 2",
            "ℹ pass 3",
            "ℹ fail 1",
            "ℹ cancelled 1",
            "ℹ skipped 1",
            "ℹ todo 0",
            "ℹ duration_ms 98.5",
        ] {
            total.read_node(line);
        }
        assert_eq!((total.passed, total.failed, total.skipped), (3, 2, 1));
        assert_eq!(total.failures, ["keeps (two of) them"]);
        total.read_node("# pass 4");
        total.read_node("# fail 0");
        assert_eq!((total.passed, total.failed, total.skipped), (7, 2, 1));
        total.read_node("# pass 4 of them");
        assert_eq!(total.passed, 7);
    }

    #[test]
    fn playwrights_totals_are_read_from_its_report() {
        let report = r#"{"config": {}, "suites": [], "errors": [], "stats": {"duration": 12.5, "expected": 5, "skipped": 1, "unexpected": 2, "flaky": 1}}"#;
        assert_eq!(Tally::read_playwright(report), Some(tally(5, 3, 1)));
        let broken = r#"{"errors": [{"message": "no tests found"}], "stats": {"expected": 0, "skipped": 0, "unexpected": 0, "flaky": 0}}"#;
        let broken = Tally::read_playwright(broken).unwrap();
        assert_eq!((broken.failed, broken.failures), (1, vec!["no tests found".to_owned()]));
        assert_eq!(Tally::read_playwright("{}"), None);
        assert_eq!(Tally::read_playwright(""), None);
    }

    #[test]
    fn playwrights_failed_tests_are_named_with_what_they_said() {
        let report = r#"{"stats": {"expected": 1, "skipped": 0, "unexpected": 1, "flaky": 0}, "suites": [{"specs": [
            {"title": "opens", "file": "page.spec.ts", "line": 3, "ok": true, "tests": [{"results": [{"errors": []}]}]}
        ], "suites": [{"specs": [
            {"title": "closes", "file": "page.spec.ts", "line": 9, "ok": false, "tests": [{"results": [{"errors": [
                {"message": "Error: \u001b[2mexpect(\u001b[22mreceived\u001b[2m)\u001b[22m\n\nExpected: 1"}
            ]}]}]}
        ]}]}]}"#;
        let tally = Tally::read_playwright(report).unwrap();
        assert_eq!(
            tally.failures,
            ["page.spec.ts:9 › closes\nError: expect(received)\nExpected: 1"]
        );
    }

    #[test]
    fn a_failure_without_a_failed_test_is_counted() {
        assert_eq!(tally(3, 0, 0).judged(true), tally(3, 0, 0));
        assert_eq!(tally(3, 0, 0).judged(false), tally(3, 1, 0));
        assert_eq!(tally(3, 2, 0).judged(false), tally(3, 2, 0));
        assert_eq!(
            tally(0, 0, 0).judged(true),
            tally(0, 1, 0),
            "a runner that found no tests has shown nothing"
        );
    }

    #[test]
    fn the_summary_line_names_skipped_tests_only_if_there_are_some() {
        assert_eq!(tally(12, 0, 0).to_string(), "12 passed, 0 failed");
        assert_eq!(tally(12, 1, 2).to_string(), "12 passed, 1 failed, 2 skipped");
    }
}
