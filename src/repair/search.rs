//! The search for one repair: proposals ranked by suspicion and prior, tried in batches until one is good enough.

use super::harness::{Attempt, Baseline, Verdict};
use super::localise::Suspicion;
use super::operators::{self, Mutation};
use super::source::{Edit, Source};
use super::steer::Steering;
use crate::repair::limits;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A proposal with its position in the queue.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub mutation: Mutation,
    /// Suspicion of its line times its prior.
    pub score: f64,
}

/// A change that made failing tests pass and broke none.
#[derive(Debug, Clone)]
pub struct Fix {
    pub candidate: Candidate,
    /// The new text of the file.
    pub text: String,
    pub fixed: Vec<String>,
    /// Failing tests that still fail.
    pub left: usize,
}

impl Fix {
    /// Returns whether it may only bypass the failing tests: a special case, or something removed.
    pub fn is_doubtful(&self) -> bool {
        let mutation = &self.candidate.mutation;
        matches!(mutation.operator, "guard" | "deletion" | "duplicate statement" | "lookup default")
            || mutation.words.starts_with("remove")
    }
}

/// The number of attempts of each operator at each place, for the report when nothing is found.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    pub total: usize,
    pub unbuilt: usize,
    pub by_operator: BTreeMap<&'static str, usize>,
    pub by_function: BTreeMap<String, usize>,
}

impl Tried {
    fn count(&mut self, mutation: &Mutation, verdict: &Verdict) {
        self.total += 1;
        self.unbuilt += usize::from(verdict.unbuilt);
        *self.by_operator.entry(mutation.operator).or_default() += 1;
        *self.by_function.entry(format!("{}:{}", mutation.path, mutation.function)).or_default() += 1;
    }

    /// The counts in one line each, the largest first.
    pub fn words(&self) -> String {
        let top = |map: Vec<(String, usize)>| {
            let mut list = map;
            list.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            list.into_iter().take(8).map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", ")
        };
        format!(
            "{} changes tried ({} did not build). By operator: {}. By place: {}.",
            self.total,
            self.unbuilt,
            top(self.by_operator.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect()),
            top(self.by_function.iter().map(|(k, v)| (k.clone(), *v)).collect()),
        )
    }
}

/// The queue of one round and what it has found.
#[derive(Debug)]
pub struct Search {
    sources: BTreeMap<String, Source>,
    /// Best last.
    queue: Vec<Candidate>,
    seen: HashSet<(String, u64)>,
    failing: BTreeSet<String>,
    passing: BTreeSet<String>,
    pub fixes: Vec<Fix>,
    /// Changes that helped but broke something, or helped only in part: material for pairs.
    near: Vec<Candidate>,
    paired: bool,
    /// The number of times a text was returned to the queue because its batch ended before its turn.
    returned: HashMap<u64, usize>,
    /// Changes tried after the first that fixes everything.
    since_solved: usize,
}

impl Search {
    /// Ranks every proposal for the suspected places.
    pub fn new(
        sources: BTreeMap<String, Source>,
        suspicion: &Suspicion,
        baseline: &Baseline,
        steering: &Steering,
    ) -> Self {
        let mut queue = Vec::new();
        for (path, source) in &sources {
            if !steering.allows_file(path) {
                continue;
            }
            let wanted = |node: tree_sitter::Node<'_>| {
                if node.parent().is_none() {
                    return true;
                }
                let line = u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX);
                let known = suspicion.around(path, line).is_some() || suspicion.suspects.is_empty();
                known && steering.allows_function(path, &super::scope::function_name(source, node))
            };
            for mutation in operators::propose(source, &wanted) {
                let weight = steering.weight(&mutation, source);
                if weight <= 0.0 {
                    continue;
                }
                let place = suspicion.at(path, mutation.line).max(neighbour(suspicion, &mutation));
                let likely = mutation.prior * size_factor(&mutation, source) * custom(&mutation, source);
                let score = place.powf(PLACE_POWER) * likely * weight;
                queue.push(Candidate { mutation, score });
            }
        }
        queue.sort_by(|a, b| a.score.total_cmp(&b.score));
        let excess = queue.len().saturating_sub(limits::REPAIR_QUEUE_MAX);
        queue.drain(..excess);
        Self {
            sources,
            queue,
            seen: HashSet::new(),
            failing: baseline.failing().into_iter().collect(),
            passing: baseline.passing().into_iter().collect(),
            fixes: Vec::new(),
            near: Vec::new(),
            paired: false,
            returned: HashMap::new(),
            since_solved: 0,
        }
    }

    /// Returns the number of waiting proposals.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Returns whether everything was tried, pairs too.
    pub fn is_over(&self) -> bool {
        self.queue.is_empty() && self.paired
    }

    /// The next proposals, as attempts; empty when all were tried.
    pub fn next_batch(&mut self, size: usize) -> Vec<(Candidate, Attempt)> {
        let mut out = Vec::new();
        while out.len() < size {
            let Some(candidate) = self.queue.pop() else {
                if self.paired || !self.pair() {
                    break;
                }
                continue;
            };
            if let Some(attempt) = self.attempt(&candidate) {
                out.push((candidate, attempt));
            }
        }
        out
    }

    fn attempt(&mut self, candidate: &Candidate) -> Option<Attempt> {
        let mutation = &candidate.mutation;
        let source = self.sources.get(mutation.path.as_ref())?;
        let text = source.with(&mutation.edits)?;
        if text == source.text
            || !self.seen.insert((mutation.path.to_string(), digest(&text)))
            || !source.accepts(&text)
        {
            return None;
        }
        let body = mutation.body.clone().and_then(|range| {
            let inside = mutation.edits.iter().all(|e| e.range.start > range.start && e.range.end < range.end);
            let grown = text.len().checked_sub(source.text.len() - range.len())?;
            let new = text.get(range.start..range.start + grown)?.to_owned();
            inside.then_some((range, new))
        });
        Some(Attempt { path: mutation.path.to_string(), text, body })
    }

    /// Puts back proposals whose turn did not come, best last as they came; each only a few times.
    pub fn put_back(&mut self, untried: Vec<(Candidate, Attempt)>) {
        for (candidate, attempt) in untried.into_iter().rev() {
            let text = digest(&attempt.text);
            let times = self.returned.entry(text).or_default();
            if *times < limits::REPAIR_RETURNS_MAX {
                *times += 1;
                self.seen.remove(&(attempt.path, text));
                self.queue.push(candidate);
            }
        }
    }

    /// Records what a tried proposal did.
    pub fn observe(&mut self, candidate: Candidate, attempt: Attempt, verdict: &Verdict, tried: &mut Tried) {
        tried.count(&candidate.mutation, verdict);
        self.since_solved += usize::from(self.is_solved());
        let Some(whole) = &verdict.whole else { return };
        let failed: BTreeSet<&String> = whole.failed.iter().collect();
        let broken = self.passing.iter().any(|p| failed.contains(p) || (whole.ended && !whole.passed.contains(p)));
        let left = self.failing.iter().filter(|f| !whole.passed.contains(f)).count();
        let news = whole.failed.iter().any(|f| !self.failing.contains(f));
        if broken || news || !whole.ended {
            self.near.push(candidate);
            return;
        }
        let fixed: Vec<String> = self.failing.iter().filter(|f| whole.passed.contains(f)).cloned().collect();
        if left > 0 {
            self.near.push(candidate.clone());
        }
        if !fixed.is_empty() {
            self.fixes.push(Fix { candidate, text: attempt.text, fixed, left });
        }
    }

    /// The best repair so far: most tests fixed, then score, then size.
    pub fn best(&self) -> Option<&Fix> {
        self.fixes.iter().min_by(|a, b| a.left.cmp(&b.left).then_with(|| quality(b, self).total_cmp(&quality(a, self))))
    }

    /// The best repair and, when it leaves tests failing, the best ones for other tests in other functions: several
    /// bugs found in one round. Their texts are made one on the other.
    pub fn harvest(&self) -> Vec<Fix> {
        let Some(first) = self.best() else { return Vec::new() };
        let mut chosen = vec![first.clone()];
        if first.left == 0 {
            return chosen;
        }
        let mut rest: Vec<&Fix> = self.fixes.iter().collect();
        rest.sort_by(|a, b| quality(b, self).total_cmp(&quality(a, self)));
        for fix in rest {
            let apart = chosen.iter().all(|c| {
                let (one, other) = (&c.candidate.mutation, &fix.candidate.mutation);
                let elsewhere = one.path != other.path || one.function != other.function;
                elsewhere && c.fixed.iter().all(|f| !fix.fixed.contains(f)) && c.text != fix.text
            });
            if apart {
                chosen.push(fix.clone());
            }
        }
        let mut done: BTreeMap<String, Vec<Edit>> = BTreeMap::new();
        let mut left = self.failing.len();
        for fix in &mut chosen {
            let mutation = &fix.candidate.mutation;
            let edits = done.entry(mutation.path.to_string()).or_default();
            edits.extend(mutation.edits.iter().cloned());
            if let Some(text) = self.sources.get(mutation.path.as_ref()).and_then(|s| s.with(edits)) {
                fix.text = text;
            }
            left = left.saturating_sub(fix.fixed.len());
            fix.left = left;
        }
        chosen
    }

    /// Returns whether the repairs found so far, together, fix everything.
    pub fn is_covered(&self) -> bool {
        self.harvest().last().is_some_and(|f| f.left == 0)
    }

    /// Returns whether a better result is unlikely: the waiting changes are less likely than the one found, or enough
    /// were tried after it.
    pub fn is_settled(&self) -> bool {
        let Some(best) = self.best().filter(|b| b.left == 0 && !b.is_doubtful()) else { return false };
        let next = self.queue.last().map_or(0.0, |c| c.score);
        quality(best, self) >= next || self.since_solved >= limits::REPAIR_GRACE_CHANGES
    }

    /// Other changes under which every test passes: the tests do not tell them apart from the best.
    pub fn alternatives(&self) -> Vec<Fix> {
        let Some(best) = self.best().filter(|b| b.left == 0) else { return Vec::new() };
        let mut rest: Vec<&Fix> = self.fixes.iter().filter(|f| f.left == 0 && f.text != best.text).collect();
        rest.sort_by(|a, b| quality(b, self).total_cmp(&quality(a, self)));
        rest.into_iter().cloned().collect()
    }

    /// Returns whether some change fixes everything.
    pub fn is_solved(&self) -> bool {
        self.fixes.iter().any(|f| f.left == 0)
    }

    /// Queues pairs of changes that each helped a little, in one file and not overlapping.
    fn pair(&mut self) -> bool {
        self.paired = true;
        let near: Vec<Candidate> = self.near.iter().take(limits::REPAIR_PAIR_BASE_MAX).cloned().collect();
        for (i, one) in near.iter().enumerate() {
            for other in near.iter().skip(i + 1) {
                if one.mutation.path != other.mutation.path {
                    continue;
                }
                if let Some(both) = together(one, other) {
                    self.queue.push(both);
                }
            }
        }
        self.queue.sort_by(|a, b| a.score.total_cmp(&b.score));
        !self.queue.is_empty()
    }
}

/// Suspicion counts more than an operator's prior.
const PLACE_POWER: f64 = 1.5;

/// An inserted line takes part of the suspicion of the line after it.
fn neighbour(suspicion: &Suspicion, mutation: &Mutation) -> f64 {
    let inserts = mutation.edits.iter().all(|e| e.range.is_empty());
    if inserts { suspicion.at(&mutation.path, mutation.line + 1) * 0.8 } else { 0.0 }
}

/// Small changes first: long replacements and several edits cost a little.
fn size_factor(mutation: &Mutation, source: &Source) -> f64 {
    let changed: usize = mutation
        .edits
        .iter()
        .map(|e| {
            let old = source.span(e.range.clone());
            let same = old.bytes().zip(e.text.bytes()).take_while(|(a, b)| a == b).count();
            let tail = old.bytes().rev().zip(e.text.bytes().rev()).take_while(|(a, b)| a == b).count();
            old.len().max(e.text.len()).saturating_sub(same + tail)
        })
        .sum();
    1.0 / (1.0 + changed as f64 / 120.0)
}

/// Returns a higher factor for a change that repeats words of the function around it.
fn custom(mutation: &Mutation, source: &Source) -> f64 {
    let ([edit], Some(body)) = (mutation.edits.as_slice(), &mutation.body) else { return 1.0 };
    if edit.text.is_empty() || edit.text.contains('\n') || edit.range.is_empty() {
        return 1.0;
    }
    let before = source.text.get(..edit.range.start).unwrap_or_default();
    let after = source.text.get(edit.range.end..).unwrap_or_default();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let head = before.trim_end();
    let word = head.len() - head.trim_end_matches(is_part).len();
    let last = head.chars().next_back().map_or(0, char::len_utf8);
    let from = head.len() - word.max(last);
    let tail = after.trim_start();
    let word = tail.len() - tail.trim_start_matches(is_part).len();
    let first = tail.chars().next().map_or(0, char::len_utf8);
    let to = after.len() - tail.len() + word.max(first);
    let window =
        format!("{}{}{}", before.get(from..).unwrap_or_default(), edit.text, after.get(..to).unwrap_or_default());
    let said = source.span(body.clone()).contains(window.as_str());
    if said { CUSTOM_FACTOR } else { 1.0 }
}

/// Factor for a change that repeats words of its function.
const CUSTOM_FACTOR: f64 = 1.4;

/// Among repairs that pass: the score, with a malus for taking functionality away and for special cases.
fn quality(fix: &Fix, search: &Search) -> f64 {
    let mutation = &fix.candidate.mutation;
    let size = search.sources.get(mutation.path.as_ref()).map_or(1.0, |s| size_factor(mutation, s));
    let doubt = if fix.is_doubtful() { 0.3 } else { 1.0 };
    fix.candidate.score * size * doubt * if mutation.operator == "constant" { 0.8 } else { 1.0 }
}

fn together(one: &Candidate, other: &Candidate) -> Option<Candidate> {
    let apart = |a: &Edit, b: &Edit| a.range.end <= b.range.start || b.range.end <= a.range.start;
    let clear = one.mutation.edits.iter().all(|a| other.mutation.edits.iter().all(|b| apart(a, b)));
    if !clear {
        return None;
    }
    let mut mutation = one.mutation.clone();
    mutation.edits.extend(other.mutation.edits.iter().cloned());
    mutation.words = format!("{}; {}", one.mutation.words, other.mutation.words);
    if one.mutation.body != other.mutation.body {
        mutation.body = None;
    }
    Some(Candidate { mutation, score: one.score * other.score })
}

fn digest(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
