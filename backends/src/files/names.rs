//! What files are called: of numbers alone, so that no two regions share one.

use tierproof_core::{FileMedium, FileRole};

/// The slots of a medium, or its index; of several files the one of this number.
pub(super) fn slot_file(medium: &FileMedium, index: usize) -> String {
    let FileMedium { rank, window, pool, role, .. } = medium;
    match index {
        _ if *role == FileRole::Index => format!("rank{rank}_window{window}.index"),
        0 => format!("rank{rank}_window{window}_pool{pool}.slots"),
        _ => format!("rank{rank}_window{window}_pool{pool}.slots.{index}"),
    }
}

/// What is locked where each slot has a file.
pub(super) fn lock_file(medium: &FileMedium) -> String {
    format!("rank{}_window{}_pool{}.lock", medium.rank, medium.window, medium.pool)
}

/// The file of one slot.
pub(super) fn block_file(medium: &FileMedium, slot: u64) -> String {
    let FileMedium { rank, window, pool, .. } = medium;
    format!("rank{rank}_window{window}_block_{slot}_pool_{pool}.bin")
}
