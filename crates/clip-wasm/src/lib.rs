//! The engine as a browser's worker sees it: constructs, converts, delegates. No logic.
//!
//! `Engine.open(device)` -> `engine.load(...)` -> `engine.classify(...)`, or `engine.start(...)` -> `episode.advance()`
//! until its event has the type `done`. Results are plain objects with camelCase keys; errors are JavaScript `Error`s with
//! a stable `code` (see [`error`]). The npm package wraps all this in a worker; its `clip_ttl.d.ts` has the types.

mod convert;
mod engine;
mod episode;
mod error;
mod panics;
mod picture;
mod start;

pub use engine::Engine;
pub use episode::Episode;
pub use error::WasmError;
pub use panics::{on_panic, panic_for_tests};
pub use picture::Picture;

// Named so that Cargo gives the random number generators of our dependencies the browser's source of entropy.
use getrandom as _;
