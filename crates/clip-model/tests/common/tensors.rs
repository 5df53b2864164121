//! Both devices, the tensors that go there, and what comes back.

use std::sync::LazyLock;

use burn::tensor::{Device, Tensor, TensorData};
use clip_model::device::{ComputeDevice, DeviceChoice};
use pollster::block_on;

/// Both devices, opened once for all tests; a machine without a graphics adapter fails here.
static DEVICES: LazyLock<[Device; 2]> = LazyLock::new(|| {
    [DeviceChoice::Cpu, DeviceChoice::Gpu]
        .map(|choice| block_on(ComputeDevice::open(choice)).unwrap().tensor_device().clone())
});

/// The CPU and the graphics device.
pub(crate) fn devices() -> Vec<Device> {
    DEVICES.to_vec()
}

/// A tensor's values, row-major.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    block_on(tensor.into_data_async()).unwrap().iter::<f32>().collect()
}

/// Numbers without any regularity, by a linear congruence: the same ones in every run.
pub(crate) struct Numbers(u32);

impl Numbers {
    /// Each seed has its own.
    pub(crate) fn seeded(seed: u32) -> Self {
        Self(seed)
    }

    /// The next one, between -1 and 1.
    pub(crate) fn draw(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / 8_388_608.0 - 1.0
    }

    /// A tensor of the next ones, between `-spread` and `spread`.
    pub(crate) fn tensor<const D: usize>(&mut self, shape: [usize; D], spread: f32, device: &Device) -> Tensor<D> {
        let count: usize = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| self.draw() * spread).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}
