//! An engine whose own time is told from its backend's.

use crate::timed::Timed;
use std::time::{Duration, Instant};
use tierproof_core::{Backend, Engine, EngineConfig, Event, EvictionPolicy, Result, WindowConfig};

/// What a replay runs on.
pub(crate) type Running = Engine<Timed<Box<dyn Backend>>>;

/// An engine, and where the time of the calls to it went. What the replay itself asks of the backend, to
/// fill blocks and to read them back, is neither's: no serving engine does that.
#[derive(Debug)]
pub(crate) struct Metered {
    engine: Running,
    own: Duration,
    below: Duration,
}

impl Metered {
    pub(crate) fn new(
        backend: Box<dyn Backend>,
        config: EngineConfig,
        policy: impl FnMut(&WindowConfig) -> Box<dyn EvictionPolicy>,
    ) -> Result<Self> {
        let engine = Engine::new(Timed::new(backend), config, policy)?;
        Ok(Self { engine, own: Duration::ZERO, below: Duration::ZERO })
    }

    /// Calls the engine, and counts the time.
    pub(crate) fn call<T>(&mut self, call: impl FnOnce(&mut Running) -> T) -> T {
        let (before, began) = (self.engine.backend().spent(), Instant::now());
        let answer = call(&mut self.engine);
        let whole = began.elapsed();
        let below = self.engine.backend().spent() - before;
        self.below += below;
        self.own += whole.saturating_sub(below);
        answer
    }

    /// The engine as it stands.
    pub(crate) fn state(&self) -> &Running {
        &self.engine
    }

    /// The backend, for what is not the engine's doing.
    pub(crate) fn backend_mut(&mut self) -> &mut dyn Backend {
        self.engine.backend_mut()
    }

    pub(crate) fn events(&mut self) -> std::vec::Drain<'_, Event> {
        self.engine.events()
    }

    /// Nanoseconds in the engine alone, and in the backend's calls that it made.
    pub(crate) fn spent(&self) -> [u64; 2] {
        [self.own, self.below].map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }
}

#[cfg(all(test, feature = "posix"))]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use tierproof_core::{Nanos, policy};

    fn metered() -> Metered {
        let settings = Settings { block_bytes: 0, ..Settings::default() };
        let make = |_: &_| policy(&settings.policy).unwrap();
        Metered::new(Box::new(tierproof_backends::Dram::new()), settings.engine(), make).unwrap()
    }

    /// Waits on the wall.
    fn nap(backend: &mut dyn Backend) {
        let now = backend.park(Nanos::ZERO);
        backend.park(now.saturating_add(Nanos::from_millis(20)));
    }

    #[test]
    fn what_a_call_takes_is_the_engines_or_the_backends() {
        let mut metered = metered();
        metered.call(|engine| nap(engine.backend_mut()));
        let [own, below] = metered.spent();
        assert!(below > 0 && own + below >= 20_000_000, "{own} ns and {below} ns");
    }

    #[test]
    fn what_the_replay_asks_of_the_backend_is_nobodys() {
        let mut metered = metered();
        let before = metered.spent();
        nap(metered.backend_mut());
        assert_eq!(metered.spent(), before);
    }
}
