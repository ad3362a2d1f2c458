//! Lines and hunks chosen on the screen, on real changes: what is sent gives exactly the lines that were shown as in.

use super::{PlaceIn, lines_of};
use crate::base::pairs_tests::{Dice, Pair, Row, changed, not_as_shown, released};
use crate::diff::{FileDiff, LineKind, Selection};
use crate::ui::tests::stage::Stage;
use serde_json::json;
use std::collections::BTreeSet;

/// The changed lines and their surroundings in the order of the screen, each once.
fn shown(stage: &Stage, old: &str, new: &str) -> Vec<Row> {
    let (pane, review) = (&stage.app.panes.diff, &stage.app.scene.review);
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let mut known = BTreeSet::new();
    let mut rows = Vec::new();
    for at in pane.rows.iter().flat_map(lines_of) {
        let (PlaceIn::Hunk(line), Some(picture)) = (at.place, pane.line(at)) else { continue };
        if !known.insert((at.hunk, line)) {
            continue;
        }
        let text = match picture.kind {
            LineKind::Added => new[picture.new_no.unwrap() - 1],
            LineKind::Context | LineKind::Removed => old[picture.old_no.unwrap() - 1],
        };
        let sign = match picture.kind {
            LineKind::Context => ' ',
            LineKind::Removed => '-',
            LineKind::Added => '+',
        };
        let is_taken = sign != ' ' && review.takes_line((at.file, at.hunk), line);
        rows.push(Row { sign, old_no: picture.old_no, text: text.as_bytes().to_vec(), is_taken });
    }
    rows
}

#[test]
fn what_is_sent_gives_the_lines_that_are_shown_as_in() {
    let mut dice = Dice(0xD1B5_4A32_D192_ED03);
    let is_short = |pair: &Pair| pair.old != pair.new && pair.old.len() + pair.new.len() < 10_000;
    let real = released(usize::MAX).into_iter().filter(is_short).step_by(20).take(20);
    let pairs = real.chain(changed(20).into_iter().filter(is_short).step_by(7).take(10));
    let (mut all, mut decided) = (0, 0);
    for Pair { name, old, new } in pairs {
        all += 1;
        let mut stage = Stage::pending((140, 50), |action| {
            action["files"] = json!([{"path": "src/a.rs", "change": "modify", "before": old, "after": new}]);
        });
        stage.press("3");
        for _ in 0..2 {
            let rows = stage.app.panes.diff.rows.len();
            stage.app.panes.diff.list.cursor = dice.below(rows);
            // Sometimes some lines instead of the hunk.
            if dice.below(3) > 0 {
                stage.command("select-lines");
                stage.app.panes.diff.list.cursor = (stage.app.panes.diff.list.cursor + dice.below(6)).min(rows - 1);
            }
            stage.command("toggle-hunk");
        }
        let rows = shown(&stage, &old, &new);
        stage.command("approve");
        stage.command("approve");
        // Where nothing is left, nothing is sent.
        let [decide] = &stage.decided()[..] else { continue };
        let diff = FileDiff::new(old.clone(), new.clone());
        let selection = decide.hunks.clone().map_or_else(|| Selection::all(&diff), Selection);
        let got = diff.apply(&selection).unwrap();
        if let Some(why) = not_as_shown(old.as_bytes(), &rows, &got) {
            panic!("{name}: {selection:?}: {why}");
        }
        decided += 1;
    }
    assert!(decided * 6 >= all, "{decided} decisions on {all} changes");
}

/// The rows of a long diff are not made again for what is done elsewhere, and are for a comment.
#[test]
fn what_is_done_elsewhere_leaves_the_rows_alone() {
    let mut stage = Stage::set(120, 40, "dark");
    let rows = |stage: &Stage| (stage.app.panes.diff.rows.as_ptr(), stage.app.panes.diff.rows.len());
    let (before, digest) = (rows(&stage), stage.app.scene.target().unwrap().action.digest);
    let seq = stage.app.scene.session.head.next();
    stage.receive(&format!(
        r#"{{"seq":{seq},"at":1764000100000,"kind":"proposed","action":{{"id":"a30","revision":1,"kind":"read","title":"t","digest":"{digest}","target":"a"}}}}"#
    ));
    stage.draw();
    assert!(stage.app.scene.session.actions.get(&"a30".into()).is_some());
    assert_eq!(rows(&stage), before);
    let path = stage.app.scene.target().unwrap().action.files()[0].path.clone();
    let on = json!({"file": {"path": path, "action": "a7", "side": "new"}});
    let comment = json!({"id": "k1", "text": "not so loud", "by": "c1", "version": 1,
        "anchor": {"line": 0, "quote": "", "on": on}});
    let seq = seq.next();
    let comment = json!({"seq": seq, "at": 1_764_000_100_001_u64, "kind": "commented", "comment": comment});
    stage.receive(&comment.to_string());
    stage.draw();
    assert_eq!(rows(&stage).1, before.1 + 1, "{}", stage.text());
}
