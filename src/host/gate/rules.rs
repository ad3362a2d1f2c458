//! Rules that allow, made from pending actions: what one would cover, making it, the list, revoking; and policy files
//! that change while the session runs.

use super::Gate;
use crate::base::{ActionId, ClientId, Digest, RuleId, UnixMs};
use crate::host::Judge;
use crate::host::limits::{RULE_COMPARED_ACTIONS_MAX, RULE_MINUTES_MAX, RULE_NEAREST_CHARS_MAX, RULES_LISTED_MAX};
use crate::model::action::{Action, Kind};
use crate::model::decide::Refusal;
use crate::model::event::{
    Decider, Event, PolicyAllowed, PolicyReloaded, PolicyRevoked, RuleScope, RulingWord, Verdict,
};
use crate::model::session::ActionState;
use crate::model::{AlarmKind, Command};
use crate::policy::{Allowance, Bounds, check_allowance, words};
use crate::wire::{Allow, Allowed, Decide, RpcError, RuleList, RuleRow};
use std::sync::Arc;

/// The start of the names of rules that count in this session only, and of those that are kept.
const OF_SESSION: &str = "session:";
const KEPT: &str = "user:always-";

/// Approves the action and makes the rule, or only tells what the rule would cover.
pub fn allow(gate: &mut Gate, client: &ClientId, allow: Allow) -> Result<Allowed, RpcError> {
    let action = pending(gate, &allow)?;
    let command = action.command().filter(|_| action.kind() == Kind::Command && action.trial().is_none());
    let Some(command) = command else {
        return Err(RpcError::invalid("a rule can be made from a command only; a lease covers edits"));
    };
    check_allowance(command, &allow.patterns).map_err(RpcError::invalid)?;
    let made = allowance(gate, &action, &allow).map_err(RpcError::invalid)?;
    let judge = gate.judge.allowing(&made).map_err(RpcError::invalid)?;
    let ruling = judge.rule(&action);
    let fault = (ruling.word != RulingWord::Allow).then(|| format!("{} (rule {})", ruling.reason, ruling.rule));
    let mut answer = effect(gate, &action, command, judge.as_ref());
    if allow.preview {
        return Ok(Allowed { fault, ..answer });
    }
    if let Some(fault) = fault {
        return Err(RpcError::invalid(format!("nothing was approved: even with the rule it asks: {fault}")));
    }
    let verdict = Decide { option: allow.option, ..Decide::new(allow.action, allow.digest, Verdict::Approve) };
    gate.decide(client, verdict)?;
    let judge = if allow.scope.is_kept() {
        let failed = |why| RpcError::invalid(format!("approved once; the rule was not kept: {why}"));
        gate.judge.keeping(&made).map_err(failed)?
    } else {
        judge
    };
    let event = PolicyAllowed {
        rule: made.id.clone(),
        patterns: made.patterns,
        scope: allow.scope,
        step: made.bounds.step,
        until: made.bounds.until,
        action: Some(action.id),
        policy_digest: judge.digest(),
        by: client.clone(),
    };
    gate.append(vec![Event::PolicyAllowed(event)])?;
    gate.judge = judge;
    answer.rule = Some(made.id);
    answer.seq = gate.book.session.head;
    Ok(answer)
}

/// The action that is asked about, if it is still the one that was seen.
fn pending(gate: &Gate, allow: &Allow) -> Result<Action, RpcError> {
    let id = &allow.action;
    let state = gate.book.session.actions.get(id).ok_or_else(|| Refusal::NoAction(id.clone()))?;
    let held = state
        .held
        .as_ref()
        .ok_or_else(|| Refusal::NotHeld { action: id.clone(), state: state.phase.words().to_owned() })?;
    if held.digest != allow.digest {
        let (revision, now) = (held.revision, held.digest);
        return Err(Refusal::StaleDigest { action: id.clone(), revision, now }.into());
    }
    Ok(state.action.clone())
}

fn allowance(gate: &Gate, action: &Action, allow: &Allow) -> Result<Allowance, String> {
    if allow.minutes.is_some_and(|minutes| minutes == 0 || minutes > RULE_MINUTES_MAX) {
        return Err(format!("a rule counts for 1 to {RULE_MINUTES_MAX} minutes"));
    }
    if allow.scope == RuleScope::Project && allow.minutes.is_none() {
        return Err("a rule for the project needs `minutes`: only the scope `user` has no end".to_owned());
    }
    if allow.scope == RuleScope::Step && action.step.is_none() {
        return Err("the action belongs to no step of the plan".to_owned());
    }
    let now = gate.now();
    let until = allow.minutes.map(|minutes| UnixMs(now.0.saturating_add(u64::from(minutes) * 60_000)));
    let root = gate.workspace.root().to_owned();
    let id = if allow.scope.is_kept() {
        let name = Digest::of(format!("{} {now:?} {:?}", root.display(), allow.patterns).as_bytes()).to_string();
        format!("{KEPT}{}", name.get(..12).unwrap_or(&name))
    } else {
        format!("{OF_SESSION}{}", gate.book.session.rules.next_number())
    };
    let bounds = Bounds {
        workspace: (allow.scope == RuleScope::Project).then_some(root),
        step: action.step.clone().filter(|_| allow.scope == RuleScope::Step),
        until,
    };
    Ok(Allowance { id: RuleId::new(id), patterns: allow.patterns.clone(), bounds })
}

/// Compares the rules with earlier commands of the same programs.
fn effect(gate: &Gate, action: &Action, command: &Command, with: &dyn Judge) -> Allowed {
    let programs = |command: &Command| -> Vec<String> {
        words(command).unwrap_or_default().into_iter().filter_map(|argv| argv.into_iter().next()).collect()
    };
    let (own, line) = (programs(command), command.line());
    let mut out = Allowed { seq: gate.book.session.head, ..Allowed::default() };
    let mut nearest: Option<(usize, String)> = None;
    let others = gate.book.session.actions.iter().rev().take(RULE_COMPARED_ACTIONS_MAX);
    for state in others.filter(|state| state.action.id != action.id) {
        let Some(other) = state.action.command().filter(|_| state.action.trial().is_none()) else { continue };
        out.compared += 1;
        if !programs(other).iter().any(|program| own.contains(program)) {
            continue;
        }
        if with.rule(&state.action).word == RulingWord::Allow {
            cover(&mut out, state);
            continue;
        }
        let text = other.line();
        let common = line.split(' ').zip(text.split(' ')).take_while(|(a, b)| a == b).count();
        if nearest.as_ref().is_none_or(|(most, _)| common > *most) {
            nearest = Some((common, text));
        }
    }
    out.nearest = nearest.map(|(_, text)| text.chars().take(RULE_NEAREST_CHARS_MAX).collect());
    out
}

pub fn revoke(gate: &mut Gate, client: &ClientId, rule: &RuleId) -> Result<(), RpcError> {
    if !is_revocable(rule) {
        return Err(RpcError::invalid(format!("{rule} was not made from an action: edit its file")));
    }
    let judge = gate.judge.revoking(rule).map_err(RpcError::invalid)?;
    let revoked = PolicyRevoked { rule: rule.clone(), policy_digest: judge.digest(), by: client.clone() };
    gate.append(vec![Event::PolicyRevoked(revoked)])?;
    gate.judge = judge;
    Ok(())
}

/// The rules of the user and the project, with their uses in this session.
pub fn list(gate: &Gate) -> RuleList {
    let session = &gate.book.session;
    let uses = |id: &str| {
        let by = |state: &&ActionState| match state.decided.as_ref().map(|decided| &decided.by) {
            Some(Decider::Rule(rules)) => rules.as_str().split('+').any(|rule| rule == id),
            Some(Decider::Human(_) | Decider::Lease(_)) | None => false,
        };
        session.actions.iter().filter(by).count()
    };
    let all = gate.judge.listed();
    let left_out = all.len().saturating_sub(RULES_LISTED_MAX);
    let row = |listed: crate::policy::Listed| {
        let rule = RuleId::new(listed.id);
        let made = session.rules.allowed().find(|made| made.rule == rule).map(|made| made.scope);
        let kept = rule.as_str().starts_with(KEPT).then_some(match &listed.bounds.workspace {
            Some(_) => RuleScope::Project,
            None => RuleScope::User,
        });
        RuleRow {
            ruling: listed.word,
            text: listed.text,
            scope: made.or(kept),
            workspace: listed.bounds.workspace.map(|root| root.display().to_string()),
            step: listed.bounds.step,
            until: listed.bounds.until,
            uses: uses(rule.as_str()),
            revocable: is_revocable(&rule),
            rule,
        }
    };
    RuleList { rules: all.into_iter().take(RULES_LISTED_MAX).map(row).collect(), left_out }
}

/// Takes the policy files as they are now, if they have changed. It is in the journal before it counts; what is
/// denied now is denied to held actions too.
pub fn freshen(gate: &mut Gate) {
    let Some((judge, faults)) = gate.judge.reloaded() else { return };
    let fault = faults.first().cloned();
    let mut events = vec![Event::PolicyReloaded(PolicyReloaded { policy_digest: judge.digest(), fault })];
    let alarm = |text| crate::model::event::Alarm { what: AlarmKind::Policy, action: None, text };
    events.extend(faults.into_iter().map(|text| Event::Alarm(alarm(text))));
    gate.record_all(events);
    replace_judge(gate, judge);
}

/// Puts rules in force that may deny more.
pub fn replace_judge(gate: &mut Gate, judge: Arc<dyn Judge>) -> Vec<ActionId> {
    gate.judge = judge;
    let held = gate.book.session.actions.held().map(|s| (s.action.id.clone(), gate.rule(&s.action)));
    let denied: Vec<_> = held.filter(|(_, ruling)| ruling.word == RulingWord::Deny).collect();
    let ids = denied.iter().map(|(id, _)| id.clone()).collect();
    gate.reconsider(denied);
    ids
}

fn is_revocable(rule: &RuleId) -> bool {
    rule.as_str().starts_with(OF_SESSION) || rule.as_str().starts_with(KEPT)
}

/// Counts an action that the rule would have let through, if a user was asked about it.
fn cover(out: &mut Allowed, state: &ActionState) {
    let id = state.action.id.clone();
    match state.decided.as_ref().map(|decided| (&decided.by, decided.verdict)) {
        Some((Decider::Rule(_) | Decider::Lease(_), _)) => return,
        Some((Decider::Human(_), Verdict::Deny | Verdict::Redirect)) => out.refused.push(id.clone()),
        Some((Decider::Human(_), Verdict::Approve | Verdict::ApproveEdited)) | None => {}
    }
    out.covers.push(id);
}
