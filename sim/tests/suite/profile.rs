//! Promise: a profile or setting is valid or refused with an error that names the field.

use crate::bench::{ONE_LINK, config};
use rstest::rstest;
use tierproof_core::{Backend, Nanos};
use tierproof_core::{ErrorKind, MediumKind, Route};
use tierproof_sim::{Profile, Sim, SimConfig};

const FIRST: &str = "latency_ns = 100, queue_depth = 2 }";

#[rstest]
#[case("queue_depth = 2", "queue_depth = 0", "routes.device_to_device.queue_depth is 0")]
#[case("queue_depth = 2", "queue_depth = 4097", "queue_depth is 4097")]
#[case("latency_ns = 100", "latency_ns = 3600000000001", "latency_ns is 3600000000001")]
#[case("latency_ns = 100", "latency_ns = -1", "latency_ns")]
#[case(FIRST, "latency_ns = 1, queue_depth = 2, jitter_per_mille = 1000001 }", "jitter_per_mille")]
#[case("per_s = 1_000_000_000", "per_s = 0", "links.bus.bandwidth_bytes_per_s is 0")]
#[case("per_s = 1_000_000_000", "per_s = 8796093022209", "bandwidth_bytes_per_s")]
#[case("link = \"bus\"", "link = \"tram\"", "routes.device_to_device.link is \"tram\"")]
#[case("queue_depth = 2", "queue_depth = 2, depth = 3", "depth")]
#[case("device_to_host", "device_to_moon", "device_to_moon")]
#[case("latency_ns = 100, ", "", "latency_ns")]
#[case("name = ", "nam = ", "nam")]
fn a_wrong_field_is_named(#[case] right: &str, #[case] wrong: &str, #[case] named: &str) {
    let text = ONE_LINK.replacen(right, wrong, 1);
    assert_ne!(text, ONE_LINK);
    let error = Profile::from_toml(&text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(named), "{error}");
}

#[test]
fn text_is_bounded() {
    let long = format!("{ONE_LINK}{}", "#".repeat(1 << 16));
    assert_eq!(Profile::from_toml(&long).unwrap_err().kind(), ErrorKind::Config);
    let mut many = ONE_LINK.to_owned();
    for link in 0..64 {
        many += &format!("\n[links.l{link}]\nbandwidth_bytes_per_s = 1");
    }
    assert_eq!(Profile::from_toml(&many).unwrap_err().kind(), ErrorKind::Config);
}

#[rstest]
#[case::scale("scale", |settings: &mut SimConfig| settings.scale = 0)]
#[case::alignment("alignment", |settings: &mut SimConfig| settings.alignment = 96)]
#[case::no_alignment("alignment", |settings: &mut SimConfig| settings.alignment = 0)]
#[case::parts("request_parts_max", |settings: &mut SimConfig| settings.request_parts_max = 0)]
#[case::flight("in_flight_parts_max", |settings: &mut SimConfig| settings.in_flight_parts_max = 0)]
#[case::bytes("request_bytes_max", |settings: &mut SimConfig| settings.request_bytes_max = u64::MAX)]
#[case::profile("links.bus", |settings: &mut SimConfig| {
    settings.profile.links.clear();
    settings.profile.links.insert("bus".into(), tierproof_sim::LinkProfile { bandwidth_bytes_per_s: 0 });
})]
fn a_wrong_setting_is_named(#[case] named: &str, #[case] change: fn(&mut SimConfig)) {
    let mut settings = config(ONE_LINK);
    change(&mut settings);
    let error = Sim::new(settings).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(named), "{error}");
}

#[test]
fn the_embedded_profiles_model_every_route_but_file_to_file() {
    for profile in [Profile::h100_nvme(), Profile::laptop()] {
        let sim = Sim::new(SimConfig { profile, ..SimConfig::default() }).unwrap();
        for source in MediumKind::ALL {
            for target in MediumKind::ALL {
                let files = (source, target) == (MediumKind::File, MediumKind::File);
                let expected = if files { Route::Absent } else { Route::Direct };
                assert_eq!(sim.capability().route(source, target), expected);
            }
        }
    }
    assert_eq!(Profile::default(), Profile::h100_nvme());
    let down = Profile::default().routes.device_to_host.unwrap();
    assert_eq!((down.link.as_str(), down.latency_ns), ("pcie_down", Nanos(8_300)));
}
