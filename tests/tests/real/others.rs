//! F28: a slot's file is deleted, extended or replaced by others. A file that stays open is still the one that was made; one
//! that is opened by name is a miss as long as another has its name, and nothing is read from that or removed with ours.

use crate::cache::Cache;
use crate::folder::{GARBAGE, resize};
use crate::ground::Ground;
use crate::trial::Trial;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// What is where a slot's file was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Impostor {
    Nothing,
    Garbage,
    /// The same bytes, in another file.
    Copy,
    Empty,
    SymbolicLink,
    Fifo,
    Directory,
}

const IMPOSTORS: [(&str, Impostor); 7] = [
    ("deleted", Impostor::Nothing),
    ("replaced_by_garbage", Impostor::Garbage),
    ("replaced_by_a_copy", Impostor::Copy),
    ("replaced_by_an_empty_file", Impostor::Empty),
    ("replaced_by_a_link_to_it", Impostor::SymbolicLink),
    ("replaced_by_a_fifo", Impostor::Fifo),
    ("replaced_by_a_directory", Impostor::Directory),
];

impl Impostor {
    /// Takes the file away, and puts this in its place.
    fn replace(self, path: &Path, aside: &Path) {
        fs::rename(path, aside).expect("it is there");
        let put = match self {
            Self::Nothing => Ok(()),
            Self::Garbage => {
                fs::read(aside).and_then(|bytes| fs::write(path, vec![GARBAGE; bytes.len()]))
            }
            Self::Copy => fs::copy(aside, path).map(drop),
            Self::Empty => fs::write(path, []),
            Self::SymbolicLink => symlink(aside, path),
            Self::Fifo => {
                mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).map_err(Into::into)
            }
            Self::Directory => fs::create_dir(path),
        };
        put.expect("a directory of ours");
    }

    fn give_back(self, path: &Path, aside: &Path) {
        if self == Self::Directory {
            fs::remove_dir(path).expect("it was put there");
        }
        fs::rename(aside, path).expect("it was put there");
    }
}

pub(crate) fn trials() -> Vec<Trial> {
    let replaced = IMPOSTORS.into_iter().flat_map(|(case, impostor)| {
        Trial::everywhere("F28", case, Ground::Here, move |on, root| {
            let mut cache = Cache::full(on, root);
            let (victim, slot) = cache.victim();
            let (path, aside) = (cache.folder.slot(slot).0, cache.folder.aside());
            let by_name = on.has_a_file_for_each_slot();
            impostor.replace(&path, &aside);
            cache.serve_all(|key, _| key == victim && by_name);
            // Blocks come to that slot, and are misses for as long as it is another's.
            cache.serve_new(9);
            cache.serve_all(|_, _| false);
            assert_eq!(cache.failed() > 0, by_name);
            impostor.give_back(&path, &aside);
            cache.lives_on();
            impostor.replace(&path, &aside);
            cache.close(&left_by(impostor, &path));
        })
    });
    replaced
        .chain(Trial::everywhere("F28", "extended", Ground::Here, |on, root| {
            let mut cache = Cache::full(on, root);
            let (path, _) = cache.folder.slot(cache.victim().1);
            resize(&path, 1 << 24);
            cache.serve_all(|_, _| false);
            assert_eq!(cache.failed(), 0);
            cache.lives_on();
            cache.close(&[]);
        }))
        .collect()
}

/// Names that are not ours to remove.
fn left_by(impostor: Impostor, path: &Path) -> Vec<String> {
    let name = || path.file_name().expect("a file").to_string_lossy().into_owned();
    if impostor == Impostor::Nothing { Vec::new() } else { vec![name()] }
}
