//! Promise: the vectors about bytes and files hold through NIXL as they do through plain system calls. A slot
//! file stands where they ask for a file of each slot.

use rstest::rstest;
use tierproof::lockstep::driver::Bytes;
use tierproof::lockstep::plan::Plan;
use tierproof_core::{Element, TransferMode};

use super::contents::{
    a_file_holds_the_final_bytes, a_partial_copy_on_the_device_opens_no_file, come_back_from_files,
    come_back_from_host_memory, moves_follow_each_other,
};
use super::faults::{Harm, a_damaged_file_is_a_miss, a_slot_file_without_a_name_serves_on};
use super::files::{
    V53, V54, a_file_holds_its_blocks_bytes, has_right_bytes, v53, v54,
    windows_and_ranks_do_not_collide, without_a_directory_nothing_goes_to_files,
};
use crate::backends::{On, root};

const ON: On = On::NixlPosix;

#[rstest]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
#[case(Element::Bits8, 1)]
#[case(Element::Bits16, 2)]
#[case(Element::Bits32, 4)]
#[case(Element::Bits64, 8)]
fn v42_contents_come_back(#[case] element: Element, #[case] width: usize) {
    come_back_from_host_memory(ON, element, width);
    come_back_from_files(ON, TransferMode::Posix, element, width);
}

#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn v43_moves_of_one_block_follow_each_other() {
    let root = root();
    moves_follow_each_other(ON.open(root.path()));
}

#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn v45_without_a_directory_nothing_goes_to_files() {
    without_a_directory_nothing_goes_to_files(ON);
}

#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn v45_a_file_holds_its_blocks_bytes() {
    a_file_holds_its_blocks_bytes(ON);
}

#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn v52_windows_and_ranks_do_not_collide() {
    windows_and_ranks_do_not_collide(ON);
}

#[rstest]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
#[case::v53_modes_mix(v53(), V53)]
#[case::v54_a_disk_block_comes_back_after_a_wait(v54(), V54)]
fn bytes_are_right(
    #[case] plan: Plan,
    #[case] lines: &[&str],
    #[values(Bytes::Every, Bytes::Lazy)] bytes: Bytes,
) {
    has_right_bytes(&plan, lines, ON, bytes);
}

#[rstest]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn v55_a_damaged_file_is_a_miss(
    #[values(Harm::CutAway, Harm::CutInTheMiddle, Harm::OneBitFlipped)] harm: Harm,
    #[values(TransferMode::Posix, TransferMode::Gds)] mode: TransferMode,
) {
    a_damaged_file_is_a_miss(ON, harm, mode);
}

#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn v55_a_slot_file_without_a_name_serves_on() {
    a_slot_file_without_a_name_serves_on(ON, TransferMode::Posix);
}

#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn v57_a_partial_copy_on_the_device_opens_no_file() {
    a_partial_copy_on_the_device_opens_no_file(ON);
}

#[test]
#[cfg_attr(not(nixl_here), ignore = "NIXL is not here: run scripts/fetch-nixl")]
fn v58_a_file_holds_the_final_bytes() {
    a_file_holds_the_final_bytes(ON);
}
