//! Which kernel multiplies: the one that is fastest on this adapter, by a short measurement.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use burn::tensor::{Device, Tensor};
use web_time::Instant;

use super::tiles::Tile;
use crate::fused::rows_product;

/// How a graphics device multiplies rows by a matrix. Results differ by rounding at most. Which is faster depends on the adapter: of what is published, some
/// report that tiles in workgroup memory pay, and others that they don't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductKernel {
    /// An invocation has eight rows and eight columns, and waits for none.
    LargeTiles,
    /// Four rows and four columns.
    SmallTiles,
    /// As [`LargeTiles`](Self::LargeTiles), through workgroup memory.
    StagedTiles,
}

/// The place of the one that is taken in [`ProductKernel::ALL`]. A program has one graphics device (see [`crate::device`]).
static CURRENT: AtomicU8 = AtomicU8::new(0);

/// So long must a measurement be: some times what it takes to ask a device anything.
const LONG_ENOUGH: Duration = Duration::from_millis(20);
/// So many products are enough, however short they are.
const MOST: u32 = 256;
/// Rows, inputs and outputs of the product that is measured: about what a block of ViT-B/16 has for a chunk of views.
const MEASURED: [usize; 3] = [1576, 768, 768];
/// What another kernel's time may be at most to be taken in place of an earlier one.
const CLEARLY_LESS: f64 = 0.95;

impl ProductKernel {
    /// All of them; the first is taken where nothing was measured.
    pub const ALL: [Self; 3] = [Self::LargeTiles, Self::SmallTiles, Self::StagedTiles];

    /// The one that is taken.
    #[must_use]
    pub fn current() -> Self {
        Self::ALL[usize::from(CURRENT.load(Ordering::Relaxed))]
    }

    /// Takes this one from now on.
    pub fn make_current(self) {
        let place = Self::ALL.iter().position(|kernel| *kernel == self).unwrap_or(0);
        CURRENT.store(place as u8, Ordering::Relaxed);
    }

    /// `"large-tiles"`, `"small-tiles"` or `"staged-tiles"`, as reports name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LargeTiles => "large-tiles",
            Self::SmallTiles => "small-tiles",
            Self::StagedTiles => "staged-tiles",
        }
    }

    pub(super) fn tile(self) -> Tile {
        match self {
            Self::SmallTiles => Tile { rows: 4, vectors: 1 },
            Self::LargeTiles | Self::StagedTiles => Tile { rows: 8, vectors: 2 },
        }
    }

    /// Takes the one that is fastest on this graphics device, after measuring all of them: for a tenth to a quarter of a second on a real adapter, for seconds in
    /// software. Opening a real one does this.
    pub async fn make_fastest_current(device: &Device) {
        let mut times_s = [f64::INFINITY; Self::ALL.len()];
        for (kernel, time_s) in Self::ALL.into_iter().zip(&mut times_s) {
            kernel.make_current();
            *time_s = measure(device, MEASURED).await.unwrap_or(f64::INFINITY);
        }
        choose(times_s).make_current();
    }
}

/// The first one, unless a later one is clearly faster.
fn choose(times_s: [f64; ProductKernel::ALL.len()]) -> ProductKernel {
    let [first, others @ ..] = ProductKernel::ALL;
    let mut best = (first, times_s[0]);
    for (kernel, time_s) in others.into_iter().zip(times_s.into_iter().skip(1)) {
        if time_s < best.1 * CLEARLY_LESS {
            best = (kernel, time_s);
        }
    }
    best.0
}

/// Seconds that a product of so many rows, inputs and outputs takes with the current kernel; none where it fails or gives wrong numbers.
async fn measure(device: &Device, [count, inputs, outputs]: [usize; 3]) -> Option<f64> {
    let rows = Tensor::<2>::ones([count, inputs], device);
    let matrix = Tensor::<2>::ones([inputs, outputs], device);
    // The first one compiles.
    time(&rows, &matrix, 1).await?;
    let mut products = 1;
    let mut duration = time(&rows, &matrix, products).await?;
    while duration < LONG_ENOUGH && products < MOST {
        products *= 4;
        duration = time(&rows, &matrix, products).await?;
    }
    Some(duration.as_secs_f64() / f64::from(products))
}

/// How long some products of ones take, one after the other; none where the last number of the last one isn't the length of a row.
async fn time(rows: &Tensor<2>, matrix: &Tensor<2>, products: u32) -> Option<Duration> {
    let [count, outputs] = [rows.dims()[0], matrix.dims()[1]];
    let start = Instant::now();
    let mut product = rows_product(rows.clone(), matrix.clone());
    for _ in 1..products {
        product = rows_product(rows.clone(), matrix.clone());
    }
    let last = product.slice([count - 1..count, outputs - 1..outputs]);
    let data = last.into_data_async().await.ok()?;
    let duration = start.elapsed();
    let wrong_by = data.iter::<f64>().next()? - rows.dims()[1] as f64;
    (wrong_by.abs() < 0.5).then_some(duration)
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;
    use crate::device::{ComputeDevice, DeviceChoice};

    #[test]
    fn every_kernel_can_be_measured() {
        let gpu = block_on(ComputeDevice::open(DeviceChoice::Gpu)).unwrap();
        for kernel in ProductKernel::ALL {
            kernel.make_current();
            let time_s = block_on(measure(gpu.tensor_device(), [65, 64, 68]));
            assert!(
                time_s.is_some_and(|time_s| time_s > 0.0),
                "{}: {time_s:?}",
                kernel.as_str()
            );
        }
    }

    #[test]
    fn another_kernel_is_taken_where_it_is_clearly_faster() {
        assert_eq!(choose([1.0, 0.97, 0.99]), ProductKernel::LargeTiles);
        assert_eq!(choose([1.0, 2.0, 0.5]), ProductKernel::StagedTiles);
        assert_eq!(choose([1.0, 0.5, 0.49]), ProductKernel::SmallTiles);
    }

    #[test]
    fn a_kernel_that_fails_is_not_taken_and_without_any_measurement_the_first_one_is() {
        assert_eq!(choose([f64::INFINITY, f64::INFINITY, 3.0]), ProductKernel::StagedTiles);
        assert_eq!(choose([f64::INFINITY; 3]), ProductKernel::LargeTiles);
    }
}
