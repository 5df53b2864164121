//! The plots of an evaluation.

use clip_eval::record::Condition;
use clip_eval::summary::{Figures, MethodFigures, ZERO_SHOT};
use clip_svg::{
    Bar, BarChart, Interval, IntervalChart, Line, LineChart, Panel, Point, PointChart, ReliabilityBin, ReliabilityChart,
};

use super::document::Document;
use super::markdown::{p_value, signed_points};

/// A plot and the file that it belongs into.
pub(super) struct Plot {
    pub file: &'static str,
    pub title: &'static str,
    pub svg: String,
}

/// All plots that the figures are enough for.
pub(super) fn render(document: &Document) -> Vec<Plot> {
    let overall = &document.summary.overall;
    let mut plots = vec![
        Plot {
            file: "accuracy.svg",
            title: "Accuracy",
            svg: accuracy(overall),
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
    if let Some(svg) = severity(document) {
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

fn accuracy(figures: &Figures) -> String {
    BarChart {
        title: "Accuracy".to_owned(),
        description: format!(
            "Right answers to {} pictures, with 95 % intervals; dashed: without adaptation",
            figures.questions
        ),
        axis: "right answers, %".to_owned(),
        bars: figures
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
            "On the same pictures, with 95 % intervals; at the right what was made right and what was made wrong"
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

/// Mean accuracy over the kinds of corruption, where there are several severities.
fn severity(document: &Document) -> Option<String> {
    let level = |condition: &Condition| match condition {
        Condition::Clean => 0,
        Condition::Corrupted(corruption) => corruption.severity(),
    };
    let conditions = &document.summary.conditions;
    let mut levels: Vec<u8> = conditions.iter().map(|figures| level(&figures.condition)).collect();
    levels.sort_unstable();
    levels.dedup();
    if levels.iter().filter(|&&level| level > 0).count() < 2 {
        return None;
    }
    let mean = |index: usize, wanted: u8| {
        let matching = conditions.iter().filter(|figures| level(&figures.condition) == wanted);
        let values: Vec<f64> = matching
            .filter_map(|figures| figures.figures.methods.get(index))
            .map(|method| percent(method.top1.value))
            .collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let methods = document.summary.overall.methods.iter().enumerate();
    let chart = LineChart {
        title: "Accuracy by severity".to_owned(),
        description: "Mean over the kinds of corruption".to_owned(),
        x_axis: "severity".to_owned(),
        y_axis: "right answers, %".to_owned(),
        places: levels
            .iter()
            .map(|&level| {
                if level == 0 {
                    "clean".to_owned()
                } else {
                    level.to_string()
                }
            })
            .collect(),
        lines: methods
            .map(|(index, method)| Line {
                name: method.name.clone(),
                values: levels.iter().map(|&level| mean(index, level)).collect(),
            })
            .collect(),
    };
    Some(chart.render())
}
