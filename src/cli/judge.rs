//! Policy as the host asks it.

use crate::base::{Digest, RelPath};
use crate::host::Judge;
use crate::model::decide::Ruling;
use crate::model::event::RulingWord;
use crate::model::{Action, Command, Kind};

/// The built-in rules with what is known about this project.
pub struct ProjectJudge {
    pub tests: Option<Command>,
    pub embedded: bool,
}

impl Judge for ProjectJudge {
    fn rule(&self, action: &Action) -> Ruling {
        let allow = |rule: &str, reason: &str| Ruling { word: RulingWord::Allow, ..Ruling::ask(rule, reason) };
        match action.kind {
            Kind::Read => allow("read-inside", "reading inside the workspace"),
            Kind::Command if action.trial.is_some() && self.embedded => {
                allow("tests-in-candidate", "the project's tests in a private copy")
            }
            Kind::Command if action.command.is_some() && action.command == self.tests => {
                allow("detected-tests", "the detected test command")
            }
            Kind::Edit | Kind::Command | Kind::Network | Kind::Plan | Kind::Other => {
                Ruling::ask("default", "everything asks unless a rule allows it")
            }
        }
    }

    fn digest(&self) -> Digest {
        Digest::of(b"built-in")
    }

    fn is_test(&self, path: &RelPath) -> bool {
        crate::checks::recognise(path.as_str()).is_guarded()
    }
}
