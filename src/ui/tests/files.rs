//! Several files under review: folded, viewed, listed, and what of them counts as read.

use super::hands::{read_it, verdicts};
use super::stage::Stage;
use serde_json::json;

/// A change of three files, of which one is a lock file.
fn three_files() -> Stage {
    let file = |path: &str, lines: usize| {
        let text = |word: &str| (0..lines).map(|n| format!("{word} {n}\n")).collect::<String>();
        json!({"path": path, "change": "modify", "before": text("old"), "after": text("new")})
    };
    let files = json!([file("src/a.rs", 2), file("Cargo.lock", 40), file("src/z.rs", 3)]);
    Stage::pending((120, 40), move |action| {
        action.insert("files".to_owned(), files.clone());
    })
}

#[test]
fn a_lock_file_is_folded_and_asked_about() {
    let mut stage = three_files();
    let text = stage.text();
    assert!(text.contains("lock file: Enter shows its 80 changed lines") && !text.contains("old 39"), "{text}");
    read_it(&mut stage);
    stage.command("approve");
    assert!(verdicts(&stage).is_empty(), "what is folded was not read");
    assert!(stage.text().contains("unseen"), "{}", stage.text());
    stage.command("top");
    stage.command("next-file");
    stage.command("open");
    assert!(stage.text().contains("old 0"), "{}", stage.text());
    read_it(&mut stage);
    stage.command("approve");
    assert_eq!(verdicts(&stage).len(), 1, "{}", stage.text());
}

#[test]
fn a_viewed_file_is_folded_and_counts_as_read() {
    let mut stage = three_files();
    read_it(&mut stage);
    stage.command("top");
    stage.command("next-file");
    stage.command("viewed");
    let text = stage.text();
    assert!(text.contains("viewed: Enter shows its 80 changed lines"), "{text}");
    stage.command("files");
    assert!(stage.text().contains("3 files, 1 viewed") && stage.text().contains("lock file  +40"), "{}", stage.text());
    stage.press("down down enter");
    assert!(stage.text().contains("file 3/3"), "{}", stage.text());
    stage.command("approve");
    assert_eq!(verdicts(&stage).len(), 1, "opening one file forgets nothing of the others: {}", stage.text());
}
