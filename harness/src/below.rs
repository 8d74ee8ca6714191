//! What ran below an engine: enough to say later with what a result came about.

use serde::{Deserialize, Serialize};

/// What others made, and a backend is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Below {
    /// The GPU whose memory the device tier was in.
    pub gpu: Option<BelowGpu>,
    /// NIXL, as it was loaded.
    pub nixl: Option<BelowNixl>,
}

/// A GPU, and what drives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BelowGpu {
    /// Which GPU, counted from 0.
    pub ordinal: u32,
    /// As the driver calls it.
    pub name: String,
    /// The version of CUDA that the driver supports.
    pub cuda: String,
}

/// Files of an installation of NIXL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BelowNixl {
    /// The version of the installation, where it says so.
    pub version: Option<String>,
    /// The real path of NIXL's C API.
    pub library: String,
    /// The SHA-256 of its content, in hexadecimal.
    pub library_sha256: String,
    /// The real path of the plugin.
    pub plugin: String,
    /// The SHA-256 of its content, in hexadecimal.
    pub plugin_sha256: String,
    /// What the plugin puts its reads and writes in.
    pub queue: String,
}

impl Below {
    /// Lines for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let gpu = self.gpu.iter().map(|gpu| {
            let BelowGpu { ordinal, name, cuda } = gpu;
            format!("GPU {ordinal}, {name}, CUDA {cuda}")
        });
        let nixl = self.nixl.iter().flat_map(|nixl| {
            let version = nixl.version.as_deref().unwrap_or("of no known version");
            let plugin = nixl.plugin.rsplit('/').next().unwrap_or(&nixl.plugin);
            [
                format!(
                    "NIXL {version}, {}, SHA-256 {}",
                    nixl.library,
                    begin(&nixl.library_sha256)
                ),
                format!("{plugin} with {}, SHA-256 {}", nixl.queue, begin(&nixl.plugin_sha256)),
            ]
        });
        gpu.chain(nixl).collect()
    }
}

/// As much of a sum as is told at sight.
fn begin(sum: &str) -> String {
    format!("{}…", sum.get(..16).unwrap_or(sum))
}

#[cfg(feature = "gds")]
impl From<&tierproof_backends::GpuFacts> for BelowGpu {
    fn from(facts: &tierproof_backends::GpuFacts) -> Self {
        Self { ordinal: facts.ordinal, name: facts.name.clone(), cuda: facts.cuda.clone() }
    }
}

#[cfg(feature = "nixl")]
impl From<&tierproof_backends::Attestation> for BelowNixl {
    fn from(attestation: &tierproof_backends::Attestation) -> Self {
        let (library, plugin) = (&attestation.library, &attestation.plugin);
        Self {
            version: attestation.version.clone(),
            library: library.path.display().to_string(),
            library_sha256: library.sha256.clone(),
            plugin: plugin.path.display().to_string(),
            plugin_sha256: plugin.sha256.clone(),
            queue: attestation.queue.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_it_was() {
        let gpu =
            BelowGpu { ordinal: 1, name: "NVIDIA H100 80GB HBM3".into(), cuda: "13.0".into() };
        let nixl = BelowNixl {
            version: Some("1.5.1".into()),
            library: "/opt/nixl/libnixl_capi.so".into(),
            library_sha256: "0123456789abcdef0123".into(),
            plugin: "/opt/nixl/plugins/libplugin_GDS.so".into(),
            plugin_sha256: "fedcba98765432100123".into(),
            queue: "cuFile batches".into(),
        };
        let below = Below { gpu: Some(gpu), nixl: Some(nixl) };
        assert_eq!(
            below.lines(),
            [
                "GPU 1, NVIDIA H100 80GB HBM3, CUDA 13.0",
                "NIXL 1.5.1, /opt/nixl/libnixl_capi.so, SHA-256 0123456789abcdef…",
                "libplugin_GDS.so with cuFile batches, SHA-256 fedcba9876543210…",
            ]
        );
    }
}
