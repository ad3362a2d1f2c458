//! The settings as rows of text, for `rightseat config show` and the manual.

use super::Settings;
use serde::Serialize;

/// The display of a setting without a value.
const UNSET: &str = "–";

impl Settings {
    /// Returns every setting by its key in `config.toml`, with its value as TOML.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let Self { budget, .. } = self;
        let mut rows = vec![
            ("agent", optional(self.agent.as_ref())),
            ("mode", value(&self.mode)),
            ("isolation", value(&self.isolation)),
            ("theme", value(&self.theme)),
            ("keymap", value(&self.keymap)),
            ("editor", optional(self.editor.as_ref())),
            ("checks.command", optional(self.checks.command.as_ref())),
            ("checks.format", optional(self.checks.format.as_ref())),
            ("checks.timeout_s", (self.checks.timeout_ms / 1000).to_string()),
            ("checks.passed", optional(self.checks.passed.as_ref())),
            ("checks.failed", optional(self.checks.failed.as_ref())),
            ("checks.skipped", optional(self.checks.skipped.as_ref())),
            ("checks.coverage_command", optional(self.checks.coverage_command.as_ref())),
            ("checks.coverage_file", optional(self.checks.coverage_file.as_ref())),
            ("checks.run_after", value(&self.checks.run_after)),
            ("budget.tokens", budget.tokens.to_string()),
            ("budget.money_usd", format!("{}.{:06}", budget.money_micros / 1_000_000, budget.money_micros % 1_000_000)),
            ("budget.wall_s", (budget.wall_ms / 1000).to_string()),
            ("budget.turns", budget.turns.to_string()),
            ("budget.actions", budget.actions.to_string()),
            ("ui.approval_arm_ms", self.terminal.approval_arm_ms.to_string()),
            ("ui.mouse", self.terminal.mouse.to_string()),
            ("ui.links", self.terminal.links.to_string()),
            ("ui.signs", value(&self.terminal.signs)),
            ("watch.poll", value(&self.watch.poll)),
            ("watch.poll_ms", self.watch.poll_ms.to_string()),
            ("env.pass", value(&self.env_pass)),
            ("policy.guarded", value(&self.guarded)),
            ("notifications.bell", self.notifications.bell.to_string()),
            ("notifications.desktop", self.notifications.desktop.to_string()),
            ("notifications.on_end", self.notifications.on_end.to_string()),
            ("notifications.command", value(&self.notifications.command)),
            ("notifications.risk_min", self.notifications.risk_min.to_string()),
            ("notifications.quiet", optional(self.notifications.quiet.as_ref())),
            ("layer.commands", value(&self.layer.commands)),
            ("layer.network", value(&self.layer.network)),
            ("layer.agent_network", value(&self.layer.agent_network)),
            ("layer.promote", optional(self.layer.promote.as_ref())),
            ("anchor.file", optional(self.outward.anchor.file.as_ref())),
            ("anchor.git_note", self.outward.anchor.git_note.to_string()),
            ("anchor.command", value(&self.outward.anchor.command)),
            ("git.notes", self.outward.git_notes.to_string()),
            ("otlp.endpoint", optional(self.outward.otlp_endpoint.as_ref())),
            ("policy.risk.files", self.risk.files.to_string()),
            ("policy.risk.size", self.risk.size.to_string()),
            ("policy.risk.tests", self.risk.tests.to_string()),
            ("policy.risk.commands", self.risk.commands.to_string()),
            ("policy.risk.network", self.risk.network.to_string()),
            ("policy.risk.evidence", self.risk.evidence.to_string()),
            ("policy.risk.undo", self.risk.undo.to_string()),
            ("policy.risk.guarded", self.risk.guarded.to_string()),
            ("policy.risk.drift", self.risk.drift.to_string()),
            ("policy.risk.dependents", self.risk.dependents.to_string()),
            ("stop.drill", self.stop.drill.to_string()),
            ("stop.unattended_freeze_min", self.stop.unattended_freeze_min.to_string()),
        ];
        rows.extend(self.keeping.rows());
        rows.extend(self.outward.nats.rows());
        rows
    }
}

pub(super) fn value(of: &impl Serialize) -> String {
    toml::Value::try_from(of).map_or_else(|_| UNSET.to_owned(), |value| value.to_string())
}

pub(super) fn optional<T: Serialize>(of: Option<&T>) -> String {
    of.map_or_else(|| UNSET.to_owned(), value)
}
