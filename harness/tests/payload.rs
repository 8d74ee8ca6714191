//! Promise: bytes say whose they are. A block that holds anything but its own content is found
//! out, down to one bit, and what it holds instead is named.

use proptest::prelude::*;
use rstest::rstest;
use tierproof::payload::{Found, Identity, SECTOR_LEN};

const MINE: Identity = Identity { tenant: 3, pool: 1, tag: 0xfeed, generation: 9 };

fn bytes(identity: Identity, len: usize) -> Vec<u8> {
    let mut bytes = vec![0xaa; len];
    identity.fill(&mut bytes);
    bytes
}

#[rstest]
#[case::tenant(Identity { tenant: 4, ..MINE }, Found::ForeignTenant { tenant: 4 })]
#[case::key(Identity { tag: 5, ..MINE }, Found::ForeignKey { tag: 5 })]
#[case::pool(Identity { pool: 0, ..MINE }, Found::WrongPool { pool: 0 })]
#[case::stale(Identity { generation: 8, ..MINE }, Found::WrongGeneration { generation: 8 })]
// What crosses a trust boundary is named first, whatever else differs.
#[case::all(
    Identity { tenant: 4, pool: 0, tag: 5, generation: 8 },
    Found::ForeignTenant { tenant: 4 }
)]
fn other_content_is_named(
    #[case] other: Identity,
    #[case] found: Found,
    #[values(40, 512, 520, 4096)] len: usize,
) {
    let mismatch = MINE.check(&bytes(other, len)).unwrap_err();
    assert_eq!((mismatch.offset, mismatch.found), (0, found));
}

#[test]
fn one_foreign_sector_is_found_and_located() {
    let mut block = bytes(MINE, 4096);
    let foreign = bytes(Identity { tag: 1, ..MINE }, 4096);
    block[1024..1536].copy_from_slice(&foreign[1024..1536]);
    let mismatch = MINE.check(&block).unwrap_err();
    assert_eq!((mismatch.offset, mismatch.found), (1024, Found::ForeignKey { tag: 1 }));
}

#[test]
fn a_sector_in_anothers_place_is_misdirected() {
    let mut block = bytes(MINE, 2048);
    block.copy_within(1024..1536, 512);
    assert_eq!(MINE.check(&block).unwrap_err().found, Found::WrongSector { sector: 2 });
}

#[test]
fn zeros_and_torn_sectors_are_no_content() {
    let mut block = bytes(MINE, 1024);
    block[512..].fill(0);
    assert_eq!(MINE.check(&block).unwrap_err().found, Found::Blank);
    let mut block = bytes(MINE, 1024);
    let older = bytes(Identity { generation: 8, ..MINE }, 1024);
    block[700..1024].copy_from_slice(&older[700..1024]);
    let mismatch = MINE.check(&block).unwrap_err();
    assert_eq!((mismatch.offset / 8, mismatch.found), (700 / 8, Found::Damaged));
}

#[test]
fn a_block_of_nothing_holds_everything() {
    assert!(MINE.check(&[]).is_ok());
}

proptest! {
    #[test]
    fn any_changed_bit_is_found(len in 1usize..1700, position: prop::sample::Index, bit in 0u8..8) {
        let mut block = bytes(MINE, len);
        prop_assert!(MINE.check(&block).is_ok());
        let index = position.index(len);
        block[index] ^= 1 << bit;
        let mismatch = MINE.check(&block).unwrap_err();
        prop_assert_eq!(mismatch.offset, index as u64);
        prop_assert!(matches!(mismatch.found, Found::Damaged | Found::Blank));
    }

    #[test]
    fn short_blocks_tell_contents_apart(len in 8usize..SECTOR_LEN, tag: u64, generation: u64) {
        let other = Identity { tag, generation, ..MINE };
        prop_assume!(other != MINE);
        prop_assert!(MINE.check(&bytes(other, len)).is_err());
    }
}
