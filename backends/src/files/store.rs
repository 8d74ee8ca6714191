//! The slots of one region in files: made, preallocated, locked, and removed when dropped.

use super::io::PAGE;
use super::root::{Directory, Identity, MadeFile, Root};
use super::rules::{DirectIo, FileLayout, FileRules};
use super::stripes::Stripes;
use super::trouble::Trouble;
use crate::lend::{Claimed, Claims};
use rustix::fs::{self, FallocateFlags, OFlags};
use rustix::io::Errno;
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

    fn preallocate(&mut self, fallbacks: &mut Vec<Fallback>) -> Result<()> {
        let free = self.free_room()?;
        if self.len > free {
            return Err(self.no_room(free));
        }
        self.cut()?;
        let (path, stride) = (self.path(0), self.medium.stride);
        let made = match &mut self.files {
            Files::Slots { files, stripes } => (0..).zip(files).try_for_each(|(index, file)| {
                reserve(&file.fd, stripes.file_len(index), fallbacks)
            }),
            Files::PerSlot { slots, .. } => {
                let mut made = Ok(());
                for slot in 0..self.len / stride {
                    let file = self.directory.make(&block_file(&self.medium, slot), false)?;
                    slots.push(file.identity);
                    made = reserve(&file.fd, stride, fallbacks);
                    if made.is_err() {
                        break;
                    }
                }
                made
            }
        };
        made.map_err(|errno| match Trouble::from(errno) {
            full if full.kind() == ErrorKind::Exhausted => self.no_room(free).with_source(errno),
            trouble => trouble.error("preallocate", &path),
        })
    }

    /// Takes off what lies beyond the slots, where there were more.
    fn cut(&self) -> Result<()> {
        let Files::Slots { files, stripes } = &self.files else { return Ok(()) };
        let failed = |errno| Trouble::from(errno).error("cut", &self.path(0));
        for (index, file) in files.iter().enumerate() {
            let len = stripes.file_len(index);
            if fs::fstat(&file.fd).map_err(failed)?.st_size as Bytes > len {
                fs::ftruncate(&file.fd, len).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Room for the files, what they have already included. A slot file of an earlier run is empty already,
    /// unless it lasts; block files are removed if the room is short without them.
    fn free_room(&self) -> Result<Bytes> {
        let path = self.path(0);
        let ask = || self.directory.room().map_err(|t| t.error("ask the free room of", &path));
        let mut room = ask()?;
        if let Files::Slots { files, .. } = &self.files {
            for file in files {
                let stat = fs::fstat(&file.fd);
                let stat = stat.map_err(|errno| Trouble::from(errno).error("stat", &path))?;
                room.free = room.free.saturating_add(stat.st_blocks as Bytes * 512);
            }
        }
        let layout_reuses = matches!(self.files, Files::PerSlot { .. });
        if self.len <= room.free || self.len > room.all || !layout_reuses {
            return Ok(room.free);
        }
        for slot in 0..self.len / self.medium.stride {
            self.directory.discard(&block_file(&self.medium, slot));
        }
        Ok(ask()?.free)
    }

    fn no_room(&self, free: Bytes) -> Error {
        let (path, needed) = (self.path(0), self.len);
        let context = format!(
            "no room for {}: {needed} bytes needed, {free} free; use fewer disk blocks or free room",
            path.display()
        );
        Error::new(ErrorKind::Exhausted, context)
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

/// Reserves room, or at least sets the length where the file system can't reserve.
fn reserve(fd: &OwnedFd, len: Bytes, fallbacks: &mut Vec<Fallback>) -> rustix::io::Result<()> {
    match fs::fallocate(fd, FallocateFlags::empty(), 0, len) {
        Err(errno @ (Errno::OPNOTSUPP | Errno::NOSYS)) => {
            fs::ftruncate(fd, len)?;
            let reason = format!("the file system refused fallocate: {errno}");
            let instead = "sparse files, which may run out of room";
            Fallback::new("preallocated files", instead, reason).note(fallbacks);
            Ok(())
        }
        other => other,
    }
}

fn slot_file(medium: &FileMedium, index: usize) -> String {
    let FileMedium { rank, window, pool, role, .. } = medium;
    match index {
        _ if *role == FileRole::Index => format!("rank{rank}_window{window}.index"),
        0 => format!("rank{rank}_window{window}_pool{pool}.slots"),
        _ => format!("rank{rank}_window{window}_pool{pool}.slots.{index}"),
    }
}

fn lock_file(medium: &FileMedium) -> String {
    format!("rank{}_window{}_pool{}.lock", medium.rank, medium.window, medium.pool)
}

fn block_file(medium: &FileMedium, slot: u64) -> String {
    let FileMedium { rank, window, pool, .. } = medium;
    format!("rank{rank}_window{window}_block_{slot}_pool_{pool}.bin")
}
