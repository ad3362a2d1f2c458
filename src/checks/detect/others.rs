//! RSpec, PHPUnit, CTest and `dotnet test`.

use super::{ProjectView, Runner, Tool, distinct, regex_escaped};
use crate::checks::parsers::ParserKind;
use crate::model::check::CaseReport;

pub fn detect(project: &ProjectView, out: &mut Vec<Runner>) -> Option<String> {
    if project.named(|n| n.ends_with("_spec.rb")).next().is_some() {
        let bundled = project.text("Gemfile").contains("rspec");
        let start: &[&str] = if bundled { &["bundle", "exec", "rspec"] } else { &["rspec"] };
        let argv = [start, &["--no-color", "--format", "json"]].concat();
        out.push(Runner::new(Tool::Rspec, &argv, ParserKind::RspecJson, 80, "*_spec.rb"));
    }
    let is_php = ["phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"].iter().find(|f| project.has(f));
    let php_test = project.named(|n| n.ends_with("Test.php")).next().is_some();
    if is_php.is_some() || php_test {
        let program = if project.has("vendor/bin/phpunit") || project.has("composer.json") {
            "vendor/bin/phpunit"
        } else {
            "phpunit"
        };
        let mut argv = vec![program, "--log-junit", "php://stdout"];
        if is_php.is_none() {
            argv.push("tests");
        }
        let why = is_php.map_or("*Test.php", |file| file);
        out.push(Runner::new(Tool::Phpunit, &argv, ParserKind::JunitAtEnd, 80, why));
    }
    if project.text("CMakeLists.txt").contains("enable_testing")
        || project.text("CMakeLists.txt").contains("include(CTest)")
    {
        let argv = ["sh", "-c", CTEST, "ctest"];
        out.push(Runner::new(Tool::Ctest, &argv, ParserKind::JunitAtEnd, 65, "enable_testing in CMakeLists.txt"));
    }
    let is_dotnet_test =
        |n: &str| (n.ends_with(".csproj") || n.ends_with(".fsproj")) && n.to_lowercase().contains("test");
    if project.named(is_dotnet_test).next().is_some() {
        let argv = ["dotnet", "test", "--nologo", "--logger", "console;verbosity=normal"];
        out.push(Runner::new(Tool::Dotnet, &argv, ParserKind::Dotnet, 75, "a test project of .NET"));
    }
    None
}

/// Configures and builds, then tests with these arguments; the report follows what the tests print.
const CTEST: &str = "cmake -S . -B build >&2 && cmake --build build >&2 || exit; \
     ctest --test-dir build --output-on-failure --output-junit rightseat.xml \"$@\"; \
     end=$?; cat build/rightseat.xml; exit $end";

/// RSpec takes places, the others patterns of names.
pub fn some_for(runner: &Runner, cases: &[CaseReport]) -> Vec<String> {
    let mut argv = runner.argv.clone();
    let names = |of: fn(&CaseReport) -> &str| distinct(cases.iter().map(|c| regex_escaped(of(c)))).join("|");
    match runner.tool {
        Tool::Rspec => {
            let place = |c: &CaseReport| Some(format!("{}:{}", c.file.as_ref()?, c.line?));
            match cases.iter().map(place).collect::<Option<Vec<String>>>() {
                Some(places) => argv.extend(distinct(places)),
                None => return argv,
            }
        }
        Tool::Phpunit => {
            let method = |c: &CaseReport| c.case.rsplit_once('.').map_or(c.case.as_str(), |(_, m)| m).to_owned();
            let bare = |name: String| name.split(" with data set").next().unwrap_or(&name).to_owned();
            let names = distinct(cases.iter().map(|c| regex_escaped(&bare(method(c)))));
            argv.extend(["--filter".to_owned(), format!("/::({})( with data set .*)?$/", names.join("|"))]);
        }
        Tool::Ctest => {
            let pattern = names(|c| c.case.rsplit_once('.').map_or(c.case.as_str(), |(_, name)| name));
            argv.extend(["-R".to_owned(), format!("^({pattern})$")]);
        }
        Tool::Dotnet => {
            let each = distinct(cases.iter().map(|c| c.case.split('(').next().unwrap_or(&c.case).to_owned()));
            let filter: Vec<String> = each.iter().map(|name| format!("FullyQualifiedName={name}")).collect();
            argv.extend(["--filter".to_owned(), filter.join("|")]);
        }
        Tool::Cargo
        | Tool::Nextest
        | Tool::Pytest
        | Tool::Unittest
        | Tool::Jest
        | Tool::Vitest
        | Tool::Mocha
        | Tool::NodeTest
        | Tool::Go
        | Tool::Prove
        | Tool::Bats
        | Tool::Maven
        | Tool::Gradle
        | Tool::Tox
        | Tool::Nox
        | Tool::Make
        | Tool::Script => {}
    }
    argv
}
