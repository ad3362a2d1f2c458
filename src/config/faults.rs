//! Values that no setting may have.

use super::File;
use super::layers::TestCommand;
use super::{anchor, keeping, nats, otlp};
use crate::base::RelPath;
use crate::checks::Patterns;
use crate::config::limits::{
    APPROVAL_ARM_MS_MAX, APPROVAL_ARM_MS_MIN, CHECK_TIMEOUT_S_MAX, RISK_PERCENT_MAX, WATCH_POLL_MS_MAX,
    WATCH_POLL_MS_MIN,
};

/// The first value out of bounds, with its key.
pub(super) fn first_fault(f: &File) -> Option<(&'static str, String)> {
    let bounds = |value: Option<u64>, low: u64, high: u64| {
        value.filter(|v| *v < low || *v > high).map(|v| format!("{v} is not between {low} and {high}"))
    };
    let empty =
        |value: &Option<String>| value.as_ref().filter(|v| v.trim().is_empty()).map(|_| "it is empty".to_owned());
    let money =
        f.budget.money_usd.filter(|m| !(0.0..=1e9).contains(m)).map(|m| format!("{m} is not an amount in dollars"));
    let command = f.checks.command.as_ref().filter(|c| match c {
        TestCommand::Argv(argv) => argv.first().is_none_or(String::is_empty),
        TestCommand::Line(line) => line.trim().is_empty(),
    });
    let name = |n: &&String| n.is_empty() || !n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let passed = f.env.pass.iter().flatten().find(name).map(|n| format!("{n:?} is not a variable name"));
    let glob = f.policy.guarded.iter().flatten().find_map(|g| globset::Glob::new(g).err().map(|e| e.to_string()));
    let promoted = f.layer.promote.iter().flatten().find_map(|g| globset::Glob::new(g).err().map(|e| e.to_string()));
    let c = &f.checks;
    let coverage = c.coverage_file.as_ref().and_then(|file| RelPath::new(file).err()).map(|error| error.to_string());
    let weight = f
        .policy
        .risk
        .all()
        .into_iter()
        .find_map(|(key, v)| bounds(v, 0, RISK_PERCENT_MAX).map(|why| format!("{key}: {why}")));
    let host = f.hosts.iter().find(|(_, host)| host.is_empty() || host.starts_with('-'));
    let brokered = f.broker.iter().find_map(|(name, of)| of.fault(name));
    let model = f.specialists.iter().find(|(_, s)| !s.model.contains('/'));
    [
        ("agent", empty(&f.agent)),
        ("theme", empty(&f.theme)),
        ("keymap", empty(&f.keymap)),
        ("editor", empty(&f.editor)),
        ("checks.command", command.map(|_| "it is empty".to_owned())),
        ("checks.passed", Patterns::new(c.passed.as_deref(), c.failed.as_deref(), c.skipped.as_deref()).err()),
        ("checks.coverage_file", coverage),
        ("checks.timeout_s", bounds(f.checks.timeout_s, 1, CHECK_TIMEOUT_S_MAX)),
        ("budget.money_usd", money),
        ("ui.approval_arm_ms", bounds(f.ui.approval_arm_ms, APPROVAL_ARM_MS_MIN, APPROVAL_ARM_MS_MAX)),
        ("notifications.risk_min", bounds(f.notifications.risk_min, 0, 100)),
        ("watch.poll_ms", bounds(f.watch.poll_ms, WATCH_POLL_MS_MIN, WATCH_POLL_MS_MAX)),
        ("env.pass", passed),
        ("policy.guarded", glob),
        ("policy.risk", weight),
        ("layer.promote", promoted),
        ("hosts", host.map(|(name, host)| format!("{name}: {host:?} is not a machine as for ssh"))),
        ("anchor.file", anchor::fault(&f.anchor)),
        ("otlp.endpoint", otlp::fault(&f.otlp)),
        ("broker", brokered),
        ("specialists", model.map(|(role, s)| format!("{role}: write a model as PROVIDER/MODEL, not {:?}", s.model))),
    ]
    .into_iter()
    .find_map(|(key, fault)| fault.map(|what| (key, what)))
    .or_else(|| nats::fault(&f.nats))
    .or_else(|| keeping::fault(&f.host, &f.state))
}
