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

#[test]
fn bars_are_as_long_as_their_values() {
    let svg = bars(&["a", "b"], &[10.0, 30.0]);
    let widths: Vec<f64> = svg
        .lines()
        .filter(|line| line.starts_with("<rect x="))
        .map(|line| {
            line.split("width=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    assert_eq!(widths.len(), 2);
    assert!((widths[1] / widths[0] - 3.0).abs() < 0.01, "{widths:?}");
}

#[test]
fn an_interval_is_drawn_by_the_side_of_zero_that_it_lies_on() {
    let svg = IntervalChart {
        title: "t".into(),
        description: "d".into(),
        axis: "points".into(),
        rows: [(2.0, [1.0, 3.0]), (-2.0, [-3.0, -1.0]), (0.5, [-1.0, 2.0])]
            .into_iter()
            .map(|(value, interval)| Interval {
                name: "m".into(),
                value,
                interval,
                note: String::new(),
            })
            .collect(),
    }
    .render();
    let classes: Vec<&str> = svg
        .lines()
        .filter(|line| line.starts_with("<circle"))
        .map(|line| line.split("class=\"").nth(1).unwrap().split('"').next().unwrap())
        .collect();
    assert_eq!(classes, ["good", "bad", "muted"]);
}

#[test]
fn names_of_points_that_lie_together_do_not_cover_each_other() {
    let svg = PointChart {
        title: "t".into(),
        description: "d".into(),
        x_axis: "x".into(),
        y_axis: "y".into(),
        points: ["first", "second", "third"]
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
    let mut places: Vec<&str> = svg
        .lines()
        .filter(|line| {
            ["first", "second", "third"]
                .iter()
                .any(|name| line.ends_with(&format!(">{name}</text>")))
        })
        .map(|line| line.split(" class").next().unwrap())
        .collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 3, "{svg}");
}
