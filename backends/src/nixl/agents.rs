//! The agent of a backend, and those that came before it: after an error another one goes on.

use super::agent::{Agent, Place};
use super::flights::Flights;
use super::library::Library;
use super::plugin::{Facts, Opening};
use super::staging::Staging;
use super::status::Code;
use super::sys::Api;
use crate::files::regions::{Region, Regions};
use crate::lend::Memory;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::Builder;
use tierproof_core::{Error, ErrorKind, Fallback, Result};

/// The agent for new transfers, and those that only finish what they began.
pub(super) struct Agents {
    api: &'static Api,
    facts: &'static Facts,
    /// The way to open the plugin that worked.
    way: usize,
    current: Option<Arc<Agent>>,
    /// Those that failed, until nothing of them is left.
    retired: Vec<Retired>,
}

struct Retired {
    agent: Arc<Agent>,
    ending: bool,
}

impl Agents {
    /// Opens the plugin in the first way that works, and says what is otherwise than wanted.
    pub(super) fn probe(library: &Library, facts: &'static Facts) -> Result<(Self, Vec<Fallback>)> {
        let mut fallbacks = Vec::new();
        let mut refusals = Vec::new();
        for (way, opening) in facts.ways.iter().enumerate() {
            match Agent::open(library.api, facts.plugin, opening.parameters, opening.ends_all) {
                Ok(agent) => {
                    let current = Some(Arc::new(agent));
                    let agents =
                        Self { api: library.api, facts, way, current, retired: Vec::new() };
                    return Ok((agents, fallbacks));
                }
                Err(code) => {
                    refusals.push(format!("{}: {code}", opening.queue));
                    if let Some(next) = facts.ways.get(way + 1) {
                        let why = format!("the plugin refused it: {code}");
                        fallbacks.push(Fallback::new(opening.queue, next.queue, why));
                    }
                }
            }
        }
        let context = format!(
            "{} does not work here ({}): see NIXL's log on standard error, or choose another \
             backend",
            library.plugin.path.display(),
            refusals.join("; ")
        );
        Err(Error::new(ErrorKind::Unavailable, context))
    }

    /// What the plugin puts its reads and writes in.
    pub(super) fn queue(&self) -> &'static str {
        self.facts.ways[self.way].queue
    }

    /// The agent for new transfers: where the last one has failed, another that knows all of these.
    pub(super) fn current(&mut self, regions: &Regions, staging: &Staging) -> Result<Arc<Agent>> {
        if let Some(agent) = &self.current {
            return Ok(Arc::clone(agent));
        }
        let Opening { parameters, ends_all, .. } = self.facts.ways[self.way];
        let failed = |code: Code| failed(self.facts, "open another agent", code);
        let agent =
            Agent::open(self.api, self.facts.plugin, parameters, ends_all).map_err(failed)?;
        for region in regions.iter() {
            register(&agent, region).map_err(failed)?;
        }
        for slab in staging.slabs() {
            register_memory(&agent, slab).map_err(failed)?;
        }
        let agent = Arc::new(agent);
        self.current = Some(Arc::clone(&agent));
        Ok(agent)
    }

    /// Nothing new goes through this agent.
    pub(super) fn retire(&mut self, agent: &Arc<Agent>) {
        if self.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, agent)) {
            self.current = None;
            self.retired.push(Retired { agent: Arc::clone(agent), ending: false });
        }
    }

    /// Ends those that nothing moves through any more, on a thread of its own where it may wait for
    /// the kernel. One whose end proves nothing is left as it is.
    pub(super) fn end_idle(&mut self, flights: &Flights) {
        for retired in &mut self.retired {
            if retired.ending || !retired.agent.ends_all() || flights.use_agent(&retired.agent) {
                continue;
            }
            retired.ending = true;
            let agent = Arc::clone(&retired.agent);
            let end = move || agent.end();
            if Builder::new().name("nixl-end".into()).spawn(end).is_err() {
                retired.agent.end();
            }
        }
        self.retired.retain(|retired| !retired.agent.is_gone());
    }

    pub(super) fn register(&self, agent: &Agent, region: &Region) -> Result<()> {
        register(agent, region).map_err(|code| failed(self.facts, "register a region", code))
    }

    pub(super) fn register_slab(&self, agent: &Agent, slab: &Memory) -> Result<()> {
        register_memory(agent, slab).map_err(|code| failed(self.facts, "register a buffer", code))
    }

    /// Ends the registrations of a region that goes. One that can't be ended ends with its agent.
    pub(super) fn forget(&self, region: &Region) {
        let place = match region {
            Region::Memory(_, memory) => Some(Place::Memory(memory.address())),
            Region::File(store) => store.kept().map(|file| Place::File(file.as_raw_fd())),
        };
        let retired = self.retired.iter().map(|retired| &retired.agent);
        for agent in self.current.iter().chain(retired) {
            let _ = place.map(|place| agent.forget(place));
        }
    }

    #[cfg(test)]
    pub(super) fn current_address(&self) -> *const Agent {
        self.current.as_ref().map_or(std::ptr::null(), Arc::as_ptr)
    }

    #[cfg(test)]
    pub(super) fn retired_alive(&self) -> usize {
        self.retired.len()
    }
}

fn register(agent: &Agent, region: &Region) -> Result<(), Code> {
    match region {
        Region::Memory(_, memory) => register_memory(agent, memory),
        Region::File(store) => {
            let file = store.kept().ok_or(Code::NotFound)?;
            agent.register_file(file.as_raw_fd(), store.len() as usize)
        }
    }
}

fn register_memory(agent: &Agent, memory: &Memory) -> Result<(), Code> {
    agent.register_memory(memory.address(), memory.len() as usize)
}

fn failed(facts: &Facts, doing: &str, code: Code) -> Error {
    let context =
        format!("{}: NIXL could not {doing}: see its log on standard error", facts.backend);
    Error::new(code.kind(), context).with_source(code)
}
