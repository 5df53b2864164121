//! Frozen linear layers, and what else of a checkpoint is uploaded once and never changes.

use burn::tensor::{Device, Tensor, TensorData, module};

use crate::checkpoint::Checkpoint;
use crate::error::Result;

/// Lifts a frozen tensor onto the tape that `like` is on: operands of one operation must agree in that.
pub(crate) fn on_tape_of<const D: usize, const E: usize>(frozen: &Tensor<D>, like: &Tensor<E>) -> Tensor<D> {
    if like.is_autodiff() {
        frozen.clone().autodiff()
    } else {
        frozen.clone()
    }
}

/// A vector `[length]` of the checkpoint on the device.
pub(crate) fn vector(checkpoint: &Checkpoint<'_>, name: &str, length: usize, device: &Device) -> Result<Tensor<1>> {
    let values = checkpoint.values(name, &[length])?;
    Ok(Tensor::from_data(TensorData::new(values, [length]), device))
}

/// A matrix `[rows, columns]` of the checkpoint on the device.
pub(crate) fn matrix(checkpoint: &Checkpoint<'_>, name: &str, shape: [usize; 2], device: &Device) -> Result<Tensor<2>> {
    let values = checkpoint.values(name, &shape)?;
    Ok(Tensor::from_data(TensorData::new(values, shape), device))
}

/// How a frozen weight lies on the device. Quantised forms stand beside this one.
#[derive(Debug, Clone)]
enum Weight {
    /// f32 `[input, output]`, the layout that the matmul reads fastest.
    Dense(Tensor<2>),
}

/// `y = x W + b` with a weight that never changes. Gradients flow through it to `x`, never to `W`.
#[derive(Debug, Clone)]
pub struct FrozenLinear {
    weight: Weight,
    bias: Option<Tensor<1>>,
}

impl FrozenLinear {
    /// Reads `{name}.weight` `[output, input]` and, where `bias` is set, `{name}.bias` `[output]`.
    ///
    /// # Errors
    /// Those of [`Checkpoint::values`].
    pub fn read(
        checkpoint: &Checkpoint<'_>,
        name: &str,
        [input, output]: [usize; 2],
        bias: Bias,
        device: &Device,
    ) -> Result<Self> {
        let values = checkpoint.values(&format!("{name}.weight"), &[output, input])?;
        let bias = match bias {
            Bias::With => Some(vector(checkpoint, &format!("{name}.bias"), output, device)?),
            Bias::Without => None,
        };
        let transposed = transpose(&values, output, input);
        let weight = Tensor::from_data(TensorData::new(transposed, [input, output]), device);
        Ok(Self {
            weight: Weight::Dense(weight),
            bias,
        })
    }

    /// From a weight `[input, output]` that is on the device already.
    #[must_use]
    pub fn from_dense(weight: Tensor<2>, bias: Option<Tensor<1>>) -> Self {
        Self {
            weight: Weight::Dense(weight),
            bias,
        }
    }

    /// `[..., input]` to `[..., output]`.
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let bias = self.bias.as_ref().map(|bias| on_tape_of(bias, &x));
        match &self.weight {
            Weight::Dense(weight) => {
                let weight = on_tape_of(weight, &x);
                module::linear(x, weight, bias)
            }
        }
    }
}

/// Whether a linear layer has a bias; CLIP's projections have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// It has one.
    With,
    /// It has none.
    Without,
}

/// Row-major `[rows, columns]` to row-major `[columns, rows]`.
fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for column in 0..columns {
        out.extend(values.iter().skip(column).step_by(columns).take(rows));
    }
    out
}

/// Layer normalisation over the last dimension with frozen scale and shift.
#[derive(Debug, Clone)]
pub struct FrozenLayerNorm {
    scale: Tensor<1>,
    shift: Tensor<1>,
    epsilon: f64,
}

impl FrozenLayerNorm {
    /// Reads `{name}.weight` and `{name}.bias`, both `[width]`.
    ///
    /// # Errors
    /// Those of [`Checkpoint::values`].
    pub fn read(checkpoint: &Checkpoint<'_>, name: &str, width: usize, epsilon: f64, device: &Device) -> Result<Self> {
        Ok(Self {
            scale: vector(checkpoint, &format!("{name}.weight"), width, device)?,
            shift: vector(checkpoint, &format!("{name}.bias"), width, device)?,
            epsilon,
        })
    }

    /// `[..., width]` to the same shape.
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let scale = on_tape_of(&self.scale, &x);
        let shift = on_tape_of(&self.shift, &x);
        module::layer_norm(x, scale, Some(shift), self.epsilon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_swaps_rows_and_columns() {
        assert_eq!(
            transpose(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3),
            [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]
        );
    }
}
