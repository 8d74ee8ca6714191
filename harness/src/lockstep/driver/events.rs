//! Readers of the engine's event stream: the decision log, what its verbs add up to, and KV events
//! replayed by somebody who sees nothing else (law C5).

use std::collections::{BTreeMap, BTreeSet};

use tierproof_core::{BlockState, Event, KvEvent, KvEventData, KvEvents, StoredBlock, Tier};

use crate::lockstep::law::{Broken, Check, Law};

/// Everything that was read so far.
#[derive(Debug)]
pub(super) struct Events {
    log: Vec<String>,
    tally: Tally,
    kv: KvEvents,
    next_kv: u64,
    sizes: Vec<u32>,
    mirror: Mirror,
    /// What each findable block is called, by window and block.
    names: BTreeMap<(usize, usize), u64>,
}

impl Events {
    /// Of windows of these sizes.
    pub(super) fn new(sizes: Vec<u32>) -> Self {
        Self {
            log: Vec::new(),
            tally: Tally::default(),
            kv: KvEvents::new(sizes.clone(), usize::MAX).expect("a bound above 0"),
            next_kv: 0,
            mirror: Mirror {
                windows: sizes.iter().map(|_| Known::default()).collect(),
                ambiguous: BTreeSet::new(),
            },
            sizes,
            names: BTreeMap::new(),
        }
    }

    /// Reads what an operation led to; answers its lines.
    pub(super) fn read(
        &mut self,
        events: impl Iterator<Item = Event>,
    ) -> Result<&[String], Broken> {
        let first = self.log.len();
        for event in events {
            let mut line = Vec::new();
            event.write_line(&mut line);
            line.pop();
            self.log.push(String::from_utf8(line).expect("lines are text"));
            self.tally.observe(&event);
            self.kv.observe(&event);
            self.name(&event);
        }
        if self.log.len() == first {
            return Ok(&[]);
        }
        self.kv.flush();
        for event in self.kv.take() {
            if event.id != self.next_kv {
                let what = format!("KV event {} follows {}", event.id, self.next_kv);
                return Err(Law::C5.broken(what));
            }
            self.next_kv += 1;
            let window = self.sizes.iter().position(|size| *size == event.window_size);
            let window = window.ok_or_else(|| {
                Law::C5.broken(format!("a KV event of a window of {}", event.window_size))
            })?;
            self.mirror.replay(event, window)?;
        }
        Ok(&self.log[first..])
    }

    /// All lines so far.
    pub(super) fn log(&self) -> &[String] {
        &self.log
    }

    /// What the model does not count.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    fn name(&mut self, event: &Event) {
        match event {
            Event::Stored { window, block, hash, .. } => {
                self.names.insert((usize::from(*window), block.0 as usize), *hash);
            }
            Event::Removed { window, block, .. } => {
                self.names.remove(&(usize::from(*window), block.0 as usize));
            }
            _ => {}
        }
    }

    /// Whoever replayed all KV events knows exactly the findable blocks.
    pub(super) fn compare(&self, window: usize, blocks: impl Iterator<Item = BlockState>) -> Check {
        let known = &self.mirror.windows[window];
        let mut findable = 0;
        for (id, block) in blocks.enumerate().filter(|(_, block)| block.findable) {
            findable += 1;
            let name = self.names.get(&(window, id));
            let name = name.ok_or_else(|| {
                Law::C5.broken(format!("block {id} is findable without an event"))
            })?;
            let seen = known.blocks.get(name).map_or(&[][..], Vec::as_slice);
            let expected = (block.place.tier, block.priority);
            let ambiguous = self.mirror.ambiguous.contains(&(self.sizes[window], *name));
            if seen.is_empty() || (!ambiguous && seen != [expected]) {
                return Err(Law::C5.broken(format!(
                    "window {window} block {id} is {expected:?}, and KV events say {seen:?}"
                )));
            }
        }
        let count = known.count;
        Law::C5.holds(count == findable, || {
            format!("window {window}: KV events know {count} blocks of {findable} findable")
        })
    }
}

/// Events of some kinds so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) fallbacks: u64,
    pub(super) stored: u64,
    pub(super) removed: u64,
    pub(super) expired: u64,
}

impl Tally {
    fn observe(&mut self, event: &Event) {
        match event {
            Event::FellBack { .. } => self.fallbacks += 1,
            Event::Stored { .. } => self.stored += 1,
            Event::Removed { .. } => self.removed += 1,
            Event::Expired { .. } => self.expired += 1,
            _ => {}
        }
    }
}

/// What a router knows of one window: tier and priority of every block, by hash.
#[derive(Debug, Default)]
struct Known {
    blocks: BTreeMap<u64, Vec<(Tier, u8)>>,
    count: usize,
}

/// What a router knows.
#[derive(Debug)]
struct Mirror {
    windows: Vec<Known>,
    /// Hashes that two blocks had at once, which nobody outside can tell apart. Random plans have a
    /// trace's hash under several parents, where it should name a whole prefix; and upstream's hash is
    /// weak: over tokens 0 it is the same with salt 0 and with adapter 0.
    ambiguous: BTreeSet<(u32, u64)>,
}

impl Mirror {
    fn replay(&mut self, event: KvEvent, window: usize) -> Check {
        let size = event.window_size;
        let Known { blocks: known, count } = &mut self.windows[window];
        match event.data {
            KvEventData::Created { .. } => {}
            KvEventData::Stored { blocks, .. } => {
                for StoredBlock { hash, tier, priority, .. } in blocks {
                    let here = known.entry(hash).or_default();
                    here.push((tier, priority));
                    *count += 1;
                    if here.len() > 1 {
                        self.ambiguous.insert((size, hash));
                    }
                }
            }
            KvEventData::Removed { hashes } => {
                for hash in hashes {
                    let here = known.get_mut(&hash).and_then(Vec::pop);
                    *count -= usize::from(here.is_some());
                    here.ok_or_else(|| {
                        Law::C5.broken(format!("a KV event removes {hash:x}, which is unknown"))
                    })?;
                }
            }
            KvEventData::Updated { hash, tier, priority } => {
                let here = known.get_mut(&hash).and_then(|here| here.last_mut());
                let here = here.ok_or_else(|| {
                    Law::C5.broken(format!("a KV event updates {hash:x}, which is unknown"))
                })?;
                let surely = !self.ambiguous.contains(&(size, hash));
                if let Some((old, new)) = tier {
                    let was = std::mem::replace(&mut here.0, new);
                    Law::C5.holds(!surely || was == old, || {
                        format!("a KV event moves {hash:x} from {old:?}, not {was:?}")
                    })?;
                }
                if let Some((old, new)) = priority {
                    let was = std::mem::replace(&mut here.1, new);
                    Law::C5.holds(!surely || was == old, || {
                        format!("a KV event reprices {hash:x} from {old}, not {was}")
                    })?;
                }
            }
        }
        Ok(())
    }
}
