//! Every bound of the product in one file, unit in the name, grouped by the module that keeps it.

// model
/// Content up to this many bytes of UTF-8 travels inside events; longer content is a blob.
pub const CONTENT_INLINE_BYTES_MAX: usize = 64 * 1024;
/// The most steps a plan holds; further ones of an agent are left out, of a human refused.
pub const PLAN_STEPS_MAX: usize = 500;
// base::text

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

// port
/// Prompts that wait at a sequential agent's desk; the host queues the rest.
pub const DESK_PROMPTS_MAX: usize = 64;
/// Messages between an agent and the host in each direction; a full channel slows the sender.
pub const AGENT_LINK_MESSAGES_MAX: usize = 64;
/// Output of a running command that waits for its agent while the channel is full; of more only the end is kept.
pub const AGENT_OUTPUT_WAITING_BYTES_MAX: usize = 1024 * 1024;

// workspace: files
/// Bytes read at a time while a file is digested or copied.
pub const WORKSPACE_CHUNK_BYTES: usize = 128 * 1024;
/// Largest file content that is read whole into memory, for a merge, a preview or a change.
pub const WORKSPACE_CONTENT_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Symbolic links followed while one path is resolved without `openat2`.
pub const WORKSPACE_SYMLINKS_MAX: usize = 40;
/// Files that one edit set may touch.
pub const WORKSPACE_EDIT_FILES_MAX: usize = 10_000;
/// Files that one walk of the workspace lists; beyond it the tree says it is truncated.
pub const WORKSPACE_TREE_FILES_MAX: usize = 400_000;
/// Entries of the disk that are looked at to tell which files a command would touch, and how many of those are named.
pub const TOUCHES_SEEN_MAX: usize = 10_000;
pub const TOUCHES_NAMED_MAX: usize = 20;
/// Largest index of git that is read for it.
pub const GIT_INDEX_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Extended attributes carried over to a replaced file: all names together, and each value.
pub const WORKSPACE_XATTR_BYTES_MAX: usize = 64 * 1024;

// journal
/// Largest body of one event in bytes; longer content belongs in a blob.
pub const EVENT_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest event kind in bytes.
pub const EVENT_KIND_BYTES_MAX: usize = 64;
/// Most events in one append.
pub const APPEND_EVENTS_MAX: usize = 4096;
/// Largest blob in bytes before compression.
pub const BLOB_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Blobs are compressed in pieces of this many bytes, so that a range is read without the whole.
pub const BLOB_CHUNK_BYTES: usize = 256 * 1024;
/// zstd level for blobs: 3 is zstd's own default, a few hundred MB/s.
pub const BLOB_ZSTD_LEVEL: i32 = 3;
/// How long a statement waits for another process's lock on the database, in milliseconds.
pub const JOURNAL_BUSY_MS_MAX: u64 = 2_000;
/// Pages that one connection to the journal keeps in memory.
pub const JOURNAL_CACHE_KIB: i64 = 512;
/// Longest session id in bytes.
pub const SESSION_ID_BYTES_MAX: usize = 128;
/// Problems that one verify lists before it only counts itself failed.
pub const VERIFY_PROBLEMS_MAX: usize = 20;
/// Longest line of an exported record in bytes: a body, twice over for escapes, and its frame.
pub const EXPORT_LINE_BYTES_MAX: usize = 2 * EVENT_BODY_BYTES_MAX + 64 * 1024;
/// Most results of one search.
pub const SEARCH_HITS_MAX: usize = 1_000;
/// Width of the head file in bytes: one sector, so that a rewrite is a single write.
pub const HEAD_FILE_BYTES: usize = 512;
// model::session
/// Alarms, observed changes and anomalies that a session keeps in memory; the journal keeps all.
pub const ALARMS_KEPT_MAX: usize = 1_000;
pub const CHANGES_KEPT_MAX: usize = 10_000;
pub const ANOMALIES_KEPT_MAX: usize = 100;
/// Actions whose file contents stay in memory; older ones that are over keep digests.
pub const ACTION_BODIES_KEPT_MAX: usize = 64;
/// Actions that a question about the present (the last edit, the last output) looks back over.
pub const ACTIONS_RECENT_MAX: usize = 1_000;
/// Output of one action that stays in memory.
pub const ACTION_TAIL_BYTES_MAX: usize = 64 * 1024;
/// Texts told about, and alarms raised on, one action that stay in memory.
pub const ACTION_TOLD_MAX: usize = 16;
/// Runs of checks, and cases of one run, that stay in memory.
pub const CHECK_RUNS_KEPT_MAX: usize = 64;
pub const CHECK_CASES_MAX: usize = 20_000;
/// The transcript in memory.
pub const TRANSCRIPT_ENTRIES_KEPT_MAX: usize = 100_000;
pub const TRANSCRIPT_BYTES_KEPT_MAX: usize = 8 * 1024 * 1024;
// syntax

/// Largest source that is parsed; larger ones are shown as plain text.
pub const SYNTAX_PARSE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Progress reports of the parser (one each 100 operations) that any source may cost.
pub const SYNTAX_PARSE_REPORTS_BASE: usize = 20_000;
/// Further progress reports allowed for each KiB of source.
pub const SYNTAX_PARSE_REPORTS_PER_KIB: usize = 100;
/// Definitions listed for one file.
pub const SYMBOLS_PER_FILE_MAX: usize = 20_000;
/// Bytes kept of one definition's name.
pub const SYMBOL_NAME_BYTES_MAX: usize = 200;
/// Different indentations a Python source may have to be parsed (its scanner overflows near 383).
pub const SYNTAX_INDENTATIONS_MAX: usize = 250;
/// Bytes of here-document words that may be open in a Ruby source (its scanner overflows near 1020).
pub const SYNTAX_HERE_DOCUMENT_BYTES_MAX: usize = 800;

/// agent/llm: the built-in loop and its model servers.
pub mod llm {
    /// Longest wait for a TCP and TLS connection.
    pub const CONNECT_MS_MAX: u64 = 15_000;
    /// Longest wait for the first byte of an answer. A cold local model reads a prompt for 40 s and more.
    pub const FIRST_BYTE_MS_MAX: u64 = 300_000;
    /// Longest wait between two pieces of an answer.
    pub const IDLE_MS_MAX: u64 = 120_000;
    /// Longest whole answer: a server that drips a byte a minute is not idle, yet never done.
    pub const ANSWER_MS_MAX: u64 = 1_800_000;
    /// How often waiting is shown.
    pub const PROGRESS_MS: u64 = 1_000;
    /// Most bytes of one answer on the wire.
    pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
    /// Most bytes of one server-sent event.
    pub const EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;
    /// Most bytes read of an error answer.
    pub const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;
    /// Most characters of a server's error message that are kept.
    pub const ERROR_MESSAGE_CHARS_MAX: usize = 600;
    /// Most bytes of text or thinking kept of one answer.
    pub const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;
    /// Most bytes of one call's arguments.
    pub const TOOL_ARGS_BYTES_MAX: usize = 1024 * 1024;
    /// Most calls in one answer.
    pub const CALLS_PER_ANSWER_MAX: usize = 32;
    /// Most redirects followed within one origin.
    pub const REDIRECTS_MAX: usize = 3;
    /// Most times a request is sent again.
    pub const RETRIES_MAX: u32 = 4;
    /// First wait before sending again; it doubles each time.
    pub const RETRY_FIRST_MS: u64 = 500;
    /// Longest wait before sending again that we choose ourselves.
    pub const RETRY_MS_MAX: u64 = 30_000;
    /// Longest `Retry-After` that is honoured; beyond it the call fails and says so.
    pub const RETRY_AFTER_MS_MAX: u64 = 120_000;
    /// Most bytes of a key file or of a key command's output.
    pub const KEY_BYTES_MAX: usize = 16 * 1024;
    /// Longest run of a key command.
    pub const KEY_COMMAND_MS_MAX: u64 = 10_000;
    /// Most bytes kept of what such a command says on stderr.
    pub const KEY_COMPLAINT_BYTES_MAX: usize = 1_024;
    /// Longest wait for the keyring, which may have to be unlocked by its owner first.
    pub const KEYRING_MS_MAX: u64 = 60_000;
    /// Longest wait for a loopback server during discovery.
    pub const DISCOVER_MS_MAX: u64 = 800;
    /// Most bytes of a model list.
    pub const MODEL_LIST_BYTES_MAX: usize = 4 * 1024 * 1024;
    /// Most models remembered of one server.
    pub const MODELS_PER_SERVER_MAX: usize = 200;
    /// Context assumed of a model that nothing is known about, tokens.
    pub const CONTEXT_UNKNOWN_TOKENS: u32 = 16_384;
    /// A context smaller than this is taken as this: below it no turn fits.
    pub const CONTEXT_TOKENS_MIN: u32 = 2_048;
    /// Longest answer asked for, tokens.
    pub const ANSWER_TOKENS_MAX: u32 = 16_384;
    /// A call whose answer would have less room than this is not made, tokens.
    pub const ANSWER_TOKENS_MIN: u32 = 128;
    /// Default budget of a session, tokens of prompts and answers.
    pub const BUDGET_TOKENS: u64 = 4_000_000;
    /// Default budget of a session, millionths of a dollar.
    pub const BUDGET_COST_MICROS: u64 = 5_000_000;
    /// Default budget of a session, milliseconds of models and commands.
    pub const BUDGET_WALL_MS: u64 = 2 * 60 * 60 * 1_000;
    /// Default budget of a session, calls of a model.
    pub const BUDGET_TURNS: u64 = 80;
    /// Default budget of a session, actions.
    pub const BUDGET_ACTIONS: u64 = 200;
    /// Places looked at for one anchor.
    pub const ANCHORS_MAX: usize = 1_000;
    /// Lines times anchor lines beyond which no near match is tried.
    pub const ANCHOR_COMPARISONS_MAX: usize = 60_000;
    /// Characters of the closest text shown to a model whose anchor was wrong.
    pub const CLOSEST_CHARS_MAX: usize = 800;
    /// Replacements in one call of the edit tool.
    pub const SWAPS_PER_EDIT_MAX: usize = 50;
    /// Characters kept of each stated reason, effect or piece of evidence.
    pub const INTENT_CHARS_MAX: usize = 600;
    /// Pieces of evidence kept of one call.
    pub const EVIDENCE_MAX: usize = 12;
    /// Levels of a proposed plan below the top.
    pub const PLAN_DEPTH_MAX: usize = 4;
    /// Characters kept of a step's title.
    pub const STEP_TITLE_CHARS_MAX: usize = 160;
    /// Rounds between coder, tester and reviewer.
    pub const CREW_ROUNDS_MAX: u32 = 3;
    /// Reports of others that a specialist is told.
    pub const CREW_REPORTS_MAX: usize = 6;
    /// Characters of each of these reports.
    pub const CREW_REPORT_CHARS_MAX: usize = 2_000;
    /// Calls looked back on for loops.
    pub const LOOP_WINDOW: usize = 24;
    /// Longest cycle of calls that is recognised.
    pub const LOOP_PERIOD_MAX: usize = 4;
    /// Repetitions of a cycle that make it a loop.
    pub const LOOP_REPEATS: usize = 3;
    /// Loops that the model is told of before the run ends.
    pub const LOOPS_TOLD_MAX: u32 = 3;
    /// Calls in a row that cannot be carried out.
    pub const MISTAKES_MAX: u32 = 5;
    /// Edits in a row that change nothing.
    pub const NO_CHANGES_MAX: u32 = 2;
    /// Empty answers in a row.
    pub const SILENCES_MAX: u32 = 2;
    /// Answers in a row that only talk while there is work.
    pub const IDLE_WORDS_MAX: u32 = 1;
    /// Broken answers in a row.
    pub const FAULTS_MAX: u32 = 3;
    /// Calls of the model after which it is reminded of the plan.
    pub const PLAN_REMINDER_ASKS: u32 = 10;
    /// Times in a row that a conversation is shortened because the server refuses it.
    pub const OVERFLOWS_MAX: u32 = 3;
    /// Decisions that survive shortening.
    pub const DECISIONS_MAX: usize = 40;
    /// Characters kept of each of them.
    pub const DECISION_CHARS_MAX: usize = 240;
    /// Characters kept of an old tool result when room is needed.
    pub const OLD_RESULT_CHARS_MAX: usize = 300;
    /// Bytes of a tool result that a model sees at once.
    pub const RESULT_BYTES_MAX: usize = 12 * 1024;
    /// The same for the smallest contexts.
    pub const RESULT_BYTES_MIN: usize = 1_024;
    /// Long outputs kept for paging.
    pub const SHELF_ENTRIES_MAX: usize = 24;
    /// Characters of an instructions file that a model is shown.
    pub const INSTRUCTIONS_CHARS_MAX: usize = 12_000;
    /// Bytes of source that are parsed for a project map.
    pub const MAP_PARSED_BYTES_MAX: usize = 4 * 1024 * 1024;
    /// Larger files are only named in a project map, bytes.
    pub const MAP_FILE_BYTES_MAX: usize = 256 * 1024;
    /// Definitions named of each file in a project map.
    pub const MAP_SYMBOLS_PER_FILE_MAX: usize = 40;
    /// Bytes of the context that a task begins with.
    pub const TASK_CONTEXT_BYTES_MAX: usize = 48 * 1024;
    /// File names in one listing.
    pub const NAMES_MAX: usize = 400;
    /// Matches of one search.
    pub const MATCHES_MAX: usize = 100;
    /// Characters of each matching line.
    pub const MATCH_CHARS_MAX: usize = 240;
    /// Size of a compiled search pattern, bytes.
    pub const REGEX_BYTES_MAX: usize = 1024 * 1024;
    /// Longest time that a model may ask for a command, seconds.
    pub const COMMAND_S_MAX: u64 = 3_600;
    /// Longest run of the tests as they were before they were changed, milliseconds.
    pub const ORIGINAL_TESTS_MS_MAX: u64 = 600_000;
    /// Failing cases told to a model after a run.
    pub const FAILURES_TOLD_MAX: usize = 20;
    /// Characters of each of their messages.
    pub const FAILURE_CHARS_MAX: usize = 800;
    /// Characters about failing tests that a model is told when it wants to end.
    pub const STILL_FAILING_CHARS_MAX: usize = 2_000;
    /// Words of a model are merged for so long before they are recorded and shown, milliseconds.
    pub const SAID_MERGED_MS: u64 = 80;
    /// Longer lines stand for themselves and never for code that was left out, bytes.
    pub const LEFT_OUT_LINE_BYTES_MAX: usize = 120;
    /// Least time given to a command, milliseconds.
    pub const COMMAND_MS_MIN: u64 = 1_000;
    /// Contexts below this get the tools with fewer words, tokens.
    pub const LEAN_CONTEXT_TOKENS: u32 = 12_288;
    /// Contexts below this get the fewest tools with the fewest words, tokens.
    pub const LEAST_CONTEXT_TOKENS: u32 = 4_096;
    /// No tokenizer was seen to put more bytes of text into a token, on the average of a whole prompt.
    pub const BYTES_PER_TOKEN_MAX: u64 = 7;
    /// The same of conversation alone, where an error costs no more than another form of calls.
    pub const TALK_BYTES_PER_TOKEN_MAX: u64 = 5;
    /// The same of tools, which servers put into fewer words of their own.
    pub const TOOL_BYTES_PER_TOKEN_MAX: u64 = 10;
    /// Growth below this says nothing about what a server leaves out, bytes.
    pub const GROWTH_BYTES_MIN: u64 = 2_000;
    /// End of an answer in which repetition is looked for, bytes.
    pub const REPEATS_WINDOW_BYTES: usize = 4_096;
    /// Longest passage whose repetition is noticed, bytes.
    pub const REPEATS_PERIOD_BYTES_MAX: usize = 400;
    /// Nesting of values that is followed in printed calls.
    pub const LOOSE_DEPTH_MAX: usize = 32;
    /// Longest text in which printed calls are looked for, bytes.
    pub const PRINTED_TEXT_BYTES_MAX: usize = 256 * 1024;
    /// Places at which one form of printed calls is tried.
    pub const PRINTED_TRIES_MAX: usize = 200;
    /// More printed calls than this in one answer are taken for prose.
    pub const PRINTED_CALLS_MAX: usize = 8;
}

// checks
/// A line of runner output is read up to this many bytes; the rest of the line is dropped.
pub const CHECK_LINE_BYTES_MAX: usize = 64 * 1024;
/// The text kept with one case (headline and block).
pub const CHECK_MESSAGE_BYTES_MAX: usize = 8 * 1024;
/// Cases remembered by name in one run; further ones are only counted.
pub const CHECK_NAMED_MAX: usize = 100_000;
/// Blocks of failure text, pending cases and panics a parser holds at once.
pub const CHECK_HELD_MAX: usize = 2_000;
/// Ids, suites and messages one run keeps; beyond it first messages are left out, then names.
pub const CHECK_LEDGER_BYTES_MAX: usize = 48 * 1024 * 1024;
/// A report that must be read whole (JUnit XML, Jest JSON) is read up to this many bytes.
pub const CHECK_REPORT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Frames taken from one failure text.
pub const CHECK_FRAMES_MAX: usize = 64;
/// Nesting of suites that is followed; deeper suites join the deepest.
pub const CHECK_SUITE_DEPTH_MAX: usize = 32;
/// Executed lines taken from one coverage report.
pub const CHECK_COVERED_LINES_MAX: usize = 1_000_000;
// model::decide
/// The most a single lease may cover.
pub const LEASE_ACTIONS_MAX: u32 = 200;
pub const LEASE_PATHS_MAX: usize = 100;

// wire
/// The longest line in either direction: an edited approval of a large file fits, a flood does not.
pub const WIRE_LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
// workspace: commands and processes
/// How often the launcher looks at its child and its host on kernels without pidfds, nanoseconds.
pub const LAUNCH_POLL_NS: i64 = 50_000_000;
/// How long the launcher tries to end what a command left behind, milliseconds.
pub const LAUNCH_END_MS_MAX: u64 = 2_000;
/// Bytes of the init's report to the launcher: one number.
pub const LAUNCH_REPORT_BYTES_MAX: u64 = 16;
/// Bytes of a command line that a census shows.
pub const CENSUS_LINE_BYTES_MAX: usize = 400;
/// How long a stop may take to end everything and prove it, milliseconds (the promise of G6).
pub const CENSUS_STOP_MS_MAX: u64 = 2_000;
/// Pause between two walks of a stop or freeze, milliseconds.
pub const CENSUS_PAUSE_MS: u64 = 2;
/// Walks that only stop, before a stop begins to kill.
pub const CENSUS_STOP_WALKS_MAX: usize = 6;
/// Processes that a census names; the rest is counted.
pub const CENSUS_NAMED_MAX: usize = 200;
/// Bytes read from a command's pipe at once, and so the largest piece of progress.
pub const RUN_CHUNK_BYTES: usize = 16 * 1024;
/// Bytes of combined output kept as the tail of a finished command.
pub const RUN_TAIL_BYTES_MAX: usize = 64 * 1024;
/// Bytes of output of one command that are passed on; the rest is counted and dropped.
pub const RUN_OUTPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of each stream of a trial that are kept, half from its head and half from its tail.
pub const TRIAL_STREAM_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a pipe may stay open after everything of the command has ended, milliseconds.
pub const RUN_DRAIN_MS_MAX: u64 = 2_000;
/// How long a command may run when nobody says otherwise, milliseconds.
pub const RUN_TIMEOUT_MS_DEFAULT: u64 = 10 * 60 * 1000;
/// How often the process tree of a running command is looked at, milliseconds.
pub const RUN_PROCESSES_MS: u64 = 1_000;

// diff

/// Unchanged lines around a change unless a view says otherwise.
pub const DIFF_CONTEXT_LINES: usize = 3;
/// Largest version of a file that is compared line by line.
pub const DIFF_BYTES_MAX: usize = 32 * 1024 * 1024;
/// First bytes of a file in which a NUL makes it binary (git's rule).
pub const DIFF_BINARY_PROBE_BYTES: usize = 8000;
/// Largest version of a file whose lines are shown in an exported report.
pub const EXPORT_CONTENT_BYTES_MAX: usize = 1024 * 1024;
/// Lines between first and last change, old and new together, above which pairing is not tried.
pub const DIFF_FINE_LINES_MAX: usize = 1_000_000;
/// Lines between first and last change, old and new together, above which the faster engine is taken.
pub const DIFF_READABLE_LINES_MAX: usize = 5_000;
/// Bytes of a changed line above which its words are not compared.
pub const INTRALINE_LINE_BYTES_MAX: usize = 2000;
/// Lines of a changed block above which unequal sides are not paired.
pub const INTRALINE_BLOCK_LINES_MAX: usize = 64;
/// Share of a line that must be unchanged for its changed words to be marked.
pub const INTRALINE_COMMON_PERCENT_MIN: usize = 30;
/// Largest version of a file that is merged.
pub const MERGE_BYTES_MAX: usize = 32 * 1024 * 1024;
// agent::acp
/// Bytes of one line of the protocol; real agents send whole files in a line. A longer one is dropped and shown as such.
pub const ACP_LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The beginning of a dropped line that is kept, to answer a request in it and to show it.
pub const ACP_LINE_HEAD_BYTES: usize = 2048;
/// How much is asked of the agent's stdout at once.
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
/// Lines that are taken from the agent before the host and the timers are looked at again.
pub const ACP_LINES_PER_TURN_OF_LOOP: usize = 128;
/// Tool calls that are remembered; the oldest finished ones are forgotten first.
pub const ACP_TOOL_CALLS_MAX: usize = 1024;
/// What the table of tool calls may hold; the oldest calls are forgotten first.
pub const ACP_TOOL_CALLS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What may wait for the host before the agent's output is left alone.
pub const ACP_OUTBOX_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of raw protocol text shown in one note.
pub const ACP_NOTE_BYTES_MAX: usize = 2000;
/// Bytes of the agent's latest words that stand as its reason for an action.
pub const ACP_REASON_BYTES_MAX: usize = 2000;
/// Bytes of one file that an agent may write or show for review.
pub const ACP_FILE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Files in one proposal.
pub const ACP_FILES_PER_PROPOSAL_MAX: usize = 500;
/// Requests of the agent that may be open at once; more are refused.
pub const ACP_OPEN_REQUESTS_MAX: usize = 512;
/// What all open requests of the agent may hold together; more are refused.
pub const ACP_OPEN_REQUESTS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Longest request id that is kept; a request with a longer one is refused.
pub const ACP_ID_BYTES_MAX: usize = 256;
/// Terminals that an agent may hold at once.
pub const ACP_TERMINALS_MAX: usize = 128;
/// Output that is kept of one terminal, whatever the agent asks for.
pub const ACP_TERMINAL_OUTPUT_BYTES_MAX: usize = 1024 * 1024;
/// Misleading names of answers that are remembered as told.
pub const ACP_ANSWERS_TOLD_MAX: usize = 64;
/// Sessions that an agent's list is shown of.
pub const ACP_SESSIONS_SHOWN_MAX: usize = 100;
/// Of a title or a time in that list.
pub const ACP_SESSION_TITLE_BYTES_MAX: usize = 200;
/// How long a start may take unless `agents.toml` says more; Python agents take 20–30 s.
pub const ACP_START_TIMEOUT_S_MIN: u64 = 60;
/// How often a slow start is reported.
pub const ACP_START_NOTE_MS: u64 = 5000;
/// After a cancel the turn counts as ended at the latest after this time, whatever the agent does.
pub const ACP_CANCEL_WAIT_MS: u64 = 900;
/// How long the next prompt waits for an agent that has not confirmed a cancel.
pub const ACP_SETTLE_WAIT_MS: u64 = 60_000;
/// Between TERM and KILL of an agent's tree.
pub const ACP_END_GRACE_MS: u64 = 800;
/// Prompts that wait for the present turn to end.
pub const ACP_PROMPTS_QUEUED_MAX: usize = 64;
/// Prompts we send by ourselves (reasons of denials, edits that were applied) after one of the human's.
pub const ACP_FOLLOW_UPS_MAX: u32 = 12;
/// Times the configured session mode is set again after the agent changed it by itself.
pub const ACP_MODE_RESETS_MAX: u32 = 3;
/// Lines of the agent's stderr kept to explain its death.
pub const ACP_LAST_WORDS_LINES: usize = 12;
/// How often a private candidate is looked at while the agent works in it.
pub const ACP_CANDIDATE_POLL_MS: u64 = 600;
/// Files that a session says it has left, for other sessions on the same files, and bytes of what it says.
pub const NEIGHBOR_FILES_MAX: usize = 512;
pub const NEIGHBOR_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How long another session's word about a file explains a change, and how late a watcher may see what it did.
pub const NEIGHBOR_MEMORY_MS: u64 = 600_000;
pub const NEIGHBOR_SETTLE_MS: u64 = 3000;
/// Options of one permission request that are read, and bytes of an option's name.
pub const ACP_OPTIONS_MAX: usize = 64;
pub const ACP_OPTION_NAME_BYTES_MAX: usize = 200;
/// A changed request is asked about again once its updates have paused for this long, but after so many updates at the
/// latest.
pub const ACP_CHANGE_PAUSE_MS: u64 = 250;
pub const ACP_CHANGES_MERGED_MAX: u32 = 16;
/// How often one request may change while it is pending before it is refused.
pub const ACP_REQUEST_CHANGES_MAX: u32 = 6;
/// Alarms about one call that contradicts what was approved.
pub const ACP_CONTRADICTIONS_TOLD_MAX: u32 = 3;
/// Size of a file or of an option's text in `agents.toml`.
pub const CATALOG_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Lines for which colours are given at one time.
pub const HIGHLIGHT_WINDOW_LINES_MAX: usize = 10_000;
/// Bytes for which colours are given at one time.
pub const HIGHLIGHT_WINDOW_BYTES_MAX: usize = 512 * 1024;
/// Query matches that may be open at one place; further ones are dropped.
pub const HIGHLIGHT_MATCHES_MAX: u32 = 256;
/// Progress reports of a query (one each 100 operations) that a window may cost.
pub const HIGHLIGHT_REPORTS_MAX: usize = 200_000;
/// Pieces of other languages coloured inside one file.
pub const HIGHLIGHT_LAYERS_MAX: usize = 256;
/// Largest file coloured without a grammar.
pub const FALLBACK_BYTES_MAX: usize = 512 * 1024;
/// Longest line coloured without a grammar.
pub const FALLBACK_LINE_BYTES_MAX: usize = 4 * 1024;

// host
/// Messages that wait for the session actor from clients, effects and the watcher; a full queue slows the sender.
pub const HOST_QUEUE_MESSAGES_MAX: usize = 256;
/// Agent messages taken in one batch (and so in one append) before a human's request is looked at again.
pub const AGENT_BATCH_MESSAGES_MAX: usize = 256;
/// Answers that wait for a slow client; one more and the client is dropped.
pub const CLIENT_ANSWERS_MAX: usize = 256;
/// Request ids remembered per connection so that a repeated one is answered once.
pub const CLIENT_REQUEST_IDS_MAX: usize = 1_024;
/// Clients attached at once.
pub const CLIENTS_MAX: usize = 32;
/// How long a connection may take to attach, and one that is turned away to ask and hear why, milliseconds.
pub const CLIENT_ATTACH_MS_MAX: u64 = 10_000;
/// How long a client that has closed its side may take to read the answers that are due, milliseconds.
pub const CLIENT_DRAIN_MS_MAX: u64 = 5_000;
/// A client whose `from` is this many events behind is given the snapshot that it asked for.
pub const CLIENT_BEHIND_EVENTS_MAX: u64 = 10_000;
/// Open actions in a snapshot, bytes of JSON.
pub const SNAPSHOT_ACTIONS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Connections to a socket at once, those included that are being turned away.
pub const CONNECTIONS_MAX: usize = 64;
/// How long a host that cannot accept a connection waits before it tries again, milliseconds.
pub const ACCEPT_AGAIN_MS: u64 = 100;
/// Envelopes read for a client at once.
pub const CLIENT_READ_EVENTS_MAX: usize = 256;
/// The most a `blob/get` answers with at once.
pub const BLOB_PART_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Prompts that wait for the present turn to end.
pub const PROMPTS_QUEUED_MAX: usize = 100;
/// Actions carried out at the same time.
pub const EFFECTS_AT_ONCE_MAX: usize = 8;
/// What a lease covers unless its grant says otherwise.
pub const LEASE_ACTIONS_DEFAULT: u32 = 20;
pub const LEASE_MINUTES_DEFAULT: u32 = 30;
/// Files in one edit, and bytes of one file that can be proposed.
pub const EDIT_FILES_MAX: usize = 500;
pub const EDIT_FILE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Output of a command that goes into one event.
pub const OUTPUT_EVENT_BYTES_MAX: usize = 16 * 1024;
/// The end of the output that an agent is told.
pub const TOLD_TAIL_BYTES_MAX: usize = 16 * 1024;
/// How long an agent gets to end by itself when the session closes, milliseconds.
pub const AGENT_END_MS_MAX: u64 = 1_500;
/// A change seen this soon after an external agent's turn counts as the agent's: the watcher settles before it speaks.
pub const UNSUPERVISED_AFTER_TURN_MS: u64 = 2_000;
/// Size of a host's log, bytes; when it is full it is kept once, as `host.log.1`, and a new one begins.
pub const HOST_LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How long a headless host stays for requests after the session has ended, milliseconds.
pub const HEADLESS_LINGER_MS: u64 = 2_000;
/// Observed changes that wait for attribution.
pub const NOTICES_QUEUED_MAX: usize = 4_096;
/// Definitions in a version above which definitions are not compared.
pub const STRUCTURE_COMPARED_MAX: usize = 5_000;
// workspace: trees, checkpoints, candidates
/// Bytes of one file of ignore rules, of all that a session reads, and directories that are looked through for them.
pub const WORKSPACE_RULES_FILE_BYTES_MAX: u64 = 1024 * 1024;
pub const WORKSPACE_RULES_BYTES_MAX: usize = 16 * 1024 * 1024;
pub const WORKSPACE_RULES_DIRS_MAX: usize = 100_000;
/// How long the first edit waits for the first walk of a session, so that there is a checkpoint to rewind to, milliseconds.
pub const CHECKPOINT_WAIT_MS_MAX: u64 = 1_500;
/// How often a checkpoint reads files again that changed while it was taken.
pub const CHECKPOINT_ROUNDS_MAX: usize = 3;
/// How long ago a file must have changed before its digest is remembered by its times, milliseconds.
pub const WORKSPACE_SETTLED_MS: u64 = 100;
/// Largest file that is read for its digest and kept in a checkpoint; a larger one is known by size and time.
pub const CHECKPOINT_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Objects smaller than this are kept as they are.
pub const CHECKPOINT_PACKED_BYTES_MIN: usize = 4 * 1024;
/// Largest stored object that is read back whole.
pub const CHECKPOINT_OBJECT_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// New objects of one checkpoint that are synced one by one; more are synced all at once.
pub const CHECKPOINT_SYNC_EACH_MAX: usize = 32;
/// Depth of directories that a recorded tree may have.
pub const CHECKPOINT_DEPTH_MAX: usize = 200;
/// Candidates that exist at a time.
pub const CANDIDATES_MAX: usize = 8;
/// Bytes of a Rust target directory that are copied to seed a candidate's; a larger one is built anew.
pub const CANDIDATE_SEED_BYTES_MAX: u64 = 3 * 1024 * 1024 * 1024;
/// Bytes of one other ignored file or directory that are copied into a candidate.
pub const CANDIDATE_IGNORED_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Bytes and files of one ignored file or directory that a candidate compares file by file.
pub const CANDIDATE_COMPARED_BYTES_MAX: u64 = 4 * 1024 * 1024;
pub const CANDIDATE_COMPARED_FILES_MAX: usize = 500;
/// Changed files, and bytes of them, in one ignored directory that are proposed; more of them stay in the candidate.
pub const CANDIDATE_IGNORED_CHANGES_MAX: usize = 50;
pub const CANDIDATE_IGNORED_CHANGES_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Things left out that are told by name.
pub const CANDIDATE_LEFT_TOLD_MAX: usize = 20;
/// Files whose changes a candidate tells at once.
pub const CANDIDATE_CHANGES_MAX: usize = 5_000;
/// Bytes before and after of all changes that a candidate tells at once.
pub const CANDIDATE_CHANGES_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Bytes of a repository that are copied into a candidate for an agent.
pub const CANDIDATE_REPOSITORY_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Files of a repository's objects that are copied; of more they are read from the original.
pub const CANDIDATE_REPOSITORY_FILES_MAX: usize = 50_000;
/// Files of one ignored directory that are counted before it is taken for too large.
pub const CANDIDATE_IGNORED_FILES_MAX: usize = 20_000;
/// Files up to which a candidate is looked over whole after each trial; beyond it only what was edited is put back.
pub const CANDIDATE_LOOK_OVER_FILES_MAX: usize = 5_000;
/// Bytes of all files that one trial may bring back.
pub const TRIAL_COLLECT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Files that one approved read of a directory gives.
pub const READ_FILES_MAX: usize = 2_000;
/// Bytes that one approved read gives, all files together.
pub const READ_BYTES_MAX: u64 = 16 * 1024 * 1024;
// --- ui ---------------------------------------------------------------------------------------------------

/// Combining marks kept on one cell; more is decoration at best (Zalgo text).
pub const UI_CELL_MARKS_MAX: usize = 4;
/// Bytes a shift of rows must save before a scroll region (about 25 bytes) pays.
pub const UI_SCROLL_GAIN_BYTES_MIN: usize = 40;
/// Rows a picture may have moved between two frames and still be found.
pub const UI_SCROLL_ROWS_MAX: usize = 24;
/// Blanks in a row from which erasing is shorter than writing them.
pub const UI_ERASE_RUN_CELLS_MIN: usize = 8;
/// Unchanged cells that are rewritten rather than jumped over.
pub const UI_GAP_REWRITE_CELLS_MAX: usize = 4;
/// A theme or keymap file; the bundled ones are under 4 KiB.
pub const UI_FILE_BYTES_MAX: u64 = 256 * 1024;
/// Themes or keymaps that may inherit from one another in a row.
pub const UI_FILE_INHERITS_MAX: usize = 8;
/// Keys a binding may take, one after the other.
pub const UI_KEYS_IN_A_ROW_MAX: usize = 4;
/// Text in one field; files to edit inline are at most this long, longer ones go to `$EDITOR`.
pub const UI_ENTRY_BYTES_MAX: usize = 512 * 1024;
/// How long an action must have been on the screen before a key may approve it (shortest considered reaction).
pub const UI_ARM_AFTER_MS: u64 = 400;
/// A key so soon after something new began to wait was on its way for something else.
pub const UI_ARRIVAL_GUARD_MS: u64 = 300;
/// The same key again within this is a repeat, where the terminal tells repeats (and forgot to).
pub const UI_HELD_KEY_MS_MAX: u64 = 100;
/// The key of a verdict does not decide on another action within this, where the terminal does not report releases.
pub const UI_AFTER_VERDICT_MS: u64 = 1_000;
/// Directories above a path that are asked whether a link leads from them into the workspace.
pub const PATH_ANCESTORS_MAX: usize = 128;
/// Of a script's first line, which names its interpreter, bytes.
pub const SHEBANG_BYTES_MAX: u64 = 512;
/// Output in an unnamed format that every parser reads before those that understood nothing are dropped, bytes.
pub const CHECK_AUTO_TRIAL_BYTES: usize = 256 * 1024;
/// Lines of the agent's log that a replica keeps.
pub const AGENT_LOG_LINES_KEPT_MAX: usize = 1_000;
/// How long an age stays as it is shown, milliseconds.
pub const UI_AGE_STEP_MS: u64 = 60_000;
/// A host that leaves a request unanswered for this long is said to be silent (a stop takes up to 2 s), milliseconds.
pub const UI_HOST_SILENT_MS_MAX: u64 = 5_000;
/// The same key again within this may be a repeat, where the terminal cannot tell.
pub const UI_HELD_KEY_UNREPORTED_MS_MAX: u64 = 700;
/// Rows the composer takes before it scrolls.
pub const UI_COMPOSER_ROWS_MAX: u16 = 8;
/// The second stop key counts within this time.
pub const UI_STOP_AGAIN_MS_MAX: u64 = 2_000;
/// Changes that the refusal of an undo or a rewind names in words, and lists in its data.
pub const REVERT_CHANGES_NAMED_MAX: usize = 8;
pub const REVERT_CHANGES_LISTED_MAX: usize = 1_000;
/// Entries a choice offers; older checkpoints are reached from the command line.
pub const UI_CHOICES_MAX: usize = 200;
/// Rows one search looks at before it gives up.
pub const UI_SEARCH_ROWS_MAX: usize = 200_000;
/// Alarms and unsupervised changes listed in the inbox, of each kind.
pub const UI_ALARMS_SHOWN_MAX: usize = 100;
/// Waiting actions remembered as looked at.
pub const UI_READ_ACTIONS_KEPT_MAX: usize = 10_000;
/// Threads that compute diffs and colours.
pub const UI_WORKERS: usize = 2;
/// Pictures waiting to be computed; older ones are of things nobody looks at any more.
pub const UI_JOBS_WAITING_MAX: usize = 4;
/// Computed pictures that are kept.
pub const UI_PICTURES_KEPT_MAX: usize = 8;
/// Fetched contents of the action under review, all files together; what is longer is decided on whole.
pub const UI_CONTENTS_BYTES_MAX: u64 = 48 * 1024 * 1024;
/// Unchanged lines around a hunk that a view can unfold.
pub const UI_CONTEXT_LINES_MAX: usize = 30;
/// Rows of one failing case's message.
pub const UI_MESSAGE_ROWS_MAX: usize = 200;
/// Lines of the agent's last words in the summary of a turn in which nothing waits.
pub const UI_CALM_SAID_LINES_MAX: usize = 16;
/// A pane narrower than this shows too little of a line for it to count as seen.
pub const UI_READING_COLUMNS_MIN: u16 = 24;
/// Rows of unfolded thoughts.
pub const UI_THOUGHT_ROWS_MAX: usize = 500;
/// Newest transcript entries in which thoughts are looked for.
pub const UI_THOUGHTS_LOOKED_AT_MAX: usize = 200;
/// Rows of the transcript that can be scrolled back to; older ones are in the journal.
pub const UI_TRANSCRIPT_ROWS_MAX: usize = 100_000;

// policy
/// Longest command line that is parsed, in bytes; a longer one asks unread.
pub const COMMAND_LINE_BYTES_MAX: usize = 16 * 1024;
/// Most simple commands of one line that are judged; more ask.
pub const SIMPLE_COMMANDS_MAX: usize = 64;
/// How deep `sh -c '…'` inside `sh -c '…'` is followed.
pub const SHELL_DEPTH_MAX: usize = 4;
/// Directories in which one command of a line may start, before it is said that it may start anywhere.
pub const POLICY_STARTS_MAX: usize = 32;
/// Words that the braces of one word are expanded to.
pub const BRACE_WORDS_MAX: usize = 64;
/// Letters of a cluster of short options after which an attached value is looked for.
pub const OPTION_CLUSTER_CHARS_MAX: usize = 16;
/// File names that one pattern of a command line may stand for.
pub const PATTERN_NAMES_MAX: usize = 4_096;
/// Names in one directory that a ruling looks at.
pub const POLICY_DIR_NAMES_MAX: usize = 100_000;
/// Files below a directory that a ruling looks at by name.
pub const POLICY_FILES_SEEN_MAX: usize = 100_000;
/// Bytes of a configuration file that a ruling reads.
pub const POLICY_TEXT_BYTES_MAX: u64 = 256 * 1024;
/// Most rules in a policy file.
pub const POLICY_RULES_MAX: usize = 1_000;
// cli
/// Silence after which `keys --probe` ends by itself, milliseconds.
pub const PROBE_QUIET_MS_MAX: u64 = 60_000;
/// One line of `policy check`.
pub const POLICY_QUESTION_BYTES_MAX: u64 = 1024 * 1024;
/// A file that `review` reads.
pub const REVIEW_FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Bytes between a record that is walked through and its client.
pub const REPLAY_PIPE_BYTES_MAX: usize = 256 * 1024;
/// Bytes between the relay of an ssh link and its client.
pub const SSH_PIPE_BYTES_MAX: usize = 256 * 1024;
/// First and longest wait before a dropped ssh link is tried again, milliseconds.
pub const SSH_BACKOFF_MS_MIN: u64 = 500;
pub const SSH_BACKOFF_MS_MAX: u64 = 15_000;
/// Times a dropped ssh link is tried again before the client is told that it is gone: about an hour.
pub const SSH_TRIES_MAX: u32 = 250;
/// Lines of ssh's own messages that are kept to explain a failure.
pub const SSH_SAID_LINES_MAX: usize = 5;
/// Bytes of one project file that is read to find the test runner.
pub const DETECT_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Files looked at to find a project's test runner.
pub const DETECT_FILES_MAX: usize = 20_000;
// workspace: watching
/// Events that wait to be looked at; more set the mark that something was missed.
pub const WATCH_EVENTS_MAX: usize = 4_096;
/// Paths that are looked at one by one; more are found by walking the tree.
pub const WATCH_PATHS_MAX: usize = 256;
/// Notices that wait for the host.
pub const WATCH_NOTICES_MAX: usize = 256;
/// Guard rails that are watched in one store of version control.
pub const WATCH_GUARDED_MAX: usize = 4_096;
/// Ignored files and directories that are watched, and directories in them that the kernel is asked to watch.
pub const WATCH_IGNORED_MAX: usize = 4_096;
pub const WATCH_IGNORED_DIRS_MAX: usize = 1_024;
/// Files of one ignored directory that are counted; up to the second bound each is watched by itself.
pub const WATCH_IGNORED_FILES_MAX: u64 = 50_000;
pub const WATCH_IGNORED_EACH_MAX: u64 = 512;
/// Bytes of an ignored file that are read for its digest; a larger one is known by size and time.
pub const WATCH_IGNORED_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Changed files of one ignored directory that are told one by one.
pub const WATCH_IGNORED_TOLD_MAX: usize = 20;
/// How long the watcher waits for a burst to end, milliseconds.
pub const WATCH_SETTLE_MS: u64 = 40;
/// How long a burst may put off the first look, milliseconds.
pub const WATCH_SETTLE_MS_MAX: u64 = 400;
/// How long after the last event the tree is walked once, to find what no event told, milliseconds.
pub const WATCH_VERIFY_MS: u64 = 1_500;
/// How often the tree is walked when events cannot be had, milliseconds.
pub const WATCH_POLL_MS: u64 = 2_000;
/// A walk is not repeated before this many times its own duration has passed.
pub const WATCH_WALK_SHARE: u32 = 10;
// agent/repair
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
/// Suspects that are told to the human.
pub const REPAIR_SUSPECTS_TOLD_MAX: usize = 5;
/// A changed test may take this many times as long as the slowest passing one.
pub const REPAIR_SLOWER_FACTOR: f64 = 5.0;
/// The repair agent's first run of the tests in the workspace, in milliseconds.
pub const REPAIR_FIRST_RUN_MS_MAX: u64 = 20_000;
/// The same where the tests are built before they run.
pub const REPAIR_FIRST_RUN_COMPILED_MS_MAX: u64 = 40_000;
/// What starting a runner is taken to need, in milliseconds, when no run of it came to its end.
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
/// How often a change is put back whose batch ended before its turn.
pub const REPAIR_RETURNS_MAX: usize = 2;
/// Batches tried after a repair was found, in case a better one stands behind it.
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
/// Time for reading the syntax of one version of a file, milliseconds; what is not done by then stays plain.
pub const UI_HIGHLIGHT_MS_MAX: u64 = 400;
/// Size of a change, both versions counted, above which its text is shown before its structure and colors, bytes.
pub const UI_TEXT_FIRST_BYTES_MIN: u64 = 64 * 1024;
/// Shortest time between two frames (about 60 a second); nothing is drawn when nothing changed.
pub const UI_FRAME_MS_MIN: u64 = 16;
/// Messages taken in before a frame is due even though more are there.
pub const UI_BACKLOG_MAX: usize = 4_096;
/// How long the loop takes such a backlog in before it draws what it has.
pub const UI_BACKLOG_MS_MAX: u64 = 12;
/// Events from the host that are taken in as one; between two such runs keys and signals are looked for.
pub const UI_EVENTS_AT_ONCE_MAX: usize = 256;
/// Messages on their way to the host; more are refused in words.
pub const UI_ASKS_WAITING_MAX: usize = 64;
/// How long giving the terminal back may take when it takes no bytes. A frame that is still on its way over a slow
/// link holds the terminal for longer than a few milliseconds, and a lost restoration leaves the shell unusable.
pub const UI_RESTORE_MS_MAX: u64 = 400;
/// Time between two looks at what runs below a command, at least.
pub const UI_PROCESSES_MS_MIN: u64 = 1_000;
/// Processes that are listed below a command's output.
pub const UI_PROCESSES_SHOWN_MAX: usize = 8;
/// Processes that a census names, of those that are gone.
pub const UI_ENDED_SHOWN_MAX: usize = 12;
/// Rows that the linear client tells at once; the rest is told a page at a time.
pub const UI_LINEAR_ROWS: u16 = 60;
/// Columns of its lines, however narrow or wide the terminal says it is.
pub const UI_LINEAR_COLUMNS_MIN: u16 = 40;
pub const UI_LINEAR_COLUMNS_MAX: u16 = 400;
/// How long the last request may take to leave when the client goes.
pub const UI_LAST_WORDS_MS_MAX: u64 = 500;
/// Proposals of one turn before the agent gives up on an agreement.
pub const REPAIR_PROPOSALS_MAX: usize = 8;
/// Bytes of a source file that is read for repairs.
pub const REPAIR_FILE_BYTES_MAX: usize = 512 * 1024;
/// Runs that one trial permission asks for.
pub const REPAIR_TRIALS_MAX: u32 = 600;
/// Milliseconds of runs that one trial permission asks for.
pub const REPAIR_TRIALS_MS_MAX: u64 = 900_000;
/// Characters of a failure message that are quoted.
pub const REPAIR_MESSAGE_CHARS_MAX: usize = 160;

// config
/// Largest configuration or policy file in bytes.
pub const CONFIG_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Shortest time in milliseconds that an item must have been on screen before it can be approved; may be set longer.
pub const APPROVAL_ARM_MS_MIN: u64 = 300;
/// Longest such time: a seat where nothing can be approved helps nobody.
pub const APPROVAL_ARM_MS_MAX: u64 = 10_000;
/// Shortest and longest pause between two looks of a polling watcher, in milliseconds.
pub const WATCH_POLL_MS_MIN: u64 = 200;
pub const WATCH_POLL_MS_MAX: u64 = 60_000;
/// Pause between two looks unless set, in milliseconds.
pub const WATCH_POLL_MS_DEFAULT: u64 = 2_000;
/// Longest time-out that a run of checks can be given, in seconds.
pub const CHECK_TIMEOUT_S_MAX: u64 = 24 * 60 * 60;

// journal::lock
/// How long a lock that is held is asked for again, and how often: longer than a fork takes, shorter than a human waits.
pub const JOURNAL_LOCK_WAIT_MS_MAX: u64 = 300;
pub const JOURNAL_LOCK_RETRY_MS: u64 = 10;

// host::actor::observe
/// How long after the end of a command that an agent ran itself a change of a file is still taken for that command's.
pub const AGENT_COMMAND_SETTLE_MS: u64 = 1_000;
/// The same for ignored files, which are looked at more rarely.
pub const IGNORED_SETTLE_MS: u64 = 5_000;
