//! What was answered for and is still owed: a book that is kept beside the engine, of what passes its
//! backend.
//!
//! A key is owed from the answer of a publication on that came after its content had come to a slot, until
//! that slot is offered to another content. Of a key that is there twice the newest copy counts, since that is
//! what the next process goes by.

use std::collections::{BTreeMap, BTreeSet};

use tierproof_core::{Descriptor, FileMedium, FileRole, RegionId, Stamp};

/// The 256-bit name of a block's content and of all before it.
pub(super) type Key = [u8; 32];

/// A disk slot of the window of this size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) window: u32,
    pub(super) slot: u64,
}

/// What was last written to a slot.
#[derive(Debug)]
struct Content {
    key: Key,
    generation: u64,
    /// Pools that have arrived.
    arrived: BTreeSet<u32>,
    /// No fault that may cost it struck it.
    sound: bool,
    /// A publication began that may have recorded it.
    offered: bool,
    /// No publication will record it any more.
    late: bool,
}

/// The book.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// In the order in which they were opened, over all processes: how faults count files.
    pub(super) files: Vec<FileMedium>,
    regions: BTreeMap<RegionId, usize>,
    contents: BTreeMap<Slot, Content>,
    /// The generation of the newest copy, by window and key.
    owed: BTreeMap<(u32, Key), u64>,
    /// Slots that a write may come to that was told to have ended.
    pub(super) haunted: BTreeSet<Slot>,
    /// Files are taken for each other.
    pub(super) confused: bool,
    /// Windows some of whose flushes since the last publication did nothing.
    unflushed: BTreeSet<u32>,
    /// Windows whose index was damaged.
    pub(super) struck: BTreeSet<u32>,
    /// A flush of an index did nothing, and its header may be older than its records.
    pub(super) hollow: bool,
}

impl Ledger {
    /// A file was opened.
    pub(super) fn opened(&mut self, region: RegionId, file: &FileMedium) {
        self.regions.insert(region, self.files.len());
        self.files.push(file.clone());
    }

    pub(super) fn file(&self, region: RegionId) -> Option<&FileMedium> {
        self.regions.get(&region).map(|&file| &self.files[file])
    }

    /// The disk slot, and the pool, that a range belongs to.
    fn slot(&self, at: Descriptor) -> Option<(Slot, u32)> {
        let file = self.file(at.region).filter(|file| file.role == FileRole::Lasting)?;
        let slot = at.offset.checked_div(file.stride)?;
        Some((Slot { window: file.window, slot }, file.pool))
    }

    /// A write to a range was accepted.
    pub(super) fn written(&mut self, at: Descriptor, stamp: &Stamp) {
        let Some((slot, pool)) = self.slot(at) else { return };
        let Stamp { key, generation, .. } = *stamp;
        if let Some(content) = self.contents.get_mut(&slot)
            && content.generation == generation
        {
            // Tried again.
            content.arrived.remove(&pool);
            return;
        }
        self.disown(slot);
        let sound = !self.confused && !self.haunted.contains(&slot);
        let arrived = BTreeSet::new();
        let content = Content { key, generation, arrived, sound, offered: false, late: false };
        self.contents.insert(slot, content);
    }

    /// A write to a range ended well.
    pub(super) fn arrived(&mut self, at: Descriptor, stamp: &Stamp) {
        let Some((slot, pool)) = self.slot(at) else { return };
        let content = self.contents.get_mut(&slot);
        if let Some(content) = content.filter(|content| content.generation == stamp.generation) {
            content.arrived.insert(pool);
        }
    }

    /// Nobody waits for a write to a range any more.
    pub(super) fn given_up(&mut self, at: Descriptor) {
        let slot = self.slot(at);
        if let Some(content) = slot.and_then(|(slot, _)| self.contents.get_mut(&slot)) {
            content.late = true;
        }
    }

    /// A flush did nothing, and said that it did.
    pub(super) fn not_flushed(&mut self, region: RegionId) {
        let Some(file) = self.file(region) else { return };
        let (window, role) = (file.window, file.role);
        self.unflushed.insert(window);
        self.hollow |= role == FileRole::Index;
    }

    /// A publication was answered for, or was not. What had come to a slot whose block was given up since is
    /// left out, as `holds` says.
    pub(super) fn published(&mut self, answered: bool, holds: impl Fn(Slot) -> bool) {
        let unflushed = std::mem::take(&mut self.unflushed);
        let pools = self.pools();
        for (slot, content) in &mut self.contents {
            let whole =
                pools.get(&slot.window).is_some_and(|&pools| content.arrived.len() == pools);
            if content.offered || content.late || !whole || content.key == [0; 32] {
                continue;
            }
            content.offered = true;
            content.sound &= !unflushed.contains(&slot.window);
            let owed = self.owed.get(&(slot.window, content.key)).copied();
            let newest = owed.is_none_or(|owed| owed < content.generation);
            if newest && !content.sound {
                self.owed.remove(&(slot.window, content.key));
            } else if newest && answered && holds(*slot) {
                self.owed.insert((slot.window, content.key), content.generation);
            }
        }
    }

    /// How many pools each window has.
    fn pools(&self) -> BTreeMap<u32, usize> {
        let mut pools = BTreeMap::new();
        for file in self.files.iter().filter(|file| file.role == FileRole::Lasting) {
            let most: &mut usize = pools.entry(file.window).or_default();
            *most = (*most).max(file.pool as usize + 1);
        }
        pools
    }

    /// What lies in a slot may be something else from now on.
    pub(super) fn doubt(&mut self, slot: Slot) {
        self.disown(slot);
        if let Some(content) = self.contents.get_mut(&slot) {
            content.sound = false;
        }
    }

    /// The same of every slot that `which` says.
    pub(super) fn doubt_all(&mut self, which: impl Fn(&Slot) -> bool) {
        let slots: Vec<Slot> = self.contents.keys().copied().filter(which).collect();
        slots.into_iter().for_each(|slot| self.doubt(slot));
    }

    /// A key is not owed any more if the newest copy that the next process may know of is the one here.
    fn disown(&mut self, slot: Slot) {
        let Some(content) = self.contents.get(&slot).filter(|content| content.offered) else {
            return;
        };
        let key = (slot.window, content.key);
        if self.owed.get(&key).is_some_and(|&owed| owed <= content.generation) {
            self.owed.remove(&key);
        }
    }

    /// The process is no more, and what it had not published never will be.
    pub(super) fn died(&mut self) {
        self.contents.values_mut().for_each(|content| content.late = true);
        self.unflushed.clear();
        self.healed();
    }

    /// Faults have ended.
    pub(super) fn healed(&mut self) {
        self.haunted.clear();
        self.confused = false;
    }

    /// How many keys are owed.
    pub(super) fn len(&self) -> usize {
        self.owed.len()
    }

    /// How many of the first of these keys are owed.
    pub(super) fn leading(&self, window: u32, keys: &[Key]) -> usize {
        keys.iter().take_while(|key| self.owed.contains_key(&(window, **key))).count()
    }

    /// Whether a process may say that an index is nobody's: its header was damaged, and there is nothing in
    /// it to tell by whose it is.
    pub(super) fn may_be_foreign(&self) -> bool {
        let owes = |window: &u32| self.owed.keys().any(|(of, _)| of == window);
        self.struck.iter().any(|window| !owes(window))
    }
}
