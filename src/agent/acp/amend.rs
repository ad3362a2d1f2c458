//! A request is held to its words. While it is pending, an update that changes what the call would do voids it, and it
//! is asked about again once the updates pause; after the decision it raises an alarm.

use super::asks::{Asks, Stage};
use super::context::Context;
use super::out::{Out, Timer};
use super::peek;
use super::preview::preview;
use super::tools::{Changed, ToolCall};
use crate::agent::acp::limits::{
    ACP_CHANGE_PAUSE_MS, ACP_CHANGES_MERGED_MAX, ACP_CONTRADICTIONS_REPORTED_MAX, ACP_NOTE_BYTES_MAX,
    ACP_REQUEST_CHANGES_MAX,
};
use crate::model::event::LapseWhy;
use crate::port::{FromAgent, Ticket};
use std::borrow::Cow;

impl Asks {
    /// Compares an update with every request that was made for its call.
    pub fn hold_to_its_words(&mut self, call: &ToolCall, changed: Changed, cx: &mut Context) {
        if !changed.claims && !changed.words {
            return;
        }
        let place = cx.out.place();
        for ticket in self.about(&call.id) {
            let Some(ask) = self.get(ticket) else { continue };
            let Some(permission) = ask.subject.permission() else { continue };
            let (is_own, asked) = (permission.tool == call.id, &permission.asked);
            let compared = if is_own { asked.without_late_input(call, &place) } else { Cow::Borrowed(call) };
            let call = compared.as_ref();
            match ask.stage {
                Stage::Waiting => {
                    let differs =
                        if is_own { asked.differs(call, &preview(call, &place), &place) } else { changed.claims };
                    if differs {
                        let replaced = !is_own || asked.is_contradicted_by(call, &place);
                        self.reopen(ticket, call, replaced, cx);
                    }
                }
                Stage::Changing { updates } => self.changes_on(ticket, updates, &mut cx.out),
                Stage::ByHost { .. } | Stage::Instead { .. } | Stage::ByAgent if is_own => {
                    if let Some(text) = asked.contradiction(call, &place) {
                        self.contradicted(ticket, &text, &mut cx.out);
                    }
                }
                Stage::ByHost { .. } | Stage::Instead { .. } | Stage::ByAgent => {}
            }
        }
    }

    fn contradicted(&mut self, ticket: Ticket, text: &str, out: &mut Out) {
        let Some(permission) = self.get_mut(ticket).and_then(|ask| ask.subject.permission_mut()) else { return };
        permission.asked.contradictions += 1;
        if permission.asked.contradictions <= ACP_CONTRADICTIONS_REPORTED_MAX {
            let text = format!("the call was changed after the decision: {text}");
            out.alarm("mismatch", Some(ticket), peek::bounded(&text, ACP_NOTE_BYTES_MAX));
        }
    }

    /// The request is not what was asked about any more: nothing that is answered to it from now on counts.
    fn reopen(&mut self, ticket: Ticket, call: &ToolCall, replaced: bool, cx: &mut Context) {
        let Some(permission) = self.get_mut(ticket).and_then(|ask| ask.subject.permission_mut()) else { return };
        permission.asked.changes += 1;
        if permission.asked.changes > ACP_REQUEST_CHANGES_MAX {
            let text =
                format!("the request was changed {ACP_REQUEST_CHANGES_MAX} times while it was pending: rejected");
            cx.out.alarm("mismatch", Some(ticket), text);
            self.reject(ticket, None, cx);
            return self.void(ticket, LapseWhy::Voided, &mut cx.out);
        }
        let title = peek::bounded(&cx.out.place().shown(call.title()), 200);
        let why = format!("the agent changed the request while it was pending; it is now titled “{title}”");
        if replaced {
            cx.out.alarm("mismatch", Some(ticket), why.clone());
        }
        let Some(next) = self.renew(ticket) else { return };
        cx.out.report(FromAgent::Reopen { ticket, next, why });
        self.changes_on(next, 0, &mut cx.out);
    }

    /// Waits for the end of the change, but not forever.
    fn changes_on(&mut self, ticket: Ticket, updates: u32, out: &mut Out) {
        if let Some(ask) = self.get_mut(ticket) {
            ask.stage = Stage::Changing { updates: updates.saturating_add(1) };
        }
        if updates < ACP_CHANGES_MERGED_MAX {
            out.arm(Timer::Changed, ACP_CHANGE_PAUSE_MS);
        }
    }
}
