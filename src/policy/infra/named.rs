//! Scripts and tasks whose own name says that they deploy: `make deploy`, `npm run release`, `./migrate.sh`. What they run
//! is the project's, so there is no dry run, no check and no way back that is known.

use super::dry::Dry;
use super::{Tool, Verb, is_interpreter};
use crate::policy::command::programs::base_name;

const fn row(words: &'static str, verb: Verb) -> Tool {
    Tool { words, verb, dry: Dry::No, verify: "", back: "" }
}

/// The words in names that count, and what they are taken for.
const NAMES: &[Tool] = &[
    row("deploy", Verb::Deploy),
    row("redeploy", Verb::Deploy),
    row("undeploy", Verb::Deploy),
    row("publish", Verb::Publish),
    row("release", Verb::Release),
    row("migrate", Verb::Migrate),
    row("apply", Verb::Apply),
];

/// Words beside them that make a name one of something harmless: `release-notes`, `test-deploy`, `migrate:status`.
const HARMLESS: &[&str] = &[
    "build",
    "builds",
    "changelog",
    "check",
    "checks",
    "clean",
    "compile",
    "config",
    "create",
    "debug",
    "diff",
    "doc",
    "docs",
    "draft",
    "dry",
    "fix",
    "fixes",
    "fmt",
    "format",
    "gen",
    "generate",
    "help",
    "info",
    "label",
    "labels",
    "license",
    "licenses",
    "lint",
    "list",
    "local",
    "log",
    "logs",
    "lsb",
    "new",
    "note",
    "notes",
    "os",
    "pack",
    "package",
    "patch",
    "patches",
    "plan",
    "prepare",
    "show",
    "snapshot",
    "status",
    "template",
    "test",
    "tests",
    "validate",
    "verify",
    "version",
    "theme",
    "style",
    "styles",
    "headers",
];

/// Programs that run tasks of the project by name, the options that take the next word, and those with which nothing runs.
struct Runner {
    program: &'static str,
    /// Words of its own in front of the name of a task, one of which is needed; none: it follows the program.
    lead: &'static [&'static str],
    valued: &'static [&'static str],
    dry: &'static [&'static str],
}

const fn runner(
    program: &'static str,
    lead: &'static [&'static str],
    valued: &'static [&'static str],
    dry: &'static [&'static str],
) -> Runner {
    Runner { program, lead, valued, dry }
}

const MAKE_VALUED: &[&str] =
    &["-C", "-f", "-I", "-o", "-W", "--directory", "--file", "--makefile", "--include-dir", "--old-file", "--new-file"];
const MAKE_DRY: &[&str] = &["-n", "--just-print", "--dry-run", "--recon", "-q", "--question"];
const PACKAGE_VALUED: &[&str] = &["-w", "--workspace", "-C", "--prefix", "--dir", "--cwd", "-F", "--filter"];

const RUNNERS: &[Runner] = &[
    runner("make", &[], MAKE_VALUED, MAKE_DRY),
    runner("gmake", &[], MAKE_VALUED, MAKE_DRY),
    runner(
        "just",
        &[],
        &["-f", "--justfile", "-d", "--working-directory", "--set", "--shell", "--dotenv-path"],
        &["-n", "--dry-run", "-l", "--list", "-s", "--show", "--summary", "--fmt", "--dump"],
    ),
    runner(
        "task",
        &[],
        &["-d", "--dir", "-t", "--taskfile"],
        &["-n", "--dry", "-l", "--list", "-a", "--list-all", "--summary"],
    ),
    runner(
        "rake",
        &[],
        &["-f", "-C", "-I", "-r"],
        &["-n", "--dry-run", "-T", "--tasks", "-P", "--prereqs", "-W", "-D"],
    ),
    runner("npm", &["run", "run-script"], PACKAGE_VALUED, &[]),
    runner("yarn", &[], PACKAGE_VALUED, &[]),
    runner("pnpm", &[], PACKAGE_VALUED, &[]),
    runner("bun", &[], PACKAGE_VALUED, &[]),
    runner("deno", &["task"], &["-c", "--config", "--cwd"], &[]),
    runner("composer", &["run", "run-script"], &["-d", "--working-dir"], &["-l", "--list"]),
    runner("cargo", &["make", "xtask"], &["--manifest-path", "--makefile", "-p"], &[]),
    runner("mise", &["run", "r"], &["-C", "--cd", "-j"], &["-n", "--dry-run"]),
    runner("bazel", &["run"], &[], &[]),
    runner("invoke", &[], &["-c", "-r", "--collection"], &["-l", "--list", "-R", "--dry"]),
    runner("inv", &[], &["-c", "-r", "--collection"], &["-l", "--list", "-R", "--dry"]),
    runner("fab", &[], &["-c", "-r", "-H", "-i"], &["-l", "--list", "-R", "--dry"]),
    runner("cap", &[], &["-f", "-s"], &["-n", "--dry-run", "-T"]),
    runner("mage", &[], &["-d", "-w"], &["-l", "-h"]),
    runner("nox", &["-s", "--session"], &[], &["-l", "--list"]),
    runner("tox", &["-e"], &[], &["-l", "-a"]),
    runner("gulp", &[], &["-f", "--cwd"], &["-T", "--tasks"]),
    runner("grunt", &[], &["-b", "--gruntfile"], &[]),
    runner("ant", &[], &["-f", "-buildfile", "-lib"], &["-p", "-projecthelp"]),
    runner("sbt", &[], &[], &[]),
];

/// Runners that hand words behind the name of a task on to it: there `-n` may be the task's own.
const PASSES_ON: &[&str] = &["just", "task", "composer", "mise", "invoke", "inv", "fab", "mage"];

/// Subcommands of package managers that run no script of the project.
const OWN_SUBCOMMANDS: &[&str] = &[
    "add",
    "audit",
    "bin",
    "build",
    "cache",
    "config",
    "create",
    "dedupe",
    "dlx",
    "exec",
    "help",
    "i",
    "import",
    "info",
    "init",
    "install",
    "licenses",
    "link",
    "list",
    "ls",
    "outdated",
    "pack",
    "patch",
    "pm",
    "prune",
    "remove",
    "rm",
    "search",
    "set",
    "store",
    "t",
    "test",
    "uninstall",
    "unlink",
    "up",
    "update",
    "upgrade",
    "version",
    "view",
    "why",
    "x",
];

/// Interpreters whose first operand is a script.
const SHELLS: &[&str] = &[
    "sh", "bash", "zsh", "dash", "ksh", "fish", "node", "ruby", "perl", "tsx", "ts-node", "pwsh", "bun", "source", ".",
];

/// What a command does by the name of its script or task. `words` begin with the program.
pub(super) fn of(words: &[&str]) -> Option<&'static Tool> {
    let (first, rest) = words.split_first()?;
    let program = base_name(first);
    let operand = rest.iter().find(|word| !word.starts_with('-'));
    // A script of the project, or one that has the name alone.
    if let Some(tool) = said_by(program).filter(|_| is_script(first) || program == "deploy") {
        return Some(tool);
    }
    let is_shell = SHELLS.contains(&program) || is_interpreter(program);
    if let Some(script) = operand.filter(|word| is_shell && is_script(word)) {
        return said_by(base_name(script));
    }
    RUNNERS.iter().find(|runner| runner.program == program).and_then(|runner| task(runner, rest))
}

/// Returns whether a word is a file, and no name of a script of a package.
fn is_script(word: &str) -> bool {
    word.contains('/') || word.contains('.')
}

/// What the tasks of a command line say.
fn task(runner: &Runner, rest: &[&str]) -> Option<&'static Tool> {
    let mut operands = Vec::new();
    let mut words = rest.iter().take_while(|word| **word != "--");
    let mut has_lead = runner.lead.is_empty();
    while let Some(word) = words.next() {
        let is_runners = operands.is_empty() || !PASSES_ON.contains(&runner.program);
        if is_runners && runner.dry.contains(word) {
            return None;
        }
        if !has_lead && runner.lead.contains(word) {
            has_lead = true;
        } else if runner.valued.contains(word) {
            words.next();
        } else if !word.starts_with('-') && !word.contains('=') {
            operands.push(*word);
        }
    }
    let is_packages = matches!(runner.program, "npm" | "yarn" | "pnpm" | "bun");
    if is_packages {
        let mut names = operands.iter().filter(|word| !matches!(**word, "run" | "run-script"));
        let name = match names.next() {
            Some(&"workspace") => names.nth(1),
            Some(name) if !has_lead || !OWN_SUBCOMMANDS.contains(name) => Some(name),
            Some(_) | None => None,
        };
        return name.filter(|_| has_lead).and_then(|name| said_by(name));
    }
    if !has_lead {
        return None;
    }
    // A word behind the first one may be an argument of that task, and `release` is a usual one.
    let is_sure = |(at, tool): (usize, &'static Tool)| (at == 0 || tool.verb != Verb::Release).then_some(tool);
    operands.iter().enumerate().find_map(|(at, name)| is_sure((at, said_by(name)?)))
}

/// What a name says: one of its words is a verb that counts, and none makes it harmless.
fn said_by(name: &str) -> Option<&'static Tool> {
    let words = words_of(name);
    if words.iter().any(|word| HARMLESS.contains(&word.as_str())) {
        return None;
    }
    NAMES.iter().find(|tool| words.iter().any(|word| word == tool.words))
}

/// The words of a name, in lower case: `deployProd`, `deploy_prod.sh` and `db:migrate` have two or three.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let begins = !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && was_lower);
        if begins {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(last) = words.last_mut()
        {
            last.push(c.to_ascii_lowercase());
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use crate::model::Command;

    fn verb(line: &str) -> Option<&'static str> {
        super::super::of(&Command::shell(line)).map(|infra| infra.verb.word())
    }

    #[test]
    fn a_script_or_task_that_says_what_it_does_is_an_infrastructure_action() {
        for (line, word) in [
            ("make deploy", "deploy"),
            ("make -j4 -C infra deploy-prod", "deploy"),
            ("make test deploy", "deploy"),
            ("make ENV=prod release", "release"),
            ("just deploy prod", "deploy"),
            ("just --set env prod apply", "apply"),
            ("just deploy -n", "deploy"),
            ("mise run deploy --dry-run", "deploy"),
            ("composer run deploy -l", "deploy"),
            ("npm run deploy", "deploy"),
            ("npm run deploy:prod -- --yes", "deploy"),
            ("npm -w web run release", "release"),
            ("yarn deploy", "deploy"),
            ("yarn workspace web deploy", "deploy"),
            ("pnpm --filter web run publish:all", "publish"),
            ("bun run migrate", "migrate"),
            ("./deploy.sh", "deploy"),
            ("bin/deploy", "deploy"),
            ("./scripts/deploy_prod.sh staging", "deploy"),
            ("bash deploy.sh", "deploy"),
            ("sh -x scripts/release.sh 1.2", "release"),
            ("python3 tools/publish.py", "publish"),
            ("node scripts/migrate.js", "migrate"),
            ("env STAGE=prod ./deploy", "deploy"),
            ("sudo make deploy", "deploy"),
            ("bash -c 'make deploy'", "deploy"),
            ("cd infra && make apply", "apply"),
            ("rake db:migrate", "migrate"),
            ("task deployProd", "deploy"),
            ("deno task deploy", "deploy"),
            ("cargo xtask deploy", "deploy"),
            ("/usr/bin/make deploy", "deploy"),
            ("bundle exec cap production deploy", "deploy"),
            ("bazel run //web:deploy", "deploy"),
            ("deploy prod", "deploy"),
            ("uv run deploy.py", "deploy"),
        ] {
            assert_eq!(verb(line), Some(word), "{line}");
        }
    }

    /// A hundred ordinary commands raise no alarm.
    #[test]
    fn ordinary_commands_are_no_infrastructure_actions() {
        let all: Vec<&str> = ORDINARY.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert!(all.len() >= 100, "{}", all.len());
        let alarms: Vec<&&str> = all.iter().filter(|line| verb(line).is_some()).collect();
        assert!(alarms.is_empty(), "{} of {}: {alarms:?}", alarms.len(), all.len());
    }

    const ORDINARY: &str = "
        make
        make test
        make all
        make -j8
        make build
        make clean
        make release-notes
        make build-release
        make release-build
        make test-release
        make -n deploy
        make --dry-run deploy
        make check
        make lint
        make docs
        make install
        make format
        make migration
        make migrations
        make create-migration
        make apply-patches
        make changelog
        make help
        make V=1 BUILD=release
        make -C deploy test
        make -f deploy.mk build
        just
        just test
        just build release
        just --list
        just --dry-run deploy
        just -n deploy
        make deploy -n
        rake deploy --dry-run
        just fmt
        npm test
        npm run test
        npm run build
        npm run lint
        npm run dev
        npm run start
        npm run release:notes
        npm run deploy:dry
        npm run migrate:status
        npm run build -- --mode release
        npm install
        npm ci
        npm view release-it
        yarn
        yarn install
        yarn test
        yarn build
        yarn add release-it
        yarn why publish
        pnpm install
        pnpm test
        pnpm add deploy
        bun test
        bun run dev
        cargo build --release
        cargo test --release
        cargo run --release
        cargo check
        cargo clippy --all-targets
        cargo make test
        cargo xtask ci
        go build ./...
        go test ./...
        pytest -k deploy
        pytest tests/test_deploy.py
        python -m pytest tests/release
        python3 setup.py build
        python manage.py makemigrations
        python manage.py showmigrations
        ls deploy
        ls bin/deploy
        cat deploy.sh
        cat scripts/release.sh
        less deploy/README.md
        vim deploy.sh
        chmod +x deploy.sh
        shellcheck deploy.sh
        bash -n test.sh
        bash test.sh
        bash scripts/test-deploy.sh
        sh scripts/check_release.sh
        ./test.sh
        ./gradlew build
        ./gradlew test
        ./configure --prefix=/usr
        node scripts/build.js
        node --test
        grep -rn deploy .
        rg release src
        git apply fix.patch
        git status
        git log --oneline release
        git checkout release
        git tag
        git diff deploy.sh
        lsb_release -a
        /usr/bin/lsb_release -a
        cat /etc/os-release
        rake test
        rake -T deploy
        task --list
        task build
        docker build .
        docker compose up
        deno task dev
        tox -e py312
        nox -s tests
        mkdir -p deploy
        touch release.txt
        echo deploy
        find . -name deploy.sh
        tar czf release.tar.gz dist
        sed -n 1,20p deploy.sh
        diff deploy.sh old/deploy.sh
        wc -l migrate.py
        composer install
        bazel test //release/...
        bazel build //web:deploy
    ";
}
