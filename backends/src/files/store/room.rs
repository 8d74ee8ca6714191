//! Room for a region's files: asked for, taken, and given back where there is too much.

use super::{Files, SlotStore};
use crate::files::names::block_file;
use crate::files::trouble::Trouble;
use rustix::fs::{self, FallocateFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use tierproof_core::{Bytes, Error, ErrorKind, Fallback, Result};

impl SlotStore {
    pub(super) fn preallocate(&mut self, fallbacks: &mut Vec<Fallback>) -> Result<()> {
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
