//! Bytes that say whose they are.
//!
//! Every 512-byte sector of a block names its tenant, content, generation, pool and number, sealed
//! by a checksum from which the rest of the sector follows. So bytes at the wrong place are not
//! just unequal: they say where they came from.
//!
//! A sector is 64 little-endian words:
//!
//! | word | content |
//! |---|---|
//! | 0 | checksum of words 1 to 4 |
//! | 1 | tag of the content: its chained key |
//! | 2 | generation: which writing of it |
//! | 3 | tenant in the upper half, pool in the lower |
//! | 4 | number of the sector in its block |
//! | 5 to 63 | checksum + word number × an odd constant |
//!
//! A last, shorter sector is the start of a whole one; the checksum comes first so that even
//! eight bytes tell two contents apart.

use crate::draw::fold;
use std::fmt;

/// Bytes of a sector.
pub const SECTOR_LEN: usize = 512;

const WORDS: usize = SECTOR_LEN / 8;
const HEADER: usize = 5;
/// Bytes that a block needs to say whose it is.
pub(crate) const NAMED_LEN: usize = HEADER * 8;
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Whose bytes a block holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The trust domain.
    pub tenant: u32,
    /// The pool that the bytes belong to.
    pub pool: u32,
    /// The chained key of the content, in 64 bits.
    pub tag: u64,
    /// Which writing of a block it is; grows with every one.
    pub generation: u64,
}

/// What lies where something else was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Bytes of another trust domain.
    ForeignTenant {
        /// Which.
        tenant: u32,
    },
    /// Another content of the same tenant.
    ForeignKey {
        /// Its tag.
        tag: u64,
    },
    /// Bytes of another pool.
    WrongPool {
        /// Which.
        pool: u32,
    },
    /// An earlier writing of the same content, or a later one that should not be here yet.
    WrongGeneration {
        /// Which.
        generation: u64,
    },
    /// The right block's bytes, of another sector: misdirected.
    WrongSector {
        /// Which.
        sector: u64,
    },
    /// Nothing but zeros: never written, or wiped.
    Blank,
    /// Bytes that no block of this kind holds.
    Damaged,
}

/// The first sector of a block that is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch {
    /// Bytes from the block's start to the first that differs.
    pub offset: u64,
    /// What the sector around it holds.
    pub found: Found,
}

impl Identity {
    /// Writes the whole of `bytes`.
    ///
    /// ```
    /// use tierproof::payload::{Found, Identity};
    /// let mine = Identity { tenant: 1, pool: 0, tag: 7, generation: 3 };
    /// let mut block = vec![0; 4096];
    /// mine.fill(&mut block);
    /// assert!(mine.check(&block).is_ok());
    /// let newer = Identity { generation: 4, ..mine };
    /// assert_eq!(newer.check(&block).unwrap_err().found, Found::WrongGeneration { generation: 3 });
    /// ```
    pub fn fill(&self, bytes: &mut [u8]) {
        let (sectors, rest) = bytes.as_chunks_mut::<SECTOR_LEN>();
        let count = sectors.len() as u64;
        for (number, sector) in (0..).zip(sectors) {
            self.write(number, sector);
        }
        if !rest.is_empty() {
            let mut whole = [0; SECTOR_LEN];
            self.write(count, &mut whole);
            rest.copy_from_slice(&whole[..rest.len()]);
        }
    }

    /// Whether `bytes` are what [`Identity::fill`] writes.
    ///
    /// # Errors
    /// The first sector that is not, and what it holds instead.
    pub fn check(&self, bytes: &[u8]) -> Result<(), Mismatch> {
        let (sectors, rest) = bytes.as_chunks::<SECTOR_LEN>();
        for (number, sector) in (0..).zip(sectors) {
            if !self.holds(number, sector) {
                return Err(self.name(number, sector));
            }
        }
        let mut whole = [0; SECTOR_LEN];
        let last = sectors.len() as u64;
        self.write(last, &mut whole);
        if whole[..rest.len()] == *rest { Ok(()) } else { Err(self.name(last, rest)) }
    }

    /// Whose bytes these say that they are, by their first sector; nothing where they are too few to say, or
    /// damaged. Whether they are is for [`Identity::check`] to tell.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let [_, tag, generation, owner, _] = read_header(bytes)?;
        Some(Self { tenant: (owner >> 32) as u32, pool: owner as u32, tag, generation })
    }

    fn header(&self, sector: u64) -> [u64; HEADER] {
        let owner = u64::from(self.tenant) << 32 | u64::from(self.pool);
        sealed([0, self.tag, self.generation, owner, sector])
    }

    fn write(&self, number: u64, sector: &mut [u8; SECTOR_LEN]) {
        let header = self.header(number);
        let (words, _) = sector.as_chunks_mut::<8>();
        let mut value = header[0];
        for word in words.iter_mut() {
            *word = value.to_le_bytes();
            value = value.wrapping_add(STEP);
        }
        for (word, value) in words.iter_mut().zip(header) {
            *word = value.to_le_bytes();
        }
    }

    /// One comparison of the whole sector, without a branch for each word.
    fn holds(&self, number: u64, sector: &[u8; SECTOR_LEN]) -> bool {
        let header = self.header(number);
        let (words, _) = sector.as_chunks::<8>();
        let mut difference = 0;
        for (word, value) in words.iter().zip(header) {
            difference |= u64::from_le_bytes(*word) ^ value;
        }
        let mut value = header[0].wrapping_add(STEP.wrapping_mul(HEADER as u64));
        for word in &words[HEADER..WORDS] {
            difference |= u64::from_le_bytes(*word) ^ value;
            value = value.wrapping_add(STEP);
        }
        difference == 0
    }

    /// Names what a sector holds that is not this identity's.
    #[cold]
    fn name(&self, number: u64, bytes: &[u8]) -> Mismatch {
        let mut whole = [0; SECTOR_LEN];
        self.write(number, &mut whole);
        let first = whole.iter().zip(bytes).position(|(a, b)| a != b).unwrap_or(0);
        let offset = number * SECTOR_LEN as u64 + first as u64;
        Mismatch { offset, found: self.recognise(number, bytes) }
    }

    fn recognise(&self, number: u64, bytes: &[u8]) -> Found {
        if bytes.iter().all(|&byte| byte == 0) {
            return Found::Blank;
        }
        let Some(header) = read_header(bytes) else { return Found::Damaged };
        let [_, tag, generation, owner, sector] = header;
        let (tenant, pool) = ((owner >> 32) as u32, owner as u32);
        let theirs = Self { tenant, pool, tag, generation };
        let mut whole = [0; SECTOR_LEN];
        theirs.write(sector, &mut whole);
        if whole[..bytes.len()] != *bytes {
            Found::Damaged
        } else if tenant != self.tenant {
            Found::ForeignTenant { tenant }
        } else if tag != self.tag {
            Found::ForeignKey { tag }
        } else if pool != self.pool {
            Found::WrongPool { pool }
        } else if generation != self.generation {
            Found::WrongGeneration { generation }
        } else {
            debug_assert_ne!(sector, number, "equal bytes are no mismatch");
            Found::WrongSector { sector }
        }
    }
}

fn sealed(mut header: [u64; HEADER]) -> [u64; HEADER] {
    header[0] = header[1..].iter().fold(STEP, |seal, &word| fold(seal, word));
    header
}

/// The header of a sector, if its checksum is right.
fn read_header(bytes: &[u8]) -> Option<[u64; HEADER]> {
    let (words, _) = bytes.as_chunks::<8>();
    let words = words.first_chunk::<HEADER>()?;
    let header = words.map(u64::from_le_bytes);
    (sealed(header) == header).then_some(header)
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: ", self.offset)?;
        match self.found {
            Found::ForeignTenant { tenant } => write!(f, "bytes of tenant {tenant}"),
            Found::ForeignKey { tag } => write!(f, "bytes of another key, tag {tag:016x}"),
            Found::WrongPool { pool } => write!(f, "bytes of pool {pool}"),
            Found::WrongGeneration { generation } => write!(f, "bytes of writing {generation}"),
            Found::WrongSector { sector } => {
                write!(f, "bytes of sector {sector} of the same block (misdirected)")
            }
            Found::Blank => write!(f, "zeros, never written"),
            Found::Damaged => write!(f, "damaged bytes"),
        }
    }
}
