//! The directory's file system, and what the kernel allows.

use super::finding::{Finding, Topic};
use std::path::Path;
#[cfg(feature = "posix")]
use {
    super::finding::told,
    super::patience::ask,
    crate::report::bytes,
    tierproof_backends::machine::{BlockDevice, DirectAccess, FileSystem, IoUring, Limits},
};

/// Less room than this is told: tiers on disk take theirs before they are used.
#[cfg(feature = "posix")]
const ROOM: u64 = 1 << 30;
/// Rings and registered buffers of a few queues.
#[cfg(feature = "posix")]
const LOCKED: u64 = 64 << 20;

#[cfg(not(feature = "posix"))]
pub(crate) fn examine(_: &Path) -> Vec<Finding> {
    let topics = [
        Topic::FileSystem,
        Topic::DirectIo,
        Topic::Space,
        Topic::Udev,
        Topic::Memlock,
        Topic::IoUring,
    ];
    topics.map(|topic| Finding::left_out(topic, "posix")).into()
}

#[cfg(feature = "posix")]
pub(crate) fn examine(scratch: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let place = scratch.to_owned();
    let asked = ask(move || (FileSystem::of(&place), BlockDevice::of(&place)));
    let why = match asked {
        Ok((Ok(system), device)) => {
            findings.extend([file_system(&system), direct_io(&system), space(&system)]);
            findings.push(match device {
                Ok(device) => udev(device.as_ref(), &system.kind),
                Err(error) => Finding::missing(Topic::Udev, told(&error), ANOTHER),
            });
            None
        }
        Ok((Err(error), _)) => Some(told(&error)),
        Err(silence) => Some(silence.told()),
    };
    if let Some(why) = why {
        let topics = [Topic::FileSystem, Topic::DirectIo, Topic::Space, Topic::Udev];
        findings.extend(topics.map(|topic| Finding::missing(topic, why.clone(), ANOTHER)));
    }
    findings.push(memlock(Limits::ask()));
    findings.push(io_uring(&IoUring::probe()));
    findings
}

#[cfg(feature = "posix")]
const ANOTHER: &str = "give a directory on ext4 or xfs on a local disk";

#[cfg(feature = "posix")]
fn file_system(system: &FileSystem) -> Finding {
    let what = format!("{} on {}", system.kind, system.source);
    match system.kind.as_str() {
        "ext4" | "xfs" => Finding::ok(Topic::FileSystem, what),
        _ => {
            Finding::warning(Topic::FileSystem, format!("{what}: none that cuFile serves"), ANOTHER)
        }
    }
}

#[cfg(feature = "posix")]
fn direct_io(system: &FileSystem) -> Finding {
    match &system.direct {
        DirectAccess::Works { memory: Some(memory), offset: Some(offset) } => {
            let what = format!("O_DIRECT works: memory to {memory} bytes, offsets to {offset}");
            Finding::ok(Topic::DirectIo, what)
        }
        DirectAccess::Works { .. } => {
            Finding::ok(Topic::DirectIo, "O_DIRECT works for whole pages; the kernel tells no less")
        }
        DirectAccess::Refused(why) => {
            let what = format!("O_DIRECT is refused ({why}): files go through the page cache");
            Finding::warning(Topic::DirectIo, what, ANOTHER)
        }
    }
}

#[cfg(feature = "posix")]
fn space(system: &FileSystem) -> Finding {
    let what = format!("{} of {} free", bytes(system.free), bytes(system.all));
    if system.free >= ROOM {
        return Finding::ok(Topic::Space, what);
    }
    let remedy = "free some: a disk tier takes all of its room at once";
    Finding::warning(Topic::Space, what, remedy)
}

#[cfg(feature = "posix")]
fn udev(device: Option<&BlockDevice>, kind: &str) -> Finding {
    let Some(device) = device else {
        let what = format!("{kind} lies on no block device: cuFile refuses its files");
        return Finding::warning(Topic::Udev, what, ANOTHER);
    };
    let entry = device.entry();
    if device.known_to_cufile() {
        return Finding::ok(Topic::Udev, format!("{entry} names the file system"));
    }
    let what = format!("{entry} names no file system: cuFile refuses files here (5027)");
    let remedy = format!("as root, with nothing to restart:\n{}", device.fix(kind));
    Finding::missing(Topic::Udev, what, remedy)
}

#[cfg(feature = "posix")]
fn memlock(limits: Limits) -> Finding {
    let Some(locked) = limits.locked else {
        return Finding::ok(Topic::Memlock, "no limit");
    };
    let most = limits.locked_max.map_or_else(|| "no limit".into(), bytes);
    let what = format!("{} may be locked, up to {most} without root", bytes(locked));
    if locked >= LOCKED {
        return Finding::ok(Topic::Memlock, what);
    }
    let remedy = "ulimit -l unlimited; in a container: docker run --ulimit memlock=-1";
    Finding::warning(Topic::Memlock, what, remedy)
}

#[cfg(feature = "posix")]
fn io_uring(ring: &IoUring) -> Finding {
    let Some(refusal) = &ring.refusal else {
        return Finding::ok(Topic::IoUring, "allowed");
    };
    let setting = ring.disabled.filter(|&value| value > 0);
    let (why, remedy) = match setting {
        Some(value) => {
            (format!(", kernel.io_uring_disabled is {value}"), "sysctl kernel.io_uring_disabled=0")
        }
        None => (String::new(), "permit io_uring_setup in the container's seccomp profile"),
    };
    let what = format!("refused ({refusal}{why}); NIXL's POSIX plugin can do without");
    Finding::warning(Topic::IoUring, what, remedy)
}

#[cfg(all(test, feature = "posix"))]
mod tests {
    use super::*;
    use crate::doctor::State;
    use rstest::rstest;
    use tierproof_backends::machine::UdevEntry;

    #[test]
    fn a_device_that_udev_does_not_know_comes_with_the_two_lines() {
        let device = BlockDevice { major: 259, minor: 1, udev: UdevEntry::Absent };
        let finding = udev(Some(&device), "ext4");
        assert_eq!(finding.state, State::Missing);
        let lines = "as root, with nothing to restart:\n\
            mkdir -p /run/udev/data\n\
            printf 'E:ID_FS_TYPE=%s\\nE:ID_FS_USAGE=filesystem\\n' ext4 > /run/udev/data/b259:1";
        assert_eq!(finding.remedy.unwrap(), lines);
        assert_eq!(udev(None, "tmpfs").state, State::Warning);
    }

    #[rstest]
    #[case(None, State::Ok)]
    #[case(Some(64 << 20), State::Ok)]
    #[case(Some(8 << 20), State::Warning)]
    #[case(Some(0), State::Warning)]
    fn little_lockable_memory_is_told(#[case] locked: Option<u64>, #[case] state: State) {
        assert_eq!(memlock(Limits { locked, locked_max: locked }).state, state);
    }

    #[rstest]
    #[case(Some(2), "sysctl")]
    #[case(Some(0), "seccomp")]
    #[case(None, "seccomp")]
    fn who_forbids_io_uring_is_told(#[case] disabled: Option<u32>, #[case] word: &str) {
        let ring = IoUring { disabled, refusal: Some("Operation not permitted".into()) };
        assert!(io_uring(&ring).remedy.unwrap().contains(word));
    }

    #[rstest]
    #[case("ext4", 2 << 30, State::Ok, State::Ok)]
    #[case("tmpfs", 1 << 20, State::Warning, State::Warning)]
    fn a_file_system_is_judged(
        #[case] kind: &str,
        #[case] free: u64,
        #[case] of_kind: State,
        #[case] of_room: State,
    ) {
        let system = FileSystem {
            kind: kind.into(),
            source: "x".into(),
            free,
            all: 4 << 30,
            direct: DirectAccess::Refused("Invalid argument".into()),
        };
        assert_eq!((file_system(&system).state, space(&system).state), (of_kind, of_room));
        assert_eq!(direct_io(&system).state, State::Warning);
    }
}
