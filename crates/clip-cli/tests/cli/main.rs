//! The built `clip-ttl`, run on real files as a person or a script runs it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by failing, in its helpers too"
)]
#![allow(unreachable_pub, reason = "a test program has no interface")]

mod adapt;
mod bad_input;
mod bad_model;
mod classify;
mod common;
mod convert;
mod eval;
mod fidelity;
mod hub;
mod methods;
mod samples;
mod verify;
