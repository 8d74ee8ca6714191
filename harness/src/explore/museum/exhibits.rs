//! All exhibits, by project and number.

use tierproof_core::MediumKind::{Device, File, Host};

use crate::explore::Breach;
use crate::lockstep::Law;

use super::abort::{Assertion, Sticky};
use super::astray::Astray;
use super::deed::Deed;
use super::early::Early;
use super::exhibit::Exhibit;
use super::hang::{Livelock, SmallPool};
use super::late::Late;
use super::mixed::Mixed;
use super::refusal::{Dirty, Leak};
use super::stale::Stale;
use super::status::Status;
use super::tamper::Tamper;

const DYNAMO: &str = "ai-dynamo/dynamo";
const IK_LLAMA: &str = "ikawrakow/ik_llama.cpp";
const LMCACHE: &str = "LMCache/LMCache";
const MOONCAKE: &str = "kvcache-ai/Mooncake";
const NIXL: &str = "ai-dynamo/nixl";
const TRTLLM: &str = "NVIDIA/TensorRT-LLM";
const VLLM: &str = "vllm-project/vllm";

/// Wrong bytes, in the end perhaps another tenant's.
const BYTES: &[Breach] = &[Breach::Law(Law::S1), Breach::Law(Law::S8)];
/// Somebody did not wait, as it is seen by the order itself or by what came of it.
const ORDER: &[Breach] = &[Breach::Law(Law::S3), Breach::Law(Law::S1), Breach::Law(Law::S8)];
const NEVER_ENDS: &[Breach] = &[Breach::Law(Law::L5)];
const NEVER_WORKS: &[Breach] = &[Breach::Law(Law::L3)];

/// The bugs of `docs/testing.md`.
pub static EXHIBITS: &[Exhibit] = &[
    Exhibit {
        id: "dynamo-15079",
        report: Some((DYNAMO, 15079)),
        was: "what a file was to bring is served though nothing was read, as a full hit",
        breaks: BYTES,
        misdeed: || Box::new(Tamper::unread()),
    },
    Exhibit {
        id: "ik_llama-2083",
        report: Some((IK_LLAMA, 2083)),
        was: "a synchronisation is elided: whoever waits goes on at once",
        breaks: ORDER,
        misdeed: || Box::new(Early::elided()),
    },
    Exhibit {
        id: "lmcache-1981",
        report: Some((LMCACHE, 1981)),
        was: "a file that others truncated is loaded",
        breaks: BYTES,
        misdeed: || Box::new(Tamper::truncated()),
    },
    Exhibit {
        id: "lmcache-3536",
        report: Some((LMCACHE, 3536)),
        was: "after one failure of the device all that follows fails, and the engine works on",
        breaks: NEVER_WORKS,
        misdeed: || Box::<Sticky>::default(),
    },
    Exhibit {
        id: "lmcache-4463",
        report: Some((LMCACHE, 4463)),
        was: "two layouts of one shape are taken for each other (also #4467)",
        breaks: BYTES,
        misdeed: || Box::new(Tamper::swapped_halves()),
    },
    Exhibit {
        id: "lmcache-4870",
        report: Some((LMCACHE, 4870)),
        was: "an event is recorded where something else runs, so its end is another's",
        breaks: ORDER,
        misdeed: || Box::new(Mixed::up()),
    },
    Exhibit {
        id: "mooncake-2921",
        report: Some((MOONCAKE, 2921)),
        was: "a list of the failed parts is read by position: other parts fail than did",
        breaks: BYTES,
        misdeed: || Box::new(Status::positional()),
    },
    Exhibit {
        id: "nixl-1696",
        report: Some((NIXL, 1696)),
        was: "a short write is told as done",
        breaks: BYTES,
        misdeed: || Box::new(Tamper::short_writes()),
    },
    Exhibit {
        id: "nixl-1827",
        report: Some((NIXL, 1827)),
        was: "a request of more parts than the pool has entries never completes",
        breaks: NEVER_ENDS,
        misdeed: || Box::<SmallPool>::default(),
    },
    Exhibit {
        id: "nixl-1957",
        report: Some((NIXL, 1957)),
        was: "a refused request is carried out all the same, later",
        breaks: &[
            Breach::Law(Law::S3),
            Breach::Law(Law::S4),
            Breach::Law(Law::S1),
            Breach::Law(Law::S8),
        ],
        misdeed: || Box::<Dirty>::default(),
    },
    Exhibit {
        id: "nixl-1957-wedge",
        report: Some((NIXL, 1957)),
        was: "after the first failure everything is refused",
        breaks: NEVER_WORKS,
        misdeed: || Box::new(Leak::of(1)),
    },
    Exhibit {
        id: "nixl-2146",
        report: Some((NIXL, 2146)),
        was: "completed parts are counted, their status is not looked at",
        breaks: BYTES,
        misdeed: || Box::new(Status::ignored()),
    },
    Exhibit {
        id: "nixl-2146-batches",
        report: Some((NIXL, 2146)),
        was: "the status of a request's last batch overwrites an earlier batch's failure",
        breaks: BYTES,
        misdeed: || Box::new(Status::overwritten()),
    },
    Exhibit {
        id: "nixl-2146-pool",
        report: Some((NIXL, 2146)),
        was: "a failed batch is not returned to the pool (here of 4), until none is left",
        breaks: NEVER_WORKS,
        misdeed: || Box::new(Leak::of(4)),
    },
    Exhibit {
        id: "nixl-2146-shared",
        report: Some((NIXL, 2146)),
        was: "a batch returned twice is two requests': both end when one does",
        breaks: ORDER,
        misdeed: || Box::new(Mixed::shared()),
    },
    Exhibit {
        id: "trtllm-9056",
        report: Some((TRTLLM, 9056)),
        was: "blocks go down and up without waiting for what their slots are still used for",
        breaks: ORDER,
        misdeed: || Box::new(Early::of(|_| true)),
    },
    Exhibit {
        id: "trtllm-13124",
        report: Some((TRTLLM, 13124)),
        was: "memory is addressed by a block's number instead of by its slot",
        breaks: ORDER,
        misdeed: || Box::<Astray>::default(),
    },
    Exhibit {
        id: "trtllm-15546",
        report: Some((TRTLLM, 15546)),
        was: "a source is overwritten while an asynchronous copy of it is pending",
        breaks: ORDER,
        misdeed: || Box::<Late>::default(),
    },
    Exhibit {
        id: "vllm-29870",
        report: Some((VLLM, 29870)),
        was: "a block is used again before its store to a file has ended",
        breaks: ORDER,
        misdeed: || Box::new(Early::of(|way| way == (Device, File))),
    },
    Exhibit {
        id: "vllm-45704",
        report: Some((VLLM, 45704)),
        was: "a stream reads a block that another stream is still loading",
        breaks: ORDER,
        misdeed: || Box::new(Early::of(|(source, target)| source != target && target == Device)),
    },
    Exhibit {
        id: "vllm-46014",
        report: Some((VLLM, 46014)),
        was: "an assertion fails when a block is admitted again",
        breaks: &[Breach::PANIC],
        misdeed: || Box::<Assertion>::default(),
    },
    Exhibit {
        id: "vllm-46951",
        report: Some((VLLM, 46951)),
        was: "a block is stored before what was computed has reached it",
        breaks: BYTES,
        misdeed: || Box::<Stale>::default(),
    },
    Exhibit {
        id: "vllm-48596",
        report: Some((VLLM, 48596)),
        was: "a block is used again before its store to the host has ended",
        breaks: ORDER,
        misdeed: || Box::new(Early::of(|way| way == (Device, Host))),
    },
    Exhibit {
        id: "vllm-49176",
        report: Some((VLLM, 49176)),
        was: "a load that fails is tried for ever",
        breaks: NEVER_ENDS,
        misdeed: || Box::<Livelock>::default(),
    },
    Exhibit {
        id: "vllm-54363",
        report: Some((VLLM, 54363)),
        was: "damage that leaves a file's length as it was is not noticed",
        breaks: BYTES,
        misdeed: || Box::new(Tamper::rotten()),
    },
];

/// No misdeed at all: what nobody may notice.
pub static CONTROL: Exhibit = Exhibit {
    id: "control",
    report: None,
    was: "nothing is wrong",
    breaks: &[],
    misdeed: || Box::new(Innocent),
};

/// What every campaign has to notice first.
pub static CANARY: Exhibit = Exhibit {
    id: "canary",
    report: None,
    was: "nobody waits for anything",
    breaks: ORDER,
    misdeed: || Box::new(Early::of(|_| true)),
};

#[derive(Debug)]
struct Innocent;

impl Deed for Innocent {}
