//! Everything that can go wrong in this crate, as one enum.
//!
//! Each variant carries what was being done and the shapes or limits involved, so that the message alone
//! tells what to change. [`Error::code`] is the stable name that the JavaScript API exposes.

/// A failure of reading a picture, a checkpoint or a text, or of running the model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // --- pictures ---------------------------------------------------------------------------
    /// The bytes are no PNG, JPEG, WebP, GIF or BMP.
    #[error("this is not a picture in a known format (PNG, JPEG, WebP, GIF or BMP)")]
    PictureUnknownFormat,
    /// The bytes begin like a picture but can't be decoded to the end.
    #[error("the {format} picture is damaged or incomplete: {reason}")]
    PictureCorrupt {
        /// The format its first bytes announce.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// The bytes are a variant of a known format that isn't decoded here.
    #[error("this kind of {format} picture can't be opened: {reason}")]
    PictureUnsupported {
        /// The format its first bytes announce.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// The picture's header announces more pixels than are decoded here.
    #[error(
        "the picture is {width} x {height} pixels; at most {max_side} on a side and {max_pixels} in all can be opened: shrink it first"
    )]
    PictureTooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Largest side in pixels.
        max_side: u32,
        /// Largest number of pixels.
        max_pixels: u64,
    },
    /// Width or height is zero, or there are no bytes at all.
    #[error("the picture is empty")]
    PictureEmpty,
    /// A pixel buffer's length doesn't fit its width and height.
    #[error("a picture of these dimensions needs {expected} bytes of pixels, but {found} were given")]
    PicturePixels {
        /// Bytes that width and height ask for.
        expected: u64,
        /// Bytes that were given.
        found: u64,
    },
    /// A crop box reaches outside the picture, or has no area.
    #[error(
        "the crop box {width} x {height} at ({left}, {top}) does not lie within the picture of {picture_width} x {picture_height} pixels"
    )]
    CropOutside {
        /// Left edge in pixels.
        left: u32,
        /// Top edge in pixels.
        top: u32,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The picture's width in pixels.
        picture_width: u32,
        /// The picture's height in pixels.
        picture_height: u32,
    },
    /// The checkpoint asks for a preprocessing that isn't CLIP's.
    #[error("preprocessor_config.json: {reason}")]
    PreprocessingUnsupported {
        /// The key and the value that isn't supported.
        reason: String,
    },

    // --- checkpoints ------------------------------------------------------------------------
    /// `config.json` or `preprocessor_config.json` isn't valid JSON of the expected form.
    #[error("{file} can't be read: {reason}")]
    ConfigInvalid {
        /// The file.
        file: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// `config.json` describes a model that isn't supported.
    #[error("config.json: {key} = {value} is not supported; {supported}")]
    ConfigUnsupported {
        /// The key, with its section.
        key: String,
        /// Its value.
        value: String,
        /// What would be supported.
        supported: String,
    },
    /// The weights aren't a complete safetensors file.
    #[error("the checkpoint is not a complete safetensors file: {reason}")]
    CheckpointCorrupt {
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor that the configuration asks for isn't there.
    #[error("the checkpoint has no tensor {tensor} (expected shape {expected:?})")]
    TensorMissing {
        /// Its name in Hugging Face's layout.
        tensor: String,
        /// Its shape.
        expected: Vec<usize>,
    },
    /// A tensor has another shape than the configuration asks for.
    #[error("tensor {tensor} has shape {found:?}, but config.json asks for {expected:?}")]
    TensorShape {
        /// Its name in Hugging Face's layout.
        tensor: String,
        /// The shape that the configuration asks for.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor has a number format that isn't supported.
    #[error(
        "tensor {tensor} is stored as {found}; F32, F16 and BF16 can be read, and what clip-ttl convert has quantised"
    )]
    TensorDtype {
        /// Its name.
        tensor: String,
        /// The format in the file.
        found: String,
    },
    /// A tensor holds NaN or infinity.
    #[error("tensor {tensor} holds {count} values that are not finite: the checkpoint is damaged")]
    TensorNotFinite {
        /// Its name.
        tensor: String,
        /// How many values are NaN or infinite.
        count: usize,
    },
    /// The weights are more than can be addressed.
    #[error("the weights would take {bytes} bytes of memory; at most {limit} are possible here")]
    CheckpointTooLarge {
        /// Bytes that they would take.
        bytes: u64,
        /// Bytes that are possible.
        limit: u64,
    },
    /// A tensor holds values that the format it is to be kept in can't hold.
    #[error("tensor {tensor} has values of {largest:e}, too large for {format}: choose f32")]
    TensorRange {
        /// Its name.
        tensor: String,
        /// A magnitude that is too large.
        largest: f32,
        /// The format that can't hold it.
        format: &'static str,
    },

    // --- running ----------------------------------------------------------------------------
    /// No graphics adapter answered, though one was asked for.
    #[error("no WebGPU adapter answered: {reason}")]
    GpuUnavailable {
        /// What the adapter request said.
        reason: String,
    },
    /// The device failed while it ran, or was lost.
    #[error("the device failed during {operation}: {reason}")]
    DeviceFailed {
        /// What was being done.
        operation: &'static str,
        /// What the runtime said.
        reason: String,
    },
    /// An input's shape doesn't fit the operation.
    #[error("{operation}: expected shape {expected:?}, found {found:?}")]
    Shape {
        /// What was being done.
        operation: &'static str,
        /// The shape it needs.
        expected: Vec<usize>,
        /// The shape that was given.
        found: Vec<usize>,
    },
    /// A token id lies outside the model's vocabulary.
    #[error("token id {id} is outside this model's vocabulary of {vocabulary} entries")]
    TokenOutsideVocabulary {
        /// The token id.
        id: u32,
        /// Entries of the token embedding.
        vocabulary: usize,
    },
    /// An adapter's files can't be read, or don't fit this model.
    #[error("the adapter can't be used: {reason}")]
    AdapterInvalid {
        /// What is wrong with it, and what would be right.
        reason: String,
    },
}

impl Error {
    /// The stable, kebab-case name of this kind of error, as JavaScript sees it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::PictureUnknownFormat => "picture-unknown-format",
            Self::PictureCorrupt { .. } => "picture-corrupt",
            Self::PictureUnsupported { .. } => "picture-unsupported",
            Self::PictureTooLarge { .. } => "picture-too-large",
            Self::PictureEmpty => "picture-empty",
            Self::PicturePixels { .. } => "picture-pixels",
            Self::CropOutside { .. } => "crop-outside",
            Self::PreprocessingUnsupported { .. } => "preprocessing-unsupported",
            Self::ConfigInvalid { .. } => "config-invalid",
            Self::ConfigUnsupported { .. } => "config-unsupported",
            Self::CheckpointCorrupt { .. } => "checkpoint-corrupt",
            Self::TensorMissing { .. } => "tensor-missing",
            Self::TensorShape { .. } => "tensor-shape",
            Self::TensorDtype { .. } => "tensor-dtype",
            Self::TensorNotFinite { .. } => "tensor-not-finite",
            Self::CheckpointTooLarge { .. } => "checkpoint-too-large",
            Self::TensorRange { .. } => "tensor-range",
            Self::GpuUnavailable { .. } => "gpu-unavailable",
            Self::DeviceFailed { .. } => "device-failed",
            Self::Shape { .. } => "shape",
            Self::TokenOutsideVocabulary { .. } => "token-outside-vocabulary",
            Self::AdapterInvalid { .. } => "adapter-invalid",
        }
    }
}

/// This crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
