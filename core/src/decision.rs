//! The decision log: events as lines of a verb and integers, and their hash.
//!
//! `docs/blocks.md` lists the verbs.

use crate::event::{Event, RequestId};
use std::io::{self, Write};

/// Writes the decision log and hashes what it writes.
///
/// ```
/// use tierproof_core::{DecisionLog, Event, RequestId};
/// let mut text = Vec::new();
/// let mut log = DecisionLog::new(&mut text);
/// log.observe(&Event::Added { request: RequestId(7) })?;
/// let hash = log.finish()?;
/// assert_eq!(text, b"add 7\n");
/// assert_eq!(hash, blake3::hash(b"add 7\n").to_hex().as_str());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct DecisionLog<W> {
    out: W,
    line: Vec<u8>,
    hasher: blake3::Hasher,
}

/// Lines are handed on in pieces of about this many bytes.
const PIECE: usize = 1 << 14;

impl<W: Write> DecisionLog<W> {
    /// Writes to `out`; [`io::sink`] if only the hash is wanted.
    pub fn new(out: W) -> Self {
        Self { out, line: Vec::with_capacity(PIECE + 128), hasher: blake3::Hasher::new() }
    }

    /// Writes one event.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn observe(&mut self, event: &Event) -> io::Result<()> {
        event.write_line(&mut self.line);
        if self.line.len() >= PIECE { self.hand_on() } else { Ok(()) }
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.hasher.update(&self.line);
        self.out.write_all(&self.line)?;
        self.line.clear();
        Ok(())
    }

    /// Flushes, and answers the BLAKE3 hash of all that was written, in hexadecimal.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<String> {
        self.hand_on()?;
        self.out.flush()?;
        Ok(self.hasher.finalize().to_hex().to_string())
    }
}

fn line(out: &mut Vec<u8>, verb: &str, numbers: &[i64]) {
    out.extend_from_slice(verb.as_bytes());
    end_line(out, numbers);
}

/// A line about a request, whose id may be any 64 bits.
fn line_of(out: &mut Vec<u8>, verb: &str, request: RequestId, numbers: &[i64]) {
    out.extend_from_slice(verb.as_bytes());
    out.push(b' ');
    out.extend_from_slice(itoa::Buffer::new().format(request.0).as_bytes());
    end_line(out, numbers);
}

fn end_line(out: &mut Vec<u8>, numbers: &[i64]) {
    let mut digits = itoa::Buffer::new();
    for &number in numbers {
        out.push(b' ');
        out.extend_from_slice(digits.format(number).as_bytes());
    }
    out.push(b'\n');
}

impl Event {
    /// Appends the event's line of the decision log, with its line break.
    pub fn write_line(&self, out: &mut Vec<u8>) {
        match *self {
            Event::Created { window, blocks: [device, host, disk] } => {
                line(out, "created", &[window.into(), device.into(), host.into(), disk.into()]);
            }
            Event::Recovered { window, blocks } => {
                line(out, "recover", &[window.into(), blocks.into()]);
            }
            Event::Grafted { window, block } => {
                line(out, "graft", &[window.into(), block.0.into()]);
            }
            Event::Added { request } => line_of(out, "add", request, &[]),
            Event::Rejected { request } => line_of(out, "reject", request, &[]),
            Event::FellBack { request, reason } => {
                line_of(out, "fallback", request, &[reason as i64]);
            }
            Event::Hit { window, block, tier } => {
                line(out, "hit", &[window.into(), block.0.into(), tier as i64]);
            }
            Event::PartialHit { window, block, tokens } => {
                line(out, "partial", &[window.into(), block.0.into(), tokens.into()]);
            }
            Event::Repriced { window, block, old, new, .. } => {
                line(out, "price", &[window.into(), block.0.into(), old.into(), new.into()]);
            }
            Event::Moved { window, block, from, to: crate::block::Tier::Device, .. } => {
                line(out, "onboard", &[window.into(), block.0.into(), from as i64]);
            }
            Event::Moved { window, block, from, to, .. } => {
                line(out, "offload", &[window.into(), block.0.into(), from as i64, to as i64]);
            }
            Event::Dropped { window, block, tier } => {
                line(out, "drop", &[window.into(), block.0.into(), tier as i64]);
            }
            Event::Removed { window, block, .. } => {
                line(out, "remove", &[window.into(), block.0.into()]);
            }
            Event::Allocated { window, block, .. } => {
                line(out, "alloc", &[window.into(), block.0.into()]);
            }
            Event::Copied { window, source, target, tokens } => {
                line(
                    out,
                    "copy",
                    &[window.into(), source.0.into(), target.0.into(), tokens.into()],
                );
            }
            Event::Stored { window, block, parent, .. } => {
                let parent = parent.map_or(-1, |parent| parent.0.into());
                line(out, "store", &[window.into(), block.0.into(), parent]);
            }
            Event::Expired { window, block, .. } => {
                line(out, "expire", &[window.into(), block.0.into()]);
            }
            Event::Lost { window, block, .. } => {
                line(out, "lost", &[window.into(), block.0.into()]);
            }
            Event::Ended { request } => line_of(out, "end", request, &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The story: ids beyond 63 bits were written as negative numbers, and no other reader of the rule
    /// book did. Exploring with a request named by the largest id found it in its first seed.
    #[test]
    fn every_request_id_is_written_as_it_is() {
        let mut text = Vec::new();
        let mut log = DecisionLog::new(&mut text);
        log.observe(&Event::Added { request: RequestId(u64::MAX) }).unwrap();
        log.observe(&Event::Ended { request: RequestId(1 << 63) }).unwrap();
        log.finish().unwrap();
        assert_eq!(text, b"add 18446744073709551615\nend 9223372036854775808\n");
    }
}
