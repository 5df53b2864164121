//! `clip-ttl methods`: what the methods do, and their options.

use clip_adapt::methods::{self, MethodDescription, MethodKind};
use clip_adapt::options::{OptionDescription, ViewOptions};
use serde::Serialize;

use crate::args::{MethodsArgs, flag_of, shown};
use crate::commands::Outcome;
use crate::error::Error;
use crate::output::{self, Surface};

#[derive(Serialize)]
struct Document {
    /// The options that all have.
    views: Vec<OptionDescription>,
    methods: Vec<MethodDescription>,
}

/// Runs the command.
///
/// # Errors
/// [`Error::Adapt`] for an unknown name.
pub fn run(arguments: &MethodsArgs) -> Result<Outcome, Error> {
    let methods: Vec<MethodDescription> = if arguments.names.is_empty() {
        methods::all()
    } else {
        let named = arguments.names.iter();
        named
            .map(|name| Ok(methods::describe(methods::find(name)?)))
            .collect::<Result<_, Error>>()?
    };
    if arguments.json {
        output::print_json(&Document {
            views: ViewOptions::descriptions(),
            methods,
        })?;
    } else {
        let surface = Surface::of_stdout();
        let is_whole = !arguments.names.is_empty();
        let texts: Vec<String> = methods.iter().map(|method| render(method, is_whole, surface)).collect();
        output::print(&texts.join("\n"))?;
        if !is_whole {
            output::print("\nclip-ttl methods NAME shows a method's options.\n")?;
        }
    }
    Ok(Outcome::Good)
}

fn render(method: &MethodDescription, is_whole: bool, surface: Surface) -> String {
    let mut text = format!(
        "{} {}\n",
        surface.bold(method.name),
        surface.dim(&format!("· {}", method.title))
    );
    text.push_str(&indented(method.summary, "  ", surface.columns));
    if let Some(paper) = &method.paper {
        let authors = if paper.authors.is_empty() {
            String::new()
        } else {
            format!("{}, ", paper.authors)
        };
        let paper = format!("{authors}{}, {}. {}", paper.title, paper.year, paper.url);
        text.push_str(&surface.dim(&indented(&paper, "  ", surface.columns)));
    }
    let kind = match method.kind {
        MethodKind::Features => "computes on the views' features: no further pass through the model",
        MethodKind::Forward => "passes the views through the model again, never backward",
        MethodKind::Gradient => "passes the views through the model forward and backward",
    };
    let statistics = if method.needs_statistics {
        "; needs source statistics (clip-ttl stats)"
    } else {
        ""
    };
    text.push_str(&surface.dim(&indented(&format!("It {kind}{statistics}."), "  ", surface.columns)));
    if is_whole {
        for option in &method.options {
            text.push_str(&format!(
                "\n  {} {}\n",
                flag_of(option.name),
                surface.dim(&values(option))
            ));
            text.push_str(&indented(option.description, "      ", surface.columns));
        }
    }
    text
}

/// Its range or choices, and its default.
fn values(option: &OptionDescription) -> String {
    let mut parts = Vec::new();
    if let (Some(least), Some(most)) = (option.min, option.max) {
        parts.push(format!("{least} to {most}"));
    }
    if !option.choices.is_empty() {
        parts.push(option.choices.join(" | "));
    }
    parts.push(format!("default {}", shown(&option.default)));
    if let Some(paper) = &option.paper_default {
        parts.push(format!("in the paper {}", shown(paper)));
    }
    parts.join(", ")
}

/// Text in lines of at most so many columns, each after these spaces.
fn indented(text: &str, indent: &str, columns: usize) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && indent.len() + output::columns_of(&line) + 1 + output::columns_of(word) > columns {
            lines.push_str(&format!("{indent}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push_str(&format!("{indent}{line}\n"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(indented("one two three", "  ", 10), "  one two\n  three\n");
        assert_eq!(indented("extraordinarily", "  ", 5), "  extraordinarily\n");
        assert_eq!(indented("", "  ", 5), "");
    }
}
