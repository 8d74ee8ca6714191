//! One public bug.

use std::fmt;

use crate::explore::Breach;

use super::deed::Deed;

/// A bug that somebody reported, and the misdeed that it is rebuilt as.
#[derive(Clone, Copy)]
pub struct Exhibit {
    /// The name that commands and reports use.
    pub id: &'static str,
    /// Where it was reported: a repository on GitHub, and the issue or pull request there. None for
    /// what is no bug.
    pub report: Option<(&'static str, u32)>,
    /// What it was.
    pub was: &'static str,
    /// What it may break, as the checkers see it.
    pub breaks: &'static [Breach],
    pub(super) misdeed: fn() -> Box<dyn Deed>,
}

impl Exhibit {
    /// The exhibit of this name.
    #[must_use]
    pub fn named(id: &str) -> Option<&'static Self> {
        super::EXHIBITS.iter().find(|exhibit| exhibit.id == id)
    }

    /// The report's address.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        let (repository, number) = self.report?;
        Some(format!("https://github.com/{repository}/issues/{number}"))
    }

    pub(super) fn deed(&self) -> Box<dyn Deed> {
        (self.misdeed)()
    }
}

impl fmt::Debug for Exhibit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exhibit").field(&self.id).finish()
    }
}
