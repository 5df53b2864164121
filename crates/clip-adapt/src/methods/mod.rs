//! The methods of adaptation: one file and one line in [`METHODS`] each.

pub mod adaptation;
pub mod alignment;
pub mod apt;
pub mod dect;
pub mod foa;
pub mod marginal;
pub mod mta;
pub mod oftta;
pub mod on_features;
pub mod prompt_align;
pub mod sts;
pub mod tail;
pub mod tps;
pub mod tpt;
pub mod ttl;
pub mod zero;

use std::sync::Arc;

use burn::tensor::Tensor;
use clip_model::clip::Clip;
use clip_model::picture::Picture;
use serde::Serialize;

use self::adaptation::Adaptation;
use self::on_features::OnFeatures;
use crate::error::{Error, Result};
use crate::labels::Prompts;
use crate::options::{OptionDescription, Options};
use crate::source::SourceStatistics;

/// All methods, in the order in which they are shown.
pub static METHODS: &[&dyn Method] = &[
    &ttl::TtlMethod,
    &tpt::TptMethod,
    &tpt::CTptMethod,
    &prompt_align::PromptAlignMethod,
    &apt::AptMethod,
    &foa::Foa,
    &OnFeatures(tps::PrototypeShift),
    &OnFeatures(oftta::Oftta),
    &OnFeatures(dect::DecoderTuning),
    &OnFeatures(zero::Zero),
    &OnFeatures(mta::Mta),
    &STS,
    &OnFeatures(marginal::MarginalEnsemble),
];

/// It keeps what it has found out about the last label set.
static STS: OnFeatures<sts::SpectralShift> = OnFeatures(sts::SpectralShift::new());

/// What a method works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MethodKind {
    /// The features of views and texts: arithmetic on the host.
    Features,
    /// Forward passes through the tower's last blocks.
    Forward,
    /// Gradients.
    Gradient,
}

/// Where a method was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Paper {
    /// Its authors.
    pub authors: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Its year.
    pub year: u16,
    /// Where it can be read.
    pub url: &'static str,
}

/// What a method is called and does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MethodDescription {
    /// Its name, in kebab-case.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Where it was published.
    pub paper: Option<Paper>,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// What it works with.
    pub kind: MethodKind,
    /// Whether it can't do without statistics of source pictures, whatever its options.
    pub needs_statistics: bool,
    /// Its options; those of the views come beside them.
    pub options: Vec<OptionDescription>,
}

/// What a run of a method is given.
pub struct Setting {
    /// The model.
    pub clip: Arc<Clip>,
    /// The picture, of which the views are.
    pub picture: Arc<Picture>,
    /// The labels' prompts, for each template.
    pub prompts: Vec<Prompts>,
    /// The labels' features, the mean over the templates: `[labels, projection]`, normalised.
    pub text_features: Tensor<2>,
    /// Seed of whatever is drawn.
    pub seed: u64,
    /// What the model's tokens are for source pictures.
    pub statistics: Option<Arc<SourceStatistics>>,
}

impl Setting {
    /// What the adapters' trainer needs of the texts.
    pub(crate) fn into_texts(self) -> tail::Texts {
        tail::Texts {
            features: self.text_features,
            prompts: self.prompts,
        }
    }

    /// The statistics of source pictures, for a method that can't do without.
    ///
    /// # Errors
    /// [`Error::StatisticsMissing`].
    pub fn require_statistics(&self, method: &'static str) -> Result<Arc<SourceStatistics>> {
        self.statistics.clone().ok_or(Error::StatisticsMissing { method })
    }
}

/// A method of adaptation.
pub trait Method: Sync {
    /// What it is called and does, and its options.
    fn description(&self) -> MethodDescription;

    /// Whether it can work with the mean of several templates' text features.
    fn takes_templates(&self) -> bool {
        true
    }

    /// Whether it trains low-rank adapters that can be saved, with some of its options at least.
    fn trains_adapter(&self) -> bool {
        false
    }

    /// Checks what depends on the model. The options are complete, and in the ranges of their descriptions.
    ///
    /// # Errors
    /// [`Error::OptionInvalid`].
    fn check(&self, _options: &Options, _clip: &Clip) -> Result<()> {
        Ok(())
    }

    /// Begins a run. The options are complete and checked.
    ///
    /// # Errors
    /// [`Error::StatisticsMissing`]; those of the towers.
    fn begin(&'static self, options: &Options, setting: Setting) -> Result<Box<dyn Adaptation>>;
}

/// A method's description, with the option that all methods share which take several templates.
#[must_use]
pub fn describe(method: &dyn Method) -> MethodDescription {
    let mut description = method.description();
    if method.takes_templates() {
        description.options.push(OptionDescription::list(
            TEMPLATES,
            "More templates",
            "Further sentences around each label, with {} for the label: its features are the mean over all of them.",
            &[],
            &[],
        ));
    }
    description
}

/// The option with further templates.
pub(crate) const TEMPLATES: &str = "templates";

/// The description of every method, with all their options.
#[must_use]
pub fn all() -> Vec<MethodDescription> {
    METHODS.iter().map(|method| describe(*method)).collect()
}

/// The method of a name.
///
/// # Errors
/// [`Error::MethodUnknown`].
pub fn find(name: &str) -> Result<&'static dyn Method> {
    METHODS
        .iter()
        .copied()
        .find(|method| method.description().name == name)
        .ok_or_else(|| Error::MethodUnknown {
            name: name.to_owned(),
            known: METHODS
                .iter()
                .map(|method| method.description().name)
                .collect::<Vec<_>>()
                .join(", "),
        })
}
