//! Plans: any bytes are a planner's choices, and some texts are a plan's JSON.

use tierproof::explore::{Breach, Case, End, Ran, Scope, simulate};
use tierproof_core::ErrorKind;

/// Tiers, blocks and requests of a text that is also run, at most.
const SIZE_MAX: u64 = 64;
const BYTES_MAX: u64 = 4096;
const OPS_MAX: usize = 200;

/// Takes `data` for the choices of a planner: the case is valid, survives its JSON, and breaks no law
/// on the simulator.
///
/// # Panics
/// If that does not hold.
pub fn plans(data: &[u8]) {
    let case = Case::of_bytes(data, &Scope::default());
    check(&case);
    let Ran { end, fired, .. } = simulate(&case).expect("a valid case can be run");
    if let End::Broken { breach, at, what, log } = end {
        let log = log.join("\n");
        panic!("{breach} at {at:?}: {what}\nafter {fired:?}\n{}\n{log}", case.to_json());
    }
}

/// Takes `data` for the JSON of a case: it is refused as a bad setting, or valid and survives its
/// JSON. Laws may break where somebody writes faults that nobody can detect; a panic is never had.
///
/// # Panics
/// If that does not hold.
pub fn plan_texts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let case = match Case::from_json(text) {
        Ok(case) => case,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::Config, "{error}"),
    };
    check(&case);
    if is_small(&case) {
        match simulate(&case).map(|ran| ran.end) {
            Ok(End::Broken { breach: Breach::PANIC, what, .. }) => panic!("{what}"),
            Ok(_) => {}
            Err(error) => panic!("a valid case can't be run: {error}"),
        }
    }
}

fn check(case: &Case) {
    case.validate().expect("a case is valid");
    assert_eq!(&Case::from_json(&case.to_json()).expect("its JSON is read"), case);
}

/// Whether a run takes no more than a moment.
fn is_small(Case { config, device, ops, .. }: &Case) -> bool {
    let sizes = config.windows.iter().flat_map(|window| [window.device, window.host, window.disk]);
    let mut sizes = sizes.chain([config.tokens_per_block, config.reserve]);
    sizes.all(|size| size as u64 <= SIZE_MAX)
        && config.block_bytes <= BYTES_MAX
        && device.alignment <= BYTES_MAX
        && ops.len() <= OPS_MAX
}
