//! Deploying, applying, publishing and migrating change what runs elsewhere: they are decided alone, with a word.

use super::{Builtin, Judge, Voice};
use crate::model::Rail;
use crate::policy::infra::verb_of;
use crate::policy::matter::Matter;

pub(super) const RULE: Builtin = Builtin {
    id: "infrastructure",
    about: "Commands that deploy, apply, publish, release or migrate, or whose script or task is named so, ask for a word, because no undo takes back what they change elsewhere. \
            A rule covers one only where it spells the command out; no lease does.",
    judge: Judge::UnlessExact(|case| {
        let Matter::Command { script, .. } = case.matter else { return None };
        let (verb, words) = script.parts.iter().find_map(verb_of)?;
        let reason = format!("`{words}` changes what runs elsewhere ({}): no undo takes it back", verb.word());
        let (confirm, rail) = (Some(verb.word().to_owned()), Some(Rail::Infrastructure));
        Some(Voice { confirm, rail, ..Voice::ask(reason) })
    }),
    speaks_on: &["terraform apply", "kubectl -n prod delete pod x", "npm publish", "alembic upgrade head", "env helm upgrade a b", "make deploy", "./release.sh"],
    silent_on: &["terraform plan", "kubectl get pods", "npm publish --dry-run", "ls terraform apply", "make release-notes"],
};
