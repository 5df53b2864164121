//! One file for each method of adaptation.

pub mod ttl;
