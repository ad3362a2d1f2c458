//! Talking to other machines asks; addresses that lead to the metadata of a cloud are refused.

use super::{Builtin, Judge, Voice};
use crate::model::event::RulingWord;
use crate::model::{Address, Area};
use crate::policy::command::class::Class;
use crate::policy::command::programs::class_of;
use crate::policy::matter::Matter;

pub(super) const RULE: Builtin = Builtin {
    id: "network",
    about: "Commands that fetch, install, publish or connect ask unless one of your rules allows them. A connection to a link-local address, where clouds keep their metadata, is denied unless a rule names it.",
    judge: Judge::Otherwise(|case| match case.matter {
        Matter::Command { script, cwd, .. } => script
            .parts
            .iter()
            .any(|p| class_of(p, cwd, case.place) == Class::Network)
            .then(|| Voice::ask("it contacts other machines")),
        Matter::Network(to) => Some(match Address::parse(to).map(|address| address.area()) {
            Some(Area::Reserved) => {
                let reason = format!("{to} is link-local or reserved, where clouds keep their metadata");
                Voice { word: RulingWord::Deny, ..Voice::ask(reason) }
            }
            Some(Area::Private) => Voice::ask(format!("it contacts {to}, which is this machine or a private network")),
            Some(Area::Public) | None => Voice::ask(format!("it contacts {to}")),
        }),
        Matter::Path { .. } | Matter::Plan | Matter::Other(_) => None,
    }),
    speaks_on: &["curl example.com", "npm install left-pad", "git push origin main", "npx something"],
    silent_on: &["npm test", "ls curl", "git status"],
};
