//! The engine as a browser's worker sees it: constructs, converts, delegates. No logic.
//!
//! `Engine.open(device)` -> `Loader.plan(...)`, `loader.push(...)` for each piece -> `engine.loadAssembled(...)` -> `engine.classify(...)`, `engine.start(...)` -> `episode.advance()` or
//! `engine.compare(...)` -> `comparison.advance()` until its event has the type `done`. Results are plain objects with camelCase keys; errors are JavaScript `Error`s with
//! a stable `code`. The npm package wraps all this in a worker; its `clip_ttl.d.ts` has the types.
//!
//! Only what needs no JavaScript is there on other targets too, for its tests.

#[cfg(any(target_family = "wasm", test))]
mod error;
#[cfg(any(target_family = "wasm", test))]
mod keys;
#[cfg(any(target_family = "wasm", test))]
mod settings;

#[cfg(target_family = "wasm")]
mod comparison;
#[cfg(target_family = "wasm")]
mod engine;
#[cfg(target_family = "wasm")]
mod episode;
#[cfg(target_family = "wasm")]
mod js;
#[cfg(target_family = "wasm")]
mod kernel;
#[cfg(target_family = "wasm")]
mod label_encoding;
#[cfg(target_family = "wasm")]
mod loader;
#[cfg(target_family = "wasm")]
mod panics;
#[cfg(target_family = "wasm")]
mod picture;
#[cfg(target_family = "wasm")]
mod start;

#[cfg(any(target_family = "wasm", test))]
pub use self::error::WasmError;
#[cfg(target_family = "wasm")]
pub use self::{
    comparison::Comparison,
    engine::{Engine, methods, view_options},
    episode::Episode,
    label_encoding::LabelEncoding,
    loader::Loader,
    panics::{on_panic, panic_for_tests},
    picture::Picture,
};

// Named so that the random number generators of our dependencies have the browser's source of entropy.
#[cfg(target_family = "wasm")]
use getrandom as _;
