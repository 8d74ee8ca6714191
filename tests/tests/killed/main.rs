//! Promise: a process that is killed in mid-run (F33, F34) leaves what it published, and nobody else gets in while it
//! lives. The child is this test binary once more; it tells what it published, and before each write to a slot
//! that it writes there.
//!
//! A suite of its own, whose tests take turns: between fork and exec a child has a copy of every lock that its
//! parent holds, so a test beside it that closes a file and opens it again may find it locked.

#[path = "../recovery/contents.rs"]
mod contents;
#[path = "../recovery/doomed.rs"]
mod doomed;
#[expect(dead_code, reason = "the recovery suite has the rest of its uses")]
#[path = "../recovery/process.rs"]
mod process;

use crate::doomed::{Diary, Doomed};
use crate::process::{Process, Published, config, promised};
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use tierproof_backends::{Posix, PosixConfig};
use tierproof_core::{Backend, Error, ErrorKind, Result};

/// Names the directory and the backend of a child.
const ROOT: &str = "TIERPROOF_RECOVERY_CHILD";
const BACKEND: &str = "TIERPROOF_RECOVERY_BACKEND";

const BLOCKS: [u32; 3] = [3, 3, 12];
const PROMPTS: u64 = 14;

/// Three keys, of which the first is shared by two prompts.
fn prompt(number: u64) -> [u64; 3] {
    let number = number % PROMPTS;
    [1 + number / 2, 100 + number, 200 + number]
}

fn open(backend: &str, root: &Path) -> Result<Box<dyn Backend>> {
    match backend {
        "posix" => Ok(Box::new(Posix::open(PosixConfig::new(root))?)),
        #[cfg(feature = "nixl")]
        "nixl-posix" => {
            use tierproof_backends::{NixlConfig, NixlPosix};
            Ok(Box::new(NixlPosix::open(NixlConfig::new(root))?))
        }
        _ => Err(Error::new(ErrorKind::Config, format!("no backend {backend}"))),
    }
}

fn begin<D: Diary>(backend: Box<dyn Backend>, diary: D) -> Result<Process<Box<dyn Backend>, D>> {
    let device = Rc::new(RefCell::new(backend));
    Process::begin(Doomed::new(&device, diary, u64::MAX), config(BLOCKS))
}

/// Tells the parent, before anything else happens.
struct Told;

fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("the parent listens");
}

impl Diary for Told {
    fn write_over(&mut self, slot: u64) {
        tell(&format!("over {slot}"));
    }
}

#[test]
#[ignore = "the child of the tests beside it: it runs until it is killed"]
fn child() {
    let Ok(root) = std::env::var(ROOT) else { return };
    let backend = std::env::var(BACKEND).expect("a root and a backend");
    let mut process = begin(open(&backend, Path::new(&root)).unwrap(), Told).unwrap();
    tell("begun");
    for number in 0.. {
        process.serve(&prompt(number)).unwrap();
        if number % 2 == 1 {
            process.engine.publish().unwrap();
            for (key, slot) in process.published() {
                tell(&format!("has {key} {slot}"));
            }
            tell("published");
        }
    }
}

fn spawn(backend: &str, root: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(ROOT, root)
        .env(BACKEND, backend)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test starts once more")
}

/// What a child had told when it was killed, after `publications` and `more` lines.
fn life(backend: &str, root: &Path, publications: usize, more: usize) -> Published {
    let mut child = spawn(backend, root);
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut published = Published::new();
    let (mut fresh, mut seen, mut left) = (Published::new(), 0, more);
    let mut alive = true;
    for line in lines {
        let line = line.expect("text");
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["over", slot] => {
                let slot: u64 = slot.parse().expect("a number");
                published.retain(|_, place| *place != slot);
                fresh.retain(|_, place| *place != slot);
            }
            ["has", key, slot] => {
                fresh.insert(key.parse().expect("a number"), slot.parse().expect("a number"));
            }
            ["published"] => {
                published.append(&mut fresh);
                seen += 1;
            }
            ["begun"] => {
                let other = open(backend, root).and_then(|backend| begin(backend, Vec::new()));
                let kind = other.err().map(|error| error.kind());
                assert_eq!(kind, Some(ErrorKind::Busy), "F34: the child lives");
            }
            _ => {}
        }
        left -= usize::from(seen >= publications && left > 0);
        if left == 0 && alive {
            // What it had told until then is still in the pipe.
            child.kill().expect("it is ours");
            alive = false;
        }
    }
    child.wait().expect("it is ours");
    assert!(!alive, "it ran until it was killed");
    published
}

/// Begins where a child was killed, and looks every prompt up.
fn look_up(backend: &str, root: &Path, published: &Published) {
    for number in 0..PROMPTS {
        // Each by a process of its own, so that none evicts another's blocks.
        let mut process = begin(open(backend, root).unwrap(), Vec::new()).unwrap();
        assert_eq!(process.recovery().damaged, 0);
        let found = process.serve(&prompt(number)).unwrap();
        let promised = promised(published, &prompt(number));
        assert!(found >= promised, "prompt {number}: {found} of {published:?}");
        process.check();
    }
}

/// Whose turn it is.
static TURN: Mutex<()> = Mutex::new(());

fn kill_again_and_again(backend: &str) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let root = tempfile::tempdir().expect("a temporary directory");
    let mut promises = 0;
    for (publications, more) in [(1, 3), (3, 1), (4, 11), (7, 2), (9, 17)] {
        let published = life(backend, root.path(), publications, more);
        promises += published.len();
        look_up(backend, root.path(), &published);
    }
    assert!(promises > 10, "{promises} promises are not much");
}

#[test]
fn posix() {
    kill_again_and_again("posix");
}

#[cfg(feature = "nixl")]
#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn nixl_posix() {
    kill_again_and_again("nixl-posix");
}
