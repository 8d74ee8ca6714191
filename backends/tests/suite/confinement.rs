//! Promise: no name leads outside of the operator's root, and only plain files of our own are
//! touched inside. Everything else is a typed error that changes nothing.

use crate::bench::{Kind, config, folder, kind_of, names, open, tree};
use proptest::prelude::*;
use rstest::rstest;
use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;
use tierproof_backends::{FileLayout, PosixConfig};
use tierproof_core::{Backend, ErrorKind, FileMedium, FileRole, Medium, Result};

const SLOTS: &str = "rank0_window0_pool0.slots";
const LOCK: &str = "rank0_window0_pool0.lock";
const BLOCK: &str = "rank0_window0_block_0_pool_0.bin";

fn medium(directory: &str) -> Medium {
    let directory = directory.to_owned();
    Medium::File(FileMedium {
        directory,
        rank: 0,
        window: 0,
        pool: 0,
        role: FileRole::Scratch,
        stride: 4096,
    })
}

/// A root, and beside it what must never change.
struct Zone {
    folder: TempDir,
    before: Vec<(PathBuf, Option<Vec<u8>>)>,
}

impl Zone {
    fn new() -> Self {
        let folder = folder();
        let zone = |inner: &str| folder.path().join(inner);
        fs::create_dir(zone("root")).unwrap();
        fs::create_dir_all(zone("red/x")).unwrap();
        for name in [SLOTS, LOCK, BLOCK, &format!("x/{SLOTS}"), &format!("x/{BLOCK}")] {
            fs::write(zone("red").join(name), name).unwrap();
        }
        let before = tree(&zone("red"));
        Self { folder, before }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn red(&self) -> PathBuf {
        self.folder.path().join("red")
    }

    fn posix(&self, layout: FileLayout) -> Box<dyn Backend> {
        open(PosixConfig { layout, ..config(Kind::Buffered, &self.root()) })
    }

    fn untouched(&self) {
        assert_eq!(tree(&self.red()), self.before);
        let beside: Vec<_> = fs::read_dir(self.folder.path()).unwrap().collect();
        assert_eq!(beside.len(), 2, "nothing new beside the root");
    }

    fn refuses(&self, layout: FileLayout, directory: &str) -> ErrorKind {
        let kind = kind_of(self.posix(layout).allocate(&medium(directory), 8192));
        self.untouched();
        kind
    }
}

const LAYOUTS: [FileLayout; 2] = [FileLayout::SlotFile, FileLayout::FilePerSlot];

#[rstest]
#[case("..")]
#[case("../red")]
#[case("a/../../red")]
#[case("/")]
#[case("/tmp")]
#[case("./a")]
#[case("a\0b")]
#[case("\0")]
#[case(&"n".repeat(256))]
#[case(&"deep/".repeat(300))]
fn names_that_are_no_plain_names(#[case] directory: &str) {
    let zone = Zone::new();
    for layout in LAYOUTS {
        assert_eq!(zone.refuses(layout, directory), ErrorKind::Config);
        assert_eq!(names(&zone.root()), Vec::<String>::new());
    }
}

#[test]
fn an_absolute_path_of_the_root_itself() {
    let zone = Zone::new();
    let root = zone.root();
    let kind = zone.refuses(FileLayout::SlotFile, root.to_str().unwrap());
    assert_eq!(kind, ErrorKind::Config);
}

#[rstest]
#[case::to_outside("../red")]
#[case::to_inside("real")]
#[case::to_nowhere("missing")]
#[case::to_itself("link")]
#[case::magic("/proc/self/cwd")]
fn links_to_directories(#[case] target: &str, #[values("link", "link/x", "real/link")] name: &str) {
    let zone = Zone::new();
    fs::create_dir_all(zone.root().join("real/x")).unwrap();
    symlink(target, zone.root().join("link")).unwrap();
    symlink(target, zone.root().join("real/link")).unwrap();
    for layout in LAYOUTS {
        assert_eq!(zone.refuses(layout, name), ErrorKind::Config);
    }
}

#[rstest]
fn links_instead_of_files(#[values(SLOTS, LOCK, BLOCK)] name: &str) {
    let zone = Zone::new();
    symlink(zone.red().join(name), zone.root().join(name)).unwrap();
    let layout = if name == SLOTS { FileLayout::SlotFile } else { FileLayout::FilePerSlot };
    assert_eq!(zone.refuses(layout, ""), ErrorKind::Config);
    assert!(zone.root().join(name).is_symlink(), "it stays for the operator to see");
}

#[rstest]
fn hard_links_to_files(#[values(SLOTS, LOCK, BLOCK)] name: &str) {
    let zone = Zone::new();
    fs::hard_link(zone.red().join(name), zone.root().join(name)).unwrap();
    let layout = if name == SLOTS { FileLayout::SlotFile } else { FileLayout::FilePerSlot };
    assert_eq!(zone.refuses(layout, ""), ErrorKind::Config);
    assert!(zone.root().join(name).exists());
}

/// Opened as files are, a fifo would wait for ever.
#[rstest]
fn things_that_are_no_files(
    #[values(SLOTS, LOCK, BLOCK)] name: &str,
    #[values(FileType::Fifo, FileType::Socket, FileType::Directory)] shape: FileType,
) {
    let zone = Zone::new();
    let path = zone.root().join(name);
    match shape {
        FileType::Directory => fs::create_dir(&path).unwrap(),
        FileType::Socket => drop(std::os::unix::net::UnixListener::bind(&path).unwrap()),
        _ => mknodat(CWD, &path, shape, Mode::RUSR | Mode::WUSR, 0).unwrap(),
    }
    let layout = if name == SLOTS { FileLayout::SlotFile } else { FileLayout::FilePerSlot };
    assert_eq!(zone.refuses(layout, ""), ErrorKind::Config);
    assert!(path.exists());
}

#[test]
fn a_root_that_is_missing_or_no_directory() {
    let folder = folder();
    let missing = PosixConfig::new(folder.path().join("missing"));
    assert_eq!(kind_of(crate::files(missing)), ErrorKind::Unavailable);
    fs::write(folder.path().join("file"), "").unwrap();
    assert_eq!(
        kind_of(crate::files(PosixConfig::new(folder.path().join("file")))),
        ErrorKind::Config
    );
}

/// The root is where it was when it was opened, whatever its name leads to since.
#[test]
fn a_root_that_is_moved_away() {
    let zone = Zone::new();
    let mut posix = zone.posix(FileLayout::SlotFile);
    let moved = zone.folder.path().join("moved");
    fs::rename(zone.root(), &moved).unwrap();
    symlink(zone.red(), zone.root()).unwrap();
    posix.allocate(&medium("kv"), 4096).unwrap();
    assert_eq!(names(&moved), [SLOTS]);
    assert_eq!(tree(&zone.red()), zone.before);
    drop(posix);
    assert_eq!(names(&moved), Vec::<String>::new());
    assert_eq!(tree(&zone.red()), zone.before);
}

fn segments() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        4 => Just("real".to_owned()),
        2 => Just("link".to_owned()),
        2 => Just("x".to_owned()),
        2 => Just("..".to_owned()),
        1 => Just(".".to_owned()),
        1 => Just(String::new()),
        1 => Just("red".to_owned()),
        1 => Just("proc".to_owned()),
        2 => "[a-z.\\PC]{1,8}",
        1 => any::<String>(),
    ];
    proptest::collection::vec(segment, 0..6).prop_map(|segments| segments.join("/"))
}

/// Swaps a directory and a link to the red zone for as long as it lives.
fn flip(zone: &Zone, stop: &AtomicBool) {
    let (real, link) = (zone.root().join("real"), zone.root().join("link"));
    while !stop.load(Ordering::Relaxed) {
        renameat_with(CWD, &real, CWD, &link, RenameFlags::EXCHANGE).expect("both exist");
    }
}

fn try_all(zone: &Zone, paths: &[String]) -> Vec<Result<(), ErrorKind>> {
    let attempt = |path: &String, layout| {
        let mut posix = zone.posix(layout);
        let region = posix.allocate(&medium(path), 8192).map_err(|error| error.kind())?;
        let target = tierproof_core::Descriptor { region, offset: 0, len: 8192 };
        posix.fill(target, &[0x66; 8192]).map_err(|error| error.kind())
    };
    paths.iter().flat_map(|path| LAYOUTS.map(|layout| attempt(path, layout))).collect()
}

/// Ends the flipping also where a backend can't be opened: a scope waits for its threads while it panics, and a
/// machine without a GPU once waited for ever.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24 / crate::SCARCE, ..ProptestConfig::default() })]

    #[test]
    fn no_path_escapes_while_a_link_flips(paths in proptest::collection::vec(segments(), 1..12)) {
        let zone = Zone::new();
        fs::create_dir_all(zone.root().join("real/x")).unwrap();
        symlink(zone.red(), zone.root().join("link")).unwrap();
        let stop = AtomicBool::new(false);
        let mut paths = paths;
        paths.extend(["real", "link", "real/x", "link/x"].map(String::from));
        let outcomes = std::thread::scope(|scope| {
            scope.spawn(|| flip(&zone, &stop));
            let _stop = Stop(&stop);
            try_all(&zone, &paths)
        });
        zone.untouched();
        for kind in outcomes.into_iter().filter_map(Result::err) {
            prop_assert!(
                matches!(kind, ErrorKind::Config | ErrorKind::Unavailable | ErrorKind::Busy),
                "{kind:?}"
            );
        }
        prop_assert_eq!(left(&zone.root()), Vec::<String>::new());
    }
}

/// Files of ours beneath the root, wherever the flipping left its directories.
fn left(root: &Path) -> Vec<String> {
    let ours = |name: &String| name.starts_with("rank0_");
    names(root).into_iter().filter(ours).collect()
}
