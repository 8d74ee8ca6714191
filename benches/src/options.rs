//! What the bench `gpu` was asked for.

use std::path::PathBuf;
use tierproof_core::Bytes;

/// Topics by name, in the order in which they are measured.
pub const TOPICS: [&str; 4] = ["cuda", "gds_mt", "gds", "nixl-posix"];

/// Its command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Fewer bytes and sizes.
    pub quick: bool,
    /// NIXL by itself once more, on another file: what differs between the two is noise and the place on the
    /// disk.
    pub control: bool,
    /// Topics; all where none is named.
    pub only: Vec<String>,
    /// Where files are made.
    pub scratch: PathBuf,
    /// Bytes a round, where the default of each topic is not wanted.
    pub bytes: Option<Bytes>,
    /// Rounds that count.
    pub rounds: usize,
    /// The one size of blocks over NIXL, where not all are wanted.
    pub block: Option<Bytes>,
    /// Parts and descriptors in flight at most.
    pub in_flight: u32,
}

const USAGE: &str = "usage: gpu [--quick] [--control] [--only cuda|gds_mt|gds|nixl-posix]... [--scratch DIR] \
                     [--bytes N] [--block N] [--rounds N] [--in-flight N]";

impl Options {
    /// Reads a command line without the program's name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            quick: false,
            control: false,
            only: Vec::new(),
            scratch: std::env::temp_dir(),
            bytes: None,
            rounds: 5,
            block: None,
            in_flight: 512,
        };
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{name} wants a value; {USAGE}"));
            match name.as_str() {
                "--quick" => options.quick = true,
                "--control" => options.control = true,
                // What cargo adds.
                "--bench" => {}
                "--only" => options.only.push(topic(&value()?)?),
                "--scratch" => options.scratch = value()?.into(),
                "--bytes" => options.bytes = Some(number(&name, &value()?, 16 << 20)?),
                "--rounds" => options.rounds = number(&name, &value()?, 1)? as usize,
                "--block" => options.block = Some(number(&name, &value()?, 4096)?),
                "--in-flight" => options.in_flight = number(&name, &value()?, 1)?.min(1024) as u32,
                _ => return Err(format!("unknown argument {name}; {USAGE}")),
            }
        }
        Ok(options)
    }

    /// Whether a topic was asked for.
    #[must_use]
    pub fn wants(&self, topic: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == topic)
    }
}

fn topic(name: &str) -> Result<String, String> {
    if TOPICS.contains(&name) { Ok(name.into()) } else { Err(format!("no topic {name}; {USAGE}")) }
}

fn number(name: &str, text: &str, min: u64) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| *number >= min);
    number.ok_or(format!("{name} {text}: give a number of at least {min}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_read_and_anything_else_refused() {
        let read = |line: &str| Options::read(line.split_whitespace().map(str::to_owned));
        let options =
            read("--bench --quick --only gds --only cuda --rounds 7 --scratch /x").unwrap();
        assert_eq!((options.quick, options.rounds), (true, 7));
        assert!(options.wants("gds") && options.wants("cuda") && !options.wants("gds_mt"));
        assert!(TOPICS.into_iter().all(|topic| read("").unwrap().wants(topic)));
        for wrong in ["--only nvme", "--rounds", "--rounds 0", "--bytes 5", "gds"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
