//! The agent of a backend, and those that came before it: after an error another one goes on.

use super::agent::{Agent, Ends, Registered};
use super::cargo::MemoryKind;
use super::library::{Attestation, Library};
use super::plugin::{Facts, Opening};
use super::status::Code;
use super::sys::Api;
use crate::files::regions::Region;
use std::collections::BTreeMap;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::thread::Builder;
use tierproof_core::{Bytes, Error, ErrorKind, Fallback, Result};

/// The agent for new transfers, and those that only finish what they began.
pub(super) struct Agents {
    api: &'static Api,
    backend: &'static str,
    /// The way that worked.
    way: &'static Opening,
    current: Option<Arc<Agent>>,
    /// Those that failed, until nothing of them is left.
    retired: Vec<Retired>,
    /// All that is registered, for the next agent.
    roster: BTreeMap<Registered, Entry>,
}

/// What is registered of a place.
#[derive(Debug, Clone, Copy)]
enum Entry {
    Memory(MemoryKind, usize),
    File(usize),
}

struct Retired {
    agent: Arc<Agent>,
    ending: bool,
}

/// A way that worked: its agents, what was loaded, and what is otherwise than wanted.
pub(super) struct Found {
    pub(super) agents: Agents,
    pub(super) attestation: Attestation,
    pub(super) fallbacks: Vec<Fallback>,
}

impl Agents {
    /// Takes the first way whose plugin can be opened and passes `trial`.
    pub(super) fn probe(
        library: Option<&Path>,
        facts: &'static Facts,
        trial: impl Fn(&Arc<Agent>, &Opening) -> Result<()>,
    ) -> Result<Found> {
        let mut fallbacks = Vec::new();
        let mut refusals = Vec::new();
        for (index, way) in facts.ways.iter().enumerate() {
            match attempt(library, way, &trial) {
                Ok((agent, opened)) => {
                    let agents = Self {
                        api: opened.api,
                        backend: facts.backend,
                        way,
                        current: Some(agent),
                        retired: Vec::new(),
                        roster: BTreeMap::new(),
                    };
                    let attestation = opened.attest(way.queue);
                    return Ok(Found { agents, attestation, fallbacks });
                }
                // What is wrong with the library is wrong with it on every way.
                Err(Attempt::Library(error)) if index == 0 => return Err(error),
                Err(Attempt::Library(error) | Attempt::Plugin(error)) => {
                    refusals.push(format!("{}: {error}", way.queue));
                    if let Some(next) = facts.ways.get(index + 1) {
                        let instead = match next.plugin == way.plugin {
                            true => next.queue.to_owned(),
                            false => format!("{}, through pinned host memory", next.queue),
                        };
                        fallbacks.push(Fallback::new(way.queue, instead, error.to_string()));
                    }
                }
            }
        }
        let context = format!(
            "{} does not work here ({}): see NIXL's log on standard error and `tierproof doctor`, or \
             choose another backend",
            facts.backend,
            refusals.join("; ")
        );
        Err(Error::new(ErrorKind::Unavailable, context))
    }

    /// The way that files are moved.
    pub(super) fn way(&self) -> &'static Opening {
        self.way
    }

    /// The agent for new transfers: where the last one has failed, another that knows all that is
    /// registered.
    pub(super) fn current(&mut self) -> Result<Arc<Agent>> {
        if let Some(agent) = &self.current {
            return Ok(Arc::clone(agent));
        }
        let opened = open(self.api, self.way).and_then(|agent| {
            let mut roster = self.roster.iter();
            roster.try_for_each(|(place, entry)| register(&agent, *place, *entry))?;
            Ok(Arc::new(agent))
        });
        let agent = opened.map_err(|code| self.failed("open another agent", code))?;
        self.current = Some(Arc::clone(&agent));
        Ok(agent)
    }

    /// Registers memory, which must be forgotten before it goes or outlive the agents.
    pub(super) fn register_memory(
        &mut self,
        kind: MemoryKind,
        address: usize,
        len: Bytes,
    ) -> Result<()> {
        let entry = Entry::Memory(kind, len as usize);
        self.enter(Registered::Memory(address), entry, "register memory")
    }

    /// Registers a region.
    pub(super) fn register(&mut self, region: &Region) -> Result<()> {
        match region {
            Region::Memory(_, memory) => {
                self.register_memory(MemoryKind::Host, memory.address(), memory.len())
            }
            // Only buffers of ours go between it and files.
            #[cfg(feature = "cuda")]
            Region::Device(_) => Ok(()),
            Region::File(store) => store.kept().try_for_each(|(file, len)| {
                let place = Registered::File(file.as_raw_fd());
                self.enter(place, Entry::File(len as usize), "register a file")
            }),
        }
    }

    fn enter(&mut self, place: Registered, entry: Entry, doing: &str) -> Result<()> {
        let agent = self.current()?;
        register(&agent, place, entry).map_err(|code| self.failed(doing, code))?;
        self.roster.insert(place, entry);
        Ok(())
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
    pub(super) fn end_idle(&mut self, in_use: impl Fn(&Arc<Agent>) -> bool) {
        for retired in &mut self.retired {
            // Ending others would prove nothing, and cuFile knows buffers and files by address and number only:
            // what one agent deregisters is gone for its successor too.
            let proves = retired.agent.ends() == Ends::WithAgent;
            if retired.ending || !proves || in_use(&retired.agent) {
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

    /// Ends all agents that no transfer in doubt still needs. Whether those that are being ended elsewhere have
    /// ended by `late`.
    pub(super) fn close(&mut self, late: impl Fn() -> bool) -> bool {
        self.current = None;
        let (ending, idle): (Vec<_>, Vec<_>) =
            self.retired.drain(..).partition(|retired| retired.ending);
        drop(idle);
        while !ending.iter().all(|retired| retired.agent.is_gone()) {
            if late() {
                return false;
            }
            std::thread::yield_now();
        }
        true
    }

    /// Ends the registrations of a region that goes. One that can't be ended ends with its agent.
    pub(super) fn forget(&mut self, region: &Region) {
        let places: Vec<Registered> = match region {
            Region::Memory(_, memory) => vec![Registered::Memory(memory.address())],
            #[cfg(feature = "cuda")]
            Region::Device(_) => Vec::new(),
            Region::File(store) => {
                store.kept().map(|(file, _)| Registered::File(file.as_raw_fd())).collect()
            }
        };
        for place in places {
            self.roster.remove(&place);
            let retired = self.retired.iter().map(|retired| &retired.agent);
            for agent in self.current.iter().chain(retired) {
                let _ = agent.forget(place);
            }
        }
    }

    /// The error of a call that was `doing` something.
    fn failed(&self, doing: &str, code: Code) -> Error {
        let context =
            format!("{}: NIXL could not {doing}: see its log on standard error", self.backend);
        Error::new(code.kind(), context).with_source(code)
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

/// Why a way does not work: its files, or what they do.
enum Attempt {
    Library(Error),
    Plugin(Error),
}

fn attempt(
    library: Option<&Path>,
    way: &Opening,
    trial: impl Fn(&Arc<Agent>, &Opening) -> Result<()>,
) -> Result<(Arc<Agent>, Library), Attempt> {
    let library = Library::open(library, way.plugin).map_err(Attempt::Library)?;
    let agent = open(library.api, way).map_err(|code| {
        let path = library.plugin.path.display();
        let context = format!("{path} can't be opened ({code})");
        Attempt::Plugin(Error::new(ErrorKind::Unavailable, context).with_source(code))
    })?;
    let agent = Arc::new(agent);
    trial(&agent, way).map_err(Attempt::Plugin)?;
    Ok((agent, library))
}

/// An agent with the plugin of this way.
pub(super) fn open(api: &'static Api, way: &Opening) -> Result<Agent, Code> {
    Agent::open(api, way.plugin, way.parameters, way.ends)
}

fn register(agent: &Agent, place: Registered, entry: Entry) -> Result<(), Code> {
    match (place, entry) {
        (Registered::Memory(address), Entry::Memory(kind, len)) => {
            agent.register_memory(kind, address, len)
        }
        (Registered::File(fd), Entry::File(len)) => agent.register_file(fd, len),
        _ => unreachable!("memory is entered as memory and files as files"),
    }
}
