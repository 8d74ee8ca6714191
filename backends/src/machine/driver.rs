//! The kernel's half of NVIDIA's driver.

/// The kernel module that is loaded.
///
/// ```
/// match tierproof_backends::machine::NvidiaDriver::loaded() {
///     Some(driver) => println!("driver {}", driver.version),
///     None => println!("no NVIDIA driver"),
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NvidiaDriver {
    /// Its version, such as `580.65.06`.
    pub version: String,
    /// Whether it is the open module, which PCI peer-to-peer needs.
    pub open: bool,
}

impl NvidiaDriver {
    /// What `/proc/driver/nvidia/version` says; `None` without the module.
    #[must_use]
    pub fn loaded() -> Option<Self> {
        let text = std::fs::read("/proc/driver/nvidia/version").ok()?;
        Self::parse(&String::from_utf8_lossy(&text))
    }

    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().find(|line| line.starts_with("NVRM version:"))?;
        let version = line.split_whitespace().find(|word| is_version(word))?.to_owned();
        Some(Self { version, open: line.contains("Open Kernel Module") })
    }
}

/// Numbers between dots. `x86_64` and the clock's `10:20:30` are none.
pub(super) fn is_version(word: &str) -> bool {
    let numbers = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    word.contains('.') && word.split('.').all(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::open("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder@U22)  Sun Jul 27 06:54:38 UTC 2025\nGCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)\n", Some(("580.65.06", true)))]
    #[case::closed("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\nGCC version: gcc version 11.4.0", Some(("535.129.03", false)))]
    #[case::two_numbers("NVRM version: NVIDIA UNIX aarch64 Kernel Module  550.54", Some(("550.54", false)))]
    #[case::only_the_compiler("GCC version:  gcc version 12.3.0", None)]
    #[case::no_version("NVRM version: NVIDIA UNIX x86_64 Kernel Module", None)]
    #[case::dots_alone("NVRM version: NVIDIA . 1. .2 a.b", None)]
    #[case::empty("", None)]
    fn the_version_is_read(#[case] text: &str, #[case] expected: Option<(&str, bool)>) {
        let found = NvidiaDriver::parse(text);
        let found = found.as_ref().map(|driver| (driver.version.as_str(), driver.open));
        assert_eq!(found, expected);
    }
}
