//! The result of an action: of a command in a layer the part that is promoted with it, and the part that a user has to let
//! through; of a read what it gave.

use super::Gate;
use crate::base::{ActionId, Digest, RelPath};
use crate::host::Judge;
use crate::host::limits::{EFFECT_FILES_SHOWN_MAX, READS_RECORDED_MAX};
use crate::model::event::{Isolation, ReadFile, RulingWord};
use crate::model::{Action, Body, Content, FileEdit, Proposal};
use crate::policy::guarded::guarded;
use crate::port::{HeldFile, ResultNode};

/// Returns the paths that are not promoted without a question: those that a rule speaks against, such as guarded files,
/// and those outside of the declared paths that no rule allows.
/// `shown` are the contents of those that are judged by it.
pub fn held_back(judge: &dyn Judge, action: &ActionId, nodes: &[ResultNode], shown: &[HeldFile]) -> Vec<RelPath> {
    // One by one: a word on several files does not tell which of them it is about.
    let passes = |node: &&ResultNode| {
        let content = shown.iter().find(|file| file.path == node.path);
        let judged = judge.judged(&edit_of(action, node, content));
        if node.is_declared { judged.is_unopposed() } else { judged.word == RulingWord::Allow }
    };
    nodes.iter().filter(|node| !passes(node)).map(|node| node.path.clone()).collect()
}

/// The first files of a result of which only a part counts, so that the ruling depends on their content.
pub fn judged_by_content(nodes: &[ResultNode]) -> Vec<RelPath> {
    let has_parts = |path: &&RelPath| guarded(path.as_str()).is_some_and(|guard| guard.manifest.is_some());
    nodes.iter().map(|node| &node.path).filter(has_parts).take(EFFECT_FILES_SHOWN_MAX).cloned().collect()
}

/// The edit that a node of the result amounts to.
fn edit_of(action: &ActionId, node: &ResultNode, content: Option<&HeldFile>) -> Action {
    let sides = content.map(|file| (file.before.as_ref(), file.after.as_ref()));
    let (before, after) = sides.unwrap_or_default();
    let file = FileEdit {
        path: node.path.clone(),
        change: node.change,
        from: None,
        before: before.map(|image| Content::of(&image.bytes)),
        after: after.map(|image| Content::of(&image.bytes)),
        before_node: before.map(|image| image.node),
        after_node: after.map(|image| image.node),
    };
    Action::file(action.clone(), Proposal::new("", Body::Edit(Vec::new())), Some(vec![file]))
}

/// What a read gave, for the record. In a copy of its own an agent may see other bytes than the host does.
pub fn reads(gate: &Gate, id: &ActionId, files: &[(RelPath, Vec<u8>)]) -> Vec<ReadFile> {
    let session = gate.session();
    let part = session.actions.get(id).and_then(|state| state.action.part);
    let is_own = matches!(session.agent.ready.agent.isolation, Isolation::Copy | Isolation::Overlay);
    let read = |(path, bytes): &(RelPath, Vec<u8>)| {
        let digest = (!is_own).then(|| Digest::of(bytes));
        ReadFile { path: path.clone(), digest, part: part.filter(|_| files.len() == 1) }
    };
    files.iter().take(READS_RECORDED_MAX).map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FileChange;
    use crate::policy::Judged;
    use crate::policy::{Place, Policy};

    struct Rules(Policy);

    impl Judge for Rules {
        fn judged(&self, action: &Action) -> Judged {
            self.0.rule(action, &Place::of("/w"))
        }
        fn reach(&self, _: &crate::model::Command) -> Option<crate::policy::Reach> {
            None
        }
        fn tightened(&self, _: &str) -> Result<std::sync::Arc<dyn Judge>, String> {
            Err(String::new())
        }
        fn digest(&self) -> crate::base::Digest {
            crate::base::Digest::of(b"")
        }
    }

    fn held(policy: Policy, nodes: &[(&str, bool)]) -> Vec<String> {
        let node = |(path, is_declared): &(&str, bool)| {
            let change = if path.starts_with("gone") { FileChange::Delete } else { FileChange::Modify };
            ResultNode { path: RelPath::new(path).unwrap(), change, is_declared: *is_declared }
        };
        let nodes: Vec<_> = nodes.iter().map(node).collect();
        held_back(&Rules(policy), &"a1".into(), &nodes, &[]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_manifest_passes_where_only_its_dependencies_change() {
        let image = |text: &str| {
            let node = crate::model::Node { kind: crate::model::NodeKind::File, mode: None };
            Some(crate::port::Image { bytes: text.into(), digest: crate::base::Digest::of(text.as_bytes()), node })
        };
        let path = RelPath::new("package.json").unwrap();
        let node = ResultNode { path: path.clone(), change: FileChange::Modify, is_declared: true };
        let passes = |after: &str| {
            let before = image("{\"scripts\": {\"a\": \"b\"}}");
            let file = HeldFile { path: path.clone(), change: FileChange::Modify, before, after: image(after) };
            held_back(&Rules(Policy::builtin(Vec::new())), &"a1".into(), std::slice::from_ref(&node), &[file])
                .is_empty()
        };
        assert_eq!(judged_by_content(std::slice::from_ref(&node)), std::slice::from_ref(&path));
        assert!(passes("{\"scripts\": {\"a\": \"b\"}, \"dependencies\": {\"x\": \"1\"}}"));
        assert!(!passes("{\"scripts\": {\"a\": \"evil\"}}"));
    }

    #[test]
    fn guarded_files_are_held_back_and_undeclared_ones_unless_a_rule_allows_them() {
        let nodes = [
            ("src/a.rs", true),
            (".github/workflows/ci.yml", true),
            ("b.txt", true),
            ("gone.txt", true),
            ("package.json", true),
            ("AGENTS.md", false),
            ("docs/x.md", false),
            ("gen/y.rs", false),
        ];
        let builtin = || Policy::builtin(Vec::new());
        let always = [".github/workflows/ci.yml", "package.json", "AGENTS.md"];
        assert_eq!(held(builtin(), &nodes), [&always[..], &["docs/x.md", "gen/y.rs"]].concat());
        let allow = "[[rule]]\nruling = \"allow\"\nkinds = [\"edit\"]\npaths = [\"gen/**\", \"AGENTS.md\"]\n";
        let (policy, fault) = Policy::with_file(Vec::new(), "policy.toml", allow);
        assert_eq!(
            (fault, held(policy, &nodes)),
            (None, [&always[..], &["docs/x.md"]].concat().iter().map(ToString::to_string).collect())
        );
        let ask = "[[rule]]\nruling = \"ask\"\nkinds = [\"edit\"]\npaths = [\"b.txt\"]\n";
        let (policy, _) = Policy::with_file(Vec::new(), "policy.toml", ask);
        assert!(held(policy, &nodes).contains(&"b.txt".to_owned()));
        let ask = "[[rule]]\nruling = \"ask\"\nkinds = [\"delete\"]\npaths = [\"gone*\"]\n";
        let (policy, _) = Policy::with_file(Vec::new(), "policy.toml", ask);
        assert!(held(policy, &nodes).contains(&"gone.txt".to_owned()));
        assert_eq!(held(builtin(), &[]), [""; 0]);
    }
}
