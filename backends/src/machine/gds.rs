//! What can carry bytes between a GPU and a disk without a stop in host memory.

use super::driver::is_version;
use std::fs;
use std::path::Path;

/// cuFile looks for this function of the kernel before it tries PCI peer-to-peer.
const PEER_SYMBOL: &[u8] = b"pci_p2pdma_add_resource";
const NVIDIA: &str = "0x10de";

/// The two direct ways of `GPUDirect` Storage, as far as can be seen without root. cuFile decides in
/// the end; without either it goes through host memory (compat mode).
///
/// ```
/// let gds = tierproof_backends::machine::Gds::look();
/// println!("nvidia-fs: {:?}, peer-to-peer: {}", gds.nvidia_fs, gds.kernel_peer);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gds {
    /// The version of the loaded module nvidia-fs.
    pub nvidia_fs: Option<String>,
    /// Whether the kernel has PCI peer-to-peer at all.
    pub kernel_peer: bool,
    /// Whether the driver has given the kernel a GPU's memory for it.
    pub gpu_peer: bool,
}

impl Gds {
    /// Looks in `/proc` and `/sys`.
    #[must_use]
    pub fn look() -> Self {
        let version = fs::read("/proc/driver/nvidia-fs/version").ok();
        Self {
            nvidia_fs: version.map(|text| version_in(&String::from_utf8_lossy(&text))),
            kernel_peer: fs::read("/proc/kallsyms").is_ok_and(|text| has_symbol(&text)),
            gpu_peer: peer_memory(Path::new("/sys/bus/pci/devices")),
        }
    }
}

fn version_in(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c == ':');
    words.into_iter().find(|word| is_version(word)).unwrap_or("of unknown version").to_owned()
}

/// `ffff… T name`, of a module with its name behind.
fn has_symbol(kallsyms: &[u8]) -> bool {
    let lines = kallsyms.split(|&byte| byte == b'\n');
    lines.into_iter().any(|line| {
        line.split(|byte| byte.is_ascii_whitespace()).nth(2).is_some_and(|name| name == PEER_SYMBOL)
    })
}

fn peer_memory(devices: &Path) -> bool {
    let entries = devices.read_dir().into_iter().flatten();
    entries.filter_map(Result::ok).map(|entry| entry.path()).any(|device| {
        device.join("p2pmem").is_dir()
            && fs::read_to_string(device.join("vendor")).is_ok_and(|it| it.trim() == NVIDIA)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("version: 2.17.5\n", "2.17.5")]
    #[case("GDS Version: 1.7.2.10\nNVFS driver version:2.16\n", "1.7.2.10")]
    #[case("2.20.6", "2.20.6")]
    #[case("", "of unknown version")]
    #[case("version: none\n", "of unknown version")]
    fn the_module_says_its_version(#[case] text: &str, #[case] version: &str) {
        assert_eq!(version_in(text), version);
    }

    #[rstest]
    #[case(b"0000000000000000 T pci_p2pdma_add_resource\n", true)]
    #[case(b"00 T _start\n00 t pci_p2pdma_add_resource\t[p2p]", true)]
    #[case(b"00 T pci_p2pdma_add_resource_x\n", false)]
    #[case(b"00 T __pci_p2pdma_add_resource\n", false)]
    #[case(b"", false)]
    fn the_kernels_symbols_tell(#[case] text: &[u8], #[case] found: bool) {
        assert_eq!(has_symbol(text), found);
    }

    #[test]
    fn only_a_gpu_with_memory_for_peers_counts() {
        let devices = tempfile::tempdir().unwrap();
        let device = |name: &str, vendor: &str, peer: bool| {
            let path = devices.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::write(path.join("vendor"), vendor).unwrap();
            if peer {
                fs::create_dir(path.join("p2pmem")).unwrap();
            }
        };
        device("a", "0x144d\n", true);
        device("b", "0x10de\n", false);
        assert!(!peer_memory(devices.path()));
        device("c", "0x10de\n", true);
        assert!(peer_memory(devices.path()));
        assert!(!peer_memory(Path::new("/nonexistent")));
    }
}
