//! The mount that holds a directory, as `/proc/self/mountinfo` tells.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// One line of `mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// Where it is mounted.
    pub(super) point: PathBuf,
    /// The file system's type.
    pub(super) file_system: String,
    /// What is mounted: a device's path, or what stands for one.
    pub(super) source: String,
}

impl Mount {
    /// The mount that holds `path`, which is absolute and free of links: the longest of those above
    /// it, and of equals the last, which lies over the others.
    pub(super) fn holding(path: &Path, mountinfo: &[u8]) -> Option<Self> {
        let mounts = mountinfo.split(|&byte| byte == b'\n').filter_map(Self::parse);
        let above = mounts.filter(|mount| path.starts_with(&mount.point));
        above.max_by_key(|mount| mount.point.components().count())
    }

    /// `36 35 98:0 /root /point options optional… - type source options`.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b' ');
        let point = unescape(fields.nth(4)?);
        let mut after = fields.skip_while(|field| *field != b"-").skip(1);
        let file_system = String::from_utf8_lossy(after.next()?).into_owned();
        let source = unescape(after.next()?);
        let source = OsStr::from_bytes(&source).to_string_lossy().into_owned();
        Some(Self { point: std::ffi::OsString::from_vec(point).into(), file_system, source })
    }
}

/// Blanks, tabs, line ends and backslashes are three octal digits behind a backslash.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        let digits = after.get(..3).filter(|_| *first == b'\\');
        let octal = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &after[3..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const MOUNTS: &str = "\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
25 24 0:23 / /dev/shm rw shared:1 master:2 - tmpfs tmpfs rw
60 27 259:1 / /data rw,noatime shared:7 - xfs /dev/nvme0n1p1 rw
61 60 259:2 /sub /data/with\\040blank rw - ext4 /dev/disk/by-label/a\\134b rw
62 60 0:40 / /data/over rw - tmpfs first rw
63 62 0:41 / /data/over rw - overlay second rw,lowerdir=/a:/b
64 27 0:42 / /odd rw - fuse.s3 bucket
not a mount at all
65 27 0:43 / /cut";

    #[rstest]
    #[case("/", "ext4", "/dev/vda")]
    #[case("/home/us", "ext4", "/dev/vda")]
    #[case("/dev/shm/x", "tmpfs", "tmpfs")]
    #[case("/data", "xfs", "/dev/nvme0n1p1")]
    #[case::no_prefix_of_a_name("/database", "ext4", "/dev/vda")]
    #[case::escapes("/data/with blank/kv", "ext4", "/dev/disk/by-label/a\\b")]
    #[case::the_last_lies_over("/data/over/kv", "overlay", "second")]
    #[case::no_options("/odd/kv", "fuse.s3", "bucket")]
    #[case::a_cut_line_is_none("/cut/kv", "ext4", "/dev/vda")]
    fn the_longest_mount_above_holds_it(
        #[case] path: &str,
        #[case] file_system: &str,
        #[case] source: &str,
    ) {
        let mount = Mount::holding(Path::new(path), MOUNTS.as_bytes()).unwrap();
        assert_eq!((mount.file_system.as_str(), mount.source.as_str()), (file_system, source));
    }

    #[test]
    fn nothing_holds_what_no_line_is_above() {
        assert_eq!(Mount::holding(Path::new("/data"), b""), None);
        assert_eq!(Mount::holding(Path::new("/data"), b"60 27 259:1 / /other rw - xfs x"), None);
    }

    #[rstest]
    #[case(r"a\040b", b"a b")]
    #[case(r"a\04", br"a\04")]
    #[case(r"a\999", br"a\999")]
    #[case(r"\134\134", br"\\")]
    fn escapes_are_three_octal_digits(#[case] field: &str, #[case] meant: &[u8]) {
        assert_eq!(unescape(field.as_bytes()), meant);
    }
}
