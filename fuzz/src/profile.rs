//! Device models. The model of a route is one line of arithmetic.

use tierproof_core::{
    Backend, Descriptor, ErrorKind, FileMedium, FileRole, Medium, MediumKind, Nanos, Part, Route,
    TransferRequest,
};
use tierproof_sim::{Profile, RouteProfile, RouteProfiles, Sim, SimConfig};

/// Bytes that go over each route.
const LEN: u64 = 4096;
const SECOND: u128 = 1_000_000_000;

/// Takes `data` for the TOML of a device model: it is refused as a bad setting, or is valid, and a
/// simulator that is built of it has exactly its routes, each as fast as it says.
///
/// # Panics
/// If that does not hold.
pub fn profiles(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let profile = match Profile::from_toml(text) {
        Ok(profile) => profile,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::Config, "{error}"),
    };
    profile.validate().expect("what is accepted is valid");
    let config = SimConfig { profile: profile.clone(), ..SimConfig::default() };
    let mut sim = Sim::new(config).expect("a simulator of a valid profile");
    for source in MediumKind::ALL {
        for target in MediumKind::ALL {
            let route = of(&profile.routes, source, target);
            assert_eq!(sim.capability().route(source, target) != Route::Absent, route.is_some());
            if let Some(route) = route {
                let bandwidth = profile.links[&route.link].bandwidth_bytes_per_s;
                let took = go(&mut sim, source, target);
                check(route, bandwidth, took);
            }
        }
    }
    assert_eq!(sim.misuses(), []);
}

/// What one request takes by itself.
fn go(sim: &mut Sim, source: MediumKind, target: MediumKind) -> Nanos {
    let regions = [source, target].map(|kind| {
        let region = sim.allocate(&medium(kind), LEN).expect("a medium that has a route");
        Descriptor { region, offset: 0, len: LEN }
    });
    let [source, target] = regions;
    sim.fill(source, &[7; LEN as usize]).expect("it fits");
    let part = Part { source, target, rows: None, check: None, seal: None };
    let deadline = Nanos::MAX;
    let request = TransferRequest { deadline, parts: vec![part], ..TransferRequest::default() };
    let began = sim.now();
    sim.submit(&request).expect("a route that there is");
    let (mut done, ended) = (Vec::new(), sim.park(Nanos::MAX));
    sim.poll(&mut done).expect("the simulator goes on");
    assert!(done.len() == 1 && done[0].faults.is_empty() && done[0].at == ended, "{done:?}");
    let mut bytes = [0; LEN as usize];
    sim.peek(target, &mut bytes).expect("it fits");
    assert_eq!(bytes, [7; LEN as usize], "other bytes arrived");
    for at in regions {
        sim.release(at.region).expect("nothing is in flight");
    }
    ended - began
}

fn check(route: &RouteProfile, bandwidth: u64, took: Nanos) {
    let bytes = (u128::from(LEN) * SECOND).div_ceil(bandwidth.into());
    let latency = u128::from(route.latency_ns.0);
    let jitter = latency * u128::from(route.jitter_per_mille) / 1000;
    let (least, most) = (latency + bytes, latency + jitter + bytes);
    assert!((least..=most).contains(&took.0.into()), "{took}: not from {least} to {most} ns");
}

fn of(routes: &RouteProfiles, source: MediumKind, target: MediumKind) -> Option<&RouteProfile> {
    use MediumKind::{Device, File, Host};
    let route = match (source, target) {
        (Device, Device) => &routes.device_to_device,
        (Device, Host) => &routes.device_to_host,
        (Device, File) => &routes.device_to_file,
        (Host, Device) => &routes.host_to_device,
        (Host, Host) => &routes.host_to_host,
        (Host, File) => &routes.host_to_file,
        (File, Device) => &routes.file_to_device,
        (File, Host) => &routes.file_to_host,
        (File, File) => &None,
    };
    route.as_ref()
}

fn medium(kind: MediumKind) -> Medium {
    match kind {
        MediumKind::Device => Medium::Device { ordinal: 0 },
        MediumKind::Host => Medium::Host,
        MediumKind::File => {
            let (directory, role) = (String::new(), FileRole::Scratch);
            Medium::File(FileMedium { directory, rank: 0, window: 0, pool: 0, role, stride: LEN })
        }
    }
}
