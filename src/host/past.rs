//! What a rule would have let through in the project's past sessions. They are read beside the actor, once for each host.

use super::clients::Responder;
use super::gate::rules::Preview;
use crate::host::limits::{SEARCH_QUERY_BYTES_MAX, SEARCHES_AT_ONCE_MAX};
use crate::model::event::RulingWord;
use crate::port::{Mention, Neighbors, Past};
use crate::wire::{Answer, Code, PastAllowed, RpcError, Search, SearchFound, SearchHit};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;

static SEARCHES_AT_ONCE: Semaphore = Semaphore::const_new(SEARCHES_AT_ONCE_MAX);

/// See the module.
pub struct PastSessions {
    neighbors: Arc<dyn Neighbors>,
    kept: Arc<OnceLock<Vec<Past>>>,
}

impl PastSessions {
    pub fn new(neighbors: Arc<dyn Neighbors>) -> Self {
        Self { neighbors, kept: Arc::default() }
    }

    /// Answers with what the rule would have covered in this session and in those before it.
    pub fn answer(&self, preview: Result<Preview, RpcError>, reply: Responder) {
        let preview = match preview {
            Ok(preview) => preview,
            // A client that is gone needs no answer.
            Err(error) => return drop(reply.send(Err(error))),
        };
        let (neighbors, kept) = (self.neighbors.clone(), self.kept.clone());
        tokio::task::spawn_blocking(move || {
            let past = compared(&preview, kept.get_or_init(|| neighbors.past()));
            let mut answer = preview.answer;
            answer.past = Some(past);
            let _ = reply.send(Ok(Answer::Allow(answer)));
        });
    }

    /// Answers with where the words are, in this session and in those before it.
    pub fn search(&self, search: Search, reply: Responder) {
        if search.query.len() > SEARCH_QUERY_BYTES_MAX {
            let why = format!("a search has at most {SEARCH_QUERY_BYTES_MAX} bytes");
            return drop(reply.send(Err(RpcError::invalid(why))));
        }
        let Ok(turn) = SEARCHES_AT_ONCE.try_acquire() else {
            let why = "other searches are under way: try again in a moment";
            return drop(reply.send(Err(RpcError::new(Code::Overloaded, why))));
        };
        let neighbors = self.neighbors.clone();
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let (found, complete) = neighbors.search(&search.query);
            let hit = |mention: Mention| {
                let Mention { session, seq, at, action, text } = mention;
                SearchHit { session, seq, at, action, text }
            };
            let hits = found.into_iter().map(hit).collect();
            // A client that is gone needs no answer.
            let _ = reply.send(Ok(Answer::Search(SearchFound { hits, complete })));
        });
    }
}

fn compared(preview: &Preview, past: &[Past]) -> PastAllowed {
    let mut out = PastAllowed::default();
    let mut sessions = BTreeSet::new();
    for one in past.iter().filter(|one| one.action.kind() == preview.action.kind()) {
        sessions.insert(&one.session);
        out.compared += 1;
        // Plan steps of other sessions have other names.
        let mut action = one.action.clone();
        action.step.clone_from(&preview.action.step);
        if preview.judge.rule(&action).word == RulingWord::Allow {
            out.covers += 1;
            out.refused += usize::from(one.refused);
        }
    }
    out.sessions = sessions.len();
    out
}
