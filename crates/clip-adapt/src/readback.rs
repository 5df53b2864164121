//! Reading tensors back from the device: always awaited, since a browser can't block.

use burn::tensor::{Tensor, TensorData, Transaction};

use crate::error::{Error, Result};

/// Reads several `[rows, columns]` back at once, one after the other.
///
/// # Errors
/// [`clip_model::Error::DeviceFailed`].
pub(crate) async fn read_rows(tensors: Vec<Tensor<2>>, operation: &'static str) -> Result<Vec<f32>> {
    let transaction = tensors.into_iter().fold(Transaction::default(), Transaction::register);
    let parts = transaction
        .execute_async()
        .await
        .map_err(|error| failed(operation, &error))?;
    let mut values = Vec::new();
    for part in parts {
        values.extend(floats(&part, operation)?);
    }
    Ok(values)
}

/// Reads a tensor back, row-major.
///
/// # Errors
/// [`clip_model::Error::DeviceFailed`].
pub(crate) async fn read_values<const D: usize>(tensor: Tensor<D>, operation: &'static str) -> Result<Vec<f32>> {
    let data = tensor
        .into_data_async()
        .await
        .map_err(|error| failed(operation, &error))?;
    floats(&data, operation)
}

fn floats(data: &TensorData, operation: &'static str) -> Result<Vec<f32>> {
    data.try_to_vec::<f32>().map_err(|error| failed(operation, &error))
}

fn failed(operation: &'static str, error: &impl std::fmt::Debug) -> Error {
    Error::Model(clip_model::Error::DeviceFailed {
        operation,
        reason: format!("{error:?}"),
    })
}
