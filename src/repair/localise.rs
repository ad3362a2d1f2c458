//! The likely places of the mistake: suspicion by evidence that can be named.
//!
//! Pure over the texts and one run of the unchanged tests. Four sorts of evidence: lines that failing tests run and
//! passing ones do not (Ochiai's formula), places in traces, functions that failing tests call by name, and words of
//! the failure messages.

use super::harness::{Baseline, Case};
use super::operators;
use super::project::Project;
use super::scope::function_name;
use super::source::{Role, Source, descend, role};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The reason that a place is suspected.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// Run by this many failing and passing tests.
    Covered { failing: usize, passing: usize },
    /// Named in the trace of a failing test.
    Traced { case: String, line: u32 },
    /// Called, directly or through others, by this many failing and passing tests.
    Called { failing: usize, passing: usize },
    /// A word of the failure message.
    Mentioned { word: String },
}

impl Evidence {
    /// In words for the user.
    pub fn words(&self) -> String {
        match self {
            Self::Covered { failing, passing } => format!("run by {failing} failing and {passing} passing tests"),
            Self::Traced { case, line } => format!("line {line} is in the stack trace of {case}"),
            Self::Called { failing, passing } => {
                format!("reached by name from {failing} failing and {passing} passing tests")
            }
            Self::Mentioned { word } => format!("the failure mentions `{word}`"),
        }
    }
}

/// A function that may hold the mistake.
#[derive(Debug, Clone)]
pub struct Suspect {
    pub path: String,
    pub function: String,
    /// First and last line, from 1.
    pub lines: (u32, u32),
    /// In (0, 1]; only the order means something.
    pub score: f64,
    pub evidence: Vec<Evidence>,
}

/// Suspicion by line and by function.
#[derive(Debug, Clone, Default)]
pub struct Suspicion {
    pub suspects: Vec<Suspect>,
    lines: BTreeMap<String, BTreeMap<u32, f64>>,
}

impl Suspicion {
    /// The suspicion of a line: its own, or a share of its function's.
    pub fn at(&self, path: &str, line: u32) -> f64 {
        let own = self.lines.get(path).and_then(|l| l.get(&line)).copied().unwrap_or_default();
        let inside = self.suspects.iter().filter(|s| s.path == path && s.lines.0 <= line && line <= s.lines.1);
        let function = inside.min_by_key(|s| s.lines.1 - s.lines.0).map_or(0.0, |s| s.score);
        own.max(function * FUNCTION_SHARE).max(FLOOR)
    }

    /// The suspect around a line.
    pub fn around(&self, path: &str, line: u32) -> Option<&Suspect> {
        self.suspects
            .iter()
            .filter(|s| s.path == path && s.lines.0 <= line && line <= s.lines.1)
            .min_by_key(|s| s.lines.1 - s.lines.0)
    }
}

/// Share of a function's suspicion that a line without evidence of its own inherits.
const FUNCTION_SHARE: f64 = 0.6;
/// Suspicion of every line of the project.
const FLOOR: f64 = 0.01;

/// Weight of a line that one failing test points to, relative to one that all point to.
const SINGLE_SHARE: f64 = 0.85;

struct FunctionSpan {
    path: String,
    name: String,
    lines: (u32, u32),
    calls: HashSet<String>,
}

/// Ranks the functions and lines of the project's sources.
pub fn localise(project: &Project, sources: &BTreeMap<String, Source>, baseline: &Baseline) -> Suspicion {
    let places: Vec<FunctionSpan> = sources.iter().flat_map(|(path, s)| places(path, s)).collect();
    let failing: Vec<&Case> = baseline.cases.iter().filter(|c| !c.passed).collect();
    let passing: Vec<&Case> = baseline.cases.iter().filter(|c| c.passed).collect();
    let covered = failing.iter().any(|c| !c.lines.is_empty());
    let mut lines: BTreeMap<String, BTreeMap<u32, f64>> = BTreeMap::new();
    if covered {
        spectrum(&failing, &passing, sources, &mut lines);
    }
    let reach = Reach::of(project, sources, &places);
    let mut suspects = Vec::new();
    for (i, place) in places.iter().enumerate() {
        let mut evidence = Vec::new();
        let mut score = 0.0_f64;
        if covered {
            let (ef, ep) = (touching(&failing, place), touching(&passing, place));
            if ef > 0 {
                evidence.push(Evidence::Covered { failing: ef, passing: ep });
            }
            let best = lines
                .get(&place.path)
                .map(|l| l.range(place.lines.0..=place.lines.1).map(|(_, s)| *s).fold(0.0, f64::max));
            score = score.max(best.unwrap_or_default() * 0.9);
        }
        let (cf, cp) = (reach.count(&failing, i), reach.count(&passing, i));
        if cf > 0 {
            evidence.push(Evidence::Called { failing: cf, passing: cp });
            let share = ochiai(cf, cp, failing.len());
            score = if covered { score + 0.05 * share } else { score.max(0.2 + 0.5 * share) };
        }
        traced(&failing, place, &mut evidence, &mut score, &mut lines);
        mentioned(&failing, place, &mut evidence, &mut score);
        if score > 0.0 {
            suspects.push(Suspect {
                path: place.path.clone(),
                function: place.name.clone(),
                lines: place.lines,
                score: score.min(1.0),
                evidence,
            });
        }
    }
    suspects.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| (&a.path, a.lines).cmp(&(&b.path, b.lines))));
    Suspicion { suspects, lines }
}

fn ochiai(failing: usize, passing: usize, all_failing: usize) -> f64 {
    if failing == 0 || all_failing == 0 {
        return 0.0;
    }
    failing as f64 / ((all_failing * (failing + passing)) as f64).sqrt()
}

fn places(path: &str, source: &Source) -> Vec<FunctionSpan> {
    operators::functions(source)
        .into_iter()
        .map(|f| FunctionSpan {
            path: path.to_owned(),
            name: function_name(source, f),
            lines: (row(f.start_position().row), row(f.end_position().row)),
            calls: called(source, f),
        })
        .collect()
}

/// Path and name of each function with the names of the project's functions it uses.
pub fn calls(sources: &BTreeMap<String, Source>) -> Vec<(String, String, Vec<String>)> {
    let places: Vec<FunctionSpan> = sources.iter().flat_map(|(path, s)| places(path, s)).collect();
    let names: HashSet<&str> = places.iter().map(|p| p.name.as_str()).collect();
    places
        .iter()
        .map(|p| {
            let used = p.calls.iter().filter(|c| **c != p.name && names.contains(c.as_str())).cloned().collect();
            (p.path.clone(), p.name.clone(), used)
        })
        .collect()
}

fn row(row: usize) -> u32 {
    u32::try_from(row + 1).unwrap_or(u32::MAX)
}

/// Names used below a node, as a function or member may be called by any of them.
fn called(source: &Source, node: tree_sitter::Node<'_>) -> HashSet<String> {
    descend(node)
        .into_iter()
        .filter(|n| {
            role(*n) == Role::Name || matches!(n.kind(), "field_identifier" | "property_identifier" | "type_identifier")
        })
        .map(|n| source.slice(n).to_owned())
        .collect()
}

fn spectrum(
    failing: &[&Case],
    passing: &[&Case],
    sources: &BTreeMap<String, Source>,
    lines: &mut BTreeMap<String, BTreeMap<u32, f64>>,
) {
    let mut counts: BTreeMap<(&str, u32), (usize, usize)> = BTreeMap::new();
    for (list, is_failing) in [(failing, true), (passing, false)] {
        for case in list {
            for (path, hit) in case.lines.iter().filter(|(p, _)| sources.contains_key(p.as_str())) {
                for line in hit {
                    let at = counts.entry((path.as_str(), *line)).or_default();
                    if is_failing { at.0 += 1 } else { at.1 += 1 }
                }
            }
        }
    }
    for ((path, line), (ef, ep)) in counts {
        if ef > 0 {
            // With several bugs each failing test has its own; a line that one of them runs almost alone stands out.
            let alone = SINGLE_SHARE * ochiai(1, ep, 1);
            lines.entry(path.to_owned()).or_default().insert(line, ochiai(ef, ep, failing.len()).max(alone));
        }
    }
}

fn touching(cases: &[&Case], place: &FunctionSpan) -> usize {
    cases
        .iter()
        .filter(|c| {
            c.lines.get(&place.path).is_some_and(|l| l.iter().any(|n| place.lines.0 < *n && *n <= place.lines.1))
        })
        .count()
}

fn traced(
    failing: &[&Case],
    place: &FunctionSpan,
    evidence: &mut Vec<Evidence>,
    score: &mut f64,
    lines: &mut BTreeMap<String, BTreeMap<u32, f64>>,
) {
    for case in failing {
        let inside = case
            .spots
            .iter()
            .enumerate()
            .filter(|(_, s)| s.path == place.path && place.lines.0 <= s.line && s.line <= place.lines.1);
        let mut told = false;
        for (depth, spot) in inside {
            let innermost = depth + 1 == case.spots.len();
            let weight = if innermost { 0.25 } else { 0.12 } / failing.len() as f64;
            *score += weight;
            let at = lines.entry(place.path.clone()).or_default().entry(spot.line).or_insert(0.3);
            *at = (*at + weight).min(1.0);
            if !told && evidence.len() < 6 {
                evidence.push(Evidence::Traced { case: case.id.clone(), line: spot.line });
                told = true;
            }
        }
    }
}

fn mentioned(failing: &[&Case], place: &FunctionSpan, evidence: &mut Vec<Evidence>, score: &mut f64) {
    if place.name.len() < 3 {
        return;
    }
    let named = |case: &&&Case| {
        let in_id = case.id.to_lowercase().contains(&place.name.to_lowercase().replace('_', ""))
            || case.id.to_lowercase().contains(&place.name.to_lowercase());
        in_id || case.message.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == place.name)
    };
    let count = failing.iter().filter(named).count();
    if count > 0 {
        *score += 0.15 * count as f64 / failing.len() as f64;
        evidence.push(Evidence::Mentioned { word: place.name.clone() });
    }
}

/// The functions each test reaches by the names it uses.
struct Reach {
    by_test: BTreeMap<String, BTreeSet<usize>>,
}

impl Reach {
    fn of(project: &Project, sources: &BTreeMap<String, Source>, places: &[FunctionSpan]) -> Self {
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, place) in places.iter().enumerate() {
            by_name.entry(place.name.as_str()).or_default().push(i);
        }
        let mut by_test = BTreeMap::new();
        let tests = project.tests.iter().filter_map(|(p, t)| Source::parse(p, t.clone()));
        let inline: Vec<Source> = sources.values().cloned().collect();
        for source in tests.chain(inline) {
            for node in descend(source.tree.root_node()) {
                let Some((name, body)) = test_of(&source, node) else { continue };
                let mut seen = BTreeSet::new();
                let mut waiting: Vec<String> = called(&source, body).into_iter().collect();
                while let Some(word) = waiting.pop() {
                    for i in by_name.get(word.as_str()).into_iter().flatten() {
                        if seen.insert(*i) {
                            waiting.extend(places.get(*i).into_iter().flat_map(|p| p.calls.iter().cloned()));
                        }
                    }
                }
                by_test.insert(name, seen);
            }
        }
        Self { by_test }
    }

    fn count(&self, cases: &[&Case], place: usize) -> usize {
        cases
            .iter()
            .filter(|c| {
                let last = c.id.rsplit([':', '.', '>', '/']).next().unwrap_or(&c.id).trim();
                let last = last.split('[').next().unwrap_or(last);
                self.by_test.get(last).is_some_and(|s| s.contains(&place))
            })
            .count()
    }
}

/// A test's own name and body, in the forms the runners know.
fn test_of<'t>(source: &Source, node: tree_sitter::Node<'t>) -> Option<(String, tree_sitter::Node<'t>)> {
    if role(node) == Role::Function {
        let name = function_name(source, node);
        let is_test = name.to_lowercase().starts_with("test") || operators::is_test_code(source, node);
        return is_test.then_some((name, node));
    }
    // `test('name', () => …)`
    let (callee, args) = super::source::call(node)?;
    if !matches!(source.slice(callee), "test" | "it" | "test.only" | "it.only") {
        return None;
    }
    let name = source.slice(*args.first()?).trim_matches(['\'', '"', '`']).to_owned();
    Some((name, node))
}
