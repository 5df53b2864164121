//! One file for each method of adaptation.

pub mod tpt;
pub mod ttl;
