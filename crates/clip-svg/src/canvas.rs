//! The document that plots are drawn into.

use std::fmt::Write as _;

/// Size of ordinary text in pixels, as in the style below.
pub(crate) const TEXT: f64 = 13.0;
/// Width of an average letter of it. The renderer's font isn't known; this is on the wide side.
const LETTER: f64 = 7.2;

/// The title's letters are so much wider.
const TITLE_SCALE: f64 = 1.3;

/// Colours by role, for light and for dark surroundings. The series' colours differ in lightness too, for those who don't tell hues apart.
const STYLE: &str = "\
svg{--ground:#fff;--ink:#1c2330;--soft:#5a6372;--grid:#e2e6ec;--accent:#2563c9;--muted:#98a2b3;--good:#0f7b6c;--bad:#c2410c;\
--s0:#2563c9;--s1:#c2410c;--s2:#0f7b6c;--s3:#8b3fb8;--s4:#a16207;--s5:#be185d;--s6:#475569;--s7:#0891b2}\
@media(prefers-color-scheme:dark){svg{--ground:#14181f;--ink:#e8ecf3;--soft:#a3adbd;--grid:#2b323d;--accent:#7fb0ff;--muted:#6b7686;\
--good:#4fd1b5;--bad:#ff9b66;--s0:#7fb0ff;--s1:#ff9b66;--s2:#4fd1b5;--s3:#d39bf5;--s4:#e7bf4f;--s5:#ff8fc0;--s6:#b6c2d3;--s7:#5fd4ee}}\
text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:var(--ink)}\
.title{font-weight:600;font-size:16px}.soft{fill:var(--soft)}.small{font-size:11px;fill:var(--soft)}.number{font-variant-numeric:tabular-nums}\
.ground{fill:var(--ground)}.grid{stroke:var(--grid);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}.whisker{stroke:var(--ink);stroke-width:1.5}\
.reference{stroke:var(--soft);stroke-width:1.5;stroke-dasharray:5 4}.accent{fill:var(--accent)}.muted{fill:var(--muted)}.good{fill:var(--good)}.bad{fill:var(--bad)}\
.good-line{stroke:var(--good);stroke-width:2.5}.bad-line{stroke:var(--bad);stroke-width:2.5}.muted-line{stroke:var(--muted);stroke-width:2.5}\
.gap{fill:var(--bad);fill-opacity:.28;stroke:var(--bad);stroke-width:1}.ring{stroke:var(--ground);stroke-width:1.5}\
.line{fill:none;stroke-width:2;stroke-linejoin:round}.dashed{stroke-dasharray:6 4}\
.s0{fill:var(--s0)}.s1{fill:var(--s1)}.s2{fill:var(--s2)}.s3{fill:var(--s3)}.s4{fill:var(--s4)}.s5{fill:var(--s5)}.s6{fill:var(--s6)}.s7{fill:var(--s7)}\
.l0{stroke:var(--s0)}.l1{stroke:var(--s1)}.l2{stroke:var(--s2)}.l3{stroke:var(--s3)}.l4{stroke:var(--s4)}.l5{stroke:var(--s5)}.l6{stroke:var(--s6)}.l7{stroke:var(--s7)}";

/// How many colours series have before they begin anew.
pub(crate) const SERIES_COLOURS: usize = 8;

/// Where text stands about its position.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// A drawing that grows.
pub(crate) struct Canvas {
    width: f64,
    height: f64,
    title: String,
    description: String,
    body: String,
}

impl Canvas {
    /// An empty one of this size in pixels, or wider where the description needs it.
    pub(crate) fn new(width: f64, height: f64, title: &str, description: &str) -> Self {
        // Both stand in one line at the top.
        let text = f64::max(width_of(description), TITLE_SCALE * width_of(title));
        Self {
            width: width.max(text + 40.0),
            height,
            title: title.to_owned(),
            description: description.to_owned(),
            body: String::new(),
        }
    }

    pub(crate) fn text(&mut self, x: f64, y: f64, class: &str, anchor: Anchor, text: &str) {
        self.push(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" class="{class}" text-anchor="{}">{}</text>"#,
            anchor.as_str(),
            escaped(text)
        ));
    }

    /// Text along the vertical axis, read from below.
    pub(crate) fn upward_text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        self.push(format_args!(
            r#"<text transform="translate({x:.1} {y:.1}) rotate(-90)" class="{class}" text-anchor="middle">{}</text>"#,
            escaped(text)
        ));
    }

    /// A rectangle; `hint` is what a pointer that rests on it is told.
    pub(crate) fn rect(&mut self, [x, y, width, height]: [f64; 4], class: &str, hint: &str) {
        let (width, height) = (width.max(0.0), height.max(0.0));
        self.push(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" class="{class}">{}</rect>"#,
            hinted(hint)
        ));
    }

    pub(crate) fn line(&mut self, [x1, y1, x2, y2]: [f64; 4], class: &str) {
        self.push(format_args!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#
        ));
    }

    pub(crate) fn circle(&mut self, x: f64, y: f64, radius: f64, class: &str, hint: &str) {
        self.push(format_args!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius:.1}" class="{class}">{}</circle>"#,
            hinted(hint)
        ));
    }

    pub(crate) fn polyline(&mut self, points: &[(f64, f64)], class: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.push(format_args!(
            r#"<polyline points="{}" class="{class}"/>"#,
            points.join(" ")
        ));
    }

    /// The document.
    pub(crate) fn finish(self) -> String {
        let Self {
            width,
            height,
            title,
            description,
            body,
        } = self;
        let (title, description) = (escaped(&title), escaped(&description));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
             role=\"img\" aria-labelledby=\"title description\">\n<title id=\"title\">{title}</title>\n<desc id=\"description\">{description}</desc>\n\
             <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" class=\"ground\"/>\n\
             <text x=\"20\" y=\"30\" class=\"title\">{title}</text>\n{body}</svg>\n"
        )
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string can't fail.
        let _ = writeln!(self.body, "{element}");
    }
}

fn hinted(hint: &str) -> String {
    if hint.is_empty() {
        String::new()
    } else {
        format!("<title>{}</title>", escaped(hint))
    }
}

/// About how wide a text is, in pixels.
pub(crate) fn width_of(text: &str) -> f64 {
    // Most letters beyond Latin scripts are about twice as wide.
    let letters: f64 = text
        .chars()
        .map(|letter| if (letter as u32) < 0x1100 { 1.0 } else { 1.8 })
        .sum();
    letters * LETTER
}

/// Text that is no markup, whatever it holds. Control characters, which XML doesn't allow, are replaced.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            letter if letter.is_control() => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        let mut canvas = Canvas::new(10.0, 10.0, "a < b & \"c\"", "</desc><script>");
        canvas.text(1.0, 1.0, "", Anchor::Start, "<b>\u{1b}[31m</b>");
        let svg = canvas.finish();
        assert!(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains('\u{1b}'));
        assert!(svg.contains("a &lt; b &amp; &quot;c&quot;"));
    }
}
