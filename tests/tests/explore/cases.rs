//! Every saved case, on every backend that needs no hardware.

use std::path::PathBuf;

use rstest::rstest;
use tierproof::explore::{Case, End, Target};
use tierproof::{BackendKind, Root};

#[rstest]
fn a_saved_case_breaks_no_law(
    #[files("cases/*.json")] path: PathBuf,
    #[values(BackendKind::Sim, BackendKind::Dram, BackendKind::Posix)] backend: BackendKind,
) {
    let text = std::fs::read_to_string(&path).expect("the case can be read");
    let case = Case::from_json(&text).expect("a saved case is valid");
    let ran = Target::new(backend, Root::Temporary, 0).run(&case).expect("the backend opens");
    assert!(!matches!(ran.end, End::Broken { .. }), "{}: {:?}", path.display(), ran.end);
}
