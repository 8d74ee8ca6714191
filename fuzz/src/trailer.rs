//! Trailers. The model compares fields; the code compares bytes.

use tierproof_core::{Refusal, Stamp, TRAILER_LEN};

use crate::bytes::Bytes;

/// Bytes of a trailer that say anything; zeros follow.
const SAYING: usize = 104;
/// Where a trailer says whose it is.
const MAGIC: &[u8] = b"TPBLOCK1";

/// Takes `data` for a stamp, another block's stamp and payload, and the bytes found behind a block:
/// what was sealed verifies, what verifies is what was sealed, another's is refused with the first
/// field that differs, and what no trailer is, is torn.
///
/// # Panics
/// If that does not hold.
pub fn trailers(data: &[u8]) {
    let mut bytes = Bytes(data);
    let stamp = stamp(&mut bytes);
    let other = changed(&stamp, &mut bytes);
    let len = bytes.byte().into();
    let payload = bytes.take(len);
    let checksum = Stamp::checksum(payload);
    let sealed = stamp.seal(checksum);
    assert_eq!(stamp.verify(&sealed, checksum), Ok(()), "what was sealed");

    // Another block's trailer, behind bytes that may be another block's too.
    let theirs = bytes.word();
    let found = stamp.verify(&other.seal(theirs), checksum);
    assert_eq!(found.err(), first_difference(&stamp, &other, checksum == theirs));

    let rotten = payload.first().map(|first| [&[first ^ 1], &payload[1..]].concat());
    if let Some(rotten) = rotten {
        let found = stamp.verify(&sealed, Stamp::checksum(&rotten));
        assert_eq!(found, Err(Refusal::BitRot), "one flipped bit of the payload");
    }

    // The rest is laid over the sealed bytes, and taken by itself.
    let mut torn = sealed;
    torn.iter_mut().zip(bytes.0).for_each(|(byte, over)| *byte ^= over);
    for found in [&torn[..], bytes.0] {
        let same = found.starts_with(&sealed[..SAYING]) && found.len() >= TRAILER_LEN;
        match stamp.verify(found, checksum) {
            Ok(()) => assert!(same, "{found:?} verifies and was never sealed"),
            Err(refusal) => {
                assert!(!same, "{refusal}: but it was sealed");
                let is_trailer = found.len() >= TRAILER_LEN && found.starts_with(MAGIC);
                assert!(is_trailer || refusal == Refusal::Torn, "{refusal}: but it is no trailer");
            }
        }
    }
    check_lengths(stamp.len, 1 << (stamp.pool % 22));
}

fn stamp(bytes: &mut Bytes<'_>) -> Stamp {
    Stamp {
        key: bytes.array(),
        tenant: bytes.word(),
        layout: bytes.array(),
        generation: bytes.word(),
        slot: bytes.half(),
        pool: bytes.half(),
        len: bytes.word(),
    }
}

/// A stamp that differs in the fields that the next byte chooses, by what follows.
fn changed(stamp: &Stamp, bytes: &mut Bytes<'_>) -> Stamp {
    let (fields, mut other) = (bytes.byte(), *stamp);
    let differs = |bit: u8| fields >> bit & 1 > 0;
    if differs(0) {
        other.key[usize::from(bytes.byte()) % 32] ^= bytes.byte();
    }
    if differs(1) {
        other.tenant ^= bytes.word();
    }
    if differs(2) {
        other.layout[usize::from(bytes.byte()) % 16] ^= bytes.byte();
    }
    if differs(3) {
        other.generation ^= bytes.word();
    }
    if differs(4) {
        other.slot ^= bytes.half();
    }
    if differs(5) {
        other.pool ^= bytes.half();
    }
    if differs(6) {
        other.len ^= bytes.word();
    }
    other
}

/// The first difference, in the order in which a refusal is worst.
fn first_difference(stamp: &Stamp, other: &Stamp, same_bytes: bool) -> Option<Refusal> {
    [
        (stamp.layout == other.layout && stamp.len == other.len, Refusal::WrongLayout),
        (stamp.tenant == other.tenant, Refusal::ForeignTenant),
        (stamp.slot == other.slot && stamp.pool == other.pool, Refusal::Misdirected),
        (stamp.generation == other.generation, Refusal::Stale),
        (stamp.key == other.key, Refusal::WrongKey),
        (same_bytes, Refusal::BitRot),
    ]
    .into_iter()
    .find_map(|(same, refusal)| (!same).then_some(refusal))
}

/// Payload and trailer can both be written with direct I/O, and waste less than two alignments.
fn check_lengths(len: u64, alignment: u64) {
    let offset = Stamp::trailer_offset(len, alignment);
    let sealed = Stamp::sealed_len(len, alignment);
    if let Some(offset) = offset {
        assert!(offset.is_multiple_of(alignment));
        assert!(offset >= len && offset - len < alignment);
    }
    match (offset, sealed) {
        (Some(offset), Some(sealed)) => {
            assert!(sealed.is_multiple_of(alignment));
            let tail = TRAILER_LEN as u64;
            assert!((tail..tail + alignment).contains(&(sealed - offset)));
        }
        (None, Some(_)) => panic!("a trailer ends where none can start"),
        (_, None) => assert!(u128::from(len) + 2 * u128::from(alignment) + 128 > 1 << 64),
    }
}
