//! What can go wrong when labels, options or a recorded episode come in; the rest comes from `clip-model`.

/// A failure of an adaptation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The picture, the checkpoint or the device.
    #[error(transparent)]
    Model(#[from] clip_model::Error),
    /// There are no labels.
    #[error("there are no labels: give at least one")]
    LabelsNone,
    /// A label has no letters.
    #[error("label {position} is empty")]
    LabelEmpty {
        /// Its place, counted from 1.
        position: usize,
    },
    /// A label stands there twice.
    #[error("the label \"{label}\" stands there twice, as number {first} and number {second}")]
    LabelDuplicate {
        /// The label.
        label: String,
        /// Its first place, counted from 1.
        first: usize,
        /// Its second place, counted from 1.
        second: usize,
    },
    /// One label leaves nothing to adapt: its probability is always 1 and its entropy 0.
    #[error("adapting needs at least two labels: with {count} the prediction is always certain")]
    LabelsTooFew {
        /// How many there are.
        count: usize,
    },
    /// The prompt template has no place for the label.
    #[error("the template \"{template}\" has no {{}}, where the label goes")]
    TemplateInvalid {
        /// The template.
        template: String,
    },
    /// An option lies outside its range.
    #[error("{option} = {value} is not possible: {range}")]
    OptionInvalid {
        /// The option's name.
        option: String,
        /// The value that was given.
        value: String,
        /// What would be possible.
        range: String,
    },
    /// There is no option of this name.
    #[error("there is no option {option}, but {}", .known.join(", "))]
    OptionUnknown {
        /// The name that was given.
        option: String,
        /// All names.
        known: Vec<&'static str>,
    },
    /// [`crate::episode::Episode::advance`] was called after the episode had ended.
    #[error("the episode is over: start another, extend or reset it")]
    EpisodeOver,
    /// [`crate::episode::Episode::extend`] was called before the episode had ended.
    #[error("the episode is not over yet")]
    EpisodeRunning,
    /// There is no method of this name.
    #[error("there is no method \"{name}\", but {known}")]
    MethodUnknown {
        /// The name that was given.
        name: String,
        /// All names.
        known: String,
    },
    /// A method needs to know what the model's tokens are like for source pictures.
    #[error("{method} needs statistics of source pictures: make them with `clip-ttl stats` and load them")]
    StatisticsMissing {
        /// The method.
        method: &'static str,
    },
    /// Statistics of source pictures can't be read, or are another model's.
    #[error("the statistics of source pictures can't be used: {reason}")]
    StatisticsInvalid {
        /// What is wrong with them.
        reason: String,
    },
    /// Prompt tuning has nothing to tune.
    #[error(
        "the template \"{template}\" has no words before the label, which this method would train: begin it with some, such as \"a photo of a {{}}.\""
    )]
    TemplateWithoutContext {
        /// The template.
        template: String,
    },
    /// There is no trained adapter to give away.
    #[error("there is no adapter: {reason}")]
    AdapterMissing {
        /// Why not.
        reason: String,
    },
    /// Features of pictures or texts that no method can compute with.
    #[error("these features can't be used: {reason}")]
    FeaturesInvalid {
        /// What is wrong with them.
        reason: String,
    },
    /// A recorded episode can't be read.
    #[error("the recorded episode can't be read: {reason}")]
    RecordingInvalid {
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// The stable, kebab-case name of this kind of error, as JavaScript sees it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Model(error) => error.code(),
            Self::LabelsNone => "labels-none",
            Self::LabelEmpty { .. } => "label-empty",
            Self::LabelDuplicate { .. } => "label-duplicate",
            Self::LabelsTooFew { .. } => "labels-too-few",
            Self::TemplateInvalid { .. } => "template-invalid",
            Self::OptionInvalid { .. } | Self::OptionUnknown { .. } => "option-invalid",
            Self::EpisodeOver => "episode-over",
            Self::EpisodeRunning => "episode-running",
            Self::MethodUnknown { .. } => "method-unknown",
            Self::StatisticsMissing { .. } => "statistics-missing",
            Self::StatisticsInvalid { .. } => "statistics-invalid",
            Self::TemplateWithoutContext { .. } => "template-without-context",
            Self::AdapterMissing { .. } => "adapter-missing",
            Self::FeaturesInvalid { .. } => "features-invalid",
            Self::RecordingInvalid { .. } => "recording-invalid",
        }
    }
}

/// This crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
