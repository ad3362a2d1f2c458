//! Changes to tests beside changes of what they test: agents do rewrite the test that fails. Found here, said as an
//! alarm.

use crate::base::RelPath;
use crate::checks::is_test;
use crate::model::event::OutcomeWord;
use crate::model::session::{Phase, Session};
use crate::model::{Action, FileChange};

/// In words, when the proposal makes a test and its code change together. Without a plan everything is one step.
pub fn found(session: &Session, action: &Action) -> Option<String> {
    match action.touches().find(|path| is_test(path)) {
        Some(test) => a_test(session, action, test),
        None => after_a_test(session, action),
    }
}

fn a_test(session: &Session, action: &Action, test: &RelPath) -> Option<String> {
    let fails = session.checks.latest_workspace().and_then(|r| r.finished.as_ref()).is_some_and(|f| f.failed > 0);
    let with_code = touches_code(action) || done_in_step(session, action).any(touches_code);
    let why = match (fails, with_code) {
        (true, _) => "while tests are failing",
        (false, true) => "in the same step as the code that it tests",
        (false, false) => return None,
    };
    Some(format!("{} changes {test}, a test, {why}", action.id))
}

/// A new test before its code is how many work; an old one changed first is as suspicious as one changed afterwards.
fn after_a_test(session: &Session, action: &Action) -> Option<String> {
    if !touches_code(action) {
        return None;
    }
    let mut files = done_in_step(session, action).flat_map(|a| a.files().iter());
    let test = files.find(|f| f.change != FileChange::Create && is_test(&f.path))?;
    Some(format!("{} changes code after the test {} was changed in the same step", action.id, test.path))
}

fn done_in_step<'a>(session: &'a Session, action: &'a Action) -> impl Iterator<Item = &'a Action> {
    let done = session.actions.iter().filter(|s| s.phase == Phase::Finished(OutcomeWord::Ok) && !s.reverted);
    done.map(|s| &s.action).filter(|a| a.step == action.step)
}

fn touches_code(action: &Action) -> bool {
    action.touches().any(|path| !is_test(path))
}
