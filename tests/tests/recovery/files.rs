//! Promise: real files keep to the same law: blocks are found by the next process, and an index that was cut, made
//! longer, wiped or replaced is made good or left as it is (F28, F32).

use crate::doomed::Doomed;
use crate::process::{Process, config};
use rstest::rstest;
use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tempfile::TempDir;
use tierproof_backends::{FileLayout, Posix, PosixConfig};
use tierproof_core::{Backend, ErrorKind, Result};

const BLOCKS: [u32; 3] = [2, 2, 6];
const PROMPTS: [[u64; 2]; 4] = [[1, 2], [3, 4], [5, 6], [7, 8]];
const PAGE: usize = 4096;

fn posix(root: &Path) -> Posix {
    Posix::open(PosixConfig::new(root)).expect("a directory that is there")
}

fn begin<B: Backend>(backend: B, blocks: [u32; 3]) -> Result<Process<B, Vec<u64>>> {
    let device = Rc::new(RefCell::new(backend));
    Process::begin(Doomed::new(&device, Vec::new(), u64::MAX), config(blocks))
}

/// A directory where a process published keys 1 to 4.
fn published() -> TempDir {
    let root = tempfile::tempdir().expect("a temporary directory");
    publish(posix(root.path()));
    root
}

fn publish<B: Backend>(backend: B) {
    let mut process = begin(backend, BLOCKS).unwrap();
    for prompt in PROMPTS {
        process.serve(&prompt).unwrap();
    }
    process.engine.drain().unwrap();
    assert_eq!(process.publish().unwrap(), 4);
}

/// How many of the prompts' blocks are found.
fn find<B: Backend>(backend: B) -> Result<[usize; 4]> {
    let mut process = begin(backend, [64, 2, 6])?;
    let mut found = [0; 4];
    for (found, prompt) in found.iter_mut().zip(PROMPTS) {
        *found = process.serve(&prompt)?;
    }
    process.check();
    Ok(found)
}

fn index(root: &Path) -> PathBuf {
    root.join("kv/rank0_window1048576.index")
}

#[test]
fn the_next_process_finds_what_was_published() {
    let root = published();
    assert_eq!(find(posix(root.path())).unwrap(), [2, 2, 0, 0]);
    assert_eq!(find(posix(root.path())).unwrap(), [2, 2, 0, 0], "and the one after it");
    for entry in fs::read_dir(root.path().join("kv")).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
    }
}

#[test]
fn striped_files_too() {
    let root = tempfile::tempdir().unwrap();
    let layout = FileLayout::Striped { files: 3 };
    let open = || Posix::open(PosixConfig { layout, ..PosixConfig::new(root.path()) }).unwrap();
    publish(open());
    assert_eq!(find(open()).unwrap(), [2, 2, 0, 0]);
}

#[test]
fn a_file_for_each_slot_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let layout = FileLayout::FilePerSlot;
    let posix = Posix::open(PosixConfig { layout, ..PosixConfig::new(root.path()) }).unwrap();
    assert_eq!(find(posix).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn a_second_backend_is_refused() {
    let root = published();
    let first = begin(posix(root.path()), BLOCKS).unwrap();
    assert_eq!(find(posix(root.path())).unwrap_err().kind(), ErrorKind::Busy);
    drop(first);
    assert_eq!(find(posix(root.path())).unwrap(), [2, 2, 0, 0]);
}

/// What a file is cut to is what is found of it.
#[rstest]
#[case::nothing(0, Some(false))]
#[case::half_a_header(30, None)]
#[case::a_header_alone(PAGE as u64, Some(false))]
#[case::a_page_and_a_half(PAGE as u64 + 100, Some(false))]
#[case::all_but_the_padding(PAGE as u64 + 7 * 64, Some(true))]
#[case::longer(1 << 20, Some(true))]
fn an_index_of_another_length(#[case] len: u64, #[case] found: Option<bool>) {
    let root = published();
    fs::OpenOptions::new().write(true).open(index(root.path())).unwrap().set_len(len).unwrap();
    let before = fs::read(index(root.path())).unwrap();
    match (find(posix(root.path())), found) {
        (Ok(blocks), Some(true)) => assert_eq!(blocks, [2, 2, 0, 0]),
        // A record or two may be left.
        (Ok(blocks), Some(false)) => assert!(blocks.iter().sum::<usize>() <= 2, "{blocks:?}"),
        (Err(error), None) => {
            assert_eq!(error.kind(), ErrorKind::Config);
            assert_eq!(fs::read(index(root.path())).unwrap(), before);
        }
        (other, _) => panic!("{other:?}"),
    }
}

#[rstest]
#[case::text(b"not an index\n".to_vec())]
#[case::pages((0..3 * PAGE).map(|i| (i * 7 % 251) as u8).collect())]
#[case::late_bytes([vec![0; PAGE + 64], vec![1; 64]].concat())]
fn a_foreign_file_and_its_slots_are_left_alone(#[case] bytes: Vec<u8>) {
    let root = published();
    fs::write(index(root.path()), &bytes).unwrap();
    let all = || {
        let mut files: Vec<(PathBuf, Vec<u8>)> = fs::read_dir(root.path().join("kv"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = all();
    let error = find(posix(root.path())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert_eq!(all(), before);
}

/// Slots that were cut or edited are misses, whatever the index says.
#[rstest]
#[case::cut(|file: &Path| fs::OpenOptions::new().write(true).open(file).unwrap().set_len(0).unwrap())]
#[case::gone(|file: &Path| fs::remove_file(file).unwrap())]
#[case::edited(|file: &Path| {
    let bytes: Vec<u8> = fs::read(file).unwrap().into_iter().map(|byte| byte ^ 1).collect();
    fs::write(file, bytes).unwrap();
})]
fn slots_that_others_changed(#[case] change: fn(&Path)) {
    let root = published();
    change(&root.path().join("kv/rank0_window1048576_pool0.slots"));
    let mut process = begin(posix(root.path()), [64, 2, 6]).unwrap();
    assert_eq!(process.recovery().found, 4, "the index is whole");
    for prompt in PROMPTS {
        assert_eq!(process.serve(&prompt).unwrap(), 0);
        assert_eq!(process.serve(&prompt).unwrap(), 2, "computed anew");
    }
    process.check();
}

/// An ordinary engine in the same place empties the slots as ever; what the index says then is not believed.
#[test]
fn a_process_that_keeps_nothing_came_between() {
    let root = published();
    let mut engine = config(BLOCKS);
    engine.durable = false;
    let device = Rc::new(RefCell::new(posix(root.path())));
    let mut process =
        Process::begin(Doomed::new(&device, Vec::<u64>::new(), u64::MAX), engine).unwrap();
    assert_eq!(process.serve(&PROMPTS[0]).unwrap(), 0);
    drop(process);
    drop(device);
    assert_eq!(find(posix(root.path())).unwrap(), [0; 4]);
}
