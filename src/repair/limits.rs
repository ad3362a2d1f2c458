//! Bounds that only `repair` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// Proposals the operators may make for one file.
pub const REPAIR_MUTATIONS_PER_FILE_MAX: usize = 60_000;
/// Characters of program text quoted in the words of a proposal.
pub const REPAIR_WORDS_CHARS_MAX: usize = 60;
/// CPU seconds one test of an unchanged project may take before it counts as hanging.
pub const REPAIR_BASELINE_TEST_CPU_S: f64 = 2.0;
/// Milliseconds the run of the unchanged tests may take.
pub const REPAIR_BASELINE_MS_MAX: u64 = 60_000;
/// Milliseconds spent on finding out which lines each Node test runs.
pub const REPAIR_COVERAGE_MS_MAX: u64 = 6_000;
/// Builds of one batch: each takes out variants that do not compile.
pub const REPAIR_BUILD_ROUNDS_MAX: usize = 8;
/// Milliseconds one build may take.
pub const REPAIR_BUILD_MS_MAX: u64 = 120_000;
/// Proposals kept in the queue of one search, the best ones.
pub const REPAIR_QUEUE_MAX: usize = 40_000;
/// Near misses that are combined into pairs once the queue is empty.
pub const REPAIR_PAIR_BASE_MAX: usize = 40;
/// Milliseconds of one search, all rounds together.
pub const REPAIR_SEARCH_MS_MAX: u64 = 120_000;
/// Repairs that one search keeps.
pub const REPAIR_FIXES_MAX: usize = 6;
/// Suspects that are reported to the user.
pub const REPAIR_SUSPECTS_REPORTED_MAX: usize = 5;
/// A changed test may take this many times as long as the slowest passing one.
pub const REPAIR_SLOWER_FACTOR: f64 = 5.0;
/// Assumed time to start a runner when no run of it has finished, milliseconds.
pub const REPAIR_PROCESS_MS_DEFAULT: u64 = 1_000;
/// Names of one function beyond which those of the file are left out.
pub const REPAIR_NAMES_MAX: usize = 16;
/// CPU seconds any test is given, however quick the passing ones are.
pub const REPAIR_TEST_CPU_S_MIN: f64 = 0.2;
/// CPU milliseconds a test of a built program is given at least, with its start.
pub const REPAIR_COMPILED_TEST_CPU_MS_MIN: u64 = 400;
/// Milliseconds of one batch of changes.
pub const REPAIR_BATCH_MS_MAX: u64 = 12_000;
/// Changes in one batch, however few the last one had time for.
pub const REPAIR_BATCH_MIN: usize = 8;
/// Number of times a change is returned to the queue when its batch ended before its turn.
pub const REPAIR_RETURNS_MAX: usize = 2;
/// Batches tried after a repair was found, in case a better one follows.
pub const REPAIR_GRACE_BATCHES: usize = 1;
/// Changes still tried after the first that makes every test pass, in the hope of a better one.
pub const REPAIR_GRACE_CHANGES: usize = 12;
/// Other changes that pass all tests, named beside a proposal.
pub const REPAIR_ALTERNATIVES_MAX: usize = 3;
/// Batches tried further when all that was found is a special case or a removal.
pub const REPAIR_DOUBT_BATCHES: usize = 4;
/// And for how many milliseconds.
pub const REPAIR_DOUBT_MS_MAX: u64 = 15_000;
/// Failing tests that each change is tried against first.
pub const REPAIR_FOCUS_MAX: usize = 6;
/// Characters of a failure message that are quoted.
pub const REPAIR_MESSAGE_CHARS_MAX: usize = 160;
