//! Bounds that several modules share, unit in the name. Each module keeps its own in its `limits.rs`.

/// The most steps a plan holds; further ones of an agent are left out, of a user refused.
pub const PLAN_STEPS_MAX: usize = 500;
/// Source bytes of one line that are shown before it is cut with a mark.
pub const TEXT_VISIBLE_BYTES_MAX: usize = 4 * 1024;
/// Lines of one foreign text that are shown before the rest is only counted.
pub const TEXT_VISIBLE_LINES_MAX: usize = 10_000;
/// Columns between tab stops unless a view says otherwise.
pub const TEXT_TAB_COLUMNS: usize = 4;
/// Combining marks that may sit on one character; more are shown as escapes.
pub const TEXT_MARKS_PER_BASE_MAX: usize = 4;
/// Equal escapes in a row from which on they are counted instead of written.
pub const TEXT_ESCAPE_REPEATS_MIN: usize = 4;
/// Characters of one command output line that are kept; the rest is counted.
pub const ANSI_LINE_CHARS_MAX: usize = 4 * 1024;
/// Bytes an unfinished escape sequence may swallow before the parser gives up on it.
pub const ANSI_SEQUENCE_BYTES_MAX: usize = 4 * 1024;
/// Look-alike findings reported for one text.
pub const CONFUSABLES_FOUND_MAX: usize = 100;
/// Prompts that wait at a sequential agent's desk; the host queues the rest.
pub const DESK_PROMPTS_MAX: usize = 64;
/// Messages between an agent and the host in each direction; a full channel slows the sender.
pub const AGENT_LINK_MESSAGES_MAX: usize = 64;
/// Uses of names that are found in one source; there may be more.
pub const REFERENCES_PER_FILE_MAX: usize = 1_000;
/// Actions whose file contents stay in memory; older ones that are over keep digests.
pub const ACTION_BODIES_KEPT_MAX: usize = 64;
/// Default budget of a session, tokens of prompts and answers.
pub const MODEL_BUDGET_TOKENS: u64 = 4_000_000;
/// Default budget of a session, millionths of a dollar.
pub const MODEL_BUDGET_COST_MICROS: u64 = 5_000_000;
/// Pause between two walks of a workspace that is polled, unless set, in milliseconds.
pub const WATCH_POLL_MS: u64 = 2_000;
/// Default budget of a session, milliseconds of models and commands.
pub const MODEL_BUDGET_WALL_MS: u64 = 2 * 60 * 60 * 1_000;
/// Default budget of a session, calls of a model.
pub const MODEL_BUDGET_TURNS: u64 = 80;
/// Default budget of a session, actions.
pub const MODEL_BUDGET_ACTIONS: u64 = 200;
/// Time limit of a command without one of its own, milliseconds.
pub const RUN_TIMEOUT_MS_DEFAULT: u64 = 10 * 60 * 1000;
/// Unchanged lines around a change unless a view says otherwise.
pub const DIFF_CONTEXT_LINES: usize = 3;
/// Largest version of a file that is compared line by line.
pub const DIFF_BYTES_MAX: usize = 32 * 1024 * 1024;
/// First bytes of a file in which a NUL makes it binary (git's rule).
pub const DIFF_BINARY_PROBE_BYTES: usize = 8000;
/// Envelopes read for a client at once.
pub const CLIENT_READ_EVENTS_MAX: usize = 256;
/// Number of actions a lease covers unless its grant sets another.
pub const LEASE_ACTIONS_DEFAULT: u32 = 20;
pub const LEASE_MINUTES_DEFAULT: u32 = 30;
/// Files in one edit, and bytes of one file that can be proposed.
pub const EDIT_FILE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Files that one approved read of a directory gives.
pub const READ_FILES_MAX: usize = 2_000;
/// Time an action must have been on the screen before a key may approve it (shortest considered reaction).
pub const UI_ARM_AFTER_MS: u64 = 400;
/// Most rules in a policy file.
pub const POLICY_RULES_MAX: usize = 1_000;
