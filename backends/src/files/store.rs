//! The slots of one region in files: made, preallocated, locked, and removed when dropped.

mod room;

use super::io::PAGE;
use super::names::{block_file, lock_file, slot_file};
use super::root::{Directory, Identity, MadeFile, Root};
use super::rules::{DirectIo, FileLayout, FileRules};
use super::stripes::Stripes;
use super::trouble::Trouble;
use crate::lend::{Claimed, Claims};
use rustix::fs::{self, OFlags};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use tierproof_core::{Bytes, Error, ErrorKind, Fallback, FileMedium, FileRole, Result};

/// One region's files.
#[derive(Debug)]
pub(crate) struct SlotStore {
    directory: Directory,
    medium: FileMedium,
    files: Files,
    len: Bytes,
    direct: bool,
    keep: bool,
    claims: Claims,
}

#[derive(Debug)]
enum Files {
    /// A few, kept open. The first is locked, and stands for the others.
    Slots {
        files: Vec<MadeFile>,
        stripes: Stripes,
    },
    PerSlot {
        lock: MadeFile,
        slots: Vec<Identity>,
    },
}

/// A file to read or write: kept open, or opened for this transfer.
#[derive(Debug)]
pub(crate) enum Handle<'a> {
    Kept(BorrowedFd<'a>),
    Opened(OwnedFd),
}

impl AsFd for Handle<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Kept(fd) => *fd,
            Self::Opened(fd) => fd.as_fd(),
        }
    }
}

impl Claimed for SlotStore {
    fn claims(&self) -> &Claims {
        &self.claims
    }
}

impl SlotStore {
    /// Makes the files of `len` bytes of slots. After an error nothing is left of them.
    pub(crate) fn make(
        root: &Root,
        medium: &FileMedium,
        len: Bytes,
        rules: FileRules,
        fallbacks: &mut Vec<Fallback>,
    ) -> Result<Self> {
        examine_slots(medium.stride, len)?;
        let lasts = medium.role.lasts();
        if lasts && rules.layout == FileLayout::FilePerSlot {
            let what =
                "a file for each slot can't be made durable at once: keep slots in slot files";
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        let directory = root.directory(&medium.directory)?;
        let files = match rules.layout {
            FileLayout::SlotFile | FileLayout::Striped { .. } => {
                let first = directory.make_locked(&slot_file(medium, 0), lasts)?;
                let count = if medium.role == FileRole::Index { 1 } else { rules.layout.files() };
                let stripes = Stripes::new(count, medium.stride, len);
                Files::Slots { files: vec![first], stripes }
            }
            FileLayout::FilePerSlot => {
                let lock = directory.make_locked(&lock_file(medium), false)?;
                Files::PerSlot { lock, slots: Vec::new() }
            }
        };
        // From here on `drop` removes whatever was made; only success may keep it, or that it lasts.
        let mut store = Self {
            directory,
            medium: medium.clone(),
            files,
            len,
            direct: false,
            keep: lasts,
            claims: Claims::default(),
        };
        if medium.role != FileRole::Index {
            store.make_others()?;
            store.preallocate(fallbacks)?;
            store.choose_direct(rules.direct, fallbacks)?;
        }
        if lasts {
            root.sync(&medium.directory)?;
        }
        store.keep |= rules.keep;
        Ok(store)
    }

    /// Makes what was written durable, and that there is room for it.
    pub(crate) fn flush(&self) -> Result<()> {
        let Files::Slots { files, .. } = &self.files else {
            let what =
                "a file for each slot can't be made durable at once: keep slots in slot files";
            return Err(Error::new(ErrorKind::Unsupported, what));
        };
        let failed = |errno| Trouble::from(errno).error("flush", &self.path(0));
        files.iter().try_for_each(|file| fs::fdatasync(&file.fd).map_err(failed))
    }

    /// Whether it reads as zeros where it has not been written: a file that is as long as it is, and may be
    /// somebody else's.
    pub(crate) fn is_open_ended(&self) -> bool {
        self.medium.role == FileRole::Index
    }

    pub(crate) fn len(&self) -> Bytes {
        self.len
    }

    pub(crate) fn direct(&self) -> bool {
        self.direct
    }

    /// Bytes that lie together in one file, from a multiple of them on: a range that transfers touch never
    /// leaves them.
    pub(crate) fn stretch(&self) -> Bytes {
        match &self.files {
            Files::Slots { stripes, .. } => stripes.stretch(),
            Files::PerSlot { .. } => self.medium.stride,
        }
    }

    /// The files that are kept open, and their lengths; none where each slot has its own.
    #[cfg(feature = "nixl")]
    pub(crate) fn kept(&self) -> impl Iterator<Item = (BorrowedFd<'_>, Bytes)> {
        // No transfer touches an index.
        let (files, stripes) = match &self.files {
            Files::Slots { files, stripes } if !self.is_open_ended() => (&files[..], Some(stripes)),
            _ => (&[][..], None),
        };
        let len = move |index| stripes.map_or(0, |stripes| stripes.file_len(index));
        files.iter().enumerate().map(move |(index, file)| (file.fd.as_fd(), len(index)))
    }

    /// The kept file that holds the region's byte `at`, and where in it.
    #[cfg(feature = "nixl")]
    pub(crate) fn kept_at(&self, at: Bytes) -> Option<(BorrowedFd<'_>, Bytes)> {
        match &self.files {
            Files::Slots { files, stripes } => {
                let (index, at) = stripes.locate(at);
                Some((files[index].fd.as_fd(), at))
            }
            Files::PerSlot { .. } => None,
        }
    }

    /// Whether the file still reaches to byte `end` of the region.
    #[cfg(feature = "nixl")]
    pub(crate) fn reaches(&self, at: Bytes, end: Bytes) -> Result<(), Trouble> {
        let (file, start) = self.open(at)?;
        let len = fs::fstat(&file)?.st_size as Bytes;
        if start + (end - at) <= len { Ok(()) } else { Err(Trouble::EndOfFile) }
    }

    /// The file that holds the region's byte `at`, and where in that file it is.
    pub(crate) fn open(&self, at: Bytes) -> Result<(Handle<'_>, Bytes), Trouble> {
        match &self.files {
            Files::Slots { files, stripes } => {
                let (index, at) = stripes.locate(at);
                Ok((Handle::Kept(files[index].fd.as_fd()), at))
            }
            Files::PerSlot { slots, .. } => {
                let slot = at / self.medium.stride;
                let made = *slots.get(slot as usize).ok_or(Trouble::EndOfFile)?;
                let name = block_file(&self.medium, slot);
                let fd = self.directory.reopen(&name, made, self.direct)?;
                Ok((Handle::Opened(fd), at % self.medium.stride))
            }
        }
    }

    /// The path of the file that holds the region's byte `at`, for messages only.
    pub(crate) fn path(&self, at: Bytes) -> PathBuf {
        self.directory.path_of(&match self.files {
            Files::Slots { stripes, .. } => slot_file(&self.medium, stripes.locate(at).0),
            Files::PerSlot { .. } => block_file(&self.medium, at / self.medium.stride),
        })
    }

    /// Makes what is missing of the slot files, beneath the lock of the first.
    fn make_others(&mut self) -> Result<()> {
        if let Files::Slots { files, stripes } = &mut self.files {
            for index in 1..stripes.files() {
                let name = slot_file(&self.medium, index);
                files.push(self.directory.make(&name, self.medium.role.lasts())?);
            }
        }
        Ok(())
    }

    /// Tries one aligned read and write past the page cache: some file systems take the flag and
    /// refuse the transfer.
    fn choose_direct(&mut self, wanted: DirectIo, fallbacks: &mut Vec<Fallback>) -> Result<()> {
        if wanted == DirectIo::Never {
            return Ok(());
        }
        let path = self.path(0);
        let (file, _) = self.open(0).map_err(|t| t.error("open", &path))?;
        let refusal = match super::io::probe_direct(file.as_fd())? {
            Ok(()) => {
                drop(file);
                self.direct = true;
                return self.set_flags(OFlags::DIRECT);
            }
            Err(errno) => errno,
        };
        if wanted == DirectIo::Required {
            let context = format!(
                "O_DIRECT on {}: {refusal}: use another file system, or permit buffered I/O",
                path.display()
            );
            return Err(Error::new(ErrorKind::Unsupported, context).with_source(refusal));
        }
        fs::fcntl_setfl(&file, OFlags::empty())
            .map_err(|errno| Trouble::from(errno).error("leave O_DIRECT on", &path))?;
        let reason = format!("the file system refused it: {refusal}");
        Fallback::new("O_DIRECT", "buffered", reason).note(fallbacks);
        Ok(())
    }

    /// Of the files that are kept open; others are opened with them.
    fn set_flags(&self, flags: OFlags) -> Result<()> {
        let Files::Slots { files, .. } = &self.files else { return Ok(()) };
        let failed = |errno| Trouble::from(errno).error("set flags of", &self.path(0));
        files.iter().try_for_each(|file| fs::fcntl_setfl(&file.fd, flags).map_err(failed))
    }
}

impl Drop for SlotStore {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        match &self.files {
            // The lock goes last.
            Files::Slots { files, .. } => {
                for (index, file) in files.iter().enumerate().rev() {
                    self.directory.remove(&slot_file(&self.medium, index), file.identity);
                }
            }
            Files::PerSlot { lock, slots } => {
                for (slot, made) in (0..).zip(slots) {
                    self.directory.remove(&block_file(&self.medium, slot), *made);
                }
                self.directory.remove(&lock_file(&self.medium), lock.identity);
            }
        }
    }
}

fn examine_slots(stride: Bytes, len: Bytes) -> Result<()> {
    let page = PAGE as Bytes;
    if stride == 0 || !stride.is_multiple_of(page) {
        let context = format!("slots of {stride} bytes in a file: give a multiple of {page}");
        return Err(Error::new(ErrorKind::Misaligned, context));
    }
    if len == 0 || !len.is_multiple_of(stride) {
        let context = format!("a file of {len} bytes: give at least 1 whole slot of {stride}");
        return Err(Error::new(ErrorKind::OutOfRange, context));
    }
    Ok(())
}
