//! What a model would compute for a block: bytes that its key and pool decide.

/// The content of one pool of the block that hash `key` of `tenant` names.
pub(crate) fn content(tenant: u32, key: u64, pool: usize, len: usize) -> Vec<u8> {
    let mut state = mix(key ^ (u64::from(tenant) << 40) ^ ((pool as u64) << 56));
    let word = |_| {
        state = mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15));
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(word).collect();
    bytes.truncate(len);
    bytes
}

const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
