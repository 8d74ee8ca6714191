# Everything that CI runs, one recipe each. `just` lists them.

_default:
    @just --list

# All that a contribution must pass.
check: fmt lint doc test-scripts test-nixl test-probes test-fuzz examples deny

# Is the format right?
fmt:
    cargo fmt --all --check

# Lints, with every feature and the benches.
lint:
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# Documentation without a broken link.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --all-features

# Everything that needs no hardware.
test:
    cargo test --features sim

# The same and everything through NIXL, which needs no GPU either.
test-nixl:
    scripts/fetch-nixl
    cargo test --features sim,nixl

# Every probe is come by, and detours decide nothing.
test-probes:
    cargo test -p tierproof-tests --features probes --test probes
    cargo test -p tierproof-core --features probes --lib probes

# What fuzz targets promise, on the committed seeds and inputs made of them.
test-fuzz:
    cargo test -p tierproof-fuzz

# A fuzz target on nightly: `just fuzz plans -- -max_total_time=600`.
fuzz TARGET *ARGUMENTS:
    mkdir -p fuzz/corpus/{{TARGET}}
    CARGO_PROFILE_RELEASE_LTO=off cargo +nightly fuzz run {{TARGET}} fuzz/corpus/{{TARGET}} fuzz/seeds/{{TARGET}} {{ARGUMENTS}}

# One archive for a GPU machine without cargo and network: tests, command, benches, NIXL, and `run`.
gpu-bundle:
    scripts/gpu-bundle

# What runs a bundle there, without a GPU.
test-scripts:
    python3 -B -m unittest discover --start-directory scripts/gpu

# The course, step by step.
examples:
    for example in harness/examples/*.rs; do cargo run --quiet --package tierproof --example "$(basename "$example" .rs)" || exit 1; done

# Licences and sources of dependencies.
deny:
    cargo deny check bans licenses sources

# Golden decision logs that moved, one by one.
goldens:
    cargo insta test --review -p tierproof-tests

# Ratios beside the peers and plain copies; give TIERPROOF_TRACES for the published trace.
bench *ARGUMENTS:
    cargo bench -p tierproof-benches {{ARGUMENTS}}
