//! Where tensors live and are multiplied: the CPU, or a graphics processor through WebGPU.
//!
//! With the feature `webgpu` a build holds both, and the choice is made at run time; without, the CPU alone. A software rasteriser that poses as a graphics
//! processor (SwiftShader, llvmpipe) is slower than the CPU device, so [`DeviceChoice::Auto`] passes it over.

use std::str::FromStr;
#[cfg(feature = "webgpu")]
use std::sync::OnceLock;

use burn::tensor::Device;

use crate::error::{Error, Result};
#[cfg(feature = "webgpu")]
use crate::gpu_product::ProductKernel;

/// What the user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The graphics processor if a real one answers, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The graphics processor, also a software one, or an error.
    Gpu,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "gpu" | "webgpu" => Ok(Self::Gpu),
            other => Err(format!("unknown device \"{other}\": auto, cpu and gpu are known")),
        }
    }
}

/// What really runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// SIMD code on the processor.
    Cpu,
    /// WGSL kernels through WebGPU.
    Gpu,
}

impl DeviceKind {
    /// `"cpu"` or `"webgpu"`, as reports name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "webgpu",
        }
    }
}

/// An opened device.
#[derive(Debug, Clone)]
pub struct ComputeDevice {
    device: Device,
    kind: DeviceKind,
    name: String,
    software: bool,
}

/// The graphics device of this process: the runtime allows one initialisation of it.
#[cfg(feature = "webgpu")]
static GPU: OnceLock<ComputeDevice> = OnceLock::new();

impl ComputeDevice {
    /// Opens a device. In a browser this must be awaited before any tensor is made on it.
    ///
    /// # Errors
    /// [`Error::GpuUnavailable`] where [`DeviceChoice::Gpu`] was asked for and no adapter answers.
    pub async fn open(choice: DeviceChoice) -> Result<Self> {
        match choice {
            DeviceChoice::Cpu => Ok(Self::cpu()),
            DeviceChoice::Gpu => Self::gpu().await,
            DeviceChoice::Auto => match Self::gpu().await {
                Ok(gpu) if !gpu.software => Ok(gpu),
                _ => Ok(Self::cpu()),
            },
        }
    }

    /// The CPU device, which is always there.
    #[must_use]
    pub fn cpu() -> Self {
        Self {
            device: Device::flex(),
            kind: DeviceKind::Cpu,
            name: "CPU".into(),
            software: false,
        }
    }

    #[cfg(not(feature = "webgpu"))]
    #[expect(
        clippy::unused_async,
        reason = "where there are graphics devices, opening one takes time"
    )]
    async fn gpu() -> Result<Self> {
        Err(Error::GpuUnavailable {
            reason: "this program was built without graphics devices".to_owned(),
        })
    }

    #[cfg(feature = "webgpu")]
    async fn gpu() -> Result<Self> {
        if let Some(gpu) = GPU.get() {
            return Ok(gpu.clone());
        }
        let unavailable = |reason: String| Error::GpuUnavailable { reason };
        let (device, setup) = match Device::wgpu_options().init_with_setup_async().await {
            Ok(opened) => opened,
            // Somebody else has opened it meanwhile.
            Err(error) => return GPU.get().cloned().ok_or_else(|| unavailable(error.to_string())),
        };
        let info = setup.adapter.get_info();
        // wgpu maps both a native CPU rasteriser and a browser's fallback adapter to this type.
        let software = format!("{:?}", info.device_type) == "Cpu";
        let name = if info.name.is_empty() {
            "WebGPU adapter".to_owned()
        } else {
            info.name
        };
        let gpu = GPU.get_or_init(|| Self {
            device,
            kind: DeviceKind::Gpu,
            name,
            software,
        });
        // In software, measuring alone would take seconds.
        if !software {
            ProductKernel::make_fastest_current(&gpu.device).await;
        }
        Ok(gpu.clone())
    }

    /// The tensor library's handle, without autodiff.
    #[must_use]
    pub fn tensor_device(&self) -> &Device {
        &self.device
    }

    /// CPU or graphics processor.
    #[must_use]
    pub fn kind(&self) -> DeviceKind {
        self.kind
    }

    /// The adapter's name, or "CPU".
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a graphics processor is only imitated in software.
    #[must_use]
    pub fn is_software(&self) -> bool {
        self.software
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_are_understood() {
        assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
        assert_eq!("cpu".parse(), Ok(DeviceChoice::Cpu));
        assert_eq!("gpu".parse(), Ok(DeviceChoice::Gpu));
        assert_eq!("webgpu".parse(), Ok(DeviceChoice::Gpu));
        assert!("tpu".parse::<DeviceChoice>().unwrap_err().contains("tpu"));
    }
}
