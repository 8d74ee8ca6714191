//! Retention: how much a request's blocks are worth, for how long, and where they may spill.

use crate::block::{PRIORITY_DEFAULT, PRIORITY_MAX};
use crate::error::{Error, ErrorKind, Result};
use crate::transfer::TransferMode;
use crate::units::Nanos;
use serde::{Deserialize, Serialize};

/// What the serialized form may have at most: it comes from outside. The longest that
/// [`Retention::to_json`] writes takes 1.4 MiB.
const BYTES_MAX: usize = 1 << 21;
const RANGES_MAX: usize = 1 << 14;
const DIRECTORY_MAX: usize = 4096;
const VERSION: u32 = 1;

/// What the tokens `start..end` of a prompt are worth. A block belongs to the range that holds
/// its first token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRange {
    /// First token.
    pub start: u32,
    /// First token after the range; `None` for the rest of the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u32>,
    /// 0..=100, higher stays longer.
    pub priority: u8,
    /// Milliseconds after which the priority falls back to the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// What a position is worth: an explicit priority or none, and a duration or for ever.
pub(crate) type Worth = (Option<u8>, Nanos);

/// How long and where a request's blocks stay. Valid by construction.
///
/// ```
/// use tierproof_core::{Retention, TokenRange, TransferMode};
/// let system_prompt = TokenRange { start: 0, end: Some(512), priority: 90, duration_ms: Some(60_000) };
/// let retention = Retention::default()
///     .with_ranges(vec![system_prompt])?
///     .with_files(TransferMode::Posix, "cache")?;
/// assert_eq!(Retention::from_json(&retention.to_json())?, retention);
/// # Ok::<(), tierproof_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    ranges: Vec<TokenRange>,
    decode_priority: u8,
    decode_duration_ms: Option<u64>,
    mode: TransferMode,
    directory: String,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            ranges: Vec::new(),
            decode_priority: PRIORITY_DEFAULT,
            decode_duration_ms: None,
            mode: TransferMode::Dram,
            directory: String::new(),
        }
    }
}

/// The serialized form. Its version is checked before anything else is believed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Serialized {
    version: u32,
    ranges: Vec<TokenRange>,
    decode_priority: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decode_duration_ms: Option<u64>,
    mode: TransferMode,
    directory: String,
}

fn invalid(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, what)
}

fn check_priority(priority: u8, whose: &str) -> Result<()> {
    if priority <= PRIORITY_MAX {
        return Ok(());
    }
    Err(invalid(format!("{whose} priority is {priority}: give 0 to {PRIORITY_MAX}")))
}

fn check_ranges(ranges: &[TokenRange]) -> Result<()> {
    if ranges.len() > RANGES_MAX {
        return Err(invalid(format!("{} token ranges: give at most {RANGES_MAX}", ranges.len())));
    }
    for range in ranges {
        check_priority(range.priority, &format!("token range from {}:", range.start))?;
        if range.end.is_some_and(|end| end <= range.start) {
            let end = range.end.unwrap_or_default();
            return Err(invalid(format!("token range {}..{end} is empty", range.start)));
        }
    }
    for pair in ranges.windows(2) {
        match pair[0].end {
            Some(end) if end <= pair[1].start => {}
            Some(end) => {
                return Err(invalid(format!(
                    "token ranges {}..{end} and {}.. overlap",
                    pair[0].start, pair[1].start
                )));
            }
            None => {
                return Err(invalid(format!(
                    "token range {}.. has no end and another starts at {}: only the last may be open",
                    pair[0].start, pair[1].start
                )));
            }
        }
    }
    Ok(())
}

impl Retention {
    /// With these ranges, in any order.
    ///
    /// # Errors
    /// `Config` for a priority over 100, an empty range, an overlap, or an open range that is not
    /// the last.
    pub fn with_ranges(mut self, mut ranges: Vec<TokenRange>) -> Result<Self> {
        ranges.sort_by_key(|range| range.start);
        check_ranges(&ranges)?;
        self.ranges = ranges;
        Ok(self)
    }

    /// With this worth for the blocks that decoding adds.
    ///
    /// # Errors
    /// `Config` for a priority over 100.
    pub fn with_decode(mut self, priority: u8, duration_ms: Option<u64>) -> Result<Self> {
        check_priority(priority, "decode")?;
        self.decode_priority = priority;
        self.decode_duration_ms = duration_ms;
        Ok(self)
    }

    /// With files reached by `mode` in `directory`, one of those that the operator declared.
    ///
    /// An empty or undeclared directory is not an error: the engine falls back to host memory and
    /// says so in [`Admission::fallback`](crate::Admission).
    ///
    /// # Errors
    /// `Config` for a directory that no operator would declare: over 4096 bytes, or with a NUL.
    pub fn with_files(mut self, mode: TransferMode, directory: impl Into<String>) -> Result<Self> {
        let directory = directory.into();
        if directory.len() > DIRECTORY_MAX || directory.contains('\0') {
            return Err(invalid(format!(
                "directory of {} bytes: give at most {DIRECTORY_MAX}, without NUL",
                directory.len()
            )));
        }
        self.mode = mode;
        self.directory = directory;
        Ok(self)
    }

    /// The token ranges, by start.
    #[must_use]
    pub fn ranges(&self) -> &[TokenRange] {
        &self.ranges
    }

    /// How files are meant to be reached.
    #[must_use]
    pub fn mode(&self) -> TransferMode {
        self.mode
    }

    /// Where files go, relative to the operator's root.
    #[must_use]
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// Priority and duration in milliseconds of each block of a prompt of `tokens` tokens.
    #[must_use]
    pub fn per_block(&self, tokens_per_block: u32, tokens: u32) -> Vec<(Option<u8>, Option<u64>)> {
        let starts = (0..tokens).step_by(tokens_per_block.max(1) as usize);
        starts
            .map(|token| {
                self.range_at(token).map_or((None, None), |r| (Some(r.priority), r.duration_ms))
            })
            .collect()
    }

    fn range_at(&self, token: u32) -> Option<&TokenRange> {
        let after = self.ranges.partition_point(|range| range.start <= token);
        let range = self.ranges.get(after.checked_sub(1)?)?;
        range.end.is_none_or(|end| token < end).then_some(range)
    }

    pub(crate) fn worth_at(&self, token: u32) -> Worth {
        self.range_at(token).map_or((None, Nanos::MAX), |range| {
            (Some(range.priority), range.duration_ms.map_or(Nanos::MAX, Nanos::from_millis))
        })
    }

    pub(crate) fn decode_worth(&self) -> Worth {
        let duration = self.decode_duration_ms.map_or(Nanos::MAX, Nanos::from_millis);
        (Some(self.decode_priority), duration)
    }

    /// The versioned serialized form.
    ///
    /// # Panics
    /// Never: numbers and strings always serialize.
    #[must_use]
    pub fn to_json(&self) -> String {
        let form = Serialized {
            version: VERSION,
            ranges: self.ranges.clone(),
            decode_priority: self.decode_priority,
            decode_duration_ms: self.decode_duration_ms,
            mode: self.mode,
            directory: self.directory.clone(),
        };
        serde_json::to_string(&form).expect("numbers and strings always serialize")
    }

    /// Reads the serialized form, which is checked like anything from outside.
    ///
    /// # Errors
    /// `Config` for text over 2 MiB, an unknown version or field, or anything that the `with_`
    /// methods refuse.
    pub fn from_json(text: &str) -> Result<Self> {
        if text.len() > BYTES_MAX {
            return Err(invalid(format!("retention of {} bytes: at most {BYTES_MAX}", text.len())));
        }
        let form: Serialized = serde_json::from_str(text).map_err(|error| {
            invalid(format!("retention is malformed: {error}")).with_source(error)
        })?;
        if form.version != VERSION {
            return Err(invalid(format!(
                "retention has version {}: this build reads version {VERSION}",
                form.version
            )));
        }
        Self::default()
            .with_ranges(form.ranges)?
            .with_decode(form.decode_priority, form.decode_duration_ms)?
            .with_files(form.mode, form.directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Range = (u32, Option<u32>, u8);

    fn retention(ranges: &[Range]) -> Result<Retention> {
        let range = |&(start, end, priority): &Range| TokenRange {
            start,
            end,
            priority,
            duration_ms: None,
        };
        Retention::default().with_ranges(ranges.iter().map(range).collect())
    }

    /// Vector 5.
    #[test]
    fn ranges_must_be_disjoint_and_only_the_last_open() {
        for bad in [
            [(0, None, 80), (64, Some(128), 80)],
            [(0, Some(64), 80), (64, Some(32), 80)],
            [(0, Some(64), 80), (30, Some(128), 80)],
        ] {
            assert_eq!(retention(&bad).unwrap_err().kind(), ErrorKind::Config, "{bad:?}");
        }
        assert!(retention(&[(0, Some(64), 80), (90, Some(128), 80)]).is_ok());
        assert!(retention(&[(0, None, 80)]).is_ok());
        assert!(retention(&[(50, Some(100), 80), (30, Some(40), 80)]).is_ok());
        assert!(retention(&[(0, Some(30), 1), (30, Some(50), 2), (60, Some(80), 3)]).is_ok());
    }

    /// Vector 6.
    #[test]
    fn a_block_has_the_priority_of_its_first_token() {
        let some = |end| Some(end);
        let cases: [(&[Range], u32, u32, &[i32]); 10] = [
            (&[(0, some(64), 80), (64, some(128), 50)], 64, 256, &[80, 50, -1, -1]),
            (&[(0, some(63), 80), (63, some(127), 30)], 32, 127, &[80, 80, 30, 30]),
            (&[(0, some(1), 80), (1, some(2), 5)], 32, 128, &[80, -1, -1, -1]),
            (&[(0, some(128), 80)], 256, 192, &[80]),
            (&[(0, some(65), 80), (65, some(129), 30)], 64, 192, &[80, 80, 30]),
            (&[(0, some(64), 80), (129, None, 50)], 64, 256, &[80, -1, -1, 50]),
            (&[(0, some(64), 80), (66, some(67), 50)], 64, 256, &[80, -1, -1, -1]),
            (&[(127, some(193), 80)], 64, 256, &[-1, -1, 80, 80]),
            (&[(127, some(193), 80)], 64, 32, &[-1]),
            (&[(1, None, 80)], 64, 128, &[-1, 80]),
        ];
        for (ranges, block, tokens, expected) in cases {
            let per_block = retention(ranges).unwrap().per_block(block, tokens);
            let got: Vec<i32> = per_block.iter().map(|(p, _)| p.map_or(-1, i32::from)).collect();
            assert_eq!(got, expected, "{ranges:?}");
        }
    }

    /// Vector 7.
    #[test]
    fn priorities_are_bounded_and_the_serialized_form_round_trips() {
        assert!(retention(&[(0, None, 101)]).is_err());
        assert!(Retention::default().with_decode(101, None).is_err());
        let minus_one = r#"{"version":1,"ranges":[{"start":0,"priority":-1}],"decode_priority":35,"mode":"dram","directory":""}"#;
        assert_eq!(Retention::from_json(minus_one).unwrap_err().kind(), ErrorKind::Config);

        let ranges = vec![
            TokenRange { start: 0, end: Some(8), priority: 80, duration_ms: Some(7) },
            TokenRange { start: 8, end: None, priority: 5, duration_ms: None },
        ];
        let full = Retention::default().with_ranges(ranges).unwrap();
        let full = full.with_decode(10, Some(99)).unwrap();
        let full = full.with_files(TransferMode::Gds, "/dir").unwrap();
        assert_eq!(Retention::from_json(&full.to_json()).unwrap(), full);
        assert_eq!(
            Retention::from_json(&Retention::default().to_json()).unwrap(),
            Retention::default()
        );
    }

    /// All that is accepted must be readable once it is written. Text was refused over 1 MiB, which 16 384
    /// ranges of long numbers do not fit in.
    #[test]
    fn the_longest_retention_round_trips() {
        let first = u32::MAX - 2 * RANGES_MAX as u32;
        let starts = (first..).step_by(2).take(RANGES_MAX);
        let duration_ms = Some(u64::MAX);
        let range = |start| TokenRange { start, end: Some(start + 1), priority: 100, duration_ms };
        let longest = Retention::default()
            .with_ranges(starts.map(range).collect())
            .and_then(|retention| retention.with_decode(100, duration_ms))
            .and_then(|it| it.with_files(TransferMode::Posix, "\u{1}".repeat(DIRECTORY_MAX)))
            .unwrap();
        assert_eq!(Retention::from_json(&longest.to_json()).unwrap(), longest);
    }

    #[test]
    fn the_serialized_form_is_bounded_and_versioned() {
        let good = Retention::default().to_json();
        for bad in [
            good.replace("\"version\":1", "\"version\":2"),
            good.replace("\"version\":1", "\"version\":1,\"surprise\":0"),
            good.replace("\"mode\":\"dram\"", "\"mode\":\"tape\""),
            good[..good.len() - 1].to_string(),
            " ".repeat(BYTES_MAX + 1),
        ] {
            assert_eq!(Retention::from_json(&bad).unwrap_err().kind(), ErrorKind::Config);
        }
        assert!(Retention::default().with_files(TransferMode::Gds, "a\0b").is_err());
    }
}
