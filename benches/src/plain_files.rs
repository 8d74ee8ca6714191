//! The baseline of files: threads in plain loops of `pwritev` and `preadv`.

use crate::memory::PlainMemory;
use crate::rounds::Lap;
use rustix::fs::{FallocateFlags, Mode, OFlags, fallocate, open};
use rustix::io::{preadv, pwritev};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread::scope;

/// A preallocated file and as much memory.
#[derive(Debug)]
pub struct PlainFile {
    fd: OwnedFd,
    memory: PlainMemory,
    block: usize,
    threads: usize,
}

impl PlainFile {
    /// `blocks` blocks of `block` bytes at `path`, for `threads` threads.
    ///
    /// # Panics
    /// If the file can't be made.
    #[must_use]
    pub fn new(path: &Path, block: usize, blocks: usize, threads: usize, direct: bool) -> Self {
        let mut flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        flags.set(OFlags::DIRECT, direct);
        let fd = open(path, flags, Mode::RUSR | Mode::WUSR).expect("a fresh name");
        let len = block * blocks;
        fallocate(&fd, FallocateFlags::empty(), 0, len as u64).expect("room for the file");
        Self { fd, memory: PlainMemory::new(len), block, threads }
    }

    /// Every block once from memory to the file.
    ///
    /// # Panics
    /// If a write is refused or short.
    pub fn write(&mut self) -> Lap {
        let (fd, block) = (&self.fd, self.block);
        let mut shares: Vec<Vec<_>> = vec![Vec::new(); self.threads];
        for (index, bytes) in self.memory.chunks_exact(block).enumerate() {
            shares[index % self.threads].push((index, bytes));
        }
        let write = |(index, bytes): (usize, &[u8])| {
            let written = pwritev(fd, &[IoSlice::new(bytes)], (index * block) as u64);
            assert_eq!(written, Ok(block));
        };
        Self::race(self.memory.len(), shares, write)
    }

    /// Every block once from the file to memory.
    ///
    /// # Panics
    /// If a read is refused or short.
    pub fn read(&mut self) -> Lap {
        let (fd, block, len) = (&self.fd, self.block, self.memory.len());
        let mut shares: Vec<Vec<_>> = (0..self.threads).map(|_| Vec::new()).collect();
        for (index, bytes) in self.memory.chunks_exact_mut(block).enumerate() {
            shares[index % self.threads].push((index, bytes));
        }
        let read = |(index, bytes): (usize, &mut [u8])| {
            let read = preadv(fd, &mut [IoSliceMut::new(bytes)], (index * block) as u64);
            assert_eq!(read, Ok(block));
        };
        Self::race(len, shares, read)
    }

    fn race<T: Send>(bytes: usize, shares: Vec<Vec<T>>, each: impl Fn(T) + Sync) -> Lap {
        let each = &each;
        let all = || {
            scope(|scope| {
                for share in shares {
                    scope.spawn(move || share.into_iter().for_each(each));
                }
            });
        };
        Lap::of(bytes as u64, all).0
    }
}
