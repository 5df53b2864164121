//! Matrix products on a graphics device, for the browser: `cargo xtask bench --products` measures them beside those of other libraries
//! (tests/peers/products.mjs). No part of what is published.

#![cfg_attr(
    not(target_family = "wasm"),
    allow(missing_docs, reason = "there is nothing for other targets")
)]

#[cfg(target_family = "wasm")]
mod browser {
    use burn::tensor::{Device, Tensor, TensorData};
    use clip_model::device::{ComputeDevice, DeviceChoice};
    use clip_model::gpu_product::ProductKernel;
    use clip_model::linear::FrozenLinear;
    use clip_model::quantised::{PackedMatrix, WeightFormat};
    // What runs once before anything else (`start.rs`): without it, all constructors run at each call.
    use clip_wasm as _;
    use wasm_bindgen::prelude::wasm_bindgen;

    fn text(error: impl std::fmt::Display) -> String {
        error.to_string()
    }

    /// The graphics device of this page.
    #[wasm_bindgen]
    pub struct Products {
        device: Device,
    }

    /// Rows, and the matrices that they are multiplied by, one after the other.
    #[wasm_bindgen]
    pub struct Chain {
        rows: Tensor<2>,
        layers: Vec<FrozenLinear>,
    }

    #[wasm_bindgen]
    impl Products {
        /// # Errors
        /// Where no adapter answers.
        pub async fn open() -> Result<Self, String> {
            let device = ComputeDevice::open(DeviceChoice::Gpu).await.map_err(text)?;
            Ok(Self {
                device: device.tensor_device().clone(),
            })
        }

        /// The kernels that there are.
        pub fn kernels() -> Vec<String> {
            ProductKernel::ALL
                .iter()
                .map(|kernel| kernel.as_str().to_owned())
                .collect()
        }

        /// The kernel that opening this adapter would choose, were it a real one.
        pub async fn fastest(&self) -> String {
            ProductKernel::make_fastest_current(&self.device).await;
            ProductKernel::current().as_str().to_owned()
        }

        /// Uploads `rows`, `[count, widths[0]]`, and the matrices, one after the other, `[widths[i], widths[i + 1]]` each, to be kept as `f32` or `q8`.
        ///
        /// # Errors
        /// Where the numbers are no such matrices.
        pub fn chain(&self, rows: Vec<f32>, matrices: &[f32], widths: &[usize], format: &str) -> Result<Chain, String> {
            let format: WeightFormat = format.parse().map_err(text)?;
            let mut rest = matrices;
            let layers = widths
                .windows(2)
                .map(|sizes| {
                    let [inputs, outputs] = [sizes[0], sizes[1]];
                    let (values, others) = rest.split_at_checked(inputs * outputs).ok_or("too few numbers")?;
                    rest = others;
                    // As checkpoints have it, `[outputs, inputs]`.
                    let transposed: Vec<f32> = (0..outputs)
                        .flat_map(|column| values.iter().skip(column).step_by(outputs).copied())
                        .collect();
                    let mut matrix = PackedMatrix::zeros(format, [outputs, inputs]);
                    matrix.set("matrix", 0, &transposed).map_err(text)?;
                    Ok(FrozenLinear::new(matrix, None, &self.device))
                })
                .collect::<Result<_, String>>()?;
            let width = widths.first().copied().filter(|width| *width > 0).ok_or("no widths")?;
            let count = rows.len() / width;
            Ok(Chain {
                rows: Tensor::from_data(TensorData::new(rows, [count, width]), &self.device),
                layers,
            })
        }
    }

    #[wasm_bindgen]
    impl Chain {
        /// The rows times all matrices, row after row, with one of the [`kernels`](Products::kernels).
        ///
        /// # Errors
        /// Where there is no such kernel, or the device fails.
        pub async fn multiply(&self, kernel: String) -> Result<Vec<f32>, String> {
            ProductKernel::ALL
                .into_iter()
                .find(|known| known.as_str() == kernel)
                .ok_or_else(|| format!("no kernel {kernel}"))?
                .make_current();
            let product = self
                .layers
                .iter()
                .fold(self.rows.clone(), |rows, layer| layer.forward(rows));
            let data = product.into_data_async().await.map_err(|error| format!("{error:?}"))?;
            Ok(data.iter::<f32>().collect())
        }
    }
}
