//! Tests of the command line: accepted and rejected uses, and the help.

use super::*;
use std::path::Path;

fn parsed(line: &str) -> Result<Cli, clap::Error> {
    parse(shell_words::split(line).expect("quoted well").into_iter().map(OsString::from))
}

#[track_caller]
fn refused(line: &str, kind: ErrorKind, says: &str) {
    let error = parsed(line).expect_err(line);
    assert!(error.kind() == kind && error.to_string().contains(says), "{line}: {error}");
}

#[test]
fn clap_finds_no_fault_in_the_definition() {
    with_groups(command()).debug_assert();
    command().debug_assert();
}

/// The commands without commands of their own, by their words.
fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    for sub in command.get_subcommands() {
        let path = format!("{path} {}", sub.get_name()).trim().to_owned();
        if sub.has_subcommands() { leaves(sub, &path, found) } else { found.push(path) }
    }
}

#[test]
fn the_table_of_used_options_names_commands_and_options_that_exist() {
    let (root, mut all) = (command(), Vec::new());
    leaves(&root, "", &mut all);
    for (path, ids) in USED {
        assert!(all.iter().any(|leaf| leaf == path), "{path}");
        for id in ids {
            assert!(root.get_arguments().any(|arg| arg.get_id().as_str() == *id), "{path}: {id}");
        }
    }
}

#[test]
fn every_command_is_in_one_group_of_the_help() {
    let root = command();
    let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
    let mut all: Vec<&str> = root.get_subcommands().map(clap::Command::get_name).chain(["help"]).collect();
    grouped.sort_unstable();
    all.sort_unstable();
    assert_eq!(grouped, all);
}

/// Every shared option, before and after every command: accepted and passed on, or refused with its name.
#[test]
fn a_command_takes_only_the_options_it_uses_before_and_after_its_name() {
    let (root, mut all) = (command(), Vec::new());
    leaves(&root, "", &mut all);
    let rest = |path: &str| match path {
        "replay" | "review" | "verify" | "export" | "note" | "policy explain" | "plan save" | "archive"
        | "unarchive" | "delete" => "X",
        "show" | "name" => "s a1",
        "policy dry-run" => "X --session S",
        "completions" => "bash",
        "approve" | "deny" | "redirect" => "s a1 --digest d",
        _ => "",
    };
    let options = [
        ("agent", "--agent repair"),
        ("mode", "--mode step"),
        ("isolation", "--isolation gated"),
        ("dir", "--dir D"),
        ("branch", "--branch B"),
        ("headless", "--headless"),
        ("record", "--record F"),
        ("theme", "--theme T"),
        ("keymap", "--keymap K"),
        ("linear", "--linear"),
        ("config", "--config F"),
        ("state_dir", "--state-dir S"),
    ];
    for path in &all {
        for (id, option) in options {
            let name = option.split(' ').next().unwrap();
            for line in [
                format!("rightseat {option} {path} {}", rest(path)),
                format!("rightseat {path} {} {option}", rest(path)),
            ] {
                if !used_by(path).contains(&id) {
                    refused(&line, ErrorKind::UnknownArgument, name);
                    continue;
                }
                let cli = parsed(&line).unwrap_or_else(|e| panic!("{line}: {e}"));
                let value = format!("{:?}", cli.shared).to_lowercase();
                let word = option.split(' ').nth(1).unwrap_or("true").to_lowercase();
                let field = value.split(&format!("{id}: ")).nth(1).unwrap();
                let field = field.split_once(", ").map_or(field, |(field, _)| field);
                assert!(field.contains(&word), "{line}: {value}");
            }
        }
    }
    for (_, option) in options {
        parsed(&format!("rightseat {option} fix it")).unwrap();
        parsed(&format!("rightseat fix it {option}")).unwrap();
    }
}

#[test]
fn the_option_nearest_to_the_end_wins() {
    let cli = parsed("rightseat --theme light themes --theme dark").unwrap();
    assert_eq!(cli.shared.theme.as_deref(), Some("dark"));
}

#[test]
fn the_help_of_a_command_lists_only_its_own_options() {
    let help = |line: &str| parsed(line).expect_err("help").to_string();
    let ls = help("rightseat ls --help");
    for (option, is_listed) in [("--json", true), ("--state-dir", true), ("--agent", false), ("--headless", false)] {
        assert_eq!(ls.contains(option), is_listed, "{option}: {ls}");
    }
    assert!(!help("rightseat man --help").contains("options:"));
    assert_eq!(help("rightseat help policy explain"), help("rightseat policy explain --help"));
}

#[test]
fn help_is_grouped_and_fits_eighty_columns() {
    let root = parsed("rightseat help").expect_err("help").to_string();
    assert_eq!(root, parsed("rightseat --help").expect_err("help").to_string());
    let places: Vec<_> =
        ["Usage:", "Sessions:", "Records:", "Policy:", "Agents and settings:", "\nOptions:", "Examples:"]
            .iter()
            .map(|heading| root.find(heading).unwrap_or_else(|| panic!("{heading} is not in {root}")))
            .collect();
    assert!(places.is_sorted() && !root.contains("Commands:"), "{root}");
    let mut all = vec![String::new(), "policy".into(), "config".into()];
    leaves(&command(), "", &mut all);
    for path in all {
        for flag in ["-h", "--help"] {
            let help = parsed(&format!("rightseat {path} {flag}")).expect_err("help").to_string();
            for line in help.lines() {
                assert!(line.chars().count() <= HELP_COLUMNS_MAX, "{path}: {line}");
            }
        }
    }
}

#[test]
fn a_mistyped_word_after_help_or_a_group_gets_a_suggestion() {
    refused("rightseat help atach", ErrorKind::InvalidSubcommand, "'attach'");
    refused("rightseat help policy explian", ErrorKind::InvalidSubcommand, "'explain'");
    refused("rightseat config shwo", ErrorKind::InvalidSubcommand, "'show'");
    refused("rightseat --agnt x", ErrorKind::UnknownArgument, "'--agent'");
}

#[test]
fn a_goal_and_a_command_do_not_go_together() {
    refused("rightseat fix --headless demo", ErrorKind::ArgumentConflict, "quote");
    assert_eq!(parsed("rightseat fix the demo").unwrap().goal, ["fix", "the", "demo"]);
}

#[test]
fn after_dashes_everything_is_the_goal() {
    let cli = parsed("rightseat --headless -- ls --all").unwrap();
    assert!(cli.command.is_none() && cli.goal.is_empty());
    assert_eq!(cli.goal_after_dashes, ["ls", "--all"]);
}

#[test]
fn uses_that_scripts_rely_on_are_parsed() {
    for line in [
        "rightseat",
        "rightseat --headless --agent script:F goal",
        "rightseat --headless --config F --agent repair --dir D --isolation gated goal",
        "rightseat --config F --dir D policy explain 'ls -l'",
        "rightseat --headless demo",
        "rightseat demo --headless --state-dir S",
        "rightseat attach",
        "rightseat attach --ssh box",
        "rightseat attach --ssh user@box NAME --read-only",
        "rightseat attach NAME --stdio --read-only",
        "rightseat ls --json --state-dir S",
        "rightseat inbox --json",
        "rightseat replay NAME --linear",
        "rightseat review FILE",
        "rightseat verify FILE --anchor A --json",
        "rightseat export NAME --format html --no-redact",
        "rightseat export NAME --jsonl",
        "rightseat policy check --jsonl",
        "rightseat policy dry-run RULES --session NAME",
        "rightseat agents --json",
        "rightseat --theme light themes",
        "rightseat keys --probe",
        "rightseat doctor --json",
        "rightseat --keymap vim config show",
        "rightseat config path",
        "rightseat config schema",
        "rightseat completions zsh",
        "rightseat man",
        "rightseat --record FILE --agent NAME",
    ] {
        parsed(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
}

/// The command lines in a document: `rightseat …` at the beginning of a line of a block of code, after a pipe, or in
/// a span of code.
fn command_lines(page: &str) -> Vec<String> {
    let (mut found, mut is_code) = (Vec::new(), false);
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            continue;
        }
        let spans: Vec<&str> =
            if is_code { line.split(" | ").collect() } else { line.split('`').skip(1).step_by(2).collect() };
        found.extend(spans.iter().map(|span| span.trim()).filter(|s| s.starts_with("rightseat ")).map(str::to_owned));
        if let Some((_, list)) = line.split_once("[\"rightseat\", ") {
            let words = list.split(']').next().unwrap_or_default().replace("\", \"", " ").replace('"', "");
            found.push(format!("rightseat {words}"));
        }
    }
    found
}

#[test]
fn every_command_line_in_the_documents_is_accepted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<_> =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(|p| root.join(p)).to_vec();
    pages.extend(std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    pages.extend(std::fs::read_dir(root.join("docs/decisions")).unwrap().map(|entry| entry.unwrap().path()));
    let mut seen = 0;
    for page in pages.iter().filter(|page| page.extension().is_some_and(|end| end == "md")) {
        for line in command_lines(&std::fs::read_to_string(page).unwrap()) {
            let words = line.split(" #").next().unwrap_or_default().replace(" …", "");
            let cli = match parsed(&words.replace("COMMAND", "ls")) {
                Ok(cli) => cli,
                Err(error) if !error.use_stderr() => continue,
                Err(error) => panic!("{}: {line}: {error}", page.display()),
            };
            let goal = crate::cli::mistyped::check(&cli.goal);
            goal.unwrap_or_else(|fail| panic!("{}: {line}: {}", page.display(), fail.text));
            seen += 1;
        }
    }
    assert!(seen >= 25, "only {seen} command lines were found");
}
