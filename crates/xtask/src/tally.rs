//! Counting: what a test runner said, and the sum over all of them.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed, failed, and were left out.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl Tally {
    /// One check that passed.
    pub const PASSED: Self = Self {
        passed: 1,
        failed: 0,
        skipped: 0,
    };

    /// One check that failed.
    pub const FAILED: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
    };

    /// A runner that reports failure without a failed test has failed in another way (a crash, a file that does not compile),
    /// and one that ran nothing at all has not shown anything: both count as one failure.
    pub fn judged(mut self, success: bool) -> Self {
        if (!success && self.failed == 0) || self == Self::default() {
            self.failed += 1;
        }
        self
    }

    /// Adds what a line of `cargo test` says, if it is one of its totals.
    pub fn read_cargo(&mut self, line: &str) {
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

    /// Adds what a line of `node --test` says, if it is one of its totals (`ℹ pass 3` or `# pass 3`).
    pub fn read_node(&mut self, line: &str) {
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

    /// Reads the totals of a Playwright report in JSON.
    pub fn read_playwright(report: &str) -> Option<Self> {
        let report: serde_json::Value = serde_json::from_str(report).ok()?;
        let stats = report.get("stats")?;
        let count = |name: &str| stats.get(name).and_then(serde_json::Value::as_u64);
        // A file that cannot be loaded is an error of the report, not a test.
        let errors = report
            .get("errors")
            .and_then(|errors| errors.as_array())
            .map_or(0, Vec::len);
        Some(Self {
            passed: count("expected")?,
            // A test that passes only at the second try is not one to rely on.
            failed: count("unexpected")? + count("flaky")? + errors as u64,
            skipped: count("skipped")?,
        })
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
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
            "a test prints: test result: ok. 100 passed; 0 failed",
        ] {
            total.read_cargo(line);
        }
        assert_eq!(total, tally(4, 2, 1));
    }

    #[test]
    fn nodes_totals_are_added_up_in_both_forms() {
        let mut total = Tally::default();
        for line in [
            "✔ joins errors (1.2ms)",
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
        assert_eq!(total, tally(3, 2, 1));
        total.read_node("# pass 4");
        total.read_node("# fail 0");
        assert_eq!(total, tally(7, 2, 1));
        total.read_node("# pass 4 of them");
        assert_eq!(total, tally(7, 2, 1));
    }

    #[test]
    fn playwrights_totals_are_read_from_its_report() {
        let report = r#"{"config": {}, "suites": [], "errors": [], "stats": {"duration": 12.5, "expected": 5, "skipped": 1, "unexpected": 2, "flaky": 1}}"#;
        assert_eq!(Tally::read_playwright(report), Some(tally(5, 3, 1)));
        let broken = r#"{"errors": [{"message": "no tests found"}], "stats": {"expected": 0, "skipped": 0, "unexpected": 0, "flaky": 0}}"#;
        assert_eq!(Tally::read_playwright(broken), Some(tally(0, 1, 0)));
        assert_eq!(Tally::read_playwright("{}"), None);
        assert_eq!(Tally::read_playwright(""), None);
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
