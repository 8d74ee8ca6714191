//! Promise: the vectors about bytes and files hold over a GPU's memory, whose contents go to pinned host memory
//! and to files and come back as they were. A slot file stands where they ask for a file of each slot.
//!
//! Without a GPU all of it fails, and says what is missing.

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
    without_a_directory_nothing_goes_to_files,
};
use crate::backends::{On, root};

#[rstest]
#[case(Element::Bits8, 1)]
#[case(Element::Bits16, 2)]
#[case(Element::Bits32, 4)]
#[case(Element::Bits64, 8)]
fn v42_contents_come_back_from_host_memory(
    #[case] element: Element,
    #[case] width: usize,
    #[values(On::CudaDram, On::Gds, On::GdsMt)] on: On,
) {
    come_back_from_host_memory(on, element, width);
}

#[rstest]
#[case(Element::Bits8, 1)]
#[case(Element::Bits16, 2)]
#[case(Element::Bits32, 4)]
#[case(Element::Bits64, 8)]
fn v42_contents_come_back_from_files(
    #[case] element: Element,
    #[case] width: usize,
    #[values(TransferMode::Posix, TransferMode::Gds)] mode: TransferMode,
    #[values(On::Gds, On::GdsMt)] on: On,
) {
    come_back_from_files(on, mode, element, width);
}

#[rstest]
fn v43_moves_of_one_block_follow_each_other(#[values(On::CudaDram, On::Gds, On::GdsMt)] on: On) {
    let root = root();
    moves_follow_each_other(on.open(root.path()));
}

#[rstest]
fn v45_without_a_directory_nothing_goes_to_files(#[values(On::Gds, On::GdsMt)] on: On) {
    without_a_directory_nothing_goes_to_files(on);
}

#[rstest]
fn v45_a_file_holds_its_blocks_bytes(#[values(On::Gds, On::GdsMt)] on: On) {
    a_file_holds_its_blocks_bytes(on);
}

#[rstest]
#[case::v53_modes_mix(v53(), V53)]
#[case::v54_a_disk_block_comes_back_after_a_wait(v54(), V54)]
fn bytes_are_right(
    #[case] plan: Plan,
    #[case] lines: &[&str],
    #[values(On::CudaDram, On::Gds, On::GdsMt)] on: On,
    #[values(Bytes::Every, Bytes::Lazy)] bytes: Bytes,
) {
    has_right_bytes(&plan, lines, on, bytes);
}

#[rstest]
fn v55_a_damaged_file_is_a_miss(
    #[values(Harm::CutAway, Harm::CutInTheMiddle, Harm::OneBitFlipped)] harm: Harm,
    #[values(TransferMode::Posix, TransferMode::Gds)] mode: TransferMode,
    #[values(On::Gds, On::GdsMt)] on: On,
) {
    a_damaged_file_is_a_miss(on, harm, mode);
}

#[rstest]
fn v55_a_slot_file_without_a_name_serves_on(#[values(On::Gds, On::GdsMt)] on: On) {
    a_slot_file_without_a_name_serves_on(on, TransferMode::Gds);
}

#[rstest]
fn v57_a_partial_copy_on_the_device_opens_no_file(#[values(On::Gds, On::GdsMt)] on: On) {
    a_partial_copy_on_the_device_opens_no_file(on);
}

#[rstest]
fn v58_a_file_holds_the_final_bytes(#[values(On::Gds, On::GdsMt)] on: On) {
    a_file_holds_the_final_bytes(on);
}
