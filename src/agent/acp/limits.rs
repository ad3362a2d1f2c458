//! Bounds that only `agent::acp` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// Bytes of one line of the protocol; real agents send whole files in a line. A longer one is dropped and shown as
/// such.
pub const ACP_LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The beginning of a dropped line that is kept, to answer a request in it and to show it.
pub const ACP_LINE_HEAD_BYTES: usize = 2048;
/// Bytes read from the agent's stdout at once.
pub const ACP_READ_CHUNK_BYTES: usize = 64 * 1024;
/// Messages to the host that may wait before the agent's stdout is left alone.
pub const ACP_OUTBOX_MESSAGES_MAX: usize = 256;
/// Bytes to the agent that may wait before its stdout is left alone …
pub const ACP_STDIN_PAUSE_BYTES: usize = 8 * 1024 * 1024;
/// … and before it counts as lost, because it does not read.
pub const ACP_STDIN_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A merged text is sent to the host when it has this many bytes …
pub const ACP_MERGED_TEXT_BYTES_MAX: usize = 16 * 1024;
/// … or is this old.
pub const ACP_MERGED_TEXT_AGE_MS: u64 = 80;
/// Lines taken from the agent before the host and the timers are polled again.
pub const ACP_LINES_PER_TURN_OF_LOOP: usize = 128;
/// Tool calls that are remembered; the oldest finished ones are forgotten first.
pub const ACP_TOOL_CALLS_MAX: usize = 1024;
/// Largest memory of the table of tool calls; the oldest calls are forgotten first.
pub const ACP_TOOL_CALLS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most data that may wait for the host before the agent's output is no longer read.
pub const ACP_OUTBOX_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of raw protocol text shown in one note.
/// Questions of one form, choices of one question, and bytes of the preview of a choice.
pub const ACP_FORM_FIELDS_MAX: usize = 64;
pub const ACP_FORM_CHOICES_MAX: usize = 256;
pub const ACP_PREVIEW_BYTES_MAX: usize = 8 * 1024;
pub const ACP_NOTE_BYTES_MAX: usize = 2000;
/// Bytes of the agent's latest words that are used as its reason for an action.
pub const ACP_REASON_BYTES_MAX: usize = 2000;
/// Bytes of one file that an agent may write or show for review.
pub const ACP_FILE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Files of its plans that an agent may keep with us.
pub const ACP_PLAN_FILES_MAX: usize = 16;
/// Files in one proposal.
pub const ACP_FILES_PER_PROPOSAL_MAX: usize = 500;
/// Requests of the agent that may be open at once; more are refused.
pub const ACP_OPEN_REQUESTS_MAX: usize = 512;
/// Largest memory of all open requests of the agent together; more are refused.
pub const ACP_OPEN_REQUESTS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Longest request id that is kept; a request with a longer one is refused.
pub const ACP_ID_BYTES_MAX: usize = 256;
/// Ways to sign in that are read, and variables of each.
pub const ACP_LOGINS_READ_MAX: usize = 16;
/// The command of a terminal login, so that all of it fits on a screen.
pub const ACP_LOGIN_COMMAND_BYTES_MAX: usize = 800;
/// Terminals that an agent may hold at once.
pub const ACP_TERMINALS_MAX: usize = 128;
/// Output that is kept of one terminal, whatever the agent asks for.
pub const ACP_TERMINAL_OUTPUT_BYTES_MAX: usize = 1024 * 1024;
/// Misleading names of answers that are remembered as reported.
pub const ACP_ANSWERS_REPORTED_MAX: usize = 64;
/// Sessions that an agent's list is shown of.
pub const ACP_SESSIONS_SHOWN_MAX: usize = 100;
/// Of a title or a time in that list.
pub const ACP_SESSION_TITLE_BYTES_MAX: usize = 200;
/// Interval at which a slow start is reported.
pub const ACP_START_NOTE_MS: u64 = 5000;
/// After a cancel the turn counts as ended at the latest after this time, whatever the agent does.
pub const ACP_CANCEL_WAIT_MS: u64 = 900;
/// Time for which the next prompt waits for an agent that has not confirmed a cancel.
pub const ACP_SETTLE_WAIT_MS: u64 = 60_000;
/// Between TERM and KILL of an agent's tree.
pub const ACP_END_GRACE_MS: u64 = 800;
/// Prompts that wait for the present turn to end.
pub const ACP_PROMPTS_QUEUED_MAX: usize = 64;
/// Commands that an agent offers, and the length of a name and of the words about one.
pub const ACP_COMMANDS_MAX: usize = 300;
pub const ACP_COMMAND_NAME_BYTES_MAX: usize = 100;
pub const ACP_COMMAND_TEXT_BYTES_MAX: usize = 300;
/// Prompts we send by ourselves (reasons of denials, edits that were applied) after one of the user's.
pub const ACP_FOLLOW_UPS_MAX: u32 = 12;
/// Times the configured session mode is set again after the agent changed it on its own.
pub const ACP_MODE_RESETS_MAX: u32 = 3;
/// Lines of the agent's stderr kept to explain its death.
pub const ACP_LAST_WORDS_LINES: usize = 12;
/// Interval at which a private candidate is compared while the agent works in it.
pub const ACP_CANDIDATE_POLL_MS: u64 = 600;
/// Options of one permission request that are read, and bytes of an option's name.
pub const ACP_OPTIONS_MAX: usize = 64;
pub const ACP_OPTION_NAME_BYTES_MAX: usize = 200;
/// A changed request is asked about again once its updates have paused for this long, but after so many updates at the
/// latest.
pub const ACP_CHANGE_PAUSE_MS: u64 = 250;
pub const ACP_CHANGES_MERGED_MAX: u32 = 16;
/// Number of times one request may change while it is pending before it is refused.
pub const ACP_REQUEST_CHANGES_MAX: u32 = 6;
/// Alarms about one call that contradicts what was approved.
pub const ACP_CONTRADICTIONS_REPORTED_MAX: u32 = 3;
/// Web addresses that are read from the variables of an agent.
pub const ACP_ENDPOINTS_MAX: usize = 32;
