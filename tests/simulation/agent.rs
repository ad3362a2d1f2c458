//! An agent that proposes by the dice: several things at once, withdrawals, chatter, and sudden death.

use crate::dice::Dice;
use crate::world::FILES;
use futures::future::BoxFuture;
use rightseat::base::Digest;
use rightseat::host::{AgentMaker, Judge};
use rightseat::model::decide::Ruling;
use rightseat::model::event::{AgentBadge, Isolation, LapseWhy, RulingWord, TurnEnd};
use rightseat::model::{Action, After, Body, Command, Draft, Kind, Proposal};
use rightseat::policy::{Class, Judged, Reach};
use rightseat::port::{Agent, AgentLink, AgentSeat, Answer, FromAgent, Ticket, ToAgent};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Makes one agent after the other.
pub struct Maker(pub Mutex<Dice>);

impl AgentMaker for Maker {
    fn make(&self, _: AgentSeat) -> Result<Box<dyn Agent>, String> {
        let mut dice = self.0.lock().unwrap();
        if dice.once_in(12) { Err("it does not start today".into()) } else { Ok(Box::new(Player { dice: dice.of(1) })) }
    }

    fn badge(&self) -> AgentBadge {
        AgentBadge { name: "player".into(), level: "full".into(), isolation: Isolation::Gated }
    }

    fn starts_itself(&self) -> bool {
        false
    }

    fn is_embedded(&self) -> bool {
        true
    }
}

struct Player {
    dice: Dice,
}

/// The link is closed.
struct Gone;

impl Agent for Player {
    fn run(mut self: Box<Self>, mut link: AgentLink) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut count = 0;
            while let Some(message) = link.from_host.recv().await {
                let goes_on = match message {
                    ToAgent::Prompt { .. } => self.turn(&mut link, &mut count).await.is_ok(),
                    ToAgent::Shutdown => false,
                    _ => true,
                };
                if !goes_on {
                    return;
                }
            }
        })
    }
}

impl Player {
    async fn turn(&mut self, link: &mut AgentLink, count: &mut u64) -> Result<(), Gone> {
        let mut open = BTreeSet::new();
        for _ in 0..=self.dice.below(4) {
            self.dice.dawdle(4).await;
            let message = match self.dice.below(12) {
                0 => FromAgent::Said { by: "agent".into(), text: format!("word {count}"), more: self.dice.once_in(2) },
                1 => FromAgent::Thought { by: "agent".into(), text: "hm \u{202e} \x1b[2J".into(), more: false },
                2 => match self.dice.pick(&open.iter().copied().collect::<Vec<_>>()) {
                    Some(ticket) => FromAgent::Withdraw { ticket: *ticket, why: LapseWhy::Canceled },
                    None => continue,
                },
                3 if self.dice.once_in(4) => return Err(Gone),
                _ => {
                    *count += 1;
                    open.insert(Ticket(*count));
                    FromAgent::Propose { ticket: Ticket(*count), proposal: Box::new(self.proposal(*count)) }
                }
            };
            link.to_host.send(message).await.map_err(|_| Gone)?;
        }
        let mut reason = TurnEnd::EndTurn;
        while !open.is_empty() {
            match link.from_host.recv().await.ok_or(Gone)? {
                ToAgent::Answered { answer: Answer::Approved { .. }, .. } => {}
                ToAgent::Answered { ticket, .. } | ToAgent::Performed { ticket, .. } => drop(open.remove(&ticket)),
                ToAgent::Cancel => {
                    reason = TurnEnd::Canceled;
                    break;
                }
                ToAgent::Shutdown => return Err(Gone),
                _ => {}
            }
        }
        link.to_host.send(FromAgent::TurnEnded { reason, text: None }).await.map_err(|_| Gone)
    }

    fn proposal(&mut self, count: u64) -> Proposal {
        let path = FILES[self.dice.below(FILES.len())].to_owned();
        let body = match self.dice.below(8) {
            0 => Body::Command(Command::shell(format!("allow {path}"))),
            1 => Body::Command(Command::shell(format!("deny {path}"))),
            2 | 3 => Body::Command(Command::shell(format!("append {path}"))),
            4 => Body::Edit(vec![Draft { path: "/etc/passwd".into(), after: After::Whole(b"x".to_vec()) }]),
            5 => Body::Edit(vec![Draft { path, after: After::Delete }]),
            _ => {
                let text = format!("one\ntwo {count}\nthree {}\n", self.dice.below(3));
                Body::Edit(vec![Draft { path, after: After::Whole(text.into_bytes()) }])
            }
        };
        Proposal::new("a wish", body).because("it is wanted", Vec::new())
    }
}

/// Reads are allowed, and commands say themselves what policy thinks of them.
pub struct Rules;

impl Judge for Rules {
    fn judged(&self, action: &Action) -> Judged {
        let line = action.command().map(Command::line).unwrap_or_default();
        let word = match (action.kind(), line.split(' ').next()) {
            (Kind::Read, _) | (_, Some("allow")) => RulingWord::Allow,
            (_, Some("deny")) => RulingWord::Deny,
            _ => RulingWord::Ask,
        };
        let ruling = Ruling { word, ..Ruling::ask("simulated", "a rule of the simulation") };
        Judged::new(ruling, Class::Unknown)
    }

    fn reach(&self, _: &Command) -> Option<Reach> {
        None
    }

    fn tightened(&self, _: &str) -> Result<Arc<dyn Judge>, String> {
        Err("these rules are all there are".to_owned())
    }

    fn digest(&self) -> Digest {
        Digest::of(b"simulated rules")
    }
}
