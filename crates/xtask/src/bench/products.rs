//! clip-ttl's matrix products on WebGPU beside those of other libraries: `tests/peers/products.mjs` measures, and this starts it.

use super::{Prepared, peers};
use crate::error::Error;
use crate::wasm;
use crate::workspace::Workspace;

/// Measures, and prints a table. `rounds` is how often each library has its turn.
pub(super) fn measure(
    workspace: &Workspace,
    rounds: Option<u32>,
    prepared: &Prepared,
) -> Result<peers::BesidePeers, Error> {
    let module = wasm::example(workspace, "products")?;
    println!("\nMeasuring matrix products on WebGPU beside other libraries");
    let mut arguments = vec![
        "products.mjs".to_owned(),
        "--module".to_owned(),
        module.display().to_string(),
    ];
    if let Some(rounds) = rounds {
        arguments.extend(["--rounds".to_owned(), rounds.to_string()]);
    }
    peers::run(workspace, "products", &arguments, prepared)
}
