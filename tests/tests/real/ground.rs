//! Where a trial runs: here, or in a child with limits, mounts or fewer rights of its own. The child is this test binary
//! once more, started by a shell that prepares the ground.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const TRIAL: &str = "TIERPROOF_REAL_TRIAL";
const ROOT: &str = "TIERPROOF_REAL_ROOT";

/// No trial takes a second; whatever takes this long hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    /// In this process.
    Here,
    /// A file that grows beyond the process's limit is an error, and no signal that kills.
    Limits,
    /// A small file system in memory, in a user and mount namespace.
    Small,
    /// A user whose rights the permissions of files decide, which those of root do not.
    Nobody,
    /// A real file system on a loop device whose image lies in a small one. Only root can mount it.
    Loop,
}

impl Ground {
    pub(crate) const ALL: [Self; 5] =
        [Self::Here, Self::Limits, Self::Small, Self::Nobody, Self::Loop];

    /// A program that prepares the ground and becomes what follows; `None` where nothing is to be done.
    fn command(self) -> Option<Command> {
        let mounts = "mount -t tmpfs -o size=2m none \"$TIERPROOF_REAL_ROOT\" && ";
        let image = "mkdir \"$TIERPROOF_REAL_ROOT/mnt\" && truncate -s 16m \"$TIERPROOF_REAL_ROOT/image\" && \
             mkfs.ext4 -q -m 0 -O ^has_journal \"$TIERPROOF_REAL_ROOT/image\" && \
             mount -o loop \"$TIERPROOF_REAL_ROOT/image\" \"$TIERPROOF_REAL_ROOT/mnt\" && ";
        let (namespaces, script): (&[&str], _) = match self {
            Self::Here => return None,
            Self::Limits => (&[], "trap '' XFSZ && ".to_owned()),
            Self::Small => {
                (&["unshare", "--user", "--map-root-user", "--mount"], mounts.to_owned())
            }
            Self::Nobody => (&["unshare", "--user", "--map-user=65534"], String::new()),
            Self::Loop => {
                (&["unshare", "--mount"], format!("{}{image}", mounts.replace("2m", "8m")))
            }
        };
        let mut words = namespaces.iter().copied().chain(["sh", "-c"]);
        let mut command = Command::new(words.next().expect("a shell at least"));
        command.args(words).arg(format!("{script}exec \"$@\"")).arg("sh");
        Some(command)
    }

    /// Why it can't be had here.
    pub(crate) fn missing(self) -> Option<&'static str> {
        let mut command = self.command()?;
        let root = scratch();
        let tried = command.arg("true").env(ROOT, root.path()).stderr(Stdio::null()).status();
        let why = match self {
            Self::Here | Self::Limits => "no shell that ignores signals",
            Self::Small => "no user namespace that mounts",
            Self::Nobody => "no user namespace without root",
            Self::Loop => "no root who mounts loop devices",
        };
        (!tried.is_ok_and(|status| status.success())).then_some(why)
    }

    /// Runs a trial in a child; panics with what it said if it fails.
    pub(crate) fn run(self, trial: &str) {
        let (root, log) = (scratch(), scratch());
        let log = log.path().join("log");
        let mut command = self.command().expect("not here");
        command.arg(std::env::current_exe().expect("this test"));
        command.env(TRIAL, trial).env(ROOT, root.path());
        let file = File::create(&log).expect("a file of ours");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let ended = wait(command.spawn().expect("it started when it was tried"));
        let said = std::fs::read_to_string(&log).expect("a file of ours");
        match ended {
            Some(status) => assert!(status.success(), "{status}\n{said}"),
            None => panic!("L1: it hangs\n{said}"),
        }
    }
}

fn wait(mut child: Child) -> Option<ExitStatus> {
    let begin = Instant::now();
    while begin.elapsed() < DEADLINE {
        if let Some(status) = child.try_wait().expect("it is ours") {
            return Some(status);
        }
        sleep(Duration::from_millis(10));
    }
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
    None
}

/// The trial and the directory that a parent gave this process.
pub(crate) fn child() -> Option<(String, PathBuf)> {
    Some((std::env::var(TRIAL).ok()?, std::env::var_os(ROOT)?.into()))
}

/// A directory on a disk, where direct I/O is possible; elsewhere where `TIERPROOF_SCRATCH` says.
pub(crate) fn scratch() -> TempDir {
    let elsewhere = std::env::var_os("TIERPROOF_SCRATCH");
    let beneath = elsewhere.map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from);
    tempfile::tempdir_in(beneath).expect("a directory for tests")
}

/// Runs a program in the child's own namespace.
pub(crate) fn call(program: &str, arguments: &[&str], path: &Path) {
    let status = Command::new(program).args(arguments).arg(path).status();
    assert!(status.expect("a program of the system").success(), "{program} {arguments:?}");
}
