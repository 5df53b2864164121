//! The plots of an evaluation.

use std::collections::{BTreeMap, BTreeSet};

use clip_eval::corruption::Kind;
use clip_eval::record::Condition;
use clip_eval::summary::{Figures, MethodFigures, Summary, ZERO_SHOT};
use clip_svg::{
    Bar, BarChart, Interval, IntervalChart, Line, LineChart, Panel, Point, PointChart, ReliabilityBin, ReliabilityChart,
};

use super::markdown::{p_value, signed_points};

/// A plot and the file that it belongs into.
pub(super) struct Plot {
    pub file: &'static str,
    pub title: &'static str,
    pub svg: String,
}

/// All plots that the figures are enough for.
pub(super) fn render(summary: &Summary) -> Vec<Plot> {
    let overall = &summary.overall;
    let mut plots = vec![
        Plot {
            file: "accuracy.svg",
            title: "Accuracy",
            svg: accuracy(summary),
        },
        Plot {
            file: "differences.svg",
            title: "Difference to the answer without adaptation",
            svg: differences(overall),
        },
        Plot {
            file: "reliability.svg",
            title: "Reliability",
            svg: reliability(overall),
        },
        Plot {
            file: "cost.svg",
            title: "Accuracy against cost",
            svg: cost(overall),
        },
    ];
    if let Some(svg) = severity(summary) {
        plots.push(Plot {
            file: "severity.svg",
            title: "Accuracy by severity",
            svg,
        });
    }
    plots
}

fn percent(value: f64) -> f64 {
    value * 100.0
}

/// What was asked about.
fn questions(summary: &Summary) -> String {
    let conditions = &summary.conditions;
    // All of them are about the same pictures.
    let asked = conditions.iter().map(|condition| condition.figures.questions);
    let pictures = asked.max().unwrap_or_default();
    if conditions.len() > 1 {
        format!("{pictures} pictures under {} conditions", conditions.len())
    } else {
        format!("{pictures} pictures")
    }
}

fn accuracy(summary: &Summary) -> String {
    BarChart {
        title: "Accuracy".to_owned(),
        description: format!(
            "Right answers to {}, with 95 % intervals; dashed: without adaptation",
            questions(summary)
        ),
        axis: "right answers, %".to_owned(),
        bars: summary
            .overall
            .methods
            .iter()
            .map(|method| Bar {
                name: method.name.clone(),
                value: percent(method.top1.value),
                interval: Some(method.top1.interval.map(percent)),
                is_reference: method.name == ZERO_SHOT,
            })
            .collect(),
    }
    .render()
}

fn differences(figures: &Figures) -> String {
    let row = |method: &MethodFigures| {
        let paired = method.against_zero_shot?;
        let p = paired.p_value.map_or_else(String::new, |value| match p_value(value) {
            text if text.starts_with('<') => format!("  p {text}"),
            text => format!("  p = {text}"),
        });
        Some(Interval {
            name: method.name.clone(),
            value: percent(paired.difference),
            interval: paired.interval.map(percent),
            is_clear: paired.is_clear(),
            note: format!(
                "{} ({} right, {} wrong){p}",
                signed_points(paired.difference),
                paired.made_right,
                paired.made_wrong
            ),
        })
    };
    IntervalChart {
        title: "Difference to the answer without adaptation".to_owned(),
        description:
            "On the same pictures, with 95 % intervals; grey where chance may explain it; at the right what was made right and wrong"
                .to_owned(),
        axis: "percentage points".to_owned(),
        rows: figures.methods.iter().filter_map(row).collect(),
    }
    .render()
}

fn reliability(figures: &Figures) -> String {
    ReliabilityChart {
        title: "Reliability".to_owned(),
        description: "Blue: right answers by confidence; red: the gap to the confidence; grey: how many answers"
            .to_owned(),
        panels: figures
            .methods
            .iter()
            .map(|method| Panel {
                name: method.name.clone(),
                note: reliability_note(method),
                bins: method
                    .calibration
                    .bins
                    .iter()
                    .map(|bin| ReliabilityBin {
                        from: bin.from,
                        to: bin.to,
                        count: bin.count,
                        accuracy: bin.accuracy,
                        confidence: bin.confidence,
                    })
                    .collect(),
            })
            .collect(),
    }
    .render()
}

fn reliability_note(method: &MethodFigures) -> String {
    if method.failed == method.top1.of {
        return "no answer".to_owned();
    }
    format!(
        "ECE {:.1} %, {:.0} % sure, {:.0} % right",
        percent(method.calibration.ece),
        percent(method.calibration.confidence),
        percent(method.top1.value)
    )
}

/// The time is the whole of it: what all methods share and a method's own, since nobody can have the one without the other. The answer without
/// adaptation needs one view only.
fn cost(figures: &Figures) -> String {
    PointChart {
        title: "Accuracy against cost".to_owned(),
        description: "Time with cutting and encoding the views; dashed: accuracy without adaptation".to_owned(),
        x_axis: "milliseconds a picture, logarithmic".to_owned(),
        y_axis: "right answers, %".to_owned(),
        points: figures
            .methods
            .iter()
            .map(|method| {
                let is_reference = method.name == ZERO_SHOT;
                let shared = if is_reference { 0.0 } else { figures.shared_ms.median };
                Point {
                    name: method.name.clone(),
                    x: (shared + method.cost_ms.median).max(1e-3),
                    y: percent(method.top1.value),
                    is_reference,
                }
            })
            .collect(),
    }
    .render()
}

/// Mean accuracy at each severity, where there are several. A kind of corruption that wasn't asked about at all of them is left out: a line from one kind to
/// another says nothing of severities.
fn severity(summary: &Summary) -> Option<String> {
    let mut kinds_at: BTreeMap<u8, BTreeSet<Kind>> = BTreeMap::new();
    for figures in &summary.conditions {
        if let Condition::Corrupted(corruption) = figures.condition {
            let kinds = kinds_at.entry(corruption.severity()).or_default();
            kinds.insert(corruption.kind());
        }
    }
    if kinds_at.len() < 2 {
        return None;
    }
    let shared = kinds_at.into_values().reduce(|shared, kinds| &shared & &kinds)?;
    let first = shared.first()?;
    let place_of = |condition: Condition| match condition {
        Condition::Clean => Some(0),
        Condition::Corrupted(corruption) => shared.contains(&corruption.kind()).then(|| corruption.severity()),
    };
    let conditions = &summary.conditions;
    let places: BTreeSet<u8> = conditions
        .iter()
        .filter_map(|figures| place_of(figures.condition))
        .collect();
    let mean = |index: usize, place: u8| {
        let matching = conditions
            .iter()
            .filter(|figures| place_of(figures.condition) == Some(place));
        let values: Vec<f64> = matching
            .filter_map(|figures| figures.figures.methods.get(index))
            .map(|method| percent(method.top1.value))
            .collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let methods = summary.overall.methods.iter().enumerate();
    let chart = LineChart {
        title: "Accuracy by severity".to_owned(),
        description: if shared.len() == 1 {
            format!("Of {first}")
        } else {
            format!(
                "Mean over the {} kinds of corruption that there are at each severity",
                shared.len()
            )
        },
        x_axis: "severity".to_owned(),
        y_axis: "right answers, %".to_owned(),
        places: places
            .iter()
            .map(|&place| {
                if place == 0 {
                    "clean".to_owned()
                } else {
                    place.to_string()
                }
            })
            .collect(),
        lines: methods
            .map(|(index, method)| Line {
                name: method.name.clone(),
                values: places.iter().map(|&place| mean(index, place)).collect(),
            })
            .collect(),
    };
    Some(chart.render())
}

#[cfg(test)]
mod tests {
    use clip_eval::record::{MethodAnswer, MethodResult, PictureResult, Record};

    use super::*;

    fn answer(is_right: bool) -> MethodResult {
        MethodResult::Answered(MethodAnswer {
            predicted: 0,
            confidence: 0.5,
            true_rank: usize::from(!is_right),
            true_probability: 0.5,
            entropy: 1.0,
            cost_ms: 1.0,
            forward_passes: 0.0,
            backward_passes: 0.0,
            peak_memory_bytes: None,
            warnings: Vec::new(),
        })
    }

    /// Of so many pictures under each condition. The answer without adaptation is always wrong; `is_right` says of a picture and a condition whether that of a
    /// method is right.
    fn summary(pictures: usize, conditions: &[&str], is_right: impl Fn(usize, &str) -> bool) -> Summary {
        let mut records = Vec::new();
        for condition in conditions {
            for picture in 0..pictures {
                let results = BTreeMap::from([
                    (ZERO_SHOT.to_owned(), answer(false)),
                    ("ttl".to_owned(), answer(is_right(picture, condition))),
                ]);
                records.push(Record {
                    path: format!("cat/{picture}.png"),
                    bytes: 1,
                    label: "cat".to_owned(),
                    condition: condition.parse().unwrap(),
                    result: PictureResult::Seen {
                        shared_ms: 1.0,
                        results,
                    },
                });
            }
        }
        Summary::of(&records, &["ttl".to_owned()], 0)
    }

    #[test]
    fn a_difference_has_a_colour_where_the_report_has_it_in_bold() {
        let of_answers = |right: usize| {
            let summary = summary(30, &["clean"], |picture, _| picture < right);
            let paired = summary.overall.methods[1].against_zero_shot.unwrap();
            assert!(paired.interval[0] > 0.0, "{paired:?}");
            differences(&summary.overall)
        };
        // Four coins fall alike one time in eight, six one time in thirty-two.
        let (four, six) = (of_answers(4), of_answers(6));
        let (muted, good) = ("class=\"muted\"", "class=\"good\"");
        assert!(four.contains(muted) && !four.contains(good), "{four}");
        assert!(six.contains(good) && !six.contains(muted), "{six}");
    }

    #[test]
    fn pictures_are_counted_once_and_conditions_named() {
        let one = accuracy(&summary(3, &["fog:1"], |_, _| true));
        assert!(one.contains("Right answers to 3 pictures, with"), "{one}");
        let several = accuracy(&summary(3, &["clean", "fog:1", "fog:2", "snow:2"], |_, _| true));
        assert!(
            several.contains("Right answers to 3 pictures under 4 conditions, with"),
            "{several}"
        );
        assert!(accuracy(&summary(0, &[], |_, _| true)).contains("Right answers to 0 pictures, with"));
    }

    #[test]
    fn severities_of_different_kinds_are_not_joined() {
        let plot = |conditions: &[&str]| severity(&summary(2, conditions, |_, condition| condition.starts_with("fog")));
        assert_eq!(plot(&["clean", "fog:1"]), None);
        assert_eq!(plot(&["clean", "fog:1", "snow:5"]), None);
        assert_eq!(plot(&["fog:1", "fog:3", "snow:5"]), None);
        let fog = plot(&["clean", "fog:1", "fog:5"]).unwrap();
        assert!(fog.contains("Of fog"), "{fog}");
        // Snow, which no answer is right of, would draw the mean down.
        assert_eq!(plot(&["clean", "fog:1", "snow:5", "fog:5"]).unwrap(), fog);
        let both = plot(&["clean", "fog:1", "snow:1", "fog:5", "snow:5"]).unwrap();
        assert!(both.contains("Mean over the 2 kinds of corruption"), "{both}");
        assert_ne!(both, fog);
    }
}
