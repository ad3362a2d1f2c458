//! Bounds that only `model` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// Alarms, observed changes and anomalies that a session keeps in memory; the journal keeps all.
pub const ALARMS_KEPT_MAX: usize = 1_000;
pub const CHANGES_KEPT_MAX: usize = 10_000;
pub const ANOMALIES_KEPT_MAX: usize = 100;
/// Actions that a question about the present (the last edit, the last output) looks back over.
pub const ACTIONS_RECENT_MAX: usize = 1_000;
/// Open comments that a refused approval names.
pub const OPEN_COMMENTS_NAMED_MAX: usize = 5;
/// Output of one action that stays in memory.
pub const ACTION_TAIL_BYTES_MAX: usize = 64 * 1024;
/// Messages about, and alarms on, one action that stay in memory.
pub const ACTION_TOLD_MAX: usize = 16;
/// Runs of checks, and cases of one run, that stay in memory.
pub const CHECK_RUNS_KEPT_MAX: usize = 64;
pub const CHECK_CASES_MAX: usize = 20_000;
/// The transcript in memory.
pub const TRANSCRIPT_ENTRIES_KEPT_MAX: usize = 100_000;
pub const TRANSCRIPT_BYTES_KEPT_MAX: usize = 8 * 1024 * 1024;
/// The most a single lease may cover.
pub const LEASE_ACTIONS_MAX: u32 = 200;
pub const LEASE_PATHS_MAX: usize = 100;
/// Lines of the agent's log that a replica keeps.
pub const AGENT_LOG_LINES_KEPT_MAX: usize = 1_000;
/// The answers to one form, and a pattern of one of its questions once compiled.
pub const FORM_ANSWER_BYTES_MAX: usize = 64 * 1024;
pub const FORM_PATTERN_BYTES_MAX: usize = 256 * 1024;
/// Content up to this many bytes of UTF-8 travels inside events; longer content is a blob.
pub const CONTENT_INLINE_BYTES_MAX: usize = 64 * 1024;
/// A plan as a document; what is beyond is left out, and said to be.
pub const PLAN_TEXT_BYTES_MAX: usize = 256 * 1024;
/// Versions of the plan's document, and comments on them and on what is done, that a session keeps in memory.
pub const PLAN_VERSIONS_KEPT_MAX: usize = 64;
pub const PLAN_COMMENTS_MAX: usize = 500;
/// Steps whose cost a session keeps in memory.
pub const STEP_COSTS_KEPT_MAX: usize = 5_000;
/// The words of one comment.
pub const PLAN_COMMENT_BYTES_MAX: usize = 16 * 1024;
/// Lines that may be in the place of commented ones for their neighbors to tell where that is.
pub const COMMENT_REWRITTEN_LINES_MAX: usize = 40;
/// How much changed words must have in common with commented ones to be taken for them, from 0 to 1.
pub const PLAN_LIKENESS_MIN: f32 = 0.8;
/// Words that are compared for that, how many pairs of titles, and how many places for a comment.
pub const PLAN_LIKENESS_BYTES_MAX: usize = 600;
pub const PLAN_LIKENESS_PAIRS_MAX: usize = 10_000;
pub const PLAN_LIKENESS_PLACES_MAX: usize = 200;
/// Bytes of the lines that a comment keeps of what it is on.
pub const COMMENT_QUOTE_BYTES_MAX: usize = 16 * 1024;
/// Commented words that are quoted to the agent.
pub const PLAN_QUOTE_SHOWN_CHARS_MAX: usize = 600;
/// Bytes of the text of a network address, and the places of its host that are not public.
pub const ADDRESS_CHARS_MAX: usize = 2_048;
pub const ADDRESS_PLACES_MAX: usize = 8;
