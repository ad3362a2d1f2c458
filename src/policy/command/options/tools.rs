//! Tools that build, test, check and keep versions.

use super::{After, NONE, Operands, Profile};

const GIT_LOG_LONG: &str = "oneline graph all stat shortstat numstat name-only name-status summary patch no-patch no-color color \
     color-words word-diff decorate no-decorate since until after before author committer grep format pretty abbrev-commit \
     abbrev date reverse merges no-merges first-parent follow max-count skip branches tags remotes cached staged unified \
     ignore-all-space ignore-space-change ignore-blank-lines minimal patience histogram find-renames find-copies \
     no-renames diff-filter left-right cherry-pick cherry topo-order date-order raw full-index binary exit-code quiet check \
     no-ext-diff no-textconv pickaxe-regex pickaxe-all invert-grep all-match regexp-ignore-case extended-regexp \
     fixed-strings perl-regexp notes no-notes source merge-base ancestry-path simplify-by-decoration full-history count no-commit-id walk-reflogs left-only right-only \
     relative text compact-summary dirstat function-context inter-hunk-context no-prefix numbered email base root";

const CARGO_LONG: &str = "lib bins examples tests benches all-targets doc all workspace all-features \
     no-default-features release no-run no-fail-fast locked offline frozen keep-going verbose quiet timings no-deps \
     document-private-items no-capture";

const CARGO_VALUED: &str =
    "bin example test bench package exclude features profile jobs color message-format target depth format-version";

const RUST_HARNESS: Profile = Profile {
    short: "q",
    long: "nocapture no-capture exact ignored include-ignored test-threads skip show-output list quiet color format",
    ..NONE
};

const RUSTC_LINTS: Profile = Profile { valued: "DWAF", operands: Operands::AtMost(0), ..NONE };

const FMT_CHECK: Profile = Profile { long: "check", operands: Operands::AtMost(0), ..NONE };

/// `.json` as a target names a file that chooses the linker.
const CARGO: Profile = Profile {
    program: "cargo",
    short: "vqr",
    valued: "pjF",
    long: CARGO_LONG,
    long_valued: CARGO_VALUED,
    never: ".json",
    ..NONE
};

/// `::` begins an address that git runs a program for.
const GIT: Profile = Profile { program: "git", never: "::", ..NONE };

/// The same of what only looks, as long as the repository's configuration runs nothing.
const GIT_LOOKS: Profile = Profile { looks: true, ..GIT };

/// Further operands are further things to do.
const TASKS: Profile = Profile { operands: Operands::AtMost(0), ..NONE };

pub(super) const TOOLS: &[Profile] = &[
    Profile { sub: "add", short: "Auvn", long: "all update verbose dry-run", ..GIT },
    Profile { sub: "commit", short: "aqv", valued: "m", long: "all quiet verbose message", ..GIT },
    Profile { sub: "test t bench", after: After::Profile(&RUST_HARNESS), ..CARGO },
    Profile { sub: "check c build b doc tree metadata", ..CARGO },
    Profile { sub: "run r", after: After::Foreign, operands: Operands::AtMost(0), ..CARGO },
    Profile { sub: "clippy", after: After::Profile(&RUSTC_LINTS), ..CARGO },
    Profile { sub: "fmt", long: "all check package", after: After::Profile(&FMT_CHECK), ..CARGO },
    Profile {
        program: "npm yarn pnpm",
        sub: "test t run run-script start",
        short: "s",
        valued: "w",
        long: "silent if-present workspace workspaces loglevel ignore-scripts",
        after: After::Foreign,
        ..NONE
    },
    Profile {
        program: "pytest py.test",
        short: "vqxsl",
        valued: "kmrn",
        long: "tb maxfail lf ff last-failed failed-first nf new-first sw stepwise collect-only co durations durations-min \
               cov no-cov cov-branch cov-fail-under no-header no-summary disable-warnings color verbose quiet \
               exitfirst showlocals capture strict strict-markers strict-config runxfail setup-show markers fixtures \
               version timeout reruns randomly-seed numprocesses deselect ignore ignore-glob doctest-modules \
               show-capture full-trace",
        exact: "--cov-report=term --cov-report=term-missing --cov-report=xml --cov-report=html --cov-report=json \
                --cov-report=lcov",
        reports: "junitxml junit-xml",
        // `@file` holds more arguments.
        never: "@",
        ..NONE
    },
    Profile {
        program: "go",
        sub: "test vet build",
        long: "v run race count short timeout cover",
        single: "v run race count short timeout cover covermode coverpkg bench benchmem benchtime json failfast \
                 parallel cpu tags shuffle list x n p a vet skip fuzztime trimpath",
        reports: "coverprofile",
        ..NONE
    },
    Profile {
        program: "make gmake just rake ninja",
        short: "ksnBiqw",
        valued: "j",
        long: "keep-going silent dry-run always-make jobs no-print-directory",
        ..TASKS
    },
    Profile { program: "mvn mvnw", short: "qBoUeX", single: "Dtest DfailIfNoTests DskipTests", ..TASKS },
    Profile {
        program: "gradle gradlew",
        short: "qis",
        long: "info debug stacktrace continue offline rerun-tasks no-daemon console quiet warning-mode parallel",
        long_valued: "tests",
        ..TASKS
    },
    Profile {
        program: "dotnet",
        sub: "test build",
        valued: "vcf",
        long: "no-build no-restore nologo",
        long_valued: "verbosity filter configuration framework",
        operands: Operands::AtMost(1),
        ..NONE
    },
    Profile {
        program: "swift",
        sub: "test build",
        long: "parallel verbose",
        long_valued: "filter skip configuration",
        ..TASKS
    },
    Profile {
        program: "rspec",
        short: "bcp",
        valued: "et",
        long: "fail-fast tag example color no-color order seed next-failure only-failures backtrace profile dry-run",
        ..NONE
    },
    Profile {
        program: "mix",
        sub: "test",
        long: "trace failed stale only exclude include seed max-failures cover slowest color",
        ..NONE
    },
    Profile {
        program: "deno",
        sub: "test",
        short: "q",
        long: "quiet filter fail-fast parallel no-check",
        never: ":// npm: jsr: http:",
        ..NONE
    },
    Profile {
        program: "bun",
        sub: "test",
        valued: "t",
        long: "timeout bail coverage only todo test-name-pattern",
        ..NONE
    },
    Profile {
        program: "jest",
        short: "ibou",
        valued: "tw",
        long: "coverage watchAll watch runInBand bail verbose silent ci testNamePattern testPathPattern onlyChanged \
               passWithNoTests updateSnapshot colors maxWorkers forceExit detectOpenHandles no-coverage listTests \
               logHeapUsage findRelatedTests changedSince expand json",
        ..NONE
    },
    Profile {
        program: "vitest",
        short: "u",
        valued: "t",
        long: "run watch bail testNamePattern passWithNoTests silent changed update no-color hideSkippedTests coverage",
        ..NONE
    },
    Profile {
        program: "mocha",
        short: "bci",
        valued: "gft",
        long: "grep fgrep bail exit timeout forbid-only colors recursive invert",
        ..NONE
    },
    Profile {
        program: "phpunit",
        long: "filter testdox group exclude-group stop-on-failure colors no-coverage testsuite verbose debug",
        ..NONE
    },
    Profile {
        program: "eslint",
        long: "ext max-warnings quiet color no-color report-unused-disable-directives",
        ..NONE
    },
    Profile { program: "prettier", short: "lc", long: "check list-different log-level no-color", ..NONE },
    // With files it writes beside them, and `--noEmit false` does too.
    Profile {
        program: "tsc",
        long: "noEmit pretty skipLibCheck strict noErrorTruncation",
        operands: Operands::AtMost(0),
        ..NONE
    },
    Profile {
        program: "mypy",
        long: "strict pretty show-error-codes no-color-output ignore-missing-imports version",
        ..NONE
    },
    Profile {
        program: "ruff",
        sub: "check",
        short: "qv",
        long: "quiet verbose no-fix diff statistics select ignore show-files no-cache",
        ..NONE
    },
    Profile { program: "ruff", sub: "format", short: "q", long: "check diff quiet", ..NONE },
    Profile {
        program: "black isort",
        short: "qv",
        long: "check check-only diff quiet verbose color line-length",
        ..NONE
    },
    Profile {
        program: "flake8 pylint",
        short: "qv",
        long: "max-line-length select ignore count statistics disable enable score",
        ..NONE
    },
    Profile { program: "shellcheck", short: "x", valued: "seS", long: "shell severity exclude color", ..NONE },
    Profile { program: "golangci-lint", sub: "run", short: "v", long: "timeout verbose fast new", ..NONE },
    Profile { program: "tox nox pre-commit", operands: Operands::AtMost(0), ..NONE },
    Profile {
        program: "npm pnpm yarn bun",
        sub: "install i add ci",
        short: "DEP",
        long: "save-dev save-exact save-optional no-save ignore-scripts prefer-offline no-audit no-fund frozen-lockfile \
               legacy-peer-deps silent",
        operands: Operands::Packages,
        ..NONE
    },
    Profile {
        program: "pip pip3",
        sub: "install",
        short: "qvU",
        long: "upgrade quiet no-deps no-input disable-pip-version-check user",
        operands: Operands::Packages,
        ..NONE
    },
    Profile { program: "rubocop", long: "parallel only except display-cop-names color no-color", ..NONE },
    Profile {
        program: "ctest",
        short: "VN",
        valued: "RELj",
        long: "output-on-failure verbose rerun-failed parallel timeout",
        ..NONE
    },
    Profile {
        program: "curl",
        short: "sSfLiIvGgN46#",
        valued: "mHA",
        long: "silent show-error fail location head include verbose header max-time connect-timeout compressed \
               retry user-agent get fail-with-body",
        // `@file` is sent, or written down.
        never: "@ %output",
        ..NONE
    },
];

pub(super) const GIT_TOOLS: &[Profile] = &[
    Profile {
        sub: "log diff show rev-list whatchanged reflog diff-tree diff-index diff-files cherry range-diff",
        short: "pusMCBDwbzRatmgEFPiWqrveh0123456789",
        valued: "nSGLUlX",
        long: GIT_LOG_LONG,
        never: "%G",
        ..GIT_LOOKS
    },
    Profile {
        sub: "status",
        short: "sbuvznoalrm",
        long: "short branch porcelain long untracked-files ignored show-stash ahead-behind column verbose no-renames",
        ..GIT_LOOKS
    },
    Profile {
        sub: "branch tag",
        short: "avrqlni0123456789",
        long: "all list show-current verbose remotes merged no-merged contains no-contains sort format color column \
               points-at",
        operands: Operands::AtMost(1),
        ..GIT_LOOKS
    },
    Profile { sub: "blame annotate", short: "bceflnpstwMC", valued: "L", long: "date root since abbrev", ..GIT_LOOKS },
    Profile {
        sub: "rev-parse",
        long: "abbrev-ref short show-toplevel verify git-dir is-inside-work-tree show-prefix show-cdup \
               symbolic-full-name quiet all branches",
        ..GIT_LOOKS
    },
    Profile {
        sub: "ls-files",
        short: "cdmosuktvz",
        valued: "x",
        long: "others cached deleted modified stage exclude-standard unmerged exclude error-unmatch full-name directory",
        ..GIT_LOOKS
    },
    Profile {
        sub: "ls-tree describe cat-file merge-base name-rev show-ref for-each-ref check-ignore count-objects",
        short: "rdtpsezlvHna",
        long: "name-only tags always dirty abbrev long match contains all is-ancestor fork-point heads verify hash count sort \
               format points-at merged no-merged full-name name-status exact-match candidates independent octopus",
        ..GIT_LOOKS
    },
    Profile {
        sub: "grep",
        short: "aceEFGhHilLnoqrvwWpI0123456789",
        valued: "ABCm",
        long: "count ignore-case line-number fixed-strings extended-regexp name-only cached files-with-matches \
               word-regexp column heading break show-function no-color color context max-depth all-match and or not",
        ..GIT_LOOKS
    },
    Profile {
        sub: "shortlog",
        short: "snec",
        long: "summary numbered email committer all no-merges since until after before author format group",
        ..GIT_LOOKS
    },
    Profile { sub: "symbolic-ref", short: "q", long: "short quiet", operands: Operands::AtMost(1), ..GIT_LOOKS },
    Profile {
        sub: "push",
        short: "unvq",
        long: "set-upstream dry-run verbose quiet tags follow-tags porcelain progress no-progress atomic",
        operands: Operands::Remote,
        ..GIT
    },
    Profile {
        sub: "fetch pull",
        short: "vqtn",
        long: "ff-only no-rebase verbose quiet tags no-tags dry-run progress no-progress no-edit stat",
        operands: Operands::Remote,
        ..GIT
    },
    Profile {
        sub: "switch",
        short: "q",
        valued: "c",
        long: "quiet guess no-guess",
        long_valued: "create",
        operands: Operands::AtMost(1),
        never: ":: ^",
        ..GIT
    },
];
