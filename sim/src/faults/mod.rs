//! Faults over any backend: which exist, which are to fire, and a wrapper that makes them.
//!
//! A [`FaultPlan`] says which [`FaultClass`]es strike, by rate or by name. [`Faulty`] is any
//! backend with such a plan. Its rules:
//!
//! - **A fault is about a [`Subject`]**: a part that goes from one slot to another for the n-th
//!   time, an allocation, a wait, a cut. Subjects hold neither ids nor byte offsets, so they name
//!   the same operation on every backend and whatever else is left out of a run.
//! - **Draws are hashes** of seed, class and subject. So a plan without some entries, or a run
//!   without some operations, changes nothing about the others.
//! - **[`Faulty::fired`] is a plan**: the same run with these entries and no rates does the same.
//! - **Damage is done to the device's bytes, over a truth that is kept.** Retries do not heal what
//!   is damaged at rest; being written again does, and so does [`Faulty::heal`].
//! - **The device is what lies below verification.** A load that reads wrong bytes and is told as
//!   a success is still refused by the trailer that it is checked against, as a backend would.
//! - **Ranges of transfers in flight are theirs**: no fault touches them.
//! - **What can't be had is said**: [`Faulty::realises`], [`Faulty::unrealised`],
//!   [`Faulty::unfired`].
//!
//! A part has at most one fault that decides what becomes of it, the first by class; others may
//! delay it, or tell its end twice. What already failed below is not struck.
//!
//! | module | what it holds |
//! |---|---|
//! | `class` | [`FaultClass`] and what is known of each |
//! | `subject` | [`Subject`] |
//! | `plan` | [`FaultPlan`] |
//! | `choices` | which faults strike a subject, and which did |
//! | `overlay` | what damaged ranges should hold |
//! | `media` | the backend below and its regions |
//! | `fit` | what can strike a part |
//! | `condition` | faults that go on |
//! | `clock` | time that jumps and stalls |
//! | `flight` | transfers between submit and the telling of their end |
//! | `faulty` | [`Faulty`], and what it answers about its faults |
//! | `region` | faults of regions and of the opening |
//! | `launch` | handing transfers to the backend |
//! | `submit` | from a request to the backend |
//! | `tamper` | the bytes of a struck part |
//! | `at_rest` | damage to what was stored |
//! | `on_the_way` | what a read brings that was not stored |
//! | `reuse` | a file's number that has become another's |
//! | `outcome` | what a fault makes of a part |
//! | `deliver` | from what ended below to completions |
//! | `backend` | [`Faulty`] as a backend |
//! | `power` | faults of a power cut, over the simulator |

mod at_rest;
mod backend;
mod choices;
mod class;
mod clock;
mod condition;
mod deliver;
mod faulty;
mod fit;
mod flight;
mod launch;
mod media;
mod on_the_way;
mod outcome;
mod overlay;
mod plan;
mod power;
mod region;
mod reuse;
mod subject;
mod submit;
mod tamper;

pub use class::{Duty, FaultClass, Lasts, Occasion};
pub use faulty::Faulty;
pub use overlay::Damage;
pub use plan::{ENTRIES_MAX, FaultEntry, FaultPlan, MILLION};
pub use subject::{Spot, Subject};
