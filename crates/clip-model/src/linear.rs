//! Frozen linear layers, and what else of a checkpoint is uploaded once and never changes.

use burn::tensor::{Device, Tensor, TensorData, module};

use crate::checkpoint::Weights;
use crate::error::{Error, Result};
use crate::fused::{layer_norm, product};
use crate::quantised::{PackedMatrix, PackedTensor, WeightFormat};

/// Lifts a frozen tensor onto the tape that `like` is on: operands of one operation must agree in that.
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
#[expect(
    clippy::large_enum_variant,
    reason = "handles of some hundred bytes, a few dozen of them in a model"
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
                let weight = on_tape_of(weight, &x);
                if is_cpu(&x.device()) {
                    return by_rows(x, |rows| module::linear(rows, weight, bias));
                }
                let product = times(x, weight);
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

/// Multiplies the rows of `[views, ..., input]` by a matrix in as few products as keep all cores busy: `product` takes
/// `[pieces, rows, input]` and gives `[pieces, rows, output]`. The library makes one product of many only where that suits a graphics
/// device; on the CPU each view's product by itself packs the same matrix again.
pub(crate) fn by_rows<const D: usize>(x: Tensor<D>, product: impl FnOnce(Tensor<3>) -> Tensor<3>) -> Tensor<D> {
    let mut dims = x.dims();
    let input = dims[D - 1];
    let rows: usize = dims[..D - 1].iter().product();
    let pieces = pieces(dims[0]);
    let output = product(x.reshape([pieces, rows / pieces, input]));
    dims[D - 1] = output.dims()[2];
    output.reshape(dims)
}

/// Rows `[..., input]` times a matrix `[input, output]`, with gradients to both.
pub(crate) fn times<const D: usize>(x: Tensor<D>, matrix: Tensor<2>) -> Tensor<D> {
    if is_cpu(&x.device()) {
        return by_rows(x, |rows| rows.matmul(matrix.unsqueeze()));
    }
    let mut dims = x.dims();
    let [input, output] = matrix.dims();
    let rows: usize = dims[..D - 1].iter().product();
    dims[D - 1] = output;
    product(x.reshape([1, 1, rows, input]), matrix.unsqueeze()).reshape(dims)
}

fn is_cpu(device: &Device) -> bool {
    device.clone().inner() == Device::flex()
}

/// Into how many products those of so many views are best put together.
pub(crate) fn pieces(views: usize) -> usize {
    #[cfg(target_family = "wasm")]
    {
        let _ = views;
        1
    }
    #[cfg(not(target_family = "wasm"))]
    {
        // From four on, the library gives each core its own products; the rows of a single one it spreads less well.
        let wanted = rayon::current_num_threads().max(4);
        let even = (wanted..views).find(|pieces| views.is_multiple_of(*pieces));
        even.unwrap_or(views.max(1))
    }
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
