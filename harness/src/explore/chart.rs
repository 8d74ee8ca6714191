//! A tally for people.

use std::fmt::Write;
use std::time::Duration;

use comfy_table::CellAlignment;
use tierproof_sim::faults::FaultClass;

use crate::report::table;

use super::tally::Tally;

impl Tally {
    /// The counts so far on one line.
    #[must_use]
    pub fn line(&self, elapsed: Duration) -> String {
        let per_second = |count: u64| count * 1000 / (elapsed.as_millis() as u64).max(1);
        format!(
            "{} seeds, {} a second; {} operations checked a second; {} faults of {} classes; {} \
             probes",
            self.seeds,
            per_second(self.seeds),
            per_second(self.ops),
            self.faults.values().sum::<u64>(),
            self.faults.len(),
            self.probes.values().filter(|&&count| count > 0).count(),
        )
    }

    /// Everything, as a table and a few lines.
    #[must_use]
    pub fn chart(&self) -> String {
        let mut table = table(&["class", "fault", "struck", "the engine must"]);
        for class in FaultClass::ALL {
            let count = self.faults.get(class).copied().unwrap_or(0);
            let struck = match self.unrealised.get(class) {
                Some(_) if count == 0 => "can't be had".to_owned(),
                _ => count.to_string(),
            };
            let duty = format!("{:?}", class.duty());
            table.add_row([class.id().to_owned(), class.title().to_owned(), struck, duty]);
        }
        if let Some(column) = table.column_mut(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let mut text = if self.faults.is_empty() { String::new() } else { format!("{table}\n") };
        let _ = writeln!(
            text,
            "{} seeds in {} s, {} of them repeated; {} operations, {} decisions, {} parts; {} runs \
             lost the device, {} had none; digest {:016x}",
            self.seeds,
            self.seconds,
            self.repeated,
            self.ops,
            self.decisions,
            self.parts,
            self.device_lost,
            self.not_built,
            self.digest
        );
        let _ = writeln!(
            text,
            "{} crashes, {} recoveries; {} keys had to be found after a crash, and were",
            self.crashes, self.recoveries, self.owed
        );
        if let Some(rare) = self.rarest() {
            let _ = writeln!(text, "{} probes, the rarest: {rare}", self.probes.len());
        }
        let _ = writeln!(text, "{} of {} canaries seen", self.canaries, self.shards.len());
        if self.canary_lived() {
            text += "the canary lived: nothing this campaign says counts\n";
        }
        for failed in &self.failures {
            let _ =
                writeln!(text, "seed {}: {} broken: {}", failed.seed, failed.broke, failed.what);
        }
        text
    }

    /// The three probes that were come by least.
    fn rarest(&self) -> Option<String> {
        let mut probes: Vec<_> = self.probes.iter().map(|(name, count)| (count, name)).collect();
        probes.sort_unstable();
        let rare = probes.iter().take(3).map(|(count, name)| format!("{name} ({count})"));
        (!probes.is_empty()).then(|| rare.collect::<Vec<_>>().join(", "))
    }

    /// What a complete campaign would have reached and this one did not.
    #[must_use]
    pub fn missed(&self, classes: &[FaultClass]) -> Vec<String> {
        let struck = |class: &&FaultClass| {
            self.faults.contains_key(class) || self.unrealised.contains_key(class)
        };
        let classes = classes.iter().filter(|class| !struck(class));
        let classes = classes.map(|class| format!("{class}, {}", class.title()));
        let probes = self.probes.iter().filter(|(_, count)| **count == 0);
        classes.chain(probes.map(|(name, _)| format!("probe {name}"))).collect()
    }

    /// Two of the parts that are the same seeds, if there are any.
    #[must_use]
    pub fn overlap(&self) -> Option<String> {
        let mut shards = self.shards.clone();
        shards.sort_by_key(|shard| (shard.count, shard.index));
        let twice = shards.windows(2).find(|pair| pair[0] == pair[1])?;
        Some(format!("part {} is there twice", twice[0]))
    }
}
