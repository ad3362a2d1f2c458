//! Maven and Gradle: their JUnit files are read, not their output.

use super::{ProjectView, Runner, Tool, distinct};
use crate::checks::parsers::ParserKind;
use crate::model::check::CaseReport;

pub fn detect(project: &ProjectView, out: &mut Vec<Runner>) -> Option<String> {
    let is_maven = project.has("pom.xml");
    let is_gradle = project.has("build.gradle") || project.has("build.gradle.kts");
    if !is_maven && !is_gradle {
        return None;
    }
    if !project.paths.iter().any(|p| p.contains("src/test/")) {
        return Some("Maven or Gradle, but nothing below src/test".into());
    }
    if is_maven {
        let program = if project.has("mvnw") { "./mvnw" } else { "mvn" };
        let argv = [program, "-B", "-q", "-Dmaven.test.failure.ignore=false", "test"];
        let mut runner = Runner::new(Tool::Maven, &argv, ParserKind::Junit, 85, "pom.xml");
        runner.junit_files = Some("**/target/surefire-reports/TEST-*.xml".into());
        out.push(runner);
    }
    if is_gradle {
        let program = if project.has("gradlew") { "./gradlew" } else { "gradle" };
        let argv = [program, "test", "--continue", "--console=plain"];
        let mut runner = Runner::new(Tool::Gradle, &argv, ParserKind::Junit, 85, "build.gradle");
        runner.junit_files = Some("**/build/test-results/test/TEST-*.xml".into());
        out.push(runner);
    }
    None
}

/// `Class#method` for Maven, `Class.method` for Gradle.
pub fn some_for(runner: &Runner, cases: &[CaseReport]) -> Vec<String> {
    let joint = if runner.tool == Tool::Maven { "#" } else { "." };
    let picks = distinct(cases.iter().filter_map(|c| {
        let class = c.suite.first()?;
        let method = c.case.strip_prefix(class.as_str())?.strip_prefix('.')?;
        let method = method.split(['(', '[']).next().unwrap_or(method);
        Some(format!("{class}{joint}{method}"))
    }));
    let mut argv = runner.argv.clone();
    if runner.tool != Tool::Maven {
        argv.extend(picks.into_iter().flat_map(|p| ["--tests".to_owned(), p]));
    } else if !picks.is_empty() {
        argv.push(format!("-Dtest={}", picks.join(",")));
    }
    argv
}
