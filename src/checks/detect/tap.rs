//! TAP producers: Perl's `prove` and `bats`.

use super::{ProjectView, Runner, Tool, distinct, file_name, regex_escaped};
use crate::checks::parsers::ParserKind;
use crate::checks::tree::leaf;
use crate::model::check::CaseReport;

pub fn detect(project: &ProjectView, out: &mut Vec<Runner>) -> Option<String> {
    if project.paths.iter().any(|p| p.starts_with("t/") && p.ends_with(".t")) {
        let argv = ["prove", "-v", "-l", "-r", "--nocolor", "t"];
        out.push(Runner::new(Tool::Prove, &argv, ParserKind::Tap, 80, "t/*.t"));
    }
    let files: Vec<&str> = project.named(|n| n.ends_with(".bats")).collect();
    if !files.is_empty() {
        let at = |p: &&str| p.strip_suffix(file_name(p)).unwrap_or_default().trim_end_matches('/').to_owned();
        let mut argv = vec!["bats".to_owned(), "--tap".to_owned()];
        let directories = distinct(files.iter().map(at));
        argv.extend(directories.into_iter().map(|d| if d.is_empty() { ".".to_owned() } else { d }));
        let mut runner = Runner::new(Tool::Bats, &[], ParserKind::Tap, 70, "*.bats");
        runner.argv = argv;
        out.push(runner);
    }
    None
}

/// prove selects files, bats names.
pub fn some_for(runner: &Runner, cases: &[CaseReport]) -> Vec<String> {
    let mut argv = runner.argv.clone();
    if runner.tool == Tool::Prove {
        let files = distinct(cases.iter().map(|c| c.suite.first().unwrap_or(&c.case).clone()));
        argv.pop();
        argv.extend(files);
    } else {
        let names = distinct(cases.iter().map(|c| regex_escaped(leaf(c))));
        let at = argv.len().min(2);
        argv.splice(at..at, ["--filter".to_owned(), format!("^({})$", names.join("|"))]);
    }
    argv
}
