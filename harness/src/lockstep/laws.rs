//! Laws: what must hold of the model's state after every operation. A broken law is a bug of the
//! model or a hole in the rule book.

use std::collections::BTreeSet;

use crate::lockstep::model::{BlockId, Key, Model, Parent, TIERS, Window, key_fingerprints};

impl Model {
    /// Whether every law holds.
    ///
    /// # Errors
    /// The first law that does not, and where.
    pub fn check(&self) -> Result<(), String> {
        for window in &self.windows {
            check_places(window)?;
            check_slots(window)?;
            check_tree(window)?;
            self.check_findable_contents(window)?;
            self.check_references(window)?;
            self.check_held_contents(window)?;
        }
        self.check_counters()
    }

    /// A block's references are those of live requests and of pins.
    fn check_references(&self, window: &Window) -> Result<(), String> {
        let mut refs = vec![0; window.blocks.len()];
        for held in window.held.values() {
            for block in held.blocks.iter().skip(held.front).flatten() {
                refs[*block] += 1;
            }
        }
        for block in self.pins.iter().flatten().flat_map(|pin| &pin[window.number]) {
            refs[*block] += 1;
        }
        for (id, block) in window.blocks.iter().enumerate() {
            law(block.refs == refs[id], window, id, "has references that nobody holds")?;
        }
        Ok(())
    }

    /// What a live request attends to is in its blocks, on the device or below it.
    fn check_held_contents(&self, window: &Window) -> Result<(), String> {
        let per_block = self.config.tokens_per_block;
        for (request, held) in &window.held {
            let prints = self.requests[request].fingerprints();
            law(
                held.blocks.len() == prints.len().div_ceil(per_block),
                window,
                held.blocks.len(),
                "blocks are not what the tokens need",
            )?;
            for (token, print) in prints.iter().enumerate().skip(held.front * per_block) {
                for block in &held.blocks[token / per_block] {
                    let here = window.content(*block)[token % per_block];
                    law(
                        here == Some(*print) || (here.is_none() && self.is_written_by_hand()),
                        window,
                        *block,
                        "does not hold its request's tokens",
                    )?;
                }
            }
        }
        Ok(())
    }

    /// A findable block holds what its keys say.
    fn check_findable_contents(&self, window: &Window) -> Result<(), String> {
        let per_block = self.config.tokens_per_block;
        for (id, block) in window.blocks.iter().enumerate() {
            if !block.findable() {
                continue;
            }
            let keys = path(window, id).unwrap_or_default();
            let prints = key_fingerprints(&keys, per_block);
            let promised = &prints[(keys.len() - 1) * per_block..];
            let content = window.content(id);
            let kept = |(promised, here): (&u64, &Option<u64>)| {
                *here == Some(*promised) || (here.is_none() && self.is_written_by_hand())
            };
            let kept = promised.iter().zip(&content).all(kept);
            law(kept, window, id, "does not hold what its key promises")?;
        }
        Ok(())
    }

    /// Every context block was found or taken fresh.
    fn check_counters(&self) -> Result<(), String> {
        let sum = self.counters();
        if sum.lookups == sum.hits_total() + sum.partials_in_place + sum.missed {
            Ok(())
        } else {
            Err(format!("lookups are not hits and misses: {sum:?}"))
        }
    }
}

fn law(holds: bool, window: &Window, block: BlockId, broken: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("window {} block {block} {broken}", window.number)) }
}

/// Every block is in exactly one place, of its own tier; reserves are full.
fn check_places(window: &Window) -> Result<(), String> {
    let mut places = vec![0; window.blocks.len()];
    for tier in TIERS {
        for (list, name) in [
            (&window.empties[tier], "empty"),
            (&window.reserve[tier], "in reserve"),
            (&window.queues[tier], "queued"),
        ] {
            for id in list {
                places[*id] += 1;
                let block = &window.blocks[*id];
                let right = block.tier == tier && block.refs == 0;
                law(right, window, *id, &format!("is {name} in tier {tier}, and should not"))?;
                let lost = name != "queued" && block.findable();
                law(!lost, window, *id, &format!("is {name} and findable"))?;
            }
        }
        let reserve = window.reserve[tier].len();
        let full = reserve == window.reserved(tier)
            || (reserve < window.reserved(tier) && window.was_quarantined);
        law(full, window, tier, "is a tier whose reserve is not full")?;
        for id in window.quarantined(tier) {
            places[id] += 1;
        }
    }
    for (id, block) in window.blocks.iter().enumerate() {
        let in_all = places[id] + usize::from(block.refs > 0);
        law(in_all == 1, window, id, &format!("is in {in_all} places"))?;
    }
    Ok(())
}

/// The slots of a tier are a permutation.
fn check_slots(window: &Window) -> Result<(), String> {
    for tier in TIERS {
        let here = window.blocks.iter().filter(|block| block.tier == tier);
        let slots: BTreeSet<usize> = here.clone().map(|block| block.slot).collect();
        let capacity = window.ordinary(tier) + window.reserved(tier);
        let whole = here.count() == capacity && slots == (0..capacity).collect();
        law(whole, window, tier, "is a tier with lost or doubled slots")?;
    }
    Ok(())
}

/// A findable block's parents are findable up to the root, and no two siblings have one key.
fn check_tree(window: &Window) -> Result<(), String> {
    for (id, block) in window.blocks.iter().enumerate() {
        let Some((parent, key)) = &block.hangs else {
            continue;
        };
        law(path(window, id).is_some(), window, id, "hangs under nothing, or under itself")?;
        let only = window.child(*parent, key) == Some(id);
        law(only, window, id, "has the key of a sibling")?;
        if let Parent::Block(parent) = parent {
            let (_, key) = window.blocks[*parent].hangs.as_ref().expect("the path was found");
            let per_block = window.config.tokens_per_block;
            law(key.len(per_block) == per_block, window, id, "hangs under a short block")?;
        }
    }
    Ok(())
}

/// The keys from the root to a block, or nothing if there is no such path.
fn path(window: &Window, block: BlockId) -> Option<Vec<Key>> {
    let mut keys = Vec::new();
    let mut at = Parent::Block(block);
    while let Parent::Block(id) = at {
        let (parent, key) = window.blocks[id].hangs.clone()?;
        keys.push(key);
        if keys.len() > window.blocks.len() {
            return None;
        }
        at = parent;
    }
    keys.reverse();
    Some(keys)
}
