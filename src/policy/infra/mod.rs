//! Infrastructure actions: commands that deploy, apply, publish or migrate. What they change is not in the workspace, so
//! no undo takes it back: each is tried where its tool can do that, checked afterwards, and taken back by its own means.

mod dry;
mod named;
mod table;

use crate::model::Command;
use crate::policy::command::programs::{base_name, unwrapped, valued_before_subcommand};
use crate::policy::command::shell::{self, Part};
use crate::policy::limits::STARTER_WORDS_MAX;
pub use dry::DryRun;
use dry::{Dry, dry_run, is_dry};
use table::{LOOKS, NEVER_LOOK, TOOLS};

/// The kind of such an action. Its word is what a user types to run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Deploy,
    Apply,
    Publish,
    Release,
    Migrate,
}

impl Verb {
    pub fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Apply => "apply",
            Self::Publish => "publish",
            Self::Release => "release",
            Self::Migrate => "migrate",
        }
    }
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

impl Tool {
    fn program(&self) -> &'static str {
        self.words.split(' ').next().unwrap_or_default()
    }

    /// The words behind the program.
    fn own_words(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.words.split(' ').skip(1)
    }
}

/// What a command line does to infrastructure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Infra {
    pub verb: Verb,
    /// Its words as the tool knows them, such as `terraform apply`.
    pub words: &'static str,
    /// The command that shows what this one would do.
    pub dry_run: Option<DryRun>,
    /// Words that check the result, and words that take it back, as far as they are known.
    pub verify: Option<&'static str>,
    pub roll_back: Option<&'static str>,
}

/// What can be done with words that verify or roll back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// They are a command.
    Runs,
    /// They are one with words in capitals, which a user fills in.
    FillIn,
    /// They only say what to do.
    Says,
}

impl Follow {
    pub fn of(words: &str) -> Self {
        let is_blank = |word: &str| word.split(|c: char| !c.is_ascii_uppercase()).any(|run| run.len() > 1);
        let is_prose = |word: &str| matches!(word, "the" | "a" | "previous");
        let mut all = words.split(' ');
        if all.clone().any(is_prose) {
            Self::Says
        } else if all.any(is_blank) {
            Self::FillIn
        } else {
            Self::Runs
        }
    }
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
    let tool = tool_of(&script.parts)?;
    // Only a command that stands alone can be rewritten: of a longer line the rest would run for real. An environment of
    // its own can select another program or another configuration.
    let has_redirect = |part: &Part| !part.writes.is_empty() || !part.reads.is_empty();
    let is_plain = script.doubts.is_empty() && command.env.is_empty() && !script.parts.iter().any(has_redirect);
    let alone = match script.simples.as_slice() {
        [only] if is_plain && script.parts.len() == 1 && only.patterns.is_empty() => Some(&only.argv),
        _ => None,
    };
    let dry_run = alone.and_then(|argv| dry_run(tool, argv, command));
    let known = |text: &'static str| Some(text).filter(|text| !text.is_empty());
    Some(Infra { verb: tool.verb, words: tool.words, dry_run, verify: known(tool.verify), roll_back: known(tool.back) })
}

fn tool_of(parts: &[Part]) -> Option<&'static Tool> {
    parts.iter().find_map(of_part)
}

/// The tool that a part of a line runs, in a shell or behind a wrapper too.
pub(super) fn verb_of(part: &Part) -> Option<(Verb, &'static str)> {
    of_part(part).map(|tool| (tool.verb, tool.words))
}

fn of_part(part: &Part) -> Option<&'static Tool> {
    unwrapped(part, 0).iter().find_map(|words| {
        // A word that only the shell knows may be anything.
        let words: Vec<&str> = words.iter().map(|word| word.as_deref().unwrap_or_default()).collect();
        find(&words).map(|(_, tool)| tool)
    })
}

/// The tool of a command, and the place of its program: the first word, or behind what starts it.
fn find(words: &[&str]) -> Option<(usize, &'static Tool)> {
    let is_option = |at: usize| words.get(at).is_some_and(|word| word.starts_with('-'));
    // An option of a starter may take the next word.
    let leads = |at: usize| {
        words.get(at).is_some_and(|word| is_starter(word))
            || (at > 0 && (is_option(at) || (at > 1 && is_option(at - 1))))
    };
    let starters = (0..words.len().min(STARTER_WORDS_MAX)).take_while(|at| leads(*at)).count();
    // What a name says counts where a program is: not for the value of an option, nor for what another tool is told.
    let is_program = |at: usize| at == 0 || words.get(at - 1).is_some_and(|before| is_starter(before));
    let named = |at: usize| named::of(words.get(at..)?).filter(|_| is_program(at) && !fits_any(words));
    (0..=starters).find_map(|at| Some((at, tool_at(words.get(at..)?).or_else(|| named(at))?)))
}

/// Returns whether some tool has these words, also where it only looks or tries.
fn fits_any(words: &[&str]) -> bool {
    let Some((program, rest)) = words.split_first() else { return false };
    TOOLS.iter().any(|tool| tool.program() == program_of(program) && has_words(tool, rest))
}

/// Returns whether the words of a tool are among these, in their order.
fn has_words(tool: &Tool, rest: &[&str]) -> bool {
    let mut left = rest.iter();
    let is = |own: &str, word: &str| {
        own == word || (word.starts_with('-') && own.strip_prefix(word).is_some_and(|value| value.starts_with('=')))
    };
    tool.own_words().all(|word| left.any(|own| is(own, word)))
}

fn tool_at(words: &[&str]) -> Option<&'static Tool> {
    let program = program_of(words.first()?);
    let rest = words.get(1..).unwrap_or_default();
    if let ["--version" | "--help" | "-h" | "version" | "help"] = rest {
        return None;
    }
    if let Some(tool) = REMOTE.iter().find(|tool| tool.words == program) {
        let is_remote = program == "ssh" || rest.iter().any(|word| !word.starts_with('-') && is_host_path(word));
        return (is_remote && !is_dry(tool, words)).then_some(tool);
    }
    let subcommand = subcommand(program, rest);
    let fits = |tool: &&Tool| {
        // Without a word of its own it deploys.
        if tool.words == "vercel" {
            return program == "vercel" && subcommand.is_none_or(|first| first.starts_with(['.', '/']));
        }
        tool.program() == program && has_words(tool, rest)
    };
    let looks = |tool: &&Tool| {
        !NEVER_LOOK.contains(&program)
            && subcommand.is_some_and(|first| LOOKS.contains(&first) && tool.own_words().next() != Some(first))
    };
    TOOLS.iter().find(|tool| fits(tool) && !looks(tool) && !is_dry(tool, words))
}

/// The name of a program without its directory and the version that a package runner selects.
fn program_of(word: &str) -> &str {
    let name = base_name(word);
    name.split_once('@').map_or(name, |(name, _)| name)
}

/// The word in the place of the subcommand; `None` where an option before it may take it as its value.
fn subcommand<'a>(program: &str, rest: &[&'a str]) -> Option<&'a str> {
    let valued = valued_before_subcommand(program).unwrap_or(&[]);
    let mut rest = rest.iter();
    let mut may_be_value = false;
    while let Some(word) = rest.next() {
        if valued.contains(word) {
            rest.next();
            may_be_value = false;
        } else if word.starts_with('-') {
            may_be_value = !word.contains('=');
        } else {
            return (!may_be_value).then_some(*word);
        }
    }
    None
}

/// Words in front of a tool that `unwrapped` takes for its own.
const STARTERS: &[&str] = &["npx", "bunx", "pnpx", "uvx", "pipx", "bundle", "exec", "run", "poetry", "uv"];

fn is_starter(word: &str) -> bool {
    let name = base_name(word);
    STARTERS.contains(&name) || is_interpreter(name)
}

/// Returns whether a program runs the file that its first operand names.
fn is_interpreter(name: &str) -> bool {
    matches!(name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'), "php" | "python")
}

fn is_host_path(word: &str) -> bool {
    word.split_once(':').is_some_and(|(host, _)| !host.is_empty() && !host.contains('/'))
        || word.starts_with("rsync://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(line: &str) -> Option<(Verb, Option<String>)> {
        of(&Command::shell(line))
            .map(|infra| (infra.verb, infra.dry_run.map(|dry| dry.command.argv.unwrap_or_default().join(" "))))
    }

    #[test]
    fn every_tool_is_found_by_its_words_and_its_dry_run_is_none() {
        for tool in TOOLS {
            let infra = of(&Command::shell(tool.words)).unwrap_or_else(|| panic!("{}", tool.words));
            assert_eq!(infra.verb, tool.verb, "{}", tool.words);
            assert_eq!(infra.dry_run.is_some(), tool.dry != Dry::No, "{}", tool.words);
            if let Some(dry) = infra.dry_run {
                assert_eq!(of(&dry.command), None, "{} -> {}", tool.words, dry.command.line());
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
    fn words_that_follow_are_commands_have_blanks_or_only_say_what_to_do() {
        for (words, follow) in [
            ("kubectl get all", Follow::Runs),
            ("alembic downgrade -1", Follow::Runs),
            ("kubectl rollout undo deployment/NAME", Follow::FillIn),
            ("npm deprecate PACKAGE@VERSION", Follow::FillIn),
            ("kubectl taint NODE TAINT-", Follow::FillIn),
            ("terraform apply of the previous commit", Follow::Says),
            ("terraform state push of a backup", Follow::Says),
            ("kubectl scale to the previous number", Follow::Says),
            ("yank the release on PyPI", Follow::Says),
        ] {
            assert_eq!(Follow::of(words), follow, "{words}");
        }
        // What is offered as a command is one, in plain words.
        for words in TOOLS.iter().flat_map(|tool| [tool.verify, tool.back]).filter(|words| !words.is_empty()) {
            if Follow::of(words) == Follow::Runs {
                let script = shell::read(words);
                assert!(script.doubts.is_empty() && script.parts.len() == 1, "{words}");
            }
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
            "kubectl -n prod describe apply",
            "helm upgrade --dry-run=server web .",
            "rsync -a -n x host:/y",
            "ansible --version",
            "vercel ls",
            "vercel --version",
            "docker build -t push .",
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

    /// The value of an option, another task or a group of machines is not a subcommand that looks.
    #[test]
    fn a_word_that_looks_counts_only_as_the_subcommand() {
        for line in [
            "kubectl -n test delete pod x",
            "kubectl --context build apply -f x",
            "helm -n test upgrade web .",
            "helm --kube-context test upgrade web .",
            "aws --profile test s3 sync . s3://x",
            "terraform -chdir=test apply",
            "gradle build publish",
            "./gradlew check publish",
            "mvn test deploy",
            "./mvnw test deploy",
            "rake test db:migrate",
            "rails test db:migrate",
            "flyway info migrate",
            "ansible test -m shell -a x",
            "ansible-playbook test",
            "salt test cmd.run x",
            "npx -y wrangler deploy",
            "npx wrangler@3 deploy",
            "npx --yes wrangler@latest deploy",
            "npx -p wrangler wrangler deploy",
            "pnpm dlx wrangler@3 deploy",
            "python3.12 manage.py migrate",
            "kubectl edit deployment x",
            "kubectl run x --image=y",
            "kubectl cp a pod:/b",
            "kubectl label node x a=b",
            "docker image push a/b",
            "docker compose push",
            "docker buildx build --push .",
            "docker build --push .",
            "vercel",
            "vercel --yes",
            "vercel --token x",
            "npx vercel",
        ] {
            assert!(seen(line).is_some(), "{line}");
        }
    }

    /// A flag that is the value of an option, or that another word takes back, makes no dry run.
    #[test]
    fn a_flag_that_may_not_count_is_no_dry_run() {
        for line in [
            "helm upgrade web . --description --dry-run",
            "rsync --exclude -n ./ host:/x",
            "rsync --exclude --dry-run ./ host:/x",
            "rsync -n --rsync-path=./x ./ host:/x",
            "rsync -n --rsync-path ./x ./ host:/x",
            "kubectl apply --dry-run=server --field-manager -- --dry-run=none -f x",
            "kubectl create --dry-run=server --raw /api -f x",
            "npm publish --dry-run false",
            "npm publish --dry-run --no-dry",
            "npm publish --dry-run=false",
            "ansible-playbook --check site.yml --che",
        ] {
            assert!(seen(line).is_some(), "{line}");
        }
    }

    /// The agent's own words never win over the flag: the result is a dry run, or none is offered.
    #[test]
    fn the_dry_run_of_a_contradiction_is_dry_or_none() {
        for (line, dry) in [
            ("kubectl apply -f x --dry-run=none", Some("kubectl apply --dry-run=server -f x")),
            ("npm publish --no-dry-run", Some("npm publish --dry-run")),
            ("npm publish --dry-run --no-dry-run", Some("npm publish --dry-run")),
            ("npm publish --dry-run=false", Some("npm publish --dry-run")),
            ("npm publish -- --no-dry-run", None),
            ("npm publish --no-dry", None),
            ("npm publish false", None),
            ("kubectl apply -f x --field-manager -- --dry-run=none", None),
            ("kubectl delete --raw /api/v1/namespaces/x", None),
            ("rsync --rsync-path=./x ./ host:/x", None),
            ("rsync -ae ./x ./ host:/x", None),
            ("helm upgrade --post-renderer=./x web .", Some("helm upgrade --dry-run --post-renderer=./x web .")),
            ("helmfile -f prod.yaml apply", Some("helmfile -f prod.yaml diff")),
            ("cdk deploy --require-approval never -f web", Some("cdk diff web")),
            ("rake db:migrate db:drop", None),
            ("mix do ecto.migrate + run x.exs", None),
            ("flyway migrate clean", None),
        ] {
            assert_eq!(seen(line).unwrap().1.as_deref(), dry, "{line}");
        }
        // Whatever an agent adds, what is offered is dry.
        for more in
            ["--dry-run", "--no-dry-run", "--dry-run=none", "--", "-n", "--exclude", "false", "--check", "--raw"]
        {
            for tool in TOOLS {
                for line in [format!("{} {more}", tool.words), format!("{} x {more} --no-dry-run", tool.words)] {
                    let Some(dry) = of(&Command::shell(&line)).and_then(|infra| infra.dry_run) else { continue };
                    assert_eq!(of(&dry.command), None, "{line} -> {}", dry.command.line());
                }
            }
        }
    }

    #[test]
    fn a_dry_run_is_offered_of_a_bare_program_alone() {
        let dry = |line: &str| seen(line).unwrap().1;
        for line in [
            "./kubectl apply -f x",
            "/w/kubectl apply -f x",
            "python3 kubectl apply -f x",
            "python3 -c x manage.py migrate",
            "npx -p ./x prisma migrate deploy",
            "./npx prisma migrate deploy",
            "./gradlew publish",
            "sudo kubectl apply -f x",
            "env PATH=bin kubectl apply -f x",
            "PATH=bin kubectl apply -f x",
            "kubectl apply -f - < x",
        ] {
            assert_eq!(dry(line), None, "{line}");
        }
        let mut with_env = Command::argv(["kubectl", "apply", "-f", "x"]);
        assert!(of(&with_env).unwrap().dry_run.is_some());
        with_env.env.push(("KUBECONFIG".into(), "x".into()));
        assert_eq!(of(&with_env).unwrap().dry_run, None);
    }

    #[test]
    fn a_dry_run_that_may_run_the_project_is_for_a_layer_alone() {
        let is = |line: &str| of(&Command::shell(line)).unwrap().dry_run.unwrap().runs_project;
        for line in ["kubectl apply -f x", "helm upgrade web .", "aws s3 sync . s3://x", "argocd app sync x"] {
            assert!(!is(line), "{line}");
        }
        for line in [
            "npm publish",
            "gradle publish",
            "terraform apply",
            "cargo publish",
            "npx prisma migrate deploy",
            "python manage.py migrate",
            "ansible-playbook site.yml",
            "kubectl --kubeconfig=x apply -f x",
            "kubectl apply -k x --enable-helm",
            "helm upgrade --post-renderer ./x web .",
        ] {
            assert!(is(line), "{line}");
        }
    }
}
