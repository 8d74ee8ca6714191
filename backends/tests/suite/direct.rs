//! Promise: direct I/O is used where the file system takes it, whatever the memory's alignment;
//! elsewhere files are buffered and a fallback says so, or `Required` is an error.

use crate::bench::{
    Bench, Kind, STRIDE, at, config, copy, folder, kind_of, medium, open, pattern, scratch,
};
use rstest::rstest;
use rustix::fs::{Mode, OFlags};
use std::fs;
use std::path::{Path, PathBuf};
use tierproof_backends::{DirectIo, Dram, PosixConfig};
use tierproof_core::{Backend, Bytes, ErrorKind, Medium, MediumKind};

/// Whether a file system takes `O_DIRECT`, asked without the backend.
fn takes_direct(folder: &Path) -> bool {
    let path = folder.join("probe");
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::DIRECT;
    let taken = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR).is_ok();
    fs::remove_file(path).expect("it was made either way");
    taken
}

/// Flags of the descriptors that this process has on a file of that name.
fn flags_of(name: &str, beneath: &Path) -> Vec<OFlags> {
    let entries = fs::read_dir("/proc/self/fd").expect("a process file system");
    let fds = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let leads = |path: &PathBuf| {
        fs::read_link(path).is_ok_and(|to| to.starts_with(beneath) && to.ends_with(name))
    };
    let number = |path: PathBuf| path.file_name()?.to_str()?.parse::<u64>().ok();
    let flags = |fd: u64| {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
        let line = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
        Some(OFlags::from_bits_retain(u32::from_str_radix(line.trim(), 8).ok()?))
    };
    fds.filter(leads).filter_map(number).filter_map(flags).collect()
}

#[rstest]
fn it_is_used_where_it_is_taken_and_a_fallback_elsewhere(
    #[values("", "/dev/shm", "/tmp")] place: &str,
) {
    let place = if place.is_empty() { scratch() } else { place.into() };
    let folder = tempfile::tempdir_in(place).unwrap();
    let taken = takes_direct(folder.path());
    let mut posix = open(config(Kind::Direct, folder.path()));
    let slots = Medium::File(medium(0, 4096));
    posix.allocate(&slots, 8192).unwrap();
    // A library below may have descriptors of its own.
    let flags = flags_of("rank1_window2_pool0.slots", folder.path());
    let wanted: Vec<&str> =
        posix.capability().fallbacks.iter().map(|fallback| &fallback.wanted[..]).collect();
    assert_eq!(flags.iter().any(|flags| flags.contains(OFlags::DIRECT)), taken);
    assert_eq!(wanted.contains(&"O_DIRECT"), !taken, "{wanted:?}");
    drop(posix);
    let required =
        PosixConfig { direct: DirectIo::Required, ..config(Kind::Direct, folder.path()) };
    match open(required).allocate(&slots, 8192) {
        Ok(_) => assert!(taken),
        Err(error) => assert_eq!((error.kind(), taken), (ErrorKind::Unsupported, false)),
    }
    assert_eq!(crate::bench::names(folder.path()), Vec::<String>::new());
}

#[test]
fn it_is_not_used_where_nobody_wants_it() {
    let folder = folder();
    let mut posix = open(config(Kind::Buffered, folder.path()));
    posix.allocate(&Medium::File(medium(0, 4096)), 8192).unwrap();
    let flags = flags_of("rank1_window2_pool0.slots", folder.path());
    assert!(!flags.is_empty() && flags.iter().all(|flags| !flags.contains(OFlags::DIRECT)));
    let mut fallbacks = posix.capability().fallbacks.iter();
    assert!(fallbacks.all(|fallback| fallback.wanted != "O_DIRECT"));
}

#[test]
fn dram_says_that_its_files_are_memory() {
    let mut dram = Dram::new();
    assert!(dram.capability().fallbacks.is_empty());
    for pool in 0..2 {
        dram.allocate(&Medium::File(medium(pool, 4096)), 8192).unwrap();
    }
    let [fallback] = &dram.capability().fallbacks[..] else { panic!("said once") };
    assert!(fallback.instead.contains("memory"));
}

/// Direct I/O can't reach memory that starts within a page; a buffer stands in between.
#[rstest]
fn memory_of_any_alignment(
    #[values(Kind::Direct, Kind::PerSlot)] kind: Kind,
    #[values(1, 512, 2048, 4095)] odd: Bytes,
    #[values(4096, 1 << 20, (1 << 20) + 4096 + 5)] len: Bytes,
) {
    let mut bench = Bench::new(kind);
    let memory = bench.region(MediumKind::Device, 2 * STRIDE);
    let back = bench.region(MediumKind::Host, 2 * STRIDE);
    let file = bench.region(MediumKind::File, STRIDE);
    let content = pattern(odd, len);
    bench.fill(at(memory, odd, len), &content);
    assert_eq!(bench.run(&[copy(at(memory, odd, len), at(file, 0, len))]), []);
    assert_eq!(bench.run(&[copy(at(file, 0, len), at(back, STRIDE + odd, len))]), []);
    assert!(bench.read(at(back, STRIDE + odd, len)) == content);
}

#[test]
fn required_is_an_error_of_settings_only_for_the_files() {
    let folder = folder();
    let required =
        PosixConfig { direct: DirectIo::Required, ..config(Kind::Direct, folder.path()) };
    let mut posix = open(required);
    posix.allocate(&Medium::Host, 4096).unwrap();
    let beyond = posix.allocate(&Medium::File(medium(0, 4096)), 1 << 60);
    assert_eq!(kind_of(beyond), ErrorKind::Exhausted, "the room is asked for first");
}
