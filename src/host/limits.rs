//! Bounds that only `host` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// Output of a running command that waits for its agent while the channel is full; of more only the end is kept.
pub const AGENT_OUTPUT_WAITING_BYTES_MAX: usize = 1024 * 1024;
/// Milliseconds that the end of a session waits for promotions that have begun.
pub const PROMOTION_WAIT_MS_MAX: u64 = 10_000;
/// Messages that wait for the session actor from clients, effects and the watcher; a full queue slows the sender.
pub const HOST_QUEUE_MESSAGES_MAX: usize = 256;
/// Agent messages taken in one batch (and so in one append) before a user's request is processed.
pub const AGENT_BATCH_MESSAGES_MAX: usize = 256;
/// Answers that wait for a slow client; one more and the client is dropped.
pub const CLIENT_ANSWERS_MAX: usize = 256;
/// Request ids remembered per connection so that a repeated one is answered once.
pub const CLIENT_REQUEST_IDS_MAX: usize = 1_024;
/// Clients attached at once.
pub const CLIENTS_MAX: usize = 32;
/// Time limit for a connection to attach, and for a rejected one to ask and receive the reason, milliseconds.
pub const CLIENT_ATTACH_MS_MAX: u64 = 10_000;
/// Time limit for a client that has closed its side to read the remaining answers, milliseconds.
pub const CLIENT_DRAIN_MS_MAX: u64 = 5_000;
/// A client whose `from` is this many events behind is given the snapshot that it asked for.
pub const CLIENT_BEHIND_EVENTS_MAX: u64 = 10_000;
/// Open actions in a snapshot, bytes of JSON.
pub const SNAPSHOT_ACTIONS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Open comments in a snapshot.
pub const SNAPSHOT_COMMENTS_MAX: usize = 100;
/// The most a `blob/get` answers with at once.
pub const BLOB_PART_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Prompts that wait for the present turn to end.
pub const PROMPTS_QUEUED_MAX: usize = 100;
/// Their size: the queue is journaled as a whole whenever it changes.
pub const PROMPTS_QUEUED_BYTES_MAX: usize = 2 * 1024 * 1024;
/// A message that is being written.
pub const DRAFT_BYTES_MAX: usize = 1024 * 1024;
/// Parts of one message.
pub const PROMPT_PARTS_MAX: usize = 1_000;
/// A mentioned file, or the lines of it, that is sent with the message; of longer ones only the name is.
pub const PROMPT_FILE_BYTES_MAX: usize = 32 * 1024;
/// The end of a command's output that goes with its mention.
pub const PROMPT_CONTEXT_BYTES_MAX: usize = 16 * 1024;
/// A picture in a message.
pub const PROMPT_IMAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Files that a search for a mention looks at.
pub const FIND_FILES_MAX: usize = 300_000;
/// Time for which the list of files is kept for the next letters of a search.
pub const FIND_LIST_KEPT_MS_MAX: u64 = 5_000;
/// Files that it returns.
pub const FIND_PATHS_MAX: usize = 200;
pub const FIND_PATHS_DEFAULT: usize = 20;
/// Files that a client prefers, and what the first of them is worth: about one more letter that matches, points.
pub const FIND_PREFERRED_MAX: usize = 50;
pub const FIND_BONUS_MAX: u32 = 20;
/// Files in one edit, and bytes of one file that can be proposed.
pub const EDIT_FILES_MAX: usize = 500;
/// Output of a command that goes into one event.
pub const OUTPUT_EVENT_BYTES_MAX: usize = 16 * 1024;
/// The end of the output that is sent to an agent.
pub const TOLD_TAIL_BYTES_MAX: usize = 16 * 1024;
/// Time limit for an agent to exit on its own when the session closes, milliseconds.
pub const AGENT_END_MS_MAX: u64 = 1_500;
/// A change seen this soon after an external agent's turn counts as the agent's: the watcher settles before it reports.
pub const UNSUPERVISED_AFTER_TURN_MS: u64 = 2_000;
/// Changes that the refusal of an undo or a rewind names in words, and lists in its data.
pub const REVERT_CHANGES_NAMED_MAX: usize = 8;
pub const REVERT_CHANGES_LISTED_MAX: usize = 1_000;
/// Time after a command that an agent ran itself, in which a change of a file still counts as the command's,
/// milliseconds.
pub const AGENT_COMMAND_SETTLE_MS: u64 = 1_000;
/// The same for ignored files, which are checked less often.
pub const IGNORED_SETTLE_MS: u64 = 5_000;
/// Commands that run at the same time; further ones wait for one to end.
pub const COMMANDS_AT_ONCE_MAX: usize = 16;
/// Earlier actions that a rule in the making is compared with.
pub const RULE_COMPARED_ACTIONS_MAX: usize = 200;
/// Characters of the most similar command that it would not allow.
pub const RULE_NEAREST_CHARS_MAX: usize = 200;
/// The longest time that a rule made from an action counts, unless it has no end: a year.
pub const RULE_MINUTES_MAX: u32 = 366 * 24 * 60;
/// Decisions and failing tests that an agent is told of when it takes a session over, and the length of a line of them.
pub const HANDOVER_DECISIONS_MAX: usize = 60;
pub const HANDOVER_FAILURES_MAX: usize = 30;
pub const HANDOVER_LINE_CHARS_MAX: usize = 300;
/// Objections of one step that become questions, and the length of one.
pub const OBJECTIONS_OF_STEP_MAX: usize = 20;
pub const OBJECTION_CHARS_MAX: usize = 500;
/// Rules that one answer lists.
pub const RULES_LISTED_MAX: usize = 1_000;
/// Cases that one run can be limited to: their ids are arguments of its command.
pub const CHECK_CASES_ASKED_MAX: usize = 500;
/// Files that the effect of a preview names in words, files that it lists with their lines, and bytes of these lines.
pub const EFFECT_FILES_NAMED_MAX: usize = 50;
pub const EFFECT_FILES_SHOWN_MAX: usize = 40;
pub const EFFECT_HUNKS_BYTES_MAX: usize = 16 * 1024;
/// Milliseconds until a freeze of an unattended session, or an exit, that could not be done is tried again.
pub const COUNTDOWN_AGAIN_MS: u64 = 60_000;
/// Milliseconds after the start of a host at which the stop is drilled: the first screen is drawn by then.
pub const DRILL_AFTER_MS: u64 = 1_500;
/// Connections of commands that are pending at the same time.
pub const CONNECTIONS_PENDING_MAX: usize = 32;
/// Failing cases that an alarm about the original tests names.
pub const CASES_NAMED_MAX: usize = 5;
/// Time in which more may change before the tests run by themselves.
pub const CHECKS_SETTLE_MS: u64 = 300;
/// Bytes of a file whose changed lines are compared with a coverage report, and lines of it.
pub const COVERED_FILE_BYTES_MAX: usize = 1024 * 1024;
pub const COVERED_FILES_MAX: usize = 50;
pub const COVERED_REPORT_BYTES_MAX: usize = 4 * 1024 * 1024;
pub const COVERED_LINES_MAX: usize = 2_000;
/// Guarded files of a command whose contents are recorded, bytes of all of them, and bytes of what others changed in one
/// turn. One content is recorded only where it fits into an event.
pub const SIDES_FILES_MAX: usize = 32;
pub const SIDES_BYTES_MAX: usize = 256 * 1024;
pub const SIDES_OBSERVED_TURN_BYTES_MAX: usize = 1024 * 1024;
/// Files of one read that are recorded with their digests.
pub const READS_RECORDED_MAX: usize = 20;
/// Who depends on a pending edit: files of it that are compared, bytes of one side of a file, changed names that are
/// looked for, files of the workspace that are read, bytes of them and of what is parsed, places that are recorded, edits
/// that wait for the search, and its time, milliseconds.
pub const DEPENDENTS_CHANGED_FILES_MAX: usize = 20;
pub const DEPENDENTS_CHANGED_BYTES_MAX: u64 = 512 * 1024;
pub const DEPENDENTS_NAMES_MAX: usize = 20;
pub const DEPENDENTS_FILES_MAX: usize = 20_000;
pub const DEPENDENTS_READ_BYTES_MAX: usize = 64 * 1024 * 1024;
pub const DEPENDENTS_PARSED_BYTES_MAX: usize = 8 * 1024 * 1024;
pub const DEPENDENTS_PLACES_RECORDED_MAX: usize = 8;
pub const DEPENDENTS_EDITS_WAITING_MAX: usize = 32;
pub const DEPENDENTS_MS_MAX: u64 = 3_000;
/// Events from which on a client that asks for the recent part is not sent all of them.
pub const CLIENT_RECENT_EVENTS_MIN: u64 = 1_000;
/// The last events in the recent part, and their bytes.
pub const RECENT_TAIL_EVENTS_MAX: usize = 400;
pub const RECENT_TAIL_BYTES_MAX: usize = 96 * 1024;
/// Older events of one kind in it, and reports of the newest run of checks.
pub const RECENT_OF_KIND_EVENTS_MAX: usize = 50;
pub const RECENT_STANDING_EVENTS_MAX: usize = 500;
pub const RECENT_REPORTS_EVENTS_MAX: usize = 200;
/// Older events in one answer, and their bytes.
pub const CLIENT_PAST_EVENTS_MAX: usize = 4_000;
pub const CLIENT_PAST_BYTES_MAX: usize = 512 * 1024;
/// Milliseconds after which control can be taken from a client that was asked for it and has not answered.
pub const CONTROL_ASK_MS: u64 = 10_000;
/// Milliseconds after their last key for which a person at a client is at work: an attach does not take control from them.
pub const CONTROL_AT_WORK_MS: u64 = 60_000;
/// Runs of one case that show whether it is stable, and files that are put back for a run on an earlier tree.
pub const SEARCH_REPEATS_MAX: u32 = 5;
pub const SEARCH_EDITS_MAX: usize = 200;
pub const SEARCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Files of one comparison, bytes of them that are read for it, and bytes of texts that go along with the answer; the
/// rest is fetched.
pub const COMPARE_FILES_MAX: usize = 2_000;
pub const COMPARE_BYTES_MAX: usize = 64 * 1024 * 1024;
pub const COMPARE_INLINE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of the words of a search.
pub const SEARCH_QUERY_BYTES_MAX: usize = 1_000;
/// Comparisons, and searches, that are computed at once; further ones are refused.
pub const COMPARES_AT_ONCE_MAX: usize = 2;
pub const SEARCHES_AT_ONCE_MAX: usize = 2;
