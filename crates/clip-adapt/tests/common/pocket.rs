//! The shipped model, and a photograph with labels to show it.

use std::sync::Arc;

use clip_adapt::session::Session;
use clip_model::checkpoint::FormatChoice;
use clip_model::device::DeviceChoice;
use clip_model::picture::Picture;

use crate::common;

/// What the labels are put into.
pub(crate) const TEMPLATE: &str = "a photo of a {}.";

/// A session with the shipped model, whose weights are quantised.
pub(crate) fn session(choice: DeviceChoice) -> Session {
    let clip = common::clip("models/pocket", FormatChoice::AsStored, &common::device(choice));
    Session::new("pocket".into(), Arc::into_inner(clip).unwrap())
}

/// Labels, the first of which is right.
pub(crate) fn labels() -> Vec<String> {
    ["cat", "dog", "bird", "teapot"].map(str::to_owned).to_vec()
}

/// A photograph of a cat.
pub(crate) fn cat() -> Arc<Picture> {
    Arc::new(Picture::decode(&common::file("www/samples/chelsea.png")).unwrap())
}
