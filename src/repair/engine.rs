//! Finding repairs for a whole project: one round a bug, each kept repair is the base of the next round.

use super::bench::Bench;
use super::harness::{self, Attempt, Baseline, Limits, Overlay, Verdict};
use super::localise::{Suspicion, localise};
use super::project::Project;
use super::runner::Runner;
use super::search::{Candidate, Fix, Search, Tried};
use super::steer::Steering;
use crate::repair::limits;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// The limits of a search.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// All rounds together.
    pub wall: Duration,
    /// Repairs in one edit set.
    pub fixes_max: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { wall: Duration::from_millis(limits::REPAIR_SEARCH_MS_MAX), fixes_max: limits::REPAIR_FIXES_MAX }
    }
}

/// The changes tried before on the same texts: a new search after a redirect does not try them again.
#[derive(Debug, Default)]
pub struct Memory {
    baseline: Option<Baseline>,
    verdicts: HashMap<u64, Verdict>,
}

impl Memory {
    fn key(overlay: &Overlay, attempt: &Attempt) -> u64 {
        let mut hasher = DefaultHasher::new();
        (overlay, &attempt.path, &attempt.text).hash(&mut hasher);
        hasher.finish()
    }
}

/// One kept repair with what it rests on.
#[derive(Debug, Clone)]
pub struct Repair {
    pub fix: Fix,
    /// Evidence for the place, in words.
    pub evidence: Vec<String>,
    /// Other changes that pass all tests as well, best first: `path:line words`.
    pub alternatives: Vec<String>,
}

/// The result of a search.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub repairs: Vec<Repair>,
    /// Texts of the files with all repairs.
    pub overlay: Overlay,
    /// Failing tests before and with all repairs.
    pub failing_before: Vec<String>,
    pub failing_after: Vec<String>,
    pub tried: Tried,
    /// The reason that nothing could be tried: the tests do not build, none were found.
    pub problem: Option<String>,
    /// The names that were examined first, with the reasons.
    pub suspects: Vec<super::localise::Suspect>,
    /// Path and name of each function, and the names of the project's functions it uses.
    pub calls: Vec<(String, String, Vec<String>)>,
}

/// Something worth telling while the search continues.
#[derive(Debug, Clone)]
pub enum Step {
    /// The unchanged tests ran.
    Reproduced {
        failing: Vec<String>,
        passing: usize,
    },
    Suspected {
        suspects: Vec<super::localise::Suspect>,
    },
    Tried {
        total: usize,
        waiting: usize,
    },
    Found {
        words: String,
        path: String,
        line: u32,
        fixed: usize,
        left: usize,
    },
}

/// Runs the search; an error from the bench ends everything.
pub async fn search<B: Bench>(
    bench: &mut B,
    project: &Project,
    memory: &mut Memory,
    steering: &Steering,
    budget: Budget,
) -> Result<Outcome, B::Error> {
    let mut outcome = Outcome::default();
    let mut baseline = match &memory.baseline {
        Some(known) => known.clone(),
        None => harness::baseline(bench, project, &Overlay::new()).await?,
    };
    memory.baseline = Some(baseline.clone());
    let began = Instant::now();
    outcome.problem = baseline.problem.clone();
    outcome.failing_before = baseline.failing();
    outcome.failing_after = baseline.failing();
    bench.report(Step::Reproduced { failing: baseline.failing(), passing: baseline.passing().len() }).await?;
    while !baseline.failing().is_empty() && outcome.repairs.len() < budget.fixes_max {
        let sources = project.parsed(&outcome.overlay);
        let suspicion = localise(project, &sources, &baseline);
        if outcome.repairs.is_empty() {
            outcome.calls = super::localise::calls(&sources);
            outcome.suspects = suspicion.suspects.iter().take(limits::REPAIR_SUSPECTS_REPORTED_MAX).cloned().collect();
            bench.report(Step::Suspected { suspects: outcome.suspects.clone() }).await?;
        }
        let mut round = Round { project, baseline: &baseline, suspicion: &suspicion, began, wall: budget.wall };
        let mut search = Search::new(sources, &suspicion, &baseline, steering);
        round.run(bench, &mut search, memory, &outcome.overlay, &mut outcome.tried).await?;
        let fixes = search.harvest();
        let Some(left) = fixes.last().map(|f| f.left) else { break };
        let several = fixes.len() > 1;
        let others = search.alternatives();
        for fix in fixes {
            let mutation = &fix.candidate.mutation;
            bench
                .report(Step::Found {
                    words: mutation.words.clone(),
                    path: mutation.path.to_string(),
                    line: mutation.line,
                    fixed: fix.fixed.len(),
                    left: fix.left,
                })
                .await?;
            outcome.overlay.insert(mutation.path.to_string(), fix.text.clone());
            let evidence = suspicion
                .around(&mutation.path, mutation.line)
                .map(|s| s.evidence.iter().map(super::localise::Evidence::words).collect())
                .unwrap_or_default();
            let alternatives = others
                .iter()
                .map(|o| &o.candidate.mutation)
                .map(|m| format!("{}:{} {}", m.path, m.line, m.words))
                .collect();
            outcome.repairs.push(Repair { fix, evidence, alternatives });
        }
        outcome.failing_after = baseline
            .failing()
            .into_iter()
            .filter(|f| !outcome.repairs.iter().any(|r| r.fix.fixed.contains(f)))
            .collect();
        if (left == 0 && !several) || began.elapsed() >= budget.wall {
            break;
        }
        baseline = harness::baseline(bench, project, &outcome.overlay).await?;
        outcome.failing_after = baseline.failing();
    }
    Ok(outcome)
}

/// The next proposals that were not tried before; what is known of the others is taken as it is.
fn fresh(
    search: &mut Search,
    size: usize,
    memory: &Memory,
    overlay: &Overlay,
    tried: &mut Tried,
) -> Vec<(Candidate, Attempt)> {
    let mut out = Vec::new();
    for (candidate, attempt) in search.next_batch(size) {
        match memory.verdicts.get(&Memory::key(overlay, &attempt)) {
            Some(verdict) => search.observe(candidate, attempt, verdict, tried),
            None => out.push((candidate, attempt)),
        }
    }
    out
}

/// One bug's search.
struct Round<'a> {
    project: &'a Project,
    baseline: &'a Baseline,
    suspicion: &'a Suspicion,
    began: Instant,
    wall: Duration,
}

impl Round<'_> {
    async fn run<B: Bench>(
        &mut self,
        bench: &mut B,
        search: &mut Search,
        memory: &mut Memory,
        overlay: &Overlay,
        tried: &mut Tried,
    ) -> Result<(), B::Error> {
        let focus = self.focus();
        let slowest = self.baseline.cases.iter().filter(|c| c.passed).map(|c| c.ms).max().unwrap_or_default();
        let test_cpu_s = (slowest as f64 / 1000.0 * limits::REPAIR_SLOWER_FACTOR).max(limits::REPAIR_TEST_CPU_S_MIN);
        let mut grace: Option<(usize, Instant)> = None;
        let mut size = self.first_batch();
        let (mut batches, mut first_help) = (0_usize, None);
        while self.began.elapsed() < self.wall {
            let batch = fresh(search, size, memory, overlay, tried);
            if batch.is_empty() {
                if search.is_over() || self.is_enough(search) {
                    break;
                }
                continue;
            }
            let attempts: Vec<Attempt> = batch.iter().map(|(_, a)| a.clone()).collect();
            let left = self.wall.saturating_sub(self.began.elapsed()).as_millis();
            let batch_ms = u64::try_from(left).unwrap_or(u64::MAX).clamp(1000, limits::REPAIR_BATCH_MS_MAX);
            let process_ms = self.baseline.process_ms.unwrap_or(limits::REPAIR_PROCESS_MS_DEFAULT);
            let limits_here = Limits { focus: &focus, test_cpu_s, process_ms, batch_ms };
            let verdicts = harness::attempt(bench, self.project, overlay, &attempts, &limits_here).await?;
            let mut untried = Vec::new();
            for (i, (candidate, attempt)) in batch.into_iter().enumerate() {
                match verdicts.get(&i) {
                    Some(verdict) => {
                        memory.verdicts.insert(Memory::key(overlay, &attempt), verdict.clone());
                        search.observe(candidate, attempt, verdict, tried);
                    }
                    None => untried.push((candidate, attempt)),
                }
            }
            let slow = !untried.is_empty();
            search.put_back(untried);
            bench.report(Step::Tried { total: tried.total, waiting: search.waiting() }).await?;
            size =
                if slow { verdicts.len().max(limits::REPAIR_BATCH_MIN) } else { (size * 2).min(self.largest_batch()) };
            batches += 1;
            if first_help.is_none() && search.best().is_some() {
                first_help = Some(batches);
            }
            // Several bugs: what helps in part is kept once nothing better has come for as long again.
            let waited = first_help.is_some_and(|at| batches > at * 3 + 3);
            if search.is_settled() {
                break;
            }
            if self.is_enough(search) || waited {
                // A little further: a better one may follow.
                let (rounds, since) = grace.get_or_insert_with(|| (limits::REPAIR_DOUBT_BATCHES, Instant::now()));
                let doubted = search.best().is_some_and(Fix::is_doubtful)
                    && since.elapsed() < Duration::from_millis(limits::REPAIR_DOUBT_MS_MAX);
                if !doubted {
                    *rounds = (*rounds).min(limits::REPAIR_GRACE_BATCHES);
                    size = self.first_batch();
                }
                if *rounds == 0 {
                    break;
                }
                *rounds -= 1;
            }
        }
        Ok(())
    }

    /// Solved, or a part is solved that the rest of the failing tests have nothing to do with.
    fn is_enough(&self, search: &Search) -> bool {
        if search.is_solved() || search.is_covered() {
            return true;
        }
        let Some(best) = search.best() else { return false };
        let mutation = &best.candidate.mutation;
        let Some(place) = self.suspicion.around(&mutation.path, mutation.line) else { return false };
        let mut rest = self.baseline.cases.iter().filter(|c| !c.passed && !best.fixed.contains(&c.id)).peekable();
        let has_lines = rest.peek().is_some_and(|c| !c.lines.is_empty());
        has_lines
            && rest.all(|c| {
                !c.lines
                    .get(mutation.path.as_ref())
                    .is_some_and(|l| l.iter().any(|n| place.lines.0 < *n && *n <= place.lines.1))
            })
    }

    /// Returns the failing tests to examine: the quick ones first, a bounded number.
    fn focus(&self) -> Vec<String> {
        let mut failing: Vec<_> = self.baseline.cases.iter().filter(|c| !c.passed).collect();
        failing.sort_by_key(|c| c.ms);
        failing.iter().take(limits::REPAIR_FOCUS_MAX).map(|c| c.id.clone()).collect()
    }

    fn first_batch(&self) -> usize {
        match self.project.runner {
            Runner::Unittest { .. } | Runner::Pytest { .. } => 24,
            // A process for each change: a small first batch shows a good guess soon.
            Runner::Node { .. } => 12,
            Runner::Cargo { .. } | Runner::Go => 80,
        }
    }

    fn largest_batch(&self) -> usize {
        match self.project.runner {
            Runner::Unittest { .. } | Runner::Pytest { .. } => 160,
            Runner::Node { .. } => 80,
            Runner::Cargo { .. } | Runner::Go => 240,
        }
    }
}
