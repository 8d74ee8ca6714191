//! The block device beneath a directory, and what udev says of it.

use rustix::fs::{major, minor, stat};
use std::path::Path;
use tierproof_core::{Error, ErrorKind, Result};

/// Where udev keeps what it knows. cuFile looks nowhere else for a file system.
const UDEV: &str = "/run/udev/data";

/// The device that a directory's file system lies on.
///
/// `cuFile` refuses files (error 5027) where udev does not name the file system of their device,
/// also in compat mode. Containers and small virtual machines have no udev, and so no entry.
///
/// ```
/// use tierproof_backends::machine::{BlockDevice, UdevEntry};
/// let device = BlockDevice { major: 254, minor: 0, udev: UdevEntry::Absent };
/// assert!(!device.known_to_cufile());
/// assert!(device.fix("ext4").ends_with("ext4 > /run/udev/data/b254:0"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockDevice {
    /// The device's major number.
    pub major: u32,
    /// The device's minor number.
    pub minor: u32,
    /// What udev says.
    pub udev: UdevEntry,
}

/// udev's entry of a device, as far as cuFile reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UdevEntry {
    /// There is none.
    Absent,
    /// There is one.
    Present {
        /// `ID_FS_TYPE`.
        file_system: Option<String>,
        /// `ID_FS_USAGE`.
        usage: Option<String>,
    },
}

impl UdevEntry {
    fn parse(text: &str) -> Self {
        let value = |name: &str| {
            let mut lines = text.lines().rev();
            let value = lines
                .find_map(|line| line.strip_prefix("E:")?.strip_prefix(name)?.strip_prefix('='));
            value.map(|value| value.trim_end().to_owned()).filter(|value| !value.is_empty())
        };
        Self::Present { file_system: value("ID_FS_TYPE"), usage: value("ID_FS_USAGE") }
    }
}

impl BlockDevice {
    /// The device of `directory`; `None` where the file system lies on none, as tmpfs, overlayfs
    /// and what comes over a network.
    ///
    /// # Errors
    /// `Unavailable` if the directory or udev's entry can't be looked at.
    pub fn of(directory: &Path) -> Result<Option<Self>> {
        let device = stat(directory).map_err(|errno| {
            let context = format!("{}: it can't be looked at: {errno}", directory.display());
            Error::new(ErrorKind::Unavailable, context).with_source(errno)
        })?;
        let (major, minor) = (major(device.st_dev), minor(device.st_dev));
        // Numbers of file systems without a device.
        if major == 0 {
            return Ok(None);
        }
        let path = entry(major, minor);
        let udev = match std::fs::read(&path) {
            Ok(bytes) => UdevEntry::parse(&String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => UdevEntry::Absent,
            Err(error) => {
                let context = format!("{path}: it can't be read: {error}");
                return Err(Error::new(ErrorKind::Unavailable, context).with_source(error));
            }
        };
        Ok(Some(Self { major, minor, udev }))
    }

    /// The path of udev's entry.
    #[must_use]
    pub fn entry(&self) -> String {
        entry(self.major, self.minor)
    }

    /// Whether cuFile finds the file system of this device.
    #[must_use]
    pub fn known_to_cufile(&self) -> bool {
        match &self.udev {
            UdevEntry::Absent => false,
            UdevEntry::Present { file_system, usage } => {
                file_system.is_some() && usage.as_deref() == Some("filesystem")
            }
        }
    }

    /// The two lines of shell that make the entry, for root; nothing needs to be restarted. What an
    /// entry says already is kept.
    #[must_use]
    pub fn fix(&self, file_system: &str) -> String {
        let arrow = if self.udev == UdevEntry::Absent { ">" } else { ">>" };
        format!(
            "mkdir -p {UDEV}\nprintf 'E:ID_FS_TYPE=%s\\nE:ID_FS_USAGE=filesystem\\n' {file_system} \
             {arrow} {}",
            self.entry()
        )
    }
}

fn entry(major: u32, minor: u32) -> String {
    format!("{UDEV}/b{major}:{minor}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn the_fix_is_these_two_lines() {
        let device = BlockDevice { major: 259, minor: 3, udev: UdevEntry::Absent };
        let lines = "mkdir -p /run/udev/data\n\
            printf 'E:ID_FS_TYPE=%s\\nE:ID_FS_USAGE=filesystem\\n' ext4 > /run/udev/data/b259:3";
        assert_eq!(device.fix("ext4"), lines);
    }

    /// An entry of a running udev has more in it than cuFile asks for.
    #[test]
    fn an_entry_is_added_to_and_never_overwritten() {
        let udev = UdevEntry::parse("S:disk/by-id/x\nE:ID_BUS=ata\n");
        let device = BlockDevice { major: 8, minor: 1, udev };
        assert!(
            device.fix("xfs").ends_with(" xfs >> /run/udev/data/b8:1"),
            "{}",
            device.fix("xfs")
        );
    }

    #[rstest]
    #[case::ours("E:ID_FS_TYPE=ext4\nE:ID_FS_USAGE=filesystem\n", true)]
    #[case::of_a_running_udev(
        "S:disk/by-uuid/1\nI:93\nE:ID_FS_UUID=1\nE:ID_FS_TYPE=xfs\nE:ID_FS_USAGE=filesystem\nG:systemd\n",
        true
    )]
    #[case::no_line_end("E:ID_FS_USAGE=filesystem\nE:ID_FS_TYPE=ext4", true)]
    #[case::the_last_counts(
        "E:ID_FS_TYPE=ext4\nE:ID_FS_USAGE=raid\nE:ID_FS_USAGE=filesystem",
        true
    )]
    #[case::empty("", false)]
    #[case::no_usage("E:ID_FS_TYPE=ext4\n", false)]
    #[case::no_type("E:ID_FS_USAGE=filesystem\n", false)]
    #[case::empty_type("E:ID_FS_TYPE=\nE:ID_FS_USAGE=filesystem\n", false)]
    #[case::other_usage("E:ID_FS_TYPE=LVM2_member\nE:ID_FS_USAGE=raid\n", false)]
    #[case::a_longer_name("E:ID_FS_TYPE_X=ext4\nE:ID_FS_USAGE=filesystem\n", false)]
    #[case::no_property("ID_FS_TYPE=ext4\nID_FS_USAGE=filesystem\n", false)]
    fn cufile_wants_type_and_usage(#[case] text: &str, #[case] known: bool) {
        let device = BlockDevice { major: 8, minor: 1, udev: UdevEntry::parse(text) };
        assert_eq!(device.known_to_cufile(), known, "{device:?}");
    }

    /// What the fix writes is what is looked for.
    #[test]
    fn the_fix_cures() {
        let device = BlockDevice { major: 8, minor: 1, udev: UdevEntry::Absent };
        let fix = device.fix("ext4");
        let format = fix.split('\'').nth(1).unwrap();
        let written = format.replace("%s", "ext4").replace("\\n", "\n");
        let cured = BlockDevice { udev: UdevEntry::parse(&written), ..device };
        assert!(cured.known_to_cufile(), "{written}");
    }

    #[test]
    fn process_files_lie_on_no_device() {
        assert_eq!(BlockDevice::of(Path::new("/proc")).unwrap(), None);
        let error = BlockDevice::of(Path::new("/nonexistent")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}
