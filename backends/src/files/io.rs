//! Whole transfers from and to files, over system calls that may do less than asked.

use super::store::SlotStore;
use super::trouble::Trouble;
use crate::memory::Mapping;
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{Errno, preadv, pwritev};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd};
use tierproof_core::{Bytes, Result, TRAILER_LEN};

/// What direct I/O needs of offsets, lengths and addresses.
pub(crate) const PAGE: usize = 4096;

const BOUNCE_LEN: usize = 1 << 20;

/// Aligned buffers of one thread.
#[derive(Debug)]
pub(crate) struct Desk {
    /// The last, short page of a payload, and the page of its trailer.
    tail: Mapping,
    /// Stands between a file and memory that direct I/O can't reach.
    bounce: Mapping,
}

impl Desk {
    pub(crate) fn new() -> Result<Self> {
        let tail = Mapping::new(2 * PAGE as Bytes)?;
        Ok(Self { tail, bounce: Mapping::new(BOUNCE_LEN as Bytes)? })
    }

    /// Reads a payload, and with `trailer` the bytes of its trailer, which are the answer.
    pub(crate) fn load(
        &mut self,
        store: &SlotStore,
        at: Bytes,
        payload: &mut [u8],
        trailer: bool,
    ) -> Result<&[u8], Trouble> {
        let (file, at) = store.open(at)?;
        let body = whole_pages(payload.len());
        let (whole, short) = payload.split_at_mut(body);
        let (short_len, tail_len) = tail_lens(short.len(), trailer);
        let tail = &mut self.tail[..tail_len];
        if store.direct() && !is_aligned(whole) {
            let mut from = at;
            for chunk in whole.chunks_mut(BOUNCE_LEN) {
                let bounce = &mut self.bounce[..chunk.len()];
                read_file(&file, &mut [IoSliceMut::new(bounce)], from)?;
                chunk.copy_from_slice(bounce);
                from += chunk.len() as Bytes;
            }
            read_file(&file, &mut [IoSliceMut::new(tail)], from)?;
        } else {
            read_file(&file, &mut [IoSliceMut::new(whole), IoSliceMut::new(tail)], at)?;
        }
        short.copy_from_slice(&tail[..short.len()]);
        Ok(&tail[short_len..])
    }

    /// Writes a payload and, behind it on a page of its own, its trailer if there is one. What a
    /// last page has left is zero.
    pub(crate) fn store(
        &mut self,
        store: &SlotStore,
        at: Bytes,
        payload: &[u8],
        trailer: Option<[u8; TRAILER_LEN]>,
    ) -> Result<(), Trouble> {
        let (file, at) = store.open(at)?;
        let (whole, short) = payload.split_at(whole_pages(payload.len()));
        let (short_len, tail_len) = tail_lens(short.len(), trailer.is_some());
        let tail = &mut self.tail[..tail_len];
        tail.fill(0);
        tail[..short.len()].copy_from_slice(short);
        if let Some(trailer) = trailer {
            tail[short_len..][..TRAILER_LEN].copy_from_slice(&trailer);
        }
        if store.direct() && !is_aligned(whole) {
            let mut to = at;
            for chunk in whole.chunks(BOUNCE_LEN) {
                let bounce = &mut self.bounce[..chunk.len()];
                bounce.copy_from_slice(chunk);
                write_file(&file, &mut [IoSlice::new(bounce)], to)?;
                to += chunk.len() as Bytes;
            }
            write_file(&file, &mut [IoSlice::new(tail)], to)
        } else {
            write_file(&file, &mut [IoSlice::new(whole), IoSlice::new(tail)], at)
        }
    }

    /// Writes any bytes anywhere, keeping what shares a page with them.
    pub(crate) fn fill(
        &mut self,
        store: &SlotStore,
        mut at: Bytes,
        mut bytes: &[u8],
    ) -> Result<(), Trouble> {
        while !bytes.is_empty() {
            let (file, from, lead, len) = pages(store, at, bytes.len())?;
            let bounce = &mut self.bounce[..(lead + len).next_multiple_of(PAGE)];
            if bounce.len() != len {
                read_file(&file, &mut [IoSliceMut::new(bounce)], from)?;
            }
            bounce[lead..lead + len].copy_from_slice(&bytes[..len]);
            write_file(&file, &mut [IoSlice::new(bounce)], from)?;
            at += len as Bytes;
            bytes = &bytes[len..];
        }
        Ok(())
    }

    /// Reads any bytes from anywhere.
    pub(crate) fn peek(
        &mut self,
        store: &SlotStore,
        mut at: Bytes,
        mut bytes: &mut [u8],
    ) -> Result<(), Trouble> {
        while !bytes.is_empty() {
            let (file, from, lead, len) = pages(store, at, bytes.len())?;
            let bounce = &mut self.bounce[..(lead + len).next_multiple_of(PAGE)];
            if store.is_open_ended() {
                bounce.fill(0);
            }
            match read_file(&file, &mut [IoSliceMut::new(bounce)], from) {
                Err(Trouble::EndOfFile) if store.is_open_ended() => {}
                other => other?,
            }
            let (head, rest) = bytes.split_at_mut(len);
            head.copy_from_slice(&bounce[lead..lead + len]);
            at += len as Bytes;
            bytes = rest;
        }
        Ok(())
    }
}

/// The file of byte `at`, where its page starts there, how far into that page it is, and how many
/// of `len` bytes one bounce buffer and one file hold.
fn pages(
    store: &SlotStore,
    at: Bytes,
    len: usize,
) -> Result<(super::store::Handle<'_>, Bytes, usize, usize), Trouble> {
    let together = store.stretch() - at % store.stretch();
    let (file, at) = store.open(at)?;
    let lead = (at % PAGE as Bytes) as usize;
    let in_file = usize::try_from(together).unwrap_or(usize::MAX);
    Ok((file, at - lead as Bytes, lead, len.min(BOUNCE_LEN - lead).min(in_file)))
}

pub(crate) fn whole_pages(len: usize) -> usize {
    len - len % PAGE
}

/// Bytes of the tail buffer that a short page takes, and that it takes with the trailer's page.
fn tail_lens(short: usize, trailer: bool) -> (usize, usize) {
    let short_len = short.next_multiple_of(PAGE);
    (short_len, short_len + if trailer { PAGE } else { 0 })
}

fn is_aligned(bytes: &[u8]) -> bool {
    bytes.is_empty() || bytes.as_ptr().addr().is_multiple_of(PAGE)
}

/// Turns on direct I/O and tries it on the first page, which stays as it is. The inner error is the refusal.
pub(crate) fn probe_direct(file: BorrowedFd<'_>) -> Result<rustix::io::Result<()>> {
    let mut page = Mapping::new(PAGE as Bytes)?;
    let attempt = |page: &mut [u8]| {
        fcntl_setfl(file, OFlags::DIRECT)?;
        preadv(file, &mut [IoSliceMut::new(page)], 0)?;
        pwritev(file, &[IoSlice::new(page)], 0)?;
        Ok(())
    };
    Ok(attempt(&mut page))
}

fn read_file(file: impl AsFd, parts: &mut [IoSliceMut<'_>], at: Bytes) -> Result<(), Trouble> {
    let file = file.as_fd();
    read_all(|parts, at| preadv(file, parts, at), parts, at)
}

fn write_file(file: impl AsFd, parts: &mut [IoSlice<'_>], at: Bytes) -> Result<(), Trouble> {
    let file = file.as_fd();
    write_all(|parts, at| pwritev(file, parts, at), parts, at)
}

/// Calls `read` until all of `parts` is full.
fn read_all(
    mut read: impl FnMut(&mut [IoSliceMut<'_>], Bytes) -> rustix::io::Result<usize>,
    mut parts: &mut [IoSliceMut<'_>],
    mut at: Bytes,
) -> Result<(), Trouble> {
    IoSliceMut::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        match read(parts, at) {
            Ok(0) => return Err(Trouble::EndOfFile),
            Ok(read) => {
                IoSliceMut::advance_slices(&mut parts, read);
                at += read as Bytes;
            }
            Err(Errno::INTR) => {}
            // Only the end of a file cuts a page of a direct read, which can't go on from there.
            Err(Errno::INVAL) if !at.is_multiple_of(PAGE as Bytes) => {
                return Err(Trouble::EndOfFile);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Calls `write` until all of `parts` is written.
fn write_all(
    mut write: impl FnMut(&[IoSlice<'_>], Bytes) -> rustix::io::Result<usize>,
    mut parts: &mut [IoSlice<'_>],
    mut at: Bytes,
) -> Result<(), Trouble> {
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        match write(parts, at) {
            // A write that makes no progress and names no error would never end.
            Ok(0) => return Err(Errno::IO.into()),
            Ok(written) => {
                IoSlice::advance_slices(&mut parts, written);
                at += written as Bytes;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `"0123456789"`, 3 bytes at most in a call, interrupted every other time.
    fn grudging(
        calls: &mut u32,
        parts: &mut [IoSliceMut<'_>],
        at: Bytes,
    ) -> rustix::io::Result<usize> {
        *calls += 1;
        if calls.is_multiple_of(2) {
            return Err(Errno::INTR);
        }
        let rest = &b"0123456789"[at as usize..];
        let part = parts.iter_mut().find(|part| !part.is_empty()).unwrap();
        let len = rest.len().min(part.len()).min(3);
        part[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    #[test]
    fn short_and_interrupted_reads_go_on_until_all_is_there() {
        let (mut one, mut other, mut calls) = ([0; 4], [0; 3], 0);
        let mut parts = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)];
        let read = |parts: &mut [IoSliceMut<'_>], at: Bytes| grudging(&mut calls, parts, at);
        assert_eq!(read_all(read, &mut parts, 1), Ok(()));
        assert_eq!((&one, &other), (b"1234", b"567"));
    }

    #[test]
    fn the_end_of_a_file_is_never_success() {
        let (mut bytes, mut calls) = ([0; 11], 0);
        let read = |parts: &mut [IoSliceMut<'_>], at: Bytes| grudging(&mut calls, parts, at);
        let answer = read_all(read, &mut [IoSliceMut::new(&mut bytes)], 0);
        assert_eq!(answer, Err(Trouble::EndOfFile));
        let cut =
            |_: &mut [IoSliceMut<'_>], at: Bytes| if at == 0 { Ok(5) } else { Err(Errno::INVAL) };
        let answer = read_all(cut, &mut [IoSliceMut::new(&mut bytes)], 0);
        assert_eq!(answer, Err(Trouble::EndOfFile), "a direct read at the end");
        let refused = |_: &mut [IoSliceMut<'_>], _: Bytes| Err(Errno::INVAL);
        let answer = read_all(refused, &mut [IoSliceMut::new(&mut bytes)], 0);
        assert_eq!(answer, Err(Trouble::System(Errno::INVAL)));
    }

    #[test]
    fn short_and_interrupted_writes_go_on_until_all_is_written() {
        let (mut written, mut calls) = (Vec::new(), 0);
        let write = |parts: &[IoSlice<'_>], at: Bytes| {
            calls += 1;
            if calls % 2 == 0 {
                return Err(Errno::INTR);
            }
            assert_eq!(at, 7 + written.len() as Bytes);
            let part = parts.iter().find(|part| !part.is_empty()).unwrap();
            let len = part.len().min(2);
            written.extend_from_slice(&part[..len]);
            Ok(len)
        };
        let mut parts = [IoSlice::new(b"abc"), IoSlice::new(b""), IoSlice::new(b"defgh")];
        assert_eq!(write_all(write, &mut parts, 7), Ok(()));
        assert_eq!(written, b"abcdefgh");
    }

    #[test]
    fn a_write_without_progress_or_room_ends() {
        let mut parts = [IoSlice::new(b"abc")];
        assert_eq!(write_all(|_, _| Ok(0), &mut parts, 0), Err(Trouble::System(Errno::IO)));
        let mut parts = [IoSlice::new(b"abc")];
        let full = |_: &[IoSlice<'_>], at: Bytes| if at == 0 { Ok(1) } else { Err(Errno::NOSPC) };
        assert_eq!(write_all(full, &mut parts, 0), Err(Trouble::System(Errno::NOSPC)));
    }
}
