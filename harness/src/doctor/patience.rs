//! Asking what may never answer: a library that hangs is a finding and no hanging doctor.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::Duration;

/// How long a question may take. Loading CUDA takes seconds on a large machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// It did not answer in time, and is still at it.
    Hangs,
    /// It panicked, which is a bug, and said so on standard error.
    Panicked,
    /// No thread could be started for it.
    NoThread,
}

impl Silence {
    pub(crate) fn told(self) -> String {
        match self {
            Self::Hangs => format!("no answer within {} s: it hangs", PATIENCE.as_secs()),
            Self::Panicked => "it panicked: see standard error".into(),
            Self::NoThread => "the system starts no thread for it".into(),
        }
    }
}

/// Somebody at work on a thread of its own, who may say something before it ends.
pub(crate) struct Asked<T>(Receiver<T>);

impl<T: Send + 'static> Asked<T> {
    /// Puts `question` to work.
    pub(crate) fn begin(
        question: impl FnOnce(&Sender<T>) + Send + 'static,
    ) -> Result<Self, Silence> {
        let (says, hears) = channel();
        let work = move || question(&says);
        Builder::new().name("doctor".into()).spawn(work).map_err(|_| Silence::NoThread)?;
        Ok(Self(hears))
    }

    /// The next word.
    pub(crate) fn word(&self, patience: Duration) -> Result<T, Silence> {
        self.0.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => Silence::Hangs,
            RecvTimeoutError::Disconnected => Silence::Panicked,
        })
    }
}

/// The answer to one question. Without probes nobody asks any.
#[cfg(any(test, feature = "posix"))]
pub(crate) fn ask<T: Send + 'static>(
    question: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Silence> {
    let asked = Asked::begin(move |says: &Sender<T>| {
        // Nobody hears an answer that comes too late.
        let _ = says.send(question());
    })?;
    asked.word(PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_panics_and_silence_are_told_apart() {
        assert_eq!(ask(|| 7), Ok(7));
        assert_eq!(ask(|| -> u8 { panic!("as this test wants it") }), Err(Silence::Panicked));
        let (hold, held) = channel::<()>();
        let asked = Asked::begin(move |_: &Sender<u8>| held.recv().unwrap_or_default()).unwrap();
        assert_eq!(asked.word(Duration::from_millis(20)), Err(Silence::Hangs));
        drop(hold);
    }
}
