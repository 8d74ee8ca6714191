//! Trials, and what becomes of them.

use crate::ground::{self, DEADLINE, Ground};
use crate::on::On;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

/// What is done on a backend, in a directory.
type Body = Box<dyn FnOnce(On, &Path) + Send>;

/// One fault on one backend.
pub(crate) struct Trial {
    class: &'static str,
    case: String,
    on: On,
    ground: Ground,
    body: Body,
}

impl Trial {
    pub(crate) fn new(
        class: &'static str,
        case: impl Into<String>,
        on: On,
        ground: Ground,
        body: impl FnOnce(On, &Path) + Send + 'static,
    ) -> Self {
        Self { class, case: case.into(), on, ground, body: Box::new(body) }
    }

    /// The same on every backend.
    pub(crate) fn everywhere<F>(
        class: &'static str,
        case: impl Into<String>,
        ground: Ground,
        body: F,
    ) -> impl Iterator<Item = Self>
    where
        F: FnOnce(On, &Path) + Send + Copy + 'static,
    {
        let case = case.into();
        On::ALL.iter().map(move |&on| Self::new(class, case.clone(), on, ground, body))
    }

    pub(crate) fn on(&self) -> On {
        self.on
    }

    pub(crate) fn name(&self) -> String {
        format!("{}::{}::{}", self.class.to_lowercase(), self.case, self.on.name())
    }

    /// As a test, which is ignored, and says why, where there is no ground for it.
    pub(crate) fn listed(
        self,
        possible: &[(Ground, Option<&'static str>)],
    ) -> libtest_mimic::Trial {
        let ground = possible.iter().find(|(ground, _)| *ground == self.ground);
        let missing = self.on.missing(self.ground).or(ground.and_then(|(_, missing)| *missing));
        let name = self.name();
        if let Some(why) = missing {
            return libtest_mimic::Trial::test(format!("{name} ({why})"), || Ok(()))
                .with_ignored_flag(true);
        }
        libtest_mimic::Trial::test(name.clone(), move || {
            match self.ground {
                Ground::Here => self.run_here(),
                elsewhere => elsewhere.run(&name),
            }
            Ok(())
        })
    }

    /// In the child that was made for it.
    pub(crate) fn run_in(self, root: &Path) {
        (self.body)(self.on, root);
    }

    /// On a thread of its own, so that what hangs is told.
    fn run_here(self) {
        let (ended, end) = channel();
        let run = thread::spawn(move || {
            let root = ground::scratch();
            (self.body)(self.on, root.path());
            let _ = ended.send(());
        });
        match end.recv_timeout(DEADLINE) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                run.join().unwrap_or_else(|panic| resume_unwind(panic));
            }
            Err(RecvTimeoutError::Timeout) => panic!("L1: it hangs"),
        }
    }
}
