//! Projects by their files, and the resulting commands.

use super::*;
use crate::checks::ledger::case;
use crate::model::check::CaseStatus;

fn project(paths: &[&str], texts: &[(&str, &str)]) -> ProjectView {
    let mut paths: Vec<String> = paths.iter().map(|p| (*p).to_owned()).collect();
    paths.extend(texts.iter().map(|(p, _)| (*p).to_owned()));
    ProjectView {
        paths,
        texts: texts.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect(),
        tools: Tools { nextest: true, pytest: Pytest::Module },
    }
}

fn check(view: &ProjectView, expect: &str) {
    let got = match detect(view) {
        Ok(runners) => runners.first().map(|r| format!("{:?}: {}", r.parser, r.argv.join(" "))).unwrap(),
        Err(none) => format!("{none:?}"),
    };
    assert_eq!(got, expect);
}

#[test]
fn rust() {
    check(
        &project(&["src/lib.rs"], &[("Cargo.toml", "[package]")]),
        "Libtest: cargo test --no-fail-fast --color never",
    );
    check(
        &project(&[".config/nextest.toml"], &[("Cargo.toml", "[workspace]\n")]),
        "Nextest: cargo nextest run --no-fail-fast --color never --workspace",
    );
    let mut without = project(&[".config/nextest.toml"], &[("Cargo.toml", "")]);
    without.tools.nextest = false;
    check(&without, "Libtest: cargo test --no-fail-fast --color never");
}

#[test]
fn python() {
    let pytest = "Pytest: python3 -m pytest -v --tb=short -ra --color=no -p no:cacheprovider";
    check(&project(&["a.py", "tests/test_a.py"], &[]), pytest);
    check(&project(&["a.py"], &[("pyproject.toml", "[tool.pytest.ini_options]")]), pytest);
    let mut without = project(&["a.py", "tests/test_a.py"], &[]);
    without.tools.pytest = Pytest::Missing;
    check(&without, "Unittest: python3 -m unittest discover -v -s tests");
    without.paths.push("tests/__init__.py".into());
    check(&without, "Unittest: python3 -m unittest discover -v");
    check(&project(&["a.py"], &[]), "NoTests(\"Python, but no test_*.py or *_test.py\")");
}

#[test]
fn javascript() {
    let package = |text: &str| project(&["src/a.test.js"], &[("package.json", text)]);
    check(
        &package(r#"{"scripts":{"test":"jest --config x.js"}}"#),
        "Jest: npx --no-install jest --ci --verbose --config x.js",
    );
    check(
        &package(r#"{"scripts":{"test":"vitest"},"devDependencies":{"vitest":"1"}}"#),
        "Vitest: npx --no-install vitest run --reporter=verbose",
    );
    check(&package(r#"{"devDependencies":{"mocha":"1"}}"#), "Mocha: npx --no-install mocha --reporter spec --no-color");
    check(&package(r#"{"scripts":{"test":"node --test test/"}}"#), "Tap: node --test --test-reporter=tap test/");
    check(&package("{}"), "Tap: node --test --test-reporter=tap");
    check(&package("broken {"), "Tap: node --test --test-reporter=tap");
    check(
        &package(r#"{"scripts":{"test":"node --import tsx --test 'src/**/*.js'"}}"#),
        "Tap: node --test --test-reporter=tap --import tsx src/a.test.js",
    );
    check(&package(r#"{"scripts":{"test":"tsx --test"}}"#), "Tap: npx --no-install tsx --test --test-reporter=tap");
    check(&package(r#"{"scripts":{"test":"tsc && jest"}}"#), "Jest: npm test --silent");
    let set = package(r#"{"scripts":{"test":"NODE_OPTIONS=--experimental-vm-modules jest"}}"#);
    assert!(
        detect(&set)
            .unwrap()
            .first()
            .unwrap()
            .env
            .contains(&("NODE_OPTIONS".into(), "--experimental-vm-modules".into()))
    );
    check(
        &package(r#"{"scripts":{"test":"NODE_ENV=test mocha 'src/**/*.js'"}}"#),
        "Mocha: npx --no-install mocha --reporter spec --no-color src/**/*.js",
    );
    check(
        &project(&["a.js"], &[("package.json", "{}")]),
        "NoTests(\"package.json, but no test script and no *.test.* files\")",
    );
    check(
        &project(&["a.js"], &[("package.json", r#"{"scripts":{"test":"lint && own-runner"}}"#)]),
        "Auto: npm test --silent",
    );
    check(&project(&["a.test.mjs"], &[]), "Tap: node --test --test-reporter=tap");
    check(&project(&["a.spec.js"], &[]), "Tap: node --test --test-reporter=tap a.spec.js");
    check(&project(&["src/test_a.js"], &[]), "Tap: node --test --test-reporter=tap src/test_a.js");
}

#[test]
fn others() {
    check(&project(&["a_test.go"], &[("go.mod", "module example.com/sums // x\n")]), "GoJson: go test -json ./...");
    check(&project(&["a.go"], &[("go.mod", "module x")]), "NoTests(\"go.mod, but no *_test.go\")");
    check(&project(&["t/a.t"], &[]), "Tap: prove -v -l -r --nocolor t");
    check(&project(&["test/a.bats"], &[]), "Tap: bats --tap test");
    check(
        &project(&["src/test/java/ATest.java", "pom.xml", "mvnw"], &[]),
        "Junit: ./mvnw -B -q -Dmaven.test.failure.ignore=false test",
    );
    check(&project(&["a.c"], &[("Makefile", "all:\n\tcc a.c\ntest: all\n\tgo test ./...\n")]), "GoText: make test");
    check(&project(&["a.c"], &[("Makefile", "test := 1\n")]), "Unknown");
    check(&project(&[], &[]), "Unknown");
}

#[test]
fn the_module_path_is_known() {
    let found = detect(&project(&["a_test.go"], &[("go.mod", "module example.com/sums // x\n")])).unwrap();
    assert_eq!(found.first().unwrap().go_module.as_deref(), Some("example.com/sums"));
}

fn some(view: &ProjectView, cases: &[(&str, &[&str])]) -> String {
    let runners = detect(view).unwrap();
    let cases: Vec<CaseReport> = cases
        .iter()
        .map(|(id, suite)| case(*id, suite.iter().map(|s| (*s).to_owned()).collect(), CaseStatus::Failed))
        .collect();
    runners.first().unwrap().argv_for(&cases).join(" ")
}

#[test]
fn some_cases_only() {
    let rust = project(&[], &[("Cargo.toml", "")]);
    assert_eq!(
        some(&rust, &[("sums tests::a", &["sums", "tests"]), ("whole b", &["whole"]), ("sums (binary)", &["sums"])]),
        "cargo test --no-fail-fast --color never -- --exact tests::a b"
    );
    let nextest = project(&[".config/nextest.toml"], &[("Cargo.toml", "")]);
    assert_eq!(
        some(&nextest, &[("sums::whole b", &["sums::whole"])]),
        "cargo nextest run --no-fail-fast --color never -E (binary_id(=sums::whole) & test(=b))"
    );
    let python = project(&["test_a.py"], &[]);
    let run = "python3 -m pytest -v --tb=short -ra --color=no -p no:cacheprovider";
    assert_eq!(some(&python, &[("t.py::test_a[x - y]", &["t.py"])]), format!("{run} t.py::test_a[x - y]"));
    assert_eq!(
        some(
            &python,
            &[("t.py::test_a [i] (i=1)", &["t.py"]), ("t.py::test_a", &["t.py"]), ("u.py::(collection)", &["u.py"])]
        ),
        format!("{run} t.py::test_a u.py")
    );
    let go = project(&["a_test.go"], &[("go.mod", "module m")]);
    assert_eq!(
        some(&go, &[("m/s.TestA/n=1", &["m/s", "TestA"]), ("m/s.TestB", &["m/s"]), ("m.(build)", &["m"])]),
        "go test -json -run ^(TestA|TestB)$ m/s m"
    );
    let jest = project(&[], &[("package.json", r#"{"devDependencies":{"jest":"1"}}"#)]);
    assert_eq!(
        some(&jest, &[("a.js › sums › halves (five)", &["a.js", "sums"])]),
        r"npx --no-install jest --ci --verbose a.js -t ^(sums halves \(five\))$"
    );
    let node = project(&["a.test.js"], &[]);
    assert_eq!(some(&node, &[("sums > b", &["sums"])]), "node --test --test-reporter=tap --test-name-pattern=^b$");
    let maven = project(&["src/test/java/ATest.java", "pom.xml"], &[]);
    assert!(some(&maven, &[("p.ATest.adds", &["p.ATest"])]).ends_with("-Dtest=p.ATest#adds"));
}

#[test]
fn unittest_is_selected_by_pattern() {
    let mut view = project(&["tests/test_a.py"], &[]);
    view.tools.pytest = Pytest::Missing;
    let run = "python3 -m unittest discover -v -s tests";
    assert_eq!(some(&view, &[("test_a.A.test_x (i=1)", &["test_a", "A"])]), format!("{run} -k *test_a.A.test_x"));
    assert_eq!(some(&view, &[("test_a.A.setUpClass", &["test_a", "A"])]), format!("{run} -k test_a.A.*"));
}

#[test]
fn rspec_phpunit_ctest_and_dotnet() {
    check(&project(&["spec/a_spec.rb"], &[]), "RspecJson: rspec --no-color --format json");
    let bundled = project(&["spec/a_spec.rb"], &[("Gemfile", "gem 'rspec'")]);
    check(&bundled, "RspecJson: bundle exec rspec --no-color --format json");
    check(&project(&["tests/ATest.php"], &[]), "JunitAtEnd: phpunit --log-junit php://stdout tests");
    check(&project(&["phpunit.xml", "composer.json"], &[]), "JunitAtEnd: vendor/bin/phpunit --log-junit php://stdout");
    check(&project(&["T/T.Tests.csproj"], &[]), "Dotnet: dotnet test --nologo --logger console;verbosity=normal");
    let cmake = project(&[], &[("CMakeLists.txt", "enable_testing()")]);
    let runner = detect(&cmake).unwrap().remove(0);
    assert_eq!((runner.tool, runner.argv.first().map(String::as_str)), (Tool::Ctest, Some("sh")));
    let mut without = project(&["a.py"], &[("tox.ini", "[testenv]\n")]);
    without.tools.pytest = Pytest::Missing;
    check(&without, "NoTests(\"Python, but no test_*.py or *_test.py\")");
    without.paths.push("checks/run.py".into());
    without.texts.insert("tox.ini".into(), "[pytest]\n[testenv]\n".into());
    check(&without, "Auto: tox -q");
}

#[test]
fn some_cases_of_rspec_phpunit_ctest_and_dotnet() {
    let of = |view: &ProjectView, case: CaseReport| detect(view).unwrap().remove(0).argv_for(&[case]).join(" ");
    let named = |name: &str| case(name, Vec::new(), CaseStatus::Failed);
    let mut placed = named("Calc adds");
    (placed.file, placed.line) = (Some("spec/a_spec.rb".into()), Some(5));
    let rspec = project(&["spec/a_spec.rb"], &[]);
    assert_eq!(of(&rspec, placed), "rspec --no-color --format json spec/a_spec.rb:5");
    assert_eq!(of(&rspec, named("Calc adds")), "rspec --no-color --format json", "without a place all run");
    assert_eq!(
        of(&project(&["tests/ATest.php"], &[]), named("ATest.testPairs with data set \"one\"")),
        "phpunit --log-junit php://stdout tests --filter /::(testPairs)( with data set .*)?$/"
    );
    let cmake = project(&[], &[("CMakeLists.txt", "enable_testing()")]);
    assert!(of(&cmake, named("fails")).ends_with(" ctest -R ^(fails)$"));
    assert_eq!(
        of(&project(&["T/T.Tests.csproj"], &[]), named("N.C.Adds(a: 1)")),
        "dotnet test --nologo --logger console;verbosity=normal --filter FullyQualifiedName=N.C.Adds"
    );
}
