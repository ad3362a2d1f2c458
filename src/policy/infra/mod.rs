//! Infrastructure actions: commands that deploy, apply, publish or migrate. What they change is not in the workspace, so
//! no undo takes it back: each is tried where its tool can do that, checked afterwards, and taken back by its own means.

mod table;

use crate::model::Command;
use crate::policy::command::programs::{base_name, unwrapped};
use crate::policy::command::shell::{self, Part};
use table::{LOOKS, TOOLS};

/// The kind of such an action. Its word is what a user types to run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Deploy,
    Apply,
    Publish,
    Migrate,
}

impl Verb {
    pub fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Apply => "apply",
            Self::Publish => "publish",
            Self::Migrate => "migrate",
        }
    }
}

/// How a tool shows what it would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dry {
    /// The same command with these options.
    Flag(&'static str),
    /// These words in the place of its own.
    Instead(&'static str),
    No,
}

/// One tool: its words, and what belongs to a run of it. A word in capitals is for the user to fill in; empty = not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tool {
    words: &'static str,
    verb: Verb,
    dry: Dry,
    verify: &'static str,
    back: &'static str,
}

/// What a command line does to infrastructure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Infra {
    pub verb: Verb,
    /// Its words as the tool knows them, such as `terraform apply`.
    pub words: &'static str,
    /// The command that shows what this one would do.
    pub dry_run: Option<Command>,
    /// Words that check the result, and words that take it back, as far as they are known.
    pub verify: Option<&'static str>,
    pub roll_back: Option<&'static str>,
}

/// Tools that copy to, or run on, another machine.
const REMOTE: &[Tool] = &[
    Tool { words: "rsync", verb: Verb::Deploy, dry: Dry::Flag("--dry-run"), verify: "rsync --dry-run", back: "" },
    Tool { words: "scp", verb: Verb::Deploy, dry: Dry::No, verify: "", back: "" },
    Tool { words: "ssh", verb: Verb::Apply, dry: Dry::No, verify: "", back: "" },
];

/// Returns what a command does to infrastructure, if it does anything there.
pub fn of(command: &Command) -> Option<Infra> {
    let script = match (&command.shell, &command.argv) {
        (Some(text), None) => shell::read(text),
        (None, Some(argv)) => shell::exactly(argv),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    let tool = script.parts.iter().find_map(of_part)?;
    // Only a command that stands alone can be rewritten: of a longer line the rest would run for real.
    let alone = match script.simples.as_slice() {
        [only] if script.parts.len() == 1 && script.doubts.is_empty() && only.patterns.is_empty() => Some(&only.argv),
        _ => None,
    };
    let dry_run = alone.and_then(|argv| dry_run(tool, argv));
    let dry_run = dry_run.map(|argv| Command { argv: Some(argv), shell: None, ..command.clone() });
    let known = |text: &'static str| Some(text).filter(|text| !text.is_empty());
    Some(Infra { verb: tool.verb, words: tool.words, dry_run, verify: known(tool.verify), roll_back: known(tool.back) })
}

/// The tool that a part of a line runs, in a shell or behind a wrapper too.
pub(super) fn verb_of(part: &Part) -> Option<(Verb, &'static str)> {
    of_part(part).map(|tool| (tool.verb, tool.words))
}

fn of_part(part: &Part) -> Option<&'static Tool> {
    unwrapped(part, 0).iter().find_map(|words| of_words(words))
}

fn of_words(words: &[Option<String>]) -> Option<&'static Tool> {
    // A word that only the shell knows may be anything.
    let words: Vec<&str> = words.iter().map(|word| word.as_deref().unwrap_or_default()).collect();
    let starters = words.iter().take_while(|word| STARTERS.contains(&base_name(word))).count();
    (0..=starters).find_map(|at| tool_at(words.get(at..)?))
}

fn tool_at(words: &[&str]) -> Option<&'static Tool> {
    let program = base_name(words.first()?);
    let operands: Vec<&str> = words.iter().skip(1).copied().filter(|word| !word.starts_with('-')).collect();
    if let Some(tool) = REMOTE.iter().find(|tool| tool.words == program) {
        let is_remote = program == "ssh" || operands.iter().any(|word| is_host_path(word));
        return (is_remote && !is_dry(tool, words)).then_some(tool);
    }
    let fits = |tool: &&Tool| {
        let mut wanted = tool.words.split(' ');
        if wanted.next() != Some(program) {
            return false;
        }
        let mut rest = words.iter().skip(1);
        wanted.all(|word| rest.any(|own| *own == word))
    };
    let looks = |tool: &&Tool| {
        let first = operands.first().copied();
        first.is_some_and(|first| LOOKS.contains(&first)) && tool.words.split(' ').nth(1) != first
    };
    TOOLS.iter().find(fits).filter(|tool| !looks(tool) && !is_dry(tool, words))
}

/// Words in front of a tool that `unwrapped` takes for its own.
const STARTERS: &[&str] =
    &["npx", "bunx", "pnpx", "uvx", "pipx", "bundle", "exec", "run", "php", "python", "python3", "poetry", "uv"];

fn is_host_path(word: &str) -> bool {
    word.split_once(':').is_some_and(|(host, _)| !host.is_empty() && !host.contains('/'))
        || word.starts_with("rsync://")
}

/// Returns whether the command is the dry run itself. One that also says the opposite is not.
fn is_dry(tool: &Tool, words: &[&str]) -> bool {
    let Dry::Flag(flags) = tool.dry else { return false };
    let Some(flag) = flags.split(' ').next() else { return false };
    let name = flag.split('=').next().unwrap_or(flag);
    let mut options = words.iter().copied().take_while(|word| *word != "--");
    let is_it = |word: &str| word == flag || (flag == "--dry-run=server" && word == "--dry-run=client");
    let undoes = |word: &str| {
        let is_other = word.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')) && !is_it(word);
        is_other || word == format!("--no-{}", name.trim_start_matches('-'))
    };
    let short = tool.words == "rsync" && words.contains(&"-n");
    (short || options.clone().any(is_it)) && !options.any(undoes)
}

/// Options that answer for the user, or name a plan that is carried out.
const CONSENTS: &[&str] =
    &["-auto-approve", "--auto-approve", "-y", "--yes", "--force", "-f", "--skip-preview", "--require-approval"];

fn dry_run(tool: &Tool, argv: &[String]) -> Option<Vec<String>> {
    let mut wanted = tool.words.split(' ');
    let program = wanted.next()?;
    let at = argv.iter().position(|word| base_name(word) == program)?;
    match tool.dry {
        Dry::No => None,
        Dry::Flag(flags) => {
            let mut out = argv.to_vec();
            // Right behind the subcommand: what follows `--` is not an option.
            let last = wanted.fold(at, |from, word| {
                out.iter().skip(from).position(|own| own == word).map_or(from, |found| from + found)
            });
            let flags: Vec<String> = flags.split(' ').map(str::to_owned).collect();
            out.splice(last + 1..last + 1, flags);
            Some(out)
        }
        Dry::Instead(words) => {
            let mut out: Vec<String> = argv.get(..=at)?.to_vec();
            let own: Vec<&str> = wanted.collect();
            let mut left = own.iter().copied().peekable();
            let (mut placed, mut options) = (false, Vec::new());
            for word in argv.get(at + 1..)? {
                if left.peek() == Some(&word.as_str()) {
                    left.next();
                    if !placed {
                        options.extend(words.split(' ').skip(1).map(str::to_owned));
                        placed = true;
                    }
                } else if !CONSENTS.iter().any(|consent| word == consent || word.starts_with(&format!("{consent}="))) {
                    options.push(word.clone());
                }
            }
            out.extend(options);
            Some(out)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(line: &str) -> Option<(Verb, Option<String>)> {
        of(&Command::shell(line))
            .map(|infra| (infra.verb, infra.dry_run.map(|command| command.argv.unwrap_or_default().join(" "))))
    }

    #[test]
    fn every_tool_is_found_by_its_words_and_its_dry_run_is_none() {
        for tool in TOOLS {
            let infra = of(&Command::shell(tool.words)).unwrap_or_else(|| panic!("{}", tool.words));
            assert_eq!(infra.verb, tool.verb, "{}", tool.words);
            assert_eq!(infra.dry_run.is_some(), tool.dry != Dry::No, "{}", tool.words);
            if let Some(dry) = infra.dry_run {
                assert_eq!(of(&dry), None, "{} -> {}", tool.words, dry.line());
            }
        }
    }

    #[test]
    fn a_dry_run_is_the_same_command_that_changes_nothing() {
        for (line, dry) in [
            ("terraform apply -auto-approve -var a=b", "terraform plan -var a=b"),
            ("terraform -chdir=infra destroy", "terraform -chdir=infra plan -destroy"),
            ("kubectl -n prod apply -f app.yaml", "kubectl -n prod apply --dry-run=server -f app.yaml"),
            ("helm upgrade web ./chart", "helm upgrade --dry-run web ./chart"),
            ("npm publish", "npm publish --dry-run"),
            ("pulumi up --yes", "pulumi preview"),
            ("ansible-playbook -i prod site.yml", "ansible-playbook --check --diff -i prod site.yml"),
            ("python manage.py migrate app", "python manage.py migrate --plan app"),
            ("rsync -a build/ host:/srv", "rsync --dry-run -a build/ host:/srv"),
            ("npx prisma migrate deploy", "npx prisma migrate status"),
        ] {
            assert_eq!(seen(line).unwrap().1.as_deref(), Some(dry), "{line}");
        }
        // The rest of a line would run for real, and what the shell makes of a word is not known.
        for line in ["terraform apply && ./x", "terraform apply $X", "sh -c 'kubectl delete pod x'", "docker push a/b"]
        {
            assert_eq!(seen(line).unwrap().1, None, "{line}");
        }
    }

    #[test]
    fn looking_and_trying_is_no_infrastructure_action() {
        for line in [
            "terraform plan",
            "terraform plan -out apply",
            "kubectl get pods",
            "kubectl describe apply",
            "helm list",
            "kubectl apply --dry-run=server -f x",
            "kubectl apply --dry-run=client -f x",
            "npm publish --dry-run",
            "rsync -n -a x host:/y",
            "rsync -a x y",
            "scp a b",
            "cargo build",
            "npm test",
            "git push",
            "docker build .",
            "pulumi preview",
            "ansible-playbook --check site.yml",
            "aws s3 ls",
        ] {
            assert_eq!(seen(line), None, "{line}");
        }
        for line in [
            "kubectl apply --dry-run=none -f x",
            "kubectl apply --dry-run=server --dry-run=none -f x",
            "npm publish --dry-run --no-dry-run",
            "npm publish -- --dry-run",
            "sudo terraform apply",
            "env A=b kubectl delete ns x",
            "ssh host ls",
            "cd infra && terraform apply",
            "scp a user@host:/x",
            "gcloud run deploy web",
            "gcloud app deploy",
            "./gradlew publish",
        ] {
            assert!(seen(line).is_some(), "{line}");
        }
    }
}
