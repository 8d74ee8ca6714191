//! Tells the tests whether NIXL is here (`nixl_here`), so that those which need it are reported as
//! ignored where it is not. The packages above, whose tests need it too, are built by this file.

#[path = "src/nixl/places.rs"]
mod places;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(nixl_here)");
    // From the folder of whichever package is built.
    println!("cargo::rerun-if-changed=../backends/build.rs");
    println!("cargo::rerun-if-changed=../backends/src/nixl/places.rs");
    if std::env::var_os("CARGO_FEATURE_NIXL").is_none() {
        return;
    }
    println!("cargo::rerun-if-env-changed={}", places::VARIABLE);
    let places = places::places(|name| std::env::var_os(name));
    for place in &places {
        println!("cargo::rerun-if-changed={}", place.path.display());
    }
    if places.iter().any(|place| places::library_in(&place.path).is_some()) {
        println!("cargo::rustc-cfg=nixl_here");
    }
}
