//! ZERO: voting at temperature zero (Farina et al., "Frustratingly Easy Test-Time Adaptation of Vision-Language Models",
//! NeurIPS 2024, arXiv 2405.18330).
//!
//! The most confident share of the views vote, each with one voice for its likeliest label. If several labels have the
//! most votes, the remaining views are asked, the most confident first, and the first that is for one of them decides.
//! Nothing is optimised. A temperature near zero in half precision, as the published code has it, is a soft vote on
//! close calls; counting is not.

use serde::{Deserialize, Serialize};

use super::on_features::{FeatureComputation, FeatureInput, FeatureMethod, FeatureStep};
use super::{MethodDescription, MethodKind, Paper};
use crate::error::Result;
use crate::features::selection::{by_confidence, count};
use crate::features::{FeatureSet, argmax, entropy_of, indicator};
use crate::options::{OptionDescription, Options, read};

/// Settings of ZERO. The default is that of the published program; the paper has a tenth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ZeroOptions {
    /// The share of the views that vote, the most confident.
    pub selection: f64,
}

impl Default for ZeroOptions {
    fn default() -> Self {
        Self { selection: 0.3 }
    }
}

/// How the views voted.
#[derive(Debug, Clone, PartialEq)]
pub struct Vote {
    /// The label that won.
    pub winner: usize,
    /// Each label's votes, with the one that decided a tie.
    pub votes: Vec<usize>,
    /// The views that voted, most confident first.
    pub voters: Vec<usize>,
}

impl Vote {
    /// Each label's part of the votes.
    #[must_use]
    pub fn shares(&self) -> Vec<f64> {
        let all = self.votes.iter().sum::<usize>().max(1) as f64;
        self.votes.iter().map(|&votes| votes as f64 / all).collect()
    }
}

/// Lets the views vote.
#[must_use]
pub fn vote(features: &FeatureSet, options: ZeroOptions) -> Vote {
    let order = by_confidence(features.entropies());
    let (voters, others) = order.split_at(count(order.len(), options.selection));
    let choice = |view: usize| argmax(features.logits(view)).unwrap_or_default();
    let mut votes = vec![0_usize; features.labels()];
    for &view in voters {
        votes[choice(view)] += 1;
    }
    let most = votes.iter().copied().max().unwrap_or_default();
    let leads = |label: usize| votes[label] == most;
    let leaders = (0..votes.len()).filter(|&label| leads(label)).count();
    let first = || (0..votes.len()).find(|&label| leads(label)).unwrap_or_default();
    let winner = if leaders == 1 {
        first()
    } else {
        let decided = others.iter().map(|&view| choice(view)).find(|&label| leads(label));
        decided.unwrap_or_else(|| {
            // Nobody left is for one of the tied: the next most confident view says which of them it likes best.
            let judge = others.first().or(order.first()).copied().unwrap_or_default();
            let logits = features.logits(judge).iter().enumerate();
            let among: Vec<f64> = logits
                .map(|(label, &logit)| if leads(label) { logit } else { f64::NEG_INFINITY })
                .collect();
            argmax(&among).unwrap_or_else(first)
        })
    };
    if leaders > 1 {
        votes[winner] += 1;
    }
    Vote {
        winner,
        votes,
        voters: voters.to_vec(),
    }
}

/// The method, as it is found by its name.
pub struct Zero;

impl FeatureMethod for Zero {
    fn description(&self) -> MethodDescription {
        MethodDescription {
            name: "zero",
            title: "ZERO",
            paper: Some(Paper {
                authors: "Matteo Farina, Gianni Franchi, Giovanni Iacca, Massimiliano Mancini, Elisa Ricci",
                title: "Frustratingly Easy Test-Time Adaptation of Vision-Language Models",
                year: 2024,
                url: "https://arxiv.org/abs/2405.18330",
            }),
            summary: "The most confident views vote for their likeliest labels; nothing is trained.",
            kind: MethodKind::Features,
            needs_statistics: false,
            options: vec![OptionDescription::number(
                "selection",
                "Share of views",
                "The share of the views that vote: the most confident.",
                ZeroOptions::default().selection,
                [0.0, 1.0],
            )],
        }
    }

    fn compute(&self, input: &FeatureInput<'_>, options: &Options) -> Result<FeatureComputation> {
        let vote = vote(input.features, read(options)?);
        let probabilities = vote.shares();
        Ok(FeatureComputation::Whole(FeatureStep {
            loss: entropy_of(&probabilities),
            view_weights: indicator(&vote.voters, input.features.views()),
            view_logits: None,
            probabilities,
        }))
    }
}
