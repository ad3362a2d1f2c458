//! The recipes of `docs/ARCHITECTURE.md`: each names files that exist, and not too many.

use super::{none, root};

/// The recipes, and the files that each may touch at most.
const FILES_MAX: [(&str, usize); 8] = [
    ("a pane", 4),
    ("an event kind", 3),
    ("a request", 3),
    ("a policy rule", 2),
    ("a runner's parser", 3),
    ("what an ACP agent does in its own way", 2),
    ("a model wire", 3),
    ("a plan-step status", 3),
];

#[test]
fn every_recipe_names_few_files_and_they_exist() {
    let text = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("the architecture");
    let mut faults = Vec::new();
    for (what, max) in FILES_MAX {
        let Some(row) = text.lines().find_map(|line| line.strip_prefix(&format!("| {what} | "))) else {
            faults.push(format!("{what} has no recipe"));
            continue;
        };
        let cell = row.split(" | ").next().unwrap_or_default();
        let files: Vec<&str> = cell.split_whitespace().map(|file| file.trim_matches('`')).collect();
        if files.len() > max {
            faults.push(format!("{what} touches {} files, at most {max} are expected", files.len()));
        }
        for file in files {
            let path = root().join(file);
            let is_new = path.file_stem().is_some_and(|stem| stem == "NAME");
            let exists = if is_new { path.parent().is_some_and(std::path::Path::is_dir) } else { path.is_file() };
            if !exists {
                faults.push(format!("{what}: {file} does not exist"));
            }
        }
    }
    none(&faults, "a recipe that does not hold");
}
