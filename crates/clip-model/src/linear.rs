//! Frozen linear layers, and what else of a checkpoint is uploaded once and never changes.

use burn::tensor::{Device, Tensor, TensorData};

use crate::checkpoint::Weights;
use crate::error::{Error, Result};
use crate::fused::{layer_norm, rows_product};
use crate::quantised::{PackedMatrix, PackedTensor, WeightFormat};

/// Lifts a frozen tensor onto the tape that `like` is on.
pub(crate) fn on_tape_of<const D: usize, const E: usize>(frozen: &Tensor<D>, like: &Tensor<E>) -> Tensor<D> {
    if like.is_autodiff() {
        frozen.clone().autodiff()
    } else {
        frozen.clone()
    }
}

/// A tensor of the checkpoint on the device, in single precision.
pub(crate) fn upload<const D: usize>(
    weights: &mut Weights,
    name: &str,
    shape: [usize; D],
    device: &Device,
) -> Result<Tensor<D>> {
    let values = weights.take_values(name)?;
    if values.len() != shape.iter().product::<usize>() {
        return Err(Error::TensorShape {
            tensor: name.to_owned(),
            expected: shape.to_vec(),
            found: vec![values.len()],
        });
    }
    Ok(Tensor::from_data(TensorData::new(values, shape), device))
}

/// How a frozen weight lies on the device.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "handles of some hundred bytes where there are graphics devices, a few dozen of them in a model"
)]
enum Weight {
    /// f32 `[input, output]`, the layout that the matmul reads fastest.
    Dense(Tensor<2>),
    /// As in the file, `[output, input]`; unpacked for the time of a product.
    Packed(PackedTensor),
}

/// `y = x W + b` with a weight that never changes. Gradients flow through it to `x`, never to `W`.
#[derive(Debug, Clone)]
pub struct FrozenLinear {
    weight: Weight,
    bias: Option<Tensor<1>>,
}

impl FrozenLinear {
    /// Takes `{name}.weight` `[output, input]` and, where `bias` is set, `{name}.bias` `[output]`.
    ///
    /// # Errors
    /// Those of [`Weights::take`].
    pub fn read(weights: &mut Weights, name: &str, bias: Bias, device: &Device) -> Result<Self> {
        let matrix = weights.take(&format!("{name}.weight"))?;
        let bias = match bias {
            Bias::With => Some(upload(weights, &format!("{name}.bias"), [matrix.shape()[0]], device)?),
            Bias::Without => None,
        };
        Ok(Self::new(matrix, bias, device))
    }

    /// From a weight as checkpoints store it, `[output, input]`.
    #[must_use]
    pub fn new(matrix: PackedMatrix, bias: Option<Tensor<1>>, device: &Device) -> Self {
        let weight = if matrix.format() == WeightFormat::F32 {
            let [output, input] = matrix.shape();
            let transposed = transpose(&matrix.to_f32(), output, input);
            Weight::Dense(Tensor::from_data(TensorData::new(transposed, [input, output]), device))
        } else {
            Weight::Packed(PackedTensor::upload(matrix, device))
        };
        Self { weight, bias }
    }

    /// `[..., input]` to `[..., output]`.
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        match &self.weight {
            Weight::Dense(weight) => {
                let bias = self.bias.as_ref().map(|bias| on_tape_of(bias, &x));
                let product = rows_product(x.clone(), on_tape_of(weight, &x));
                match bias {
                    Some(bias) => product + bias.unsqueeze(),
                    None => product,
                }
            }
            Weight::Packed(weight) => weight.linear(x, self.bias.clone()),
        }
    }

    /// The weight's format, its values, and its bytes on the device; the bias is a vector.
    #[must_use]
    pub fn resident(&self) -> (WeightFormat, usize, usize) {
        match &self.weight {
            Weight::Dense(weight) => {
                let values = weight.dims().iter().product();
                (WeightFormat::F32, values, values * 4)
            }
            Weight::Packed(weight) => {
                let layout = weight.layout();
                (layout.format, layout.rows * layout.columns, weight.bytes())
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
    /// Those of [`Weights::take`].
    pub fn read(weights: &mut Weights, name: &str, width: usize, epsilon: f64, device: &Device) -> Result<Self> {
        Ok(Self {
            scale: upload(weights, &format!("{name}.weight"), [width], device)?,
            shift: upload(weights, &format!("{name}.bias"), [width], device)?,
            epsilon,
        })
    }

    /// `[..., width]` to the same shape.
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let scale = on_tape_of(&self.scale, &x);
        let shift = on_tape_of(&self.shift, &x);
        layer_norm(x, scale, shift, self.epsilon)
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
