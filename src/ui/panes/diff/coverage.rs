//! Which of the changed lines ran when the change was tested, beside their numbers. It takes the column in which a line
//! that is left out has its sign, so it costs no width, and nothing where no run had coverage.

use crate::diff::LineKind;
use crate::model::check::CoveredFile;
use crate::policy::grounds;
use crate::ui::app::Scene;
use crate::ui::theme::{Role, Sign};
use crate::ui::workers::LinePicture;

/// The coverage of the change that is shown.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// By file; `None` where the report says nothing of the version that is shown.
    files: Vec<Option<CoveredFile>>,
}

impl Ran {
    /// Of the item under review, as its agent proposed it: the lines of the user's own version have other numbers.
    pub fn of(scene: &Scene) -> Self {
        let state = scene.target().filter(|_| scene.comparison.is_none() && scene.review.edited.is_empty());
        let Some((state, (_, covered))) =
            state.and_then(|state| Some((state, grounds::coverage(&scene.session, &state.action.id)?)))
        else {
            return Self::default();
        };
        let files = state.action.files().iter().map(|file| {
            let shown = file.after.as_ref().map(|content| content.digest());
            covered.iter().find(|of| of.path == file.path && of.content.is_some() && of.content == shown).cloned()
        });
        let files: Vec<_> = files.collect();
        // Of an earlier revision nothing is said.
        if files.iter().any(Option::is_some) { Self { files } } else { Self::default() }
    }

    /// The sign of a line: it ran, it did not, it is not known; none where there is nothing to run.
    pub fn sign(&self, file: usize, line: &LinePicture) -> Option<(Sign, Role)> {
        let of = self.files.get(file).filter(|_| line.kind == LineKind::Added)?;
        let number = line.new_no.and_then(|no| u32::try_from(no).ok())?;
        match of {
            None => Some((Sign::Unknown, Role::TextFaint)),
            Some(of) if of.ran.contains(&number) => Some((Sign::Done, Role::Ok)),
            Some(of) if of.missed.contains(&number) => Some((Sign::Failed, Role::Fail)),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::base::{Digest, UnixMs};
    use crate::model::Envelope;
    use crate::model::check::{CheckFinished, CheckStarted, CoveredFile, Tree};
    use crate::model::event::Event;
    use crate::ui::tests::stage::Stage;

    /// The pending edit was tested, and of its changed lines these ran and those did not.
    fn tested(stage: &mut Stage, ran: &[u32], missed: &[u32], is_current: bool) {
        let state = stage.app.scene.target().unwrap();
        let (action, file) = (state.action.id.clone(), state.action.files().first().unwrap());
        let content = if is_current { file.after.as_ref().unwrap().digest() } else { Digest::of(b"former") };
        let file =
            CoveredFile { path: file.path.clone(), ran: ran.to_vec(), missed: missed.to_vec(), content: Some(content) };
        let started = CheckStarted {
            run: "r9".into(),
            command: "test".to_owned(),
            tree: Tree::Candidate,
            digest: Digest::of(b"tree"),
            action: None,
            what: Some(format!("{action} as proposed")),
            cases: Vec::new(),
            search: false,
        };
        let finished = CheckFinished { run: "r9".into(), passed: 1, covered: vec![file], ..CheckFinished::default() };
        let head = stage.app.scene.session.head;
        let events = [Event::CheckStarted(started), Event::CheckFinished(finished)];
        let envelopes: Vec<_> = events
            .into_iter()
            .scan(head, |seq, event| {
                *seq = seq.next();
                Some(Envelope { seq: *seq, at: UnixMs(1), event })
            })
            .collect();
        stage.send(crate::ui::app::Msg::Events(envelopes, UnixMs(1)));
        stage.draw();
    }

    fn added_rows(stage: &Stage) -> Vec<String> {
        let text = stage.text();
        let rows = text.lines().filter(|line| line.contains(" + ") && !line.contains("hunk"));
        rows.map(str::to_owned).collect()
    }

    #[test]
    fn changed_lines_say_whether_they_ran_and_take_no_room() {
        let mut stage = Stage::set(80, 24, "dark");
        let before = added_rows(&stage);
        let number = |row: &str| row.split_whitespace().find_map(|word| word.parse::<u32>().ok()).unwrap();
        let first = number(before.first().unwrap());
        tested(&mut stage, &[first], &[], true);
        let ran = added_rows(&stage);
        assert_eq!(ran.first().unwrap().replacen('✓', " ", 1), *before.first().unwrap());
        assert!(ran.first().unwrap().contains('✓'), "{ran:?}");
        tested(&mut stage, &[], &[first], true);
        assert!(added_rows(&stage).first().unwrap().contains('✗'));
        let mut stage = Stage::set(80, 24, "dark");
        tested(&mut stage, &[first], &[], false);
        assert_eq!(added_rows(&stage), before, "coverage of another version says nothing");
    }
}
