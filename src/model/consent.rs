//! The digest of an action, to which consent binds. Released journals hold such digests, so the bytes that are hashed
//! never change, whatever our own names become.

use super::action::{Action, ActionBody, Executor, FileChange, Kind};
use super::node::Node;
use super::offer::OptionEffect;
use super::plan::PlanSubject;
use crate::base::Digest;
use crate::base::digest::FieldHasher;

impl Action {
    /// The digest of everything consent covers: kind, executor, every path with pre- and post-image, argv or shell
    /// text, env delta, cwd, time limit, target, trial bounds, the agent's own words and options, and for what has no
    /// body the title itself.
    pub fn covered(&self) -> Digest {
        let mut hash = FieldHasher::new();
        let what = format!("{}/{}", kind(self.kind()), executor(self.executor));
        hash.field(b"rightseat action 1").field(what.as_bytes());
        for file in self.files() {
            hash.field(b"file").field(file.path.as_str().as_bytes()).field(change(file.change).as_bytes());
            hash.field(file.from.as_ref().map_or("", |p| p.as_str()).as_bytes());
            for image in [&file.before, &file.after] {
                match image {
                    Some(content) => hash.field(content.digest().bytes()),
                    None => hash.field(b""),
                };
            }
            if file.before_node.is_some() || file.after_node.is_some() {
                let of = |node: &Option<Node>| Node::field(node.as_ref());
                hash.field(b"nodes").field(of(&file.before_node).as_bytes()).field(of(&file.after_node).as_bytes());
            }
        }
        let commands = self.command().into_iter().chain(self.trial().into_iter().flat_map(|t| &t.commands));
        for command in commands {
            hash.field(b"command").field(command.cwd.as_bytes()).field(&command.timeout_ms.to_le_bytes());
            match (&command.shell, &command.argv) {
                (Some(shell), _) => {
                    hash.field(b"shell").field(shell.as_bytes());
                }
                (None, argv) => {
                    hash.field(b"argv");
                    argv.iter().flatten().for_each(|word| {
                        hash.field(word.as_bytes());
                    });
                }
            }
            hash.field(b"env");
            for (key, value) in &command.env {
                hash.field(key.as_bytes()).field(value.as_bytes());
            }
        }
        if let Some(target) = self.target() {
            hash.field(b"target").field(target.as_bytes());
        }
        if let Some(trial) = self.trial() {
            hash.field(b"trial").field(&trial.runs_max.to_le_bytes()).field(&trial.wall_ms_max.to_le_bytes());
        }
        if let Some(request) = &self.request {
            hash.field(b"request").field(request.bytes());
        }
        for option in self.options.iter() {
            let ends = if option.ends_turn { "/ends the turn" } else { "" };
            let kind = format!("{}/{}/{}{ends}", effect(option.effect), option.allows, option.default);
            hash.field(b"option").field(option.id.as_bytes()).field(option.name.as_bytes()).field(kind.as_bytes());
        }
        if let Some(form) = self.form() {
            hash.field(b"form").field(form.digest().bytes());
        }
        if let Some(document) = self.document() {
            hash.field(b"plan").field(document.text.as_bytes()).field(document.subject.word().as_bytes());
            hash.field(&document.cut_bytes.to_le_bytes());
            if let PlanSubject::StepEnd { step } | PlanSubject::Objection { step } = &document.subject {
                hash.field(step.as_str().as_bytes());
            }
            for step in &document.steps {
                hash.field(b"step").field(step.id.as_str().as_bytes()).field(step.title.as_bytes());
                hash.field(step.parent.as_ref().map_or("", |parent| parent.as_str()).as_bytes());
            }
        }
        if matches!(self.body, ActionBody::Plan(_) | ActionBody::Form(_) | ActionBody::Other) {
            hash.field(b"title").field(self.title.as_bytes());
        }
        hash.finish()
    }
}

fn kind(it: Kind) -> &'static str {
    match it {
        Kind::Edit => "Edit",
        Kind::Command => "Command",
        Kind::Read => "Read",
        Kind::Network => "Network",
        Kind::Plan => "Plan",
        Kind::Other => "Other",
    }
}

fn change(it: FileChange) -> &'static str {
    match it {
        FileChange::Modify => "Modify",
        FileChange::Create => "Create",
        FileChange::Delete => "Delete",
        FileChange::Rename => "Rename",
    }
}

fn executor(it: Executor) -> &'static str {
    match it {
        Executor::Host => "Host",
        Executor::Agent => "Agent",
    }
}

fn effect(it: OptionEffect) -> &'static str {
    match it {
        OptionEffect::Once => "Once",
        OptionEffect::Always => "Always",
        OptionEffect::Mode => "Mode",
        OptionEffect::Unclear => "Unclear",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RelPath;
    use crate::model::action::{Body, Command, Content, FileEdit, Proposal, TrialBudget};
    use crate::model::{FileMode, NodeKind};

    fn edit(path: &str, before: &str, after: &str) -> Action {
        let file = FileEdit {
            path: RelPath::new(path).unwrap(),
            change: FileChange::Modify,
            from: None,
            before: Some(Content::of(before.as_bytes())),
            after: Some(Content::of(after.as_bytes())),
            before_node: None,
            after_node: None,
        };
        Action::file("a1".into(), Proposal::new("edit", Body::Edit(vec![])), Some(vec![file]))
    }

    #[test]
    fn consent_covers_path_preimage_and_postimage() {
        let base = edit("a", "1", "2");
        assert_eq!(base.digest, edit("a", "1", "2").digest);
        for other in [edit("b", "1", "2"), edit("a", "0", "2"), edit("a", "1", "3")] {
            assert_ne!(base.digest, other.digest);
        }
    }

    /// Existing journals contain these digests: names of our variants may change, their bytes may not.
    #[test]
    fn what_consent_binds_to_is_stable() {
        use crate::model::offer::{OptionEffect, RequestOption};
        let of = |body| Action { body, ..edit("a", "1", "2") };
        let command = || Command::argv(["a", "b"]);
        let budget = TrialBudget { runs_max: 3, wall_ms_max: 9, commands: vec![Command::argv(["c"])] };
        let change = |change| {
            let mut action = edit("a", "1", "2");
            action.body.files_mut().iter_mut().for_each(|file| file.change = change);
            action
        };
        let offer = |effect| {
            let (id, name, kind) = ("yes".to_owned(), "Yes".to_owned(), "allow_once".to_owned());
            let option =
                RequestOption { id, name, kind, allows: true, effect, ends_turn: false, confirm: None, default: true };
            Action { options: Box::new([option]), ..edit("a", "1", "2") }
        };
        let kinds = [
            ActionBody::Command(command()),
            ActionBody::Trials(command(), Box::new(budget)),
            ActionBody::Read("a".to_owned()),
            ActionBody::Network("a".to_owned()),
            ActionBody::Plan(None),
            ActionBody::Other,
        ];
        let kinds = kinds.map(of);
        let changes = [FileChange::Modify, FileChange::Create, FileChange::Delete, FileChange::Rename].map(change);
        let effects = [OptionEffect::Once, OptionEffect::Always, OptionEffect::Mode, OptionEffect::Unclear].map(offer);
        let by_agent = Action { executor: Executor::Agent, ..edit("a", "1", "2") };
        let all = kinds.into_iter().chain(changes).chain(effects).chain([by_agent]);
        let digests: Vec<String> = all.map(|action| action.covered().short()).collect();
        assert_eq!(
            digests,
            [
                "f5802592", "771f9c44", "babf34c7", "8d6680de", "51d6f7a9", "d1659939", "c3191f65", "53e1e7a2",
                "c2e6c02b", "711f8e82", "3faa63cc", "2b7996bc", "9719951b", "95134df8", "f263aaf3"
            ]
        );
    }

    #[test]
    fn consent_covers_permission_bits_and_kinds_where_they_are_stated() {
        let with = |after_node| {
            let mut action = edit("a", "1", "1");
            for file in action.body.files_mut() {
                *file = file.clone().of_nodes(Some(Node::file(FileMode::new(0o644))), after_node);
            }
            action.covered()
        };
        let plain = with(Some(Node::file(FileMode::new(0o644))));
        assert_ne!(plain, with(Some(Node::file(FileMode::new(0o755)))));
        assert_ne!(plain, with(Some(Node { kind: NodeKind::Link, mode: None })));
        assert_ne!(plain, edit("a", "1", "1").covered());
        let text = serde_json::to_string(&Node::file(FileMode::new(0o600))).unwrap();
        assert_eq!(text, r#"{"mode":"0600"}"#);
        assert_eq!(serde_json::from_str::<Node>(&text).unwrap(), Node::file(FileMode::new(0o600)));
        assert!(serde_json::from_str::<Node>(r#"{"mode":"rwx"}"#).is_err());
    }

    #[test]
    fn consent_covers_command_words_and_not_their_joining() {
        let of = |c: Command| Action::file("a1".into(), Proposal::new("run", Body::Command(c)), None).digest;
        assert_ne!(of(Command::argv(["a", "b c"])), of(Command::argv(["a b", "c"])));
        assert_ne!(of(Command::argv(["a"])), of(Command::shell("a")));
        assert_ne!(of(Command::argv(["a"])), of(Command { cwd: "sub".into(), ..Command::argv(["a"]) }));
        assert_ne!(
            of(Command::argv(["a"])),
            of(Command { env: vec![("K".into(), "V".into())], ..Command::argv(["a"]) })
        );
    }
}
