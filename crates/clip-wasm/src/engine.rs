//! A device, and the model that was loaded onto it.

use std::cell::RefCell;
use std::rc::Rc;

use clip_adapt::adapter::AdapterFiles;
use clip_adapt::recorded;
use clip_adapt::session::Session;
use clip_adapt::source::SourceStatistics;
use clip_model::clip::Clip;
use clip_model::config::ClipConfig;
use clip_model::device::{ComputeDevice, DeviceChoice};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::comparison::Comparison;
use crate::episode::Episode;
use crate::error::WasmError;
use crate::js;
use crate::label_encoding::LabelEncoding;
use crate::loader::Loader;
use crate::picture::Picture;
use crate::settings;

/// The engine: opened once, then a model is loaded, then pictures are shown to it.
#[wasm_bindgen]
pub struct Engine {
    device: ComputeDevice,
    /// Shared, not borrowed, by what is at work: another model may be loaded meanwhile.
    session: RefCell<Option<Rc<Session>>>,
}

#[derive(Serialize)]
struct DeviceInfo<'a> {
    kind: &'static str,
    name: &'a str,
    software: bool,
}

#[derive(Serialize)]
struct ModelInfo {
    name: String,
    image_size: usize,
    patch_size: usize,
    vision_layers: usize,
    vision_width: usize,
    vision_heads: usize,
    text_layers: usize,
    text_width: usize,
    projection_size: usize,
    context_length: usize,
    parameters: usize,
    dtype: &'static str,
    resident_bytes: usize,
}

impl ModelInfo {
    fn new(name: String, clip: &Clip) -> Self {
        let ClipConfig {
            vision,
            text,
            projection,
        } = &clip.config;
        let resident = clip.resident();
        Self {
            name,
            image_size: vision.image_size,
            patch_size: vision.patch_size,
            vision_layers: vision.transformer.layers,
            vision_width: vision.transformer.width,
            vision_heads: vision.transformer.heads,
            text_layers: text.transformer.layers,
            text_width: text.transformer.width,
            projection_size: *projection,
            context_length: text.context_length,
            parameters: resident.values().map(|part| part.values).sum(),
            dtype: clip.main_format().as_str(),
            resident_bytes: resident.values().map(|part| part.device_bytes + part.host_bytes).sum(),
        }
    }
}

impl Engine {
    fn session(&self) -> Result<Rc<Session>, WasmError> {
        self.session.borrow().clone().ok_or_else(WasmError::model_missing)
    }
}

// Text and lists come over from JavaScript as values of our own, whether they are kept or not.
#[allow(
    clippy::needless_pass_by_value,
    reason = "wasm-bindgen can't lend a list of texts or a text that may be absent"
)]
#[wasm_bindgen]
impl Engine {
    /// Opens a device: `"auto"`, `"webgpu"` or `"cpu"`.
    ///
    /// # Errors
    /// `gpu-unavailable` where `"webgpu"` was asked for and no adapter answers.
    pub async fn open(device: String) -> Result<Self, WasmError> {
        let choice: DeviceChoice = device.parse().map_err(WasmError::argument)?;
        Ok(Self {
            device: ComputeDevice::open(choice).await?,
            session: RefCell::new(None),
        })
    }

    /// What was opened: `{kind, name, software}`.
    ///
    /// # Errors
    /// None in practice.
    #[wasm_bindgen(getter)]
    pub fn device(&self) -> Result<JsValue, WasmError> {
        js::to_js(&DeviceInfo {
            kind: self.device.kind().as_str(),
            name: self.device.name(),
            software: self.device.is_software(),
        })
    }

    /// Bytes of the module's memory. It never shrinks: so much is the most that was ever needed.
    #[must_use]
    #[wasm_bindgen(getter, js_name = memoryBytes)]
    pub fn memory_bytes(&self) -> f64 {
        const PAGE_BYTES: usize = 65_536;
        (core::arch::wasm32::memory_size::<0>() * PAGE_BYTES) as f64
    }

    /// Loads a checkpoint whose pieces are all there, and returns its sizes. Replaces the model that was loaded before; after
    /// an error that one is still there. The loader is used up.
    ///
    /// # Errors
    /// `checkpoint-corrupt` where a piece is missing; `tensor-not-finite`.
    #[wasm_bindgen(js_name = loadAssembled)]
    pub fn load_assembled(&self, name: String, loader: Loader) -> Result<JsValue, WasmError> {
        let clip = Clip::load(loader.finish()?, &self.device)?;
        let info = ModelInfo::new(name.clone(), &clip);
        *self.session.borrow_mut() = Some(Rc::new(Session::new(name, clip)));
        js::to_js(&info)
    }

    /// Predicts which label fits, without adaptation.
    ///
    /// # Errors
    /// The `label-...` codes, `template-invalid`, `model-missing`, and those of the device.
    pub async fn classify(
        &self,
        picture: &Picture,
        labels: Vec<String>,
        template: String,
    ) -> Result<JsValue, WasmError> {
        let (session, pixels) = (self.session()?, picture.pixels());
        let classification = session.classify(&pixels, &labels, &template).await?;
        js::to_js(&classification)
    }

    /// Begins to encode labels, ahead of `classify`.
    ///
    /// # Errors
    /// The `label-...` codes, `template-invalid`, `model-missing`.
    #[wasm_bindgen(js_name = encodeLabels)]
    pub fn encode_labels(&self, labels: Vec<String>, template: &str) -> Result<LabelEncoding, WasmError> {
        Ok(LabelEncoding::new(self.session()?.encode(&labels, template)?))
    }

    /// Predicts which label fits, with a trained adapter in place: PEFT's `adapter_model.safetensors` and the text of its
    /// `adapter_config.json`.
    ///
    /// # Errors
    /// Those of `classify`; `adapter-invalid` where the adapter can't be read or doesn't fit the model.
    #[wasm_bindgen(js_name = classifyWithAdapter)]
    pub async fn classify_with_adapter(
        &self,
        picture: &Picture,
        labels: Vec<String>,
        template: String,
        weights: Vec<u8>,
        config: String,
    ) -> Result<JsValue, WasmError> {
        let (session, pixels) = (self.session()?, picture.pixels());
        let files = AdapterFiles { weights, config };
        let classification = session
            .classify_with_adapter(&pixels, &labels, &template, &files)
            .await?;
        js::to_js(&classification)
    }

    /// Begins to adapt to a picture with a method. `options` has the settings of the views and of the method in camelCase; what
    /// is left out has its default.
    ///
    /// # Errors
    /// The `label-...` codes, `template-invalid`, `method-unknown`, `option-invalid`, `statistics-missing`, `model-missing`.
    pub fn start(
        &self,
        picture: &Picture,
        labels: Vec<String>,
        template: &str,
        method: &str,
        options: JsValue,
    ) -> Result<Episode, WasmError> {
        let setup = settings::setup(method, js::from_js(options, "the options")?)?;
        Ok(Episode::new(self.session()?.start(
            picture.pixels(),
            &labels,
            template,
            setup,
        )?))
    }

    /// Begins to run several methods on a picture, on the same views:
    /// `{views, cropScale, seed, chunkViews, methods: [{method, options}]}`.
    ///
    /// # Errors
    /// Those of `start`, but what a method fails with later is part of its outcome.
    pub fn compare(
        &self,
        picture: &Picture,
        labels: Vec<String>,
        template: &str,
        request: JsValue,
    ) -> Result<Comparison, WasmError> {
        let request = settings::compare_request(js::from_js(request, "the request")?)?;
        Ok(Comparison::new(self.session()?.compare(
            picture.pixels(),
            &labels,
            template,
            &request,
        )?))
    }

    /// Says what the loaded model's tokens are like for source pictures, as `clip-ttl stats` writes it, to what is started
    /// afterwards; without bytes, forgets it.
    ///
    /// # Errors
    /// `statistics-invalid` where they can't be read or are another model's; `model-missing`.
    #[wasm_bindgen(js_name = setStatistics)]
    pub fn set_statistics(&self, bytes: Option<Vec<u8>>) -> Result<(), WasmError> {
        let session = self.session()?;
        let statistics = bytes
            .map(|bytes| SourceStatistics::read(&bytes, &session.clip().config))
            .transpose()?;
        session.set_statistics(statistics);
        Ok(())
    }

    /// Replays a recorded episode on the loaded model, and says how far every quantity is from the recording.
    ///
    /// # Errors
    /// `recording-invalid`, `model-missing`, and those of the device.
    pub async fn verify(&self, recording: Vec<u8>) -> Result<JsValue, WasmError> {
        let session = self.session()?;
        js::to_js(&recorded::verify(session.clip(), &recording).await?)
    }
}

/// What methods there are, and their options: `MethodDescription[]`.
///
/// # Errors
/// None in practice.
#[wasm_bindgen]
pub fn methods() -> Result<JsValue, WasmError> {
    js::to_js(&settings::descriptions()?)
}

/// The options of the views, which all methods share: `OptionDescription[]`.
///
/// # Errors
/// None in practice.
#[wasm_bindgen(js_name = viewOptions)]
pub fn view_options() -> Result<JsValue, WasmError> {
    js::to_js(&settings::view_descriptions()?)
}
