//! What is told of a fault that was made from outside is what `Faulty` tells of its class: a slot is written, read twice,
//! written again and read.

use crate::bench::Bench;
use crate::folder::{GARBAGE, resize};
use crate::full::limit_files;
use crate::ground::Ground;
use crate::on::On;
use crate::trial::Trial;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use tierproof_core::Backend;
use tierproof_sim::faults::{FaultClass, FaultEntry, FaultPlan};
use tierproof_sim::{Sim, SimConfig};

/// A page for the payload of 100 bytes, one for its trailer.
const STRIDE: usize = 8192;
const PAGE: usize = 4096;

/// Of slot 1: its second writing, its first reading.
const STORE: &str = "device0:1>file0:1#1";
const LOAD: &str = "file0:1>device0:5#0";

/// Just before this is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Store,
    Load,
    SecondLoad,
    SecondStore,
}

/// The file of slot 1, and where in it the slot begins.
struct Slot {
    path: PathBuf,
    at: usize,
}

impl Slot {
    fn of(on: On, root: &Path) -> Self {
        if on.has_a_file_for_each_slot() {
            Self { path: root.join("rank0_window0_block_1_pool_0.bin"), at: 0 }
        } else {
            Self { path: root.join("rank0_window0_pool0.slots"), at: STRIDE }
        }
    }

    fn edit(&self, edit: impl FnOnce(&mut [u8])) {
        let file = OpenOptions::new().read(true).write(true).open(&self.path).expect("it is there");
        let mut bytes = [0; STRIDE];
        file.read_exact_at(&mut bytes, self.at as u64).expect("it is that long");
        edit(&mut bytes);
        file.write_all_at(&bytes, self.at as u64).expect("it is ours");
    }
}

/// How a class is made real, and its entry.
struct Story {
    case: &'static str,
    class: FaultClass,
    subject: &'static str,
    detail: u64,
    ground: Ground,
    real: fn(&Slot, Before),
    /// Whether the system gives the store another reason than `Faulty`, as below NIXL it always may.
    own_words: bool,
}

fn stories() -> Vec<Story> {
    let story = |case, class, subject, detail, real| Story {
        case,
        class,
        subject,
        detail,
        ground: Ground::Here,
        real,
        own_words: false,
    };
    vec![
        story("payload", FaultClass::F12, STORE, 50 << 3, |slot, before| {
            if before == Before::Load {
                slot.edit(|bytes| bytes[50] ^= 1);
            }
        }),
        story("trailer", FaultClass::F12, STORE, 150 << 3, |slot, before| {
            if before == Before::Load {
                slot.edit(|bytes| bytes[PAGE + 50] ^= 1);
            }
        }),
        story("zeros", FaultClass::F28, STORE, 0, |slot, before| {
            if before == Before::Load {
                slot.edit(|bytes| bytes.fill(0));
            }
        }),
        story("garbage", FaultClass::F28, STORE, 1, |slot, before| {
            if before == Before::Load {
                slot.edit(|bytes| bytes.fill(GARBAGE));
            }
        }),
        story("short_read", FaultClass::F06, LOAD, 50 << 1, cut_and_mend),
        Story {
            ground: Ground::Limits,
            ..story("no_room", FaultClass::F04, STORE, 0, |_, before| {
                limit_files((before == Before::Store).then_some(0));
            })
        },
        Story {
            ground: Ground::Limits,
            own_words: true,
            ..story("short_write", FaultClass::F05, STORE, 50 << 1 | 1, |slot, before| {
                limit_files((before == Before::Store).then_some((slot.at + PAGE) as u64));
            })
        },
    ]
}

/// The file is cut within the payload's page, and gets back what it had.
fn cut_and_mend(slot: &Slot, before: Before) {
    let saved = slot.path.with_extension("saved");
    match before {
        Before::Load => {
            fs::copy(&slot.path, &saved).expect("it is there");
            resize(&slot.path, (slot.at + 50) as u64);
        }
        Before::SecondLoad => {
            let bytes = fs::read(&saved).expect("it is there");
            OpenOptions::new()
                .write(true)
                .open(&slot.path)
                .and_then(|file| file.write_all_at(&bytes, 0))
                .expect("it is ours");
        }
        _ => {}
    }
}

fn tell<B: Backend>(backend: B, plan: &FaultPlan, mut strike: impl FnMut(Before)) -> [String; 5] {
    let mut bench = Bench::new(backend, plan);
    for file in [0, 1] {
        assert_eq!(bench.store(file, &[0, 1, 2, 3]), "ok");
    }
    let told =
        [Before::Store, Before::Load, Before::SecondLoad, Before::SecondStore].map(|before| {
            strike(before);
            match before {
                Before::Store | Before::SecondStore => bench.store(0, &[1]),
                Before::Load | Before::SecondLoad => bench.load(0, 1),
            }
        });
    let [stored, loaded, again, anew] = told;
    let told = [stored, loaded, again, anew, bench.load(0, 1)];
    // A request that is refused, or whose only part fails: to the engine both are the same.
    told.map(|word| word.trim_start_matches("refused ").to_owned())
}

fn simulated(class: FaultClass, subject: &str, detail: u64) -> [String; 5] {
    let entry = FaultEntry { class, on: subject.parse().expect("a subject"), detail };
    tell(
        Sim::new(SimConfig::default()).expect("the default is valid"),
        &FaultPlan::of([entry]),
        |_| {},
    )
}

pub(crate) fn trials() -> Vec<Trial> {
    let trials = stories().into_iter().flat_map(|story| {
        let Story { case, class, subject, detail, ground, real, own_words } = story;
        Trial::everywhere(
            "as_simulated",
            format!("{class}_{case}").to_lowercase(),
            ground,
            move |on, root| {
                let slot = Slot::of(on, root);
                let backend = on.open(root).expect("nothing is wrong yet");
                let told = tell(backend, &FaultPlan::default(), |before| real(&slot, before));
                let expected = simulated(class, subject, detail);
                let both = format!("{told:?}, simulated {expected:?}");
                assert_eq!(told[1..], expected[1..], "{both}");
                assert_eq!(told[0] == "ok", expected[0] == "ok", "{both}");
                let other_words = own_words || on.is_nixl();
                assert!(other_words || told[0] == expected[0], "{both}");
            },
        )
    });
    let gone =
        Trial::new("as_simulated", "f27_file_gone", On::PerSlot, Ground::Here, |on, root| {
            let slot = Slot::of(on, root);
            let backend = on.open(root).expect("nothing is wrong yet");
            let told = tell(backend, &FaultPlan::default(), |before| {
                if before == Before::Load {
                    fs::remove_file(&slot.path).expect("it is there");
                }
            });
            assert_eq!(told, simulated(FaultClass::F27, LOAD, 0));
        });
    trials.chain([gone]).collect()
}
