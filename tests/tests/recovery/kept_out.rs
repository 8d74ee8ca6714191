//! Promise: blocks of another model, layout, secret or rank are neither found nor touched, and a second process is
//! kept out while the first one lives (F34, laws S9 and S10).

use crate::doomed::Doomed;
use crate::process::{Device, Process, config, device, power_cut};
use rstest::rstest;
use tierproof_core::{EngineConfig, ErrorKind, PoolShape, Result, Verify};
use tierproof_sim::Sim;

const BLOCKS: [u32; 3] = [2, 2, 6];

fn begin(device: &Device, config: EngineConfig) -> Result<Process<Sim, Vec<u64>>> {
    Process::begin(Doomed::new(device, Vec::new(), u64::MAX), config)
}

/// A device with four published blocks.
fn published() -> Device {
    let device = device();
    let mut process = Process::on(&device, BLOCKS).unwrap();
    for prompt in [[1, 2], [3, 4], [5, 6], [7, 8]] {
        process.serve(&prompt).unwrap();
    }
    process.engine.drain().unwrap();
    process.publish().unwrap();
    assert_eq!(process.die().len(), 4);
    power_cut(&device);
    device
}

#[rstest]
#[case::model(|config: &mut EngineConfig| config.model = "another".into())]
#[case::secret(|config: &mut EngineConfig| config.secret = [1; 32])]
#[case::pool(|config: &mut EngineConfig| config.windows[0].pools.push(PoolShape::Opaque { bytes: 64 }))]
#[case::bytes_of_the_same_stride(|config: &mut EngineConfig| config.windows[0].pools[1] = PoolShape::Opaque { bytes: 73 })]
#[case::block(|config: &mut EngineConfig| config.tokens_per_block = 8)]
#[case::directories(|config: &mut EngineConfig| config.directories.push("more".into()))]
fn another_site_is_refused_and_left_alone(#[case] change: fn(&mut EngineConfig)) {
    let device = published();
    let mut other = config(BLOCKS);
    change(&mut other);
    let error = begin(&device, other).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("directory \"kv\""), "{error}");
    assert!(error.to_string().contains("remove it"), "{error}");
    power_cut(&device);
    let mut process = Process::on(&device, BLOCKS).unwrap();
    assert_eq!((process.recovery().found, process.recovery().epoch), (4, 2));
    assert_eq!(process.serve(&[1, 2]).unwrap(), 2);
}

/// Another rank and another window have files of their own.
#[rstest]
#[case::rank(|config: &mut EngineConfig| config.rank = 1)]
#[case::window(|config: &mut EngineConfig| config.windows[0].size = 1 << 19)]
#[case::directory(|config: &mut EngineConfig| config.directories = vec!["kv2".into()])]
fn another_place_is_a_new_one(#[case] change: fn(&mut EngineConfig)) {
    let device = published();
    let mut other = config(BLOCKS);
    change(&mut other);
    let process = begin(&device, other).unwrap();
    assert_eq!((process.recovery().found, process.recovery().epoch), (0, 1));
    drop(process);
    power_cut(&device);
    assert_eq!(Process::on(&device, BLOCKS).unwrap().recovery().found, 4);
}

#[rstest]
#[case::trailers(|config: &mut EngineConfig| config.verify = Verify::Off)]
#[case::payload(|config: &mut EngineConfig| config.payload = false)]
#[case::disk(|config: &mut EngineConfig| config.windows[0].blocks.disk = 0)]
fn durable_needs(#[case] change: fn(&mut EngineConfig)) {
    let mut config = config(BLOCKS);
    change(&mut config);
    let error = begin(&device(), config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("durable"), "{error}");
}

#[test]
fn publishing_needs_a_durable_tier() {
    let config = EngineConfig { durable: false, ..config(BLOCKS) };
    let mut process = begin(&device(), config).unwrap();
    assert_eq!(process.engine.publish().unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn memory_outlives_nothing() {
    use std::{cell::RefCell, rc::Rc};
    let dram = Rc::new(RefCell::new(tierproof_backends::Dram::new()));
    let backend = Doomed::new(&dram, Vec::<u64>::new(), u64::MAX);
    let error = Process::begin(backend, config(BLOCKS)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_second_process_is_refused_and_the_first_goes_on() {
    let device = published();
    let mut first = Process::on(&device, BLOCKS).unwrap();
    assert_eq!(begin(&device, config(BLOCKS)).unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(first.serve(&[1, 2]).unwrap(), 2);
    first.engine.drain().unwrap();
    first.publish().unwrap();
}

#[test]
fn an_engine_that_is_closed_has_published_and_lets_the_next_one_in() {
    let device = device();
    let mut process = Process::on(&device, BLOCKS).unwrap();
    for prompt in [[1, 2], [3, 4], [5, 6]] {
        process.serve(&prompt).unwrap();
    }
    process.engine.close().unwrap();
    power_cut(&device);
    assert_eq!(Process::on(&device, BLOCKS).unwrap().recovery().found, 2);
}
