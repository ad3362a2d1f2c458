//! Bounds that only `agent::llm` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// agent/llm: the built-in loop and its model servers.
/// Longest wait for a TCP and TLS connection.
pub const CONNECT_MS_MAX: u64 = 15_000;
/// Longest wait for the first byte of an answer. A cold local model reads a prompt for 40 s and more.
pub const FIRST_BYTE_MS_MAX: u64 = 300_000;
/// Longest wait between two pieces of an answer.
pub const IDLE_MS_MAX: u64 = 120_000;
/// Longest whole answer: a server that drips a byte a minute is not idle, yet never done.
pub const ANSWER_MS_MAX: u64 = 1_800_000;
/// Interval at which waiting is shown.
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
/// Longest `Retry-After` that is honored; beyond it the call fails and says so.
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
/// Places compared for one anchor.
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
/// Reports of others that a specialist receives.
pub const CREW_REPORTS_MAX: usize = 6;
/// Characters of each of these reports.
pub const CREW_REPORT_CHARS_MAX: usize = 2_000;
/// Calls looked back on for loops.
pub const LOOP_WINDOW_CALLS: usize = 24;
/// Longest cycle of calls that is recognized.
pub const LOOP_PERIOD_MAX: usize = 4;
/// Repetitions of a cycle that make it a loop.
pub const LOOP_REPEATS: usize = 3;
/// Loops reported to the model before the run ends.
pub const LOOPS_REPORTED_MAX: u32 = 3;
/// Calls in a row that cannot be executed.
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
/// Failing cases reported to a model after a run.
pub const FAILURES_REPORTED_MAX: usize = 20;
/// Characters of each of their messages.
pub const FAILURE_CHARS_MAX: usize = 800;
/// Characters about failing tests sent to a model that wants to end.
pub const STILL_FAILING_CHARS_MAX: usize = 2_000;
/// Words of a model are merged for so long before they are recorded and shown, milliseconds.
pub const SAID_MERGED_MS: u64 = 80;
/// Longer lines are never read as a placeholder for code that was left out, bytes.
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
