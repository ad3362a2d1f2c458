//! Parts of real and of random changes: the result is exactly what was shown, in its order, and its reverse restores the
//! original.

use crate::base::pairs_tests::{Dice, Pair, Row, changed, not_as_shown, released};
use crate::diff::{DiffLine, FileDiff, HunkChoice, LineKind, Names, Selection, git_patch};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Any part of a diff: hunks, lines of hunks, or nothing of them.
fn part(diff: &FileDiff, dice: &mut Dice) -> Selection {
    let style = dice.below(4);
    let choice = |(hunk, lines): (usize, &super::Hunk)| {
        let changed = lines.lines.iter().enumerate().filter(|(_, line)| line.kind != LineKind::Context);
        let some: Vec<usize> = changed.map(|(at, _)| at).filter(|_| dice.below(4) > style).collect();
        match dice.below(4) {
            0 => None,
            1 => Some(HunkChoice::Whole(hunk)),
            _ => Some(HunkChoice::Lines { hunk, lines: some }),
        }
    };
    Selection(diff.hunks.iter().enumerate().filter_map(choice).collect())
}

fn rows(diff: &FileDiff, selection: &Selection) -> Vec<Row> {
    let wanted = selection.lines(diff).unwrap();
    let row = |line: &DiffLine| Row {
        sign: match line.kind {
            LineKind::Context => ' ',
            LineKind::Removed => '-',
            LineKind::Added => '+',
        },
        old_no: line.old_no,
        text: line.text.to_vec(),
        is_taken: line.id().is_some_and(|id| wanted.contains(&id)),
    };
    diff.hunks.iter().flat_map(|hunk| &hunk.lines).map(row).collect()
}

/// Applies one patch of many files with the real git, forward or in reverse.
fn git_applies(dir: &Path, patch: &[u8], more: &[&str]) {
    std::fs::write(dir.join("rightseat.patch"), patch).unwrap();
    let done = Command::new("git")
        .args(["apply", "--whitespace=nowarn"])
        .args(more)
        .arg("rightseat.patch")
        .current_dir(dir)
        .env("GIT_CEILING_DIRECTORIES", dir.parent().unwrap())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(done.status.success(), "{more:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Random texts over few different lines, with CRLF, empty lines, and no newline at the end.
fn random(dice: &mut Dice) -> Pair {
    let mut text = || {
        let lines =
            (0..dice.below(16)).map(|_| ["a\n", "b\n", "c\r\n", "\n", "\r\n", "é\n", "a\r", "x y\n"][dice.below(8)]);
        let lines: String = lines.collect();
        lines + ["", "", "a", "b\r", "z"][dice.below(5)]
    };
    Pair { name: "random".to_owned(), old: text(), new: text() }
}

#[test]
fn any_part_is_what_was_shown_and_its_reverse_restores_the_original() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let (real, own) = (released(400), changed(60));
    let is_at_hand = !real.is_empty();
    let mut pairs: Vec<Pair> = real.into_iter().chain(own).collect();
    assert!(pairs.len() >= if is_at_hand { 800 } else { 90 }, "{} pairs", pairs.len());
    pairs.extend((0..2_000).map(|_| random(&mut dice)));
    let dir = tempfile::tempdir().unwrap();
    let mut patch = Vec::new();
    let mut files = BTreeMap::new();
    for (number, Pair { name, old, new }) in pairs.iter().enumerate() {
        let diff = FileDiff::new(old.clone(), new.clone());
        let selection = part(&diff, &mut dice);
        let got = diff.apply(&selection).unwrap();
        if let Some(why) = not_as_shown(old.as_bytes(), &rows(&diff, &selection), &got) {
            panic!("{name}: {selection:?}: {why}");
        }
        // What is left is a change of its own, and so is the way back.
        let back = FileDiff::new(got.clone(), old.clone());
        let every = Selection::all(&back).lines(&back).unwrap();
        assert_eq!(back.compose(&every), old.as_bytes(), "{name}");
        if got != old.as_bytes() {
            let file = format!("{number}.txt");
            std::fs::write(dir.path().join(&file), old).unwrap();
            let names = Names { old: Some(&file), new: Some(&file), executable: (false, false) };
            patch.extend(git_patch(&FileDiff::new(old.clone(), got.clone()), names));
            files.insert(file, (old, got));
        }
    }
    assert!(files.len() > 1_000, "{} parts changed something", files.len());
    git_applies(dir.path(), &patch, &[]);
    for (file, (_, got)) in &files {
        assert_eq!(std::fs::read(dir.path().join(file)).unwrap(), got.as_ref(), "{file}");
    }
    git_applies(dir.path(), &patch, &["--reverse"]);
    for (file, (old, _)) in &files {
        assert_eq!(std::fs::read(dir.path().join(file)).unwrap(), old.as_bytes(), "{file}");
    }
}

/// The judge of the test above finds lines that are missing, doubled, or in another order.
#[test]
fn a_part_that_is_not_as_shown_is_found() {
    let (old, new) = ("x\na\nb\nc\ny\n", "x\nA\nB\nC\ny\n");
    let diff = FileDiff::new(old, new);
    let selection = Selection(vec![HunkChoice::Lines { hunk: 0, lines: vec![2, 5] }]);
    let judge = |got: &str| not_as_shown(old.as_bytes(), &rows(&diff, &selection), got.as_bytes());
    assert_eq!(judge("x\na\nB\nc\ny\n"), None);
    for wrong in [
        "x\na\nc\nB\ny\n",
        "x\nB\na\nc\ny\n",
        "x\na\nb\nc\ny\n",
        "x\na\nB\nc\n",
        "x\na\nB\nc\ny\ny\n",
        "x\na\nB\nB\nc\ny\n",
    ] {
        assert!(judge(wrong).is_some(), "{wrong:?}");
    }
}
