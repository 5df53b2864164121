//! Plots: well-formed whatever they show, and the marks where the values are.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use clip_svg::{
    Bar, BarChart, Interval, IntervalChart, Line, LineChart, Panel, Point, PointChart, ReliabilityBin, ReliabilityChart,
};

const HOSTILE: &str = "<script>\"&'</text>\u{1b}\u{0}猫";

fn bars(names: &[&str], values: &[f64]) -> String {
    BarChart {
        title: "Accuracy".into(),
        description: "of pictures".into(),
        axis: "right, %".into(),
        bars: names
            .iter()
            .zip(values)
            .map(|(name, &value)| Bar {
                name: (*name).into(),
                value,
                interval: Some([value - 2.0, value + 2.0]),
                is_reference: value > 40.0,
            })
            .collect(),
    }
    .render()
}

fn charts(name: &str, values: &[f64]) -> Vec<String> {
    let text = || name.to_owned();
    let (title, description) = (text(), text());
    vec![
        bars(&vec![name; values.len()], values),
        IntervalChart {
            title: title.clone(),
            description: description.clone(),
            axis: text(),
            rows: values
                .iter()
                .map(|&value| Interval {
                    name: text(),
                    value,
                    interval: [value - 1.0, value + 1.0],
                    is_clear: true,
                    note: text(),
                })
                .collect(),
        }
        .render(),
        PointChart {
            title: title.clone(),
            description: description.clone(),
            x_axis: text(),
            y_axis: text(),
            points: values
                .iter()
                .map(|&value| Point {
                    name: text(),
                    x: value,
                    y: value,
                    is_reference: true,
                })
                .collect(),
        }
        .render(),
        LineChart {
            title: title.clone(),
            description: description.clone(),
            x_axis: text(),
            y_axis: text(),
            places: vec![text(), text()],
            lines: values
                .iter()
                .map(|&value| Line {
                    name: text(),
                    values: vec![Some(value), None],
                })
                .collect(),
        }
        .render(),
        ReliabilityChart {
            title,
            description,
            panels: values
                .iter()
                .map(|&value| Panel {
                    name: text(),
                    note: text(),
                    bins: vec![ReliabilityBin {
                        from: 0.5,
                        to: 0.55,
                        count: 3,
                        accuracy: value,
                        confidence: 0.5,
                    }],
                })
                .collect(),
        }
        .render(),
    ]
}

/// Every element that begins ends, in the right order; a small check of what a parser would refuse.
fn assert_well_formed(svg: &str) {
    let mut open = Vec::new();
    for part in svg.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap();
        assert!(!text.contains('>') || open.last() == Some(&"style"), "{part}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{svg}");
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap());
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn any_text_and_any_number_gives_a_whole_document() {
    for values in [
        &[][..],
        &[0.5],
        &[0.0, 0.0],
        &[1.0, -3.0, 1e9],
        &[f64::NAN, f64::INFINITY, 0.2],
        &[0.1; 40],
    ] {
        for svg in charts(HOSTILE, values) {
            assert_well_formed(&svg);
            assert!(
                !svg.contains("<script") && !svg.contains("NaN") && !svg.contains("inf"),
                "{svg}"
            );
            assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
            assert!(svg.contains("prefers-color-scheme:dark") && svg.contains("role=\"img\""));
        }
    }
}

#[test]
fn the_same_values_give_the_same_text() {
    assert_eq!(charts("a", &[0.2, 0.3]), charts("a", &[0.2, 0.3]));
}

/// What an attribute of an element says.
fn attribute<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, rest) = line.split_once(&format!(" {name}=\"")).unwrap();
    rest.split('"').next().unwrap()
}

/// The number that each element has which begins so.
fn numbers(svg: &str, element: &str, name: &str) -> Vec<f64> {
    svg.lines()
        .filter(|line| line.starts_with(element))
        .map(|line| attribute(line, name).parse().unwrap())
        .collect()
}

#[test]
fn bars_are_as_long_as_their_values() {
    let svg = bars(&["a", "b"], &[10.0, 30.0]);
    let widths = numbers(&svg, "<rect x=", "width");
    assert_eq!(widths.len(), 2);
    assert!((widths[1] / widths[0] - 3.0).abs() < 0.01, "{widths:?}");
}

#[test]
fn what_is_nothing_is_drawn_at_zero() {
    let bar = |interval| Bar {
        name: "m".into(),
        value: 0.0,
        interval,
        is_reference: false,
    };
    let svg = BarChart {
        title: "t".into(),
        description: "d".into(),
        axis: "%".into(),
        bars: vec![bar(None), bar(Some([0.0, 0.0]))],
    }
    .render();
    let widths = numbers(&svg, "<rect x=", "width");
    assert_eq!(widths.len(), 2);
    assert!(widths.iter().all(|width| *width < 0.01), "{widths:?}");

    let svg = LineChart {
        title: "t".into(),
        description: "d".into(),
        x_axis: "severity".into(),
        y_axis: "%".into(),
        places: vec!["1".into(), "2".into()],
        lines: vec![Line {
            name: "m".into(),
            values: vec![Some(0.0), Some(0.0)],
        }],
    }
    .render();
    // The mark of the value 0 is at the lower end of the plot.
    let lowest = numbers(&svg, "<line", "y1").into_iter().fold(0.0, f64::max);
    let heights = numbers(&svg, "<circle", "cy");
    assert_eq!(heights.len(), 2);
    assert!(heights.iter().all(|height| (height - lowest).abs() < 0.01), "{svg}");
    assert_eq!(marks(&svg), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);

    let svg = intervals(&[(0.0, [0.0, 0.0], false)]);
    assert_eq!(marks(&svg), ["−0.4", "−0.2", "0", "0.2", "0.4"]);
}

/// What stands at the marks of the axes.
fn marks(svg: &str) -> Vec<&str> {
    svg.lines()
        .filter(|line| line.contains("class=\"small number\""))
        .map(|line| line.split(['<', '>']).nth(2).unwrap())
        .collect()
}

/// Rows of a difference, its interval, and whether it is clear.
fn intervals(rows: &[(f64, [f64; 2], bool)]) -> String {
    IntervalChart {
        title: "t".into(),
        description: "d".into(),
        axis: "points".into(),
        rows: rows
            .iter()
            .map(|&(value, interval, is_clear)| Interval {
                name: "m".into(),
                value,
                interval,
                is_clear,
                note: String::new(),
            })
            .collect(),
    }
    .render()
}

#[test]
fn a_clear_difference_is_drawn_by_the_side_of_zero_that_it_lies_on() {
    let svg = intervals(&[
        (2.0, [1.0, 3.0], true),
        (-2.0, [-3.0, -1.0], true),
        (0.5, [-1.0, 2.0], false),
        (2.0, [1.0, 3.0], false),
        (-2.0, [-3.0, -1.0], false),
    ]);
    let circles = svg.lines().filter(|line| line.starts_with("<circle"));
    let classes: Vec<&str> = circles.map(|line| attribute(line, "class")).collect();
    assert_eq!(classes, ["good", "bad", "muted", "muted", "muted"]);
}

/// Left, top, right and lower end of a text in the ordinary font, of 13 pixels, with 7.2 for a letter as the plots reckon.
fn area_of(svg: &str, text: &str) -> [f64; 4] {
    let ending = format!(">{text}</text>");
    let line = svg.lines().find(|line| line.ends_with(&ending)).unwrap();
    let number = |name: &str| attribute(line, name).parse::<f64>().unwrap();
    let (x, baseline) = (number("x"), number("y"));
    let width = 7.2 * text.chars().count() as f64;
    let left = match attribute(line, "text-anchor") {
        "start" => x,
        "middle" => x - width / 2.0,
        _ => x - width,
    };
    // Letters such as g reach three pixels below the line that the others stand on.
    [left, baseline - 10.0, left + width, baseline + 3.0]
}

#[test]
fn names_of_points_that_lie_together_do_not_cover_each_other() {
    let names = ["first", "second", "third", "the fourth"];
    let svg = PointChart {
        title: "t".into(),
        description: "d".into(),
        x_axis: "x".into(),
        y_axis: "y".into(),
        points: names
            .into_iter()
            .map(|name| Point {
                name: name.into(),
                x: 10.0,
                y: 5.0,
                is_reference: false,
            })
            .collect(),
    }
    .render();
    for (index, name) in names.iter().enumerate() {
        for other in &names[..index] {
            let (a, b) = (area_of(&svg, name), area_of(&svg, other));
            let do_cover = a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
            assert!(!do_cover, "{other} at {b:?} and {name} at {a:?}");
        }
    }
}
