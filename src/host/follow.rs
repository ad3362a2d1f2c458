//! Following: where the user of the client with control is, for those who want to see the same. It is nowhere in the
//! journal, and nothing is told unless somebody follows.

use crate::base::ClientId;
use crate::wire::SeatView;
use std::collections::BTreeSet;
use tokio::sync::watch;

/// What is told: to each who follows the view, to the one with control whether anybody does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Following {
    /// Those who follow.
    pub by: BTreeSet<ClientId>,
    /// The last view, and whose it is.
    pub view: Option<(ClientId, SeatView)>,
}

/// See the module.
pub struct Followed(watch::Sender<Following>);

impl Default for Followed {
    fn default() -> Self {
        Self(watch::channel(Following::default()).0)
    }
}

impl Followed {
    pub fn told(&self) -> watch::Receiver<Following> {
        self.0.subscribe()
    }

    pub fn follow(&self, client: &ClientId, follow: bool) {
        self.0.send_if_modified(
            |following| {
                if follow { following.by.insert(client.clone()) } else { following.by.remove(client) }
            },
        );
    }

    pub fn show(&self, client: &ClientId, view: SeatView) {
        self.0.send_if_modified(|following| {
            let view = Some((client.clone(), view));
            let is_new = following.view != view && !following.by.is_empty();
            if is_new {
                following.view = view;
            }
            is_new
        });
    }
}

/// What one client was told already.
#[derive(Default)]
pub struct Told {
    view: Option<(ClientId, SeatView)>,
    followers: usize,
}

impl Told {
    /// The notifications that this client gets for the present state: method and parameters.
    pub fn news(&mut self, client: &ClientId, now: &Following) -> Vec<(&'static str, serde_json::Value)> {
        let mut news = Vec::new();
        let others = now.by.iter().filter(|one| *one != client).count();
        if others != self.followers {
            self.followers = others;
            news.push(("seat/followed", serde_json::json!({ "followers": others })));
        }
        let view = now.view.as_ref().filter(|(whose, _)| now.by.contains(client) && whose != client);
        if view != self.view.as_ref() {
            self.view = view.cloned();
            if let Some((whose, view)) = view {
                news.push((
                    "seat/view",
                    serde_json::json!({ "client": whose, "pane": view.pane, "action": view.action }),
                ));
            }
        }
        news
    }
}
