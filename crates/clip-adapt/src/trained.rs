//! The matrices that an adaptation trained, on the host: what an adapter file holds.

use crate::error::Result;
use crate::methods::ttl::{ParameterKey, Ttl};
use crate::readback::read_rows;

/// A trained matrix, read back from the device.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedMatrix {
    /// Its place in the vision tower.
    pub key: ParameterKey,
    /// Rows and columns: `[rank, input]` or `[output, rank]`.
    pub shape: [usize; 2],
    /// Its values, row-major.
    pub values: Vec<f32>,
}

/// Reads all trained matrices back at once, in the order of their places.
///
/// # Errors
/// [`clip_model::Error::DeviceFailed`].
pub async fn read(method: &Ttl) -> Result<Vec<TrainedMatrix>> {
    let parameters = method.parameters();
    let rows = read_rows(parameters.values().cloned().collect(), "reading the adapter").await?;
    let mut rest = rows.into_iter();
    Ok(parameters
        .iter()
        .map(|(&key, tensor)| {
            let shape = tensor.dims();
            TrainedMatrix {
                key,
                shape,
                values: rest.by_ref().take(shape[0] * shape[1]).collect(),
            }
        })
        .collect())
}
