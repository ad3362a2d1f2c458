//! Rules that allow, made from pending actions: what one would cover, making it, the list, revoking; and policy files
//! that change while the session runs.

use super::Gate;
use crate::base::{ActionId, ClientId, Digest, RuleId, UnixMs};
use crate::host::Judge;
use crate::host::limits::{RULE_COMPARED_ACTIONS_MAX, RULE_MINUTES_MAX, RULE_NEAREST_CHARS_MAX, RULES_LISTED_MAX};
use crate::model::AlarmKind;
use crate::model::action::{Action, Kind};
use crate::model::decide::Refusal;
use crate::model::event::{
    Decider, Event, PolicyAllowed, PolicyReloaded, PolicyRevoked, RuleScope, RulingWord, Verdict,
};
use crate::model::session::ActionState;
use crate::policy::{Allowance, Bounds, check_allowance, check_edit, check_hosts, words};
use crate::wire::{Allow, Allowed, Decide, RpcError, RuleList, RuleRow};
use std::sync::Arc;

/// The start of the names of rules that count in this session only, and of those that are kept.
const OF_SESSION: &str = "session:";
const KEPT: &str = "user:always-";

/// A rule that was not made, and what it would cover in this session.
pub struct Preview {
    pub action: Action,
    /// With the rule.
    pub judge: Arc<dyn Judge>,
    pub answer: Allowed,
}

/// Tells what the rule would cover.
pub fn preview(gate: &Gate, allow: &Allow) -> Result<Preview, RpcError> {
    Ok(made(gate, allow)?.1)
}

fn made(gate: &Gate, allow: &Allow) -> Result<(Allowance, Preview), RpcError> {
    let action = pending(gate, allow)?;
    check(&action, allow).map_err(RpcError::invalid)?;
    let made = allowance(gate, &action, allow).map_err(RpcError::invalid)?;
    let judge = gate.judge.allowing(&made).map_err(RpcError::invalid)?;
    let ruling = judge.rule(&action);
    let fault = (ruling.word != RulingWord::Allow).then(|| format!("{} (rule {})", ruling.reason, ruling.rule));
    let answer = Allowed { fault, ..effect(gate, &action, judge.as_ref()) };
    Ok((made, Preview { action, judge, answer }))
}

/// Approves the action and makes the rule.
pub fn allow(gate: &mut Gate, client: &ClientId, allow: Allow) -> Result<Allowed, RpcError> {
    let (made, Preview { action, judge, mut answer }) = made(gate, &allow)?;
    if let Some(fault) = answer.fault {
        return Err(RpcError::invalid(format!("nothing was approved: even with the rule it asks: {fault}")));
    }
    let verdict = Decide { option: allow.option, ..Decide::new(allow.action, allow.digest, Verdict::Approve) };
    gate.decide((client, true), verdict)?;
    let judge = if allow.scope.is_kept() {
        let failed = |why| RpcError::invalid(format!("approved once; the rule was not kept: {why}"));
        gate.judge.keeping(&made).map_err(failed)?
    } else {
        judge
    };
    let event = PolicyAllowed {
        rule: made.id.clone(),
        patterns: made.patterns,
        paths: made.paths,
        hosts: made.hosts,
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

/// The rule was made from this action and is as wide as it may be at most.
fn check(action: &Action, allow: &Allow) -> Result<(), String> {
    let lists = [&allow.patterns, &allow.globs, &allow.hosts];
    let is_one = lists.iter().filter(|list| !list.is_empty()).count() <= 1;
    match (action.kind(), action.command()) {
        (Kind::Command, Some(command)) if action.trial().is_none() && is_one => {
            check_allowance(command, &allow.patterns)
        }
        (Kind::Edit, _) if is_one => check_edit(action.files(), &allow.globs),
        (Kind::Network, _) if is_one => check_hosts(action.target().unwrap_or_default(), &allow.hosts),
        _ => {
            let what = "a command with `patterns`, an edit with `globs`, or a connection with `hosts`";
            Err(format!("a rule can be made from {what}"))
        }
    }
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
    if held.rail.is_some() {
        let text = format!("{id} is at a guard rail: no rule is made from it; a rule in policy.toml may spell it out");
        return Err(RpcError::invalid(text));
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
        let name = Digest::of(
            format!("{} {now:?} {:?} {:?} {:?}", root.display(), allow.patterns, allow.globs, allow.hosts).as_bytes(),
        )
        .to_string();
        format!("{KEPT}{}", name.get(..12).unwrap_or(&name))
    } else {
        format!("{OF_SESSION}{}", gate.book.session.rules.next_number())
    };
    let bounds = Bounds {
        workspace: (allow.scope == RuleScope::Project).then_some(root),
        step: action.step.clone().filter(|_| allow.scope == RuleScope::Step),
        until,
    };
    let (patterns, paths, hosts) = (allow.patterns.clone(), allow.globs.clone(), allow.hosts.clone());
    Ok(Allowance { id: RuleId::new(id), patterns, paths, hosts, bounds })
}

/// What an action is compared by: the programs of a command; of edits and connections all are alike.
struct Kin {
    kind: Kind,
    programs: Vec<String>,
    /// The words or names that it consists of.
    parts: Vec<String>,
    text: String,
}

impl Kin {
    fn of(action: &Action) -> Option<Self> {
        let kind = action.kind();
        match (kind, action.command()) {
            (Kind::Command, Some(command)) if action.trial().is_none() => {
                let first = |argv: Vec<String>| argv.into_iter().next();
                let programs = words(command).unwrap_or_default().into_iter().filter_map(first).collect();
                let text = command.line();
                Some(Self { kind, programs, parts: text.split(' ').map(str::to_owned).collect(), text })
            }
            (Kind::Edit, _) => {
                let names: Vec<&str> = action.files().iter().map(|file| file.path.as_str()).collect();
                let parts = names.iter().flat_map(|name| name.split('/')).map(str::to_owned).collect();
                Some(Self { kind, programs: Vec::new(), parts, text: names.join(" ") })
            }
            (Kind::Network, _) => {
                let text = action.target().unwrap_or_default().to_owned();
                let parts = text.split(['.', ':']).map(str::to_owned).collect();
                Some(Self { kind, programs: Vec::new(), parts, text })
            }
            _ => None,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.kind != Kind::Command || other.programs.iter().any(|program| self.programs.contains(program))
    }

    /// Parts that both begin with.
    fn common(&self, other: &Self) -> usize {
        self.parts.iter().zip(&other.parts).take_while(|(a, b)| a == b).count()
    }
}

/// Compares the rules with earlier commands of the same programs, earlier edits or connections.
fn effect(gate: &Gate, action: &Action, with: &dyn Judge) -> Allowed {
    let mut out = Allowed { seq: gate.book.session.head, ..Allowed::default() };
    let Some(own) = Kin::of(action) else { return out };
    let mut nearest: Option<(usize, String)> = None;
    let others = gate.book.session.actions.iter().rev().take(RULE_COMPARED_ACTIONS_MAX);
    for state in others.filter(|state| state.action.id != action.id) {
        let Some(other) = Kin::of(&state.action).filter(|other| other.kind == own.kind) else { continue };
        out.compared += 1;
        if !own.is_like(&other) {
            continue;
        }
        if with.rule(&state.action).word == RulingWord::Allow {
            cover(&mut out, state);
            continue;
        }
        let common = own.common(&other);
        if nearest.as_ref().is_none_or(|(most, _)| common > *most) {
            nearest = Some((common, other.text));
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
