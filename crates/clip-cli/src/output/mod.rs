//! What the commands print.

mod bars;
mod sparkline;

use std::io::{self, IsTerminal as _, Write as _};

use console::{Style, Term};
use serde::Serialize;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::error::Error;

pub use bars::{changes, scores};
pub use sparkline::{Series, series};

/// Where standard output is no terminal.
const DEFAULT_COLUMNS: usize = 80;
/// Below this a table isn't readable anyway; above it the eye loses the line.
const COLUMNS: std::ops::RangeInclusive<usize> = 40..=120;

/// What text is laid out for.
#[derive(Debug, Clone, Copy)]
pub struct Surface {
    /// Columns of text.
    pub columns: usize,
    /// Whether colours are wanted and possible.
    pub colours: bool,
}

impl Surface {
    /// Standard output as it is. `NO_COLOR` (<https://no-color.org>), and a terminal that says it is dumb, are heeded.
    pub fn of_stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let columns = Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        let columns = columns
            .filter(|&columns| terminal && columns > 0)
            .unwrap_or(DEFAULT_COLUMNS);
        Self {
            columns: columns.clamp(*COLUMNS.start(), *COLUMNS.end()),
            colours: terminal && !set("NO_COLOR") && !dumb,
        }
    }

    /// Text that stands out.
    pub fn bold(self, text: &str) -> String {
        self.styled(Style::new().bold(), text)
    }

    /// Text that stands back.
    pub fn dim(self, text: &str) -> String {
        self.styled(Style::new().dim(), text)
    }

    /// What grew, or went well.
    pub fn good(self, text: &str) -> String {
        self.styled(Style::new().green(), text)
    }

    /// What shrank, or went wrong.
    pub fn bad(self, text: &str) -> String {
        self.styled(Style::new().red(), text)
    }

    /// What the user should see.
    pub fn warning(self, text: &str) -> String {
        self.styled(Style::new().yellow().bold(), text)
    }

    fn styled(self, style: Style, text: &str) -> String {
        style.force_styling(self.colours).apply_to(text).to_string()
    }
}

/// Prints text as it is.
///
/// # Errors
/// [`Error::Output`].
pub fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Prints a JSON document on one line.
///
/// # Errors
/// [`Error::Output`], [`Error::Json`].
pub fn print_json(document: &impl Serialize) -> Result<(), Error> {
    let mut text = serde_json::to_string(document)?;
    text.push('\n');
    print(&text)
}

/// Text of the user's as a terminal may be shown it: what would move the cursor, change colours or turn the direction
/// of writing around becomes a replacement character.
pub fn printable(text: &str) -> String {
    let turns = |letter| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    text.chars()
        .map(|letter| {
            if letter.is_control() || turns(letter) {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect()
}

/// Printable text of exactly so many columns, cut with an ellipsis or filled with spaces.
pub fn fitted(text: &str, columns: usize) -> String {
    let text = printable(text);
    let width = text.width();
    if width <= columns {
        return format!("{text}{}", " ".repeat(columns - width));
    }
    let mut cut = String::new();
    let mut used = 0;
    for letter in text.chars() {
        let width = letter.width().unwrap_or_default();
        if used + width + 1 > columns {
            break;
        }
        cut.push(letter);
        used += width;
    }
    cut.push('…');
    format!("{cut}{}", " ".repeat(columns.saturating_sub(used + 1)))
}

/// Columns that printable text takes.
pub fn columns_of(text: &str) -> usize {
    printable(text).width()
}

/// Where it ran: "the CPU", or WebGPU and the adapter's name.
pub fn device(kind: &str, name: &str) -> String {
    if kind == "cpu" {
        "the CPU".to_owned()
    } else {
        format!("WebGPU ({})", printable(name))
    }
}

/// A duration in the unit that reads best.
pub fn duration(milliseconds: f64) -> String {
    if milliseconds < 1000.0 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{:.1} s", milliseconds / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_fitted_by_columns_not_letters() {
        assert_eq!(fitted("cat", 5), "cat  ");
        assert_eq!(fitted("a long label", 7), "a long…");
        assert_eq!(fitted("猫猫猫", 5), "猫猫…");
        assert_eq!(fitted("猫猫猫", 4), "猫… ");
        assert_eq!(fitted("🐈", 3), "🐈 ");
    }

    #[test]
    fn a_label_cannot_steer_the_terminal() {
        assert_eq!(
            printable("\x1b[31mred\r\n\u{202e}"),
            "\u{fffd}[31mred\u{fffd}\u{fffd}\u{fffd}"
        );
        assert_eq!(printable("<b>cat</b> 🐈"), "<b>cat</b> 🐈");
    }

    #[test]
    fn durations_have_fitting_units() {
        assert_eq!(duration(12.3), "12 ms");
        assert_eq!(duration(12_345.0), "12.3 s");
    }
}
