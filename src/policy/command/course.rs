//! The start directories of the commands of a line: every directory that `cd` and similar commands may have led to.
//!
//! A plain line is followed exactly: what comes after `&&` starts where the move led, what comes after `;` or `||`
//! starts there or where the line was before. In any other line a move may have happened, and nothing takes it back.

use crate::policy::command::programs::{base_name, unwrapped};
use crate::policy::command::shell::{Joint, Part, Script};
use crate::policy::limits::POLICY_STARTS_MAX;
use crate::policy::place::{Place, normalise};
use std::path::{Path, PathBuf};

/// The directories in which one command may start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Starts {
    pub dirs: Vec<PathBuf>,
    /// A move led somewhere that the words do not tell, or there are too many places.
    pub elsewhere: bool,
}

impl Starts {
    fn at(dir: &Path) -> Self {
        Self { dirs: vec![dir.to_owned()], elsewhere: false }
    }

    fn join(&mut self, other: Self) {
        for dir in other.dirs {
            if self.dirs.len() >= POLICY_STARTS_MAX {
                self.elsewhere = true;
            } else if !self.dirs.contains(&dir) {
                self.dirs.push(dir);
            }
        }
        self.elsewhere |= other.elsewhere;
    }

    /// Returns the directory these words lead to from here, if they move at all. A link is followed both as the shell
    /// does, by its text, and as the kernel does.
    fn moved(&self, words: &[Option<String>], place: &Place<'_>) -> Option<Self> {
        let program = base_name(words.first()?.as_deref()?);
        let lost = Self { dirs: Vec::new(), elsewhere: true };
        match program {
            "cd" | "chdir" | "pushd" => {}
            "popd" => return Some(lost),
            _ => return None,
        }
        let mut operands =
            words.iter().skip(1).filter(|w| w.as_deref().is_none_or(|w| w == "-" || !w.starts_with('-')));
        match (operands.next(), operands.next()) {
            (Some(Some(to)), None) if !to.starts_with(['~', '+']) && to != "-" && !to.is_empty() => {
                Some(self.entered(to, place))
            }
            _ => Some(lost),
        }
    }

    /// The directories that `to` names from each of these.
    pub(in crate::policy) fn entered(&self, to: &str, place: &Place<'_>) -> Self {
        let mut out = Self { dirs: Vec::new(), elsewhere: self.elsewhere };
        for dir in &self.dirs {
            let joined = dir.join(to);
            let both = [normalise(&joined), place.disk.and_then(|disk| disk.real(&joined))];
            out.elsewhere |= both.iter().all(Option::is_none);
            out.join(Self { dirs: both.into_iter().flatten().collect(), elsewhere: false });
        }
        out
    }
}

/// Returns the directories in which each part of the line may start, in their order.
pub fn starts(script: &Script, cwd: &Path, place: &Place<'_>) -> Vec<Starts> {
    if script.simples.is_empty() {
        let (first, last) = grown(script, Starts::at(cwd), place);
        return if script.repeats && last.dirs.len() > 1 { grown(script, last, place).0 } else { first };
    }
    let mut now = Starts::at(cwd);
    // Everywhere the line may have been since the last `;`.
    let mut been = now.clone();
    let mut out = Vec::new();
    for (n, (simple, part)) in script.simples.iter().zip(&script.parts).enumerate() {
        if matches!(simple.joint, Joint::Or | Joint::Then) {
            now = been.clone();
        }
        out.push(now.clone());
        let piped = |joint: Joint| joint == Joint::Pipe;
        let next = script.simples.get(n + 1).map_or(Joint::Then, |s| s.joint);
        let certain = simple.joint != Joint::Or && !piped(simple.joint) && !piped(next);
        for moved in moves(part, &now, place) {
            been.join(moved.clone());
            let certain = certain && !moved.elsewhere;
            if certain && part.words.first().is_some_and(|w| w.as_deref() == Some("cd")) {
                now = moved;
            } else {
                now.join(moved);
            }
        }
    }
    out
}

/// The moves that a part makes, or that something in it may make.
fn moves(part: &Part, from: &Starts, place: &Place<'_>) -> Vec<Starts> {
    unwrapped(part, 0).iter().filter_map(|words| from.moved(words, place)).collect()
}

fn grown(script: &Script, mut now: Starts, place: &Place<'_>) -> (Vec<Starts>, Starts) {
    let mut out = Vec::new();
    for part in &script.parts {
        out.push(now.clone());
        for moved in moves(part, &now.clone(), place) {
            now.join(moved);
        }
    }
    (out, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::command::shell;

    #[test]
    fn every_place_that_a_move_may_lead_to_is_known() {
        let check = |line: &str, expect: &[&str]| {
            let place = Place::of("/w");
            let found = starts(&shell::read(line), Path::new("/w"), &place);
            let last = found.last().unwrap();
            let mut dirs: Vec<String> = last.dirs.iter().map(|d| d.display().to_string()).collect();
            if last.elsewhere {
                dirs.push("?".to_owned());
            }
            assert_eq!(dirs, expect, "{line}");
        };
        check("ls", &["/w"]);
        check("cd a && ls", &["/w/a"]);
        check("cd a && cd b && ls", &["/w/a/b"]);
        check("cd a && cd .. && ls", &["/w"]);
        check("cd a; ls", &["/w", "/w/a"]);
        check("cd a && ls || cat x", &["/w", "/w/a"]);
        check("x || cd a && ls", &["/w", "/w/a"]);
        check("cd a | ls", &["/w", "/w/a"]);
        check("cd a && ls | wc", &["/w/a"]);
        check("pushd a && ls", &["/w", "/w/a"]);
        check("cd $A && ls", &["/w", "?"]);
        check("cd - && ls", &["/w", "?"]);
        check("cd && ls", &["/w", "?"]);
        check("(cd a; ls)", &["/w", "/w/a"]);
        check("(cd a && ls); cat x", &["/w", "/w/a"]);
        check("if cd a; then ls; fi", &["/w", "/w/a"]);
        check("command cd a && ls", &["/w", "/w/a"]);
        check("eval 'cd a' && ls", &["/w", "/w/a"]);
        let found = starts(&shell::read("for x in a b; do ls; cd a; done"), Path::new("/w"), &Place::of("/w"));
        assert!(found[0].dirs.contains(&"/w/a".into()), "{found:?}");
    }
}
