//! Writes that the agent will make through us and that have been executed already. Until such a write comes, the agent is
//! shown the file as it was: gemini computes its edit again after it was allowed, and would not find its old text any
//! more.

use super::preview::Expected;
use crate::base::{Digest, RelPath};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant {
    tool: String,
    path: RelPath,
    digest: Digest,
    before: Option<Vec<u8>>,
    /// False in a private copy, where the agent has the file as it was anyway.
    shows_before: bool,
    used: bool,
}

/// Was a write foreseen?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreseen {
    Exactly,
    /// The file was, with other content.
    OtherContent,
    No,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Grants(Vec<Grant>);

impl Grants {
    pub fn add(&mut self, tool: &str, expected: &Expected, before: Option<&BTreeMap<RelPath, Vec<u8>>>) {
        let granted = expected.iter().filter_map(|(path, digest)| {
            Some(Grant {
                tool: tool.to_owned(),
                path: path.clone(),
                digest: (*digest)?,
                before: before.and_then(|before| before.get(path)).cloned(),
                shows_before: before.is_some(),
                used: false,
            })
        });
        self.0.extend(granted);
    }

    /// The file as the agent must still see it: `Some(None)` when there was none.
    pub fn still_seen(&self, path: &RelPath) -> Option<Option<&[u8]>> {
        let grant = self.0.iter().find(|g| g.shows_before && !g.used && &g.path == path)?;
        Some(grant.before.as_deref())
    }

    pub fn has(&self, path: &RelPath) -> bool {
        self.0.iter().any(|grant| &grant.path == path)
    }

    pub fn foreseen(&mut self, path: &RelPath, content: &Digest) -> Foreseen {
        if let Some(grant) = self.0.iter_mut().find(|g| &g.path == path && g.digest == *content) {
            grant.used = true;
            return Foreseen::Exactly;
        }
        if self.has(path) { Foreseen::OtherContent } else { Foreseen::No }
    }

    /// The call has ended, or all have; gives the files that were granted and never written, as they were granted.
    pub fn end(&mut self, tool: Option<&str>) -> Expected {
        let is_over = |grant: &mut Grant| tool.is_none_or(|tool| grant.tool == tool);
        let over = self.0.extract_if(.., is_over).filter(|grant| !grant.used);
        over.map(|grant| (grant.path, Some(grant.digest))).collect()
    }
}
