//! Bounds that only `cli` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// Files that a session says it has left, for other sessions on the same files, and bytes of what it says.
pub const NEIGHBOR_FILES_MAX: usize = 512;
pub const NEIGHBOR_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Time for which another session's report about a file explains a change, and the longest delay of a watcher,
/// milliseconds.
pub const NEIGHBOR_MEMORY_MS: u64 = 600_000;
pub const NEIGHBOR_SETTLE_MS: u64 = 3000;
/// Past sessions that a new rule is compared with, their newest events, and what a user decided in them.
pub const PAST_SESSIONS_MAX: usize = 20;
pub const PAST_EVENTS_MAX: u64 = 20_000;
pub const PAST_ACTIONS_MAX: usize = 500;
/// Sessions in which the start screen looks for the models that agents offered, their first events, and models of each.
pub const PAST_STARTS_READ_MAX: usize = 5;
pub const PAST_STARTS_MAX: usize = 200;
pub const PAST_MODELS_MAX: usize = 100;
/// Unsent texts of the start screen that are kept, one for each directory, and the file with them.
pub const START_DRAFTS_MAX: usize = 8;
pub const START_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Connections to a socket at once, those included that are being turned away.
pub const CONNECTIONS_MAX: usize = 64;
/// Delay before a host that cannot accept a connection tries again, milliseconds.
pub const ACCEPT_AGAIN_MS: u64 = 100;
/// Time that a living host gets to close a connection that only asks whether it lives, milliseconds.
pub const HOST_ANSWER_MS_MAX: u64 = 1_000;
/// Hosts that a remote client's connection is tried with, each of which may be just ending.
pub const ATTACH_TRIES_MAX: usize = 3;
/// Size of a host's log, bytes; when it is full it is kept once, as `host.log.1`, and a new one begins.
pub const HOST_LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Time for which a headless host accepts requests after the session has ended, milliseconds.
pub const HEADLESS_LINGER_MS: u64 = 2_000;
/// Of a script's first line, which names its interpreter, bytes.
pub const SHEBANG_BYTES_MAX: u64 = 512;
/// Names in one directory that a ruling reads.
pub const POLICY_DIR_NAMES_MAX: usize = 100_000;
/// Files below a directory that a ruling reads by name.
pub const POLICY_FILES_SEEN_MAX: usize = 100_000;
/// Bytes of a configuration file that a ruling reads.
pub const POLICY_TEXT_BYTES_MAX: u64 = 256 * 1024;
/// Silence after which `keys --probe` ends, milliseconds.
pub const PROBE_QUIET_MS_MAX: u64 = 60_000;
/// One line of `policy check`.
pub const POLICY_QUESTION_BYTES_MAX: u64 = 1024 * 1024;
/// A file that `review` reads.
pub const REVIEW_FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Bytes between a record that is walked through and its client.
pub const REPLAY_PIPE_BYTES_MAX: usize = 256 * 1024;
/// Milliseconds within which ssh must say what its configuration has for a host.
pub const SSH_CONFIG_MS_MAX: u64 = 2_000;
/// Bytes between the relay of an ssh link and its client.
pub const SSH_PIPE_BYTES_MAX: usize = 256 * 1024;
/// Sessions whose place is kept while others are open in the same process.
pub const PLACES_KEPT_MAX: usize = 1_000;
/// Beginning of a program in which the name of its loader is looked for, bytes.
pub const COPY_HEADER_BYTES_MAX: u64 = 4 * 1024;
/// Bytes that the remote end of an ssh link packs at once.
pub const PACKED_PIECE_BYTES_MAX: usize = 64 * 1024;
/// First and longest wait before a dropped ssh link is tried again, milliseconds.
pub const SSH_BACKOFF_MS_MIN: u64 = 500;
pub const SSH_BACKOFF_MS_MAX: u64 = 15_000;
/// Times a dropped ssh link is tried again before the client is told that it is lost: about an hour.
pub const SSH_TRIES_MAX: u32 = 250;
/// Lines of ssh's own messages that are kept to explain a failure.
pub const SSH_SAID_LINES_MAX: usize = 5;
pub const SSH_SAID_BYTES_MAX: u64 = 4 * 1024;
/// Bytes of one project file that is read to find the test runner.
pub const DETECT_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Files read to find a project's test runner.
pub const DETECT_FILES_MAX: usize = 20_000;
/// Different texts of a project's policy file that one session reads; more make everything ask.
pub const PROJECT_POLICIES_MAX: usize = 64;
/// A plan that is kept to be used again, or named as a file.
pub const PLAN_FILE_BYTES_MAX: u64 = 256 * 1024;
/// What happens within this time of the first thing worth a notification is one notification.
pub const NOTIFY_BATCH_MS: u64 = 1_500;
/// After this time what is still pending is told once more.
pub const NOTIFY_AGAIN_MS: u64 = 10 * 60 * 1_000;
/// How long the user's notification command may run.
pub const NOTIFY_COMMAND_MS_MAX: u64 = 30_000;
/// Pending actions and alarms that one notification lists.
pub const NOTIFY_PENDING_MAX: usize = 50;
pub const NOTIFY_ALARMS_MAX: usize = 20;
/// Characters of an agent's last message in lists, and bytes of git's files that name the branch.
pub const LAST_WORDS_CHARS_MAX: usize = 600;
pub const BRANCH_BYTES_MAX: u64 = 4 * 1024;
/// Lines of an action that are shown outside of its session.
pub const SHOWN_LINES_MAX: usize = 5_000;
/// The file with a session's name, and the name in it.
pub const LABEL_BYTES_MAX: u64 = 16 * 1024;
pub const NAME_CHARS_MAX: usize = 80;
/// Time in which the changes of many journals are one change for the home screen, and time after which ages are told
/// again, milliseconds.
pub const HOME_BATCH_MS: u64 = 150;
pub const HOME_AGES_MS: u64 = 60_000;
/// One line from another machine's sessions, and its sessions that are shown.
pub const HOME_LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Time that another machine gets to answer a request of the home screen, milliseconds.
pub const HOME_ASK_MS_MAX: u64 = 30_000;
/// First and longest wait before a dropped link of the home screen is tried again, milliseconds.
pub const HOME_BACKOFF_MS_MIN: u64 = 1_000;
pub const HOME_BACKOFF_MS_MAX: u64 = 60_000;
/// Decisions of the home screen that wait for their links.
pub const HOME_UNSENT_MAX: usize = 100;
/// Templates of plans that are listed.
pub const PLAN_FILES_MAX: usize = 200;
/// How long a host that goes waits for its last notification.
pub const NOTIFY_LAST_MS_MAX: u64 = 5_000;
/// Bytes of a file in which anchors are looked for.
pub const ANCHORS_READ_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Milliseconds that git may take, bytes of what it says, and of what it says when it fails.
pub const GIT_MS_MAX: u64 = 5_000;
pub const GIT_SAID_BYTES_MAX: usize = 64 * 1024 * 1024;
pub const GIT_ERROR_BYTES_MAX: usize = 4 * 1024;
/// Files of a commit whose lines are looked up for its note, bytes of one version of a file, and of all of them together;
/// new commits that are noted after one command, and how many of them at a time; bytes of what a session says in a note, and
/// how often it is tried to write notes while others do.
pub const NOTE_FILES_MAX: usize = 200;
pub const NOTE_FILE_BYTES_MAX: usize = 1024 * 1024;
pub const NOTE_COMMIT_BYTES_MAX: usize = 8 * 1024 * 1024;
pub const NOTE_COMMITS_MAX: usize = 1_000;
pub const NOTE_BATCH_COMMITS_MAX: usize = 20;
pub const NOTE_TRIES_MAX: usize = 20;
pub const NOTE_BYTES_MAX: usize = 256 * 1024;
/// Spans that wait for the collector, that are sent at once, and actions that are open; milliseconds that a request may take.
#[cfg(feature = "otlp")]
pub const OTLP_QUEUE_SPANS_MAX: usize = 2_048;
#[cfg(feature = "otlp")]
pub const OTLP_BATCH_SPANS_MAX: usize = 256;
#[cfg(feature = "otlp")]
pub const OTLP_OPEN_ACTIONS_MAX: usize = 4_096;
#[cfg(feature = "otlp")]
pub const OTLP_SEND_MS_MAX: u64 = 3_000;
/// Findings of a garbage collection that are listed, and the age from which something that belongs to nobody was left over,
/// milliseconds.
pub const GC_ROWS_MAX: usize = 100;
pub const GC_LEFT_OVER_AGE_MS: u64 = 60 * 60 * 1_000;
/// Sessions that one search looks into, places that it tells of, characters of each, and characters of those before the
/// first word that was looked for.
pub const MENTIONS_SESSIONS_MAX: usize = 200;
pub const MENTIONS_MAX: usize = 200;
pub const MENTION_CHARS_MAX: usize = 160;
pub const MENTION_LEAD_CHARS_MAX: usize = 20;
/// Branches on the start screen; words and letters of the name of a new one, and the number that it ends with at most.
pub const BRANCHES_LISTED_MAX: usize = 50;
pub const BRANCH_NAME_WORDS_MAX: usize = 5;
pub const BRANCH_NAME_LETTERS_MAX: usize = 40;
pub const BRANCH_NUMBER_MAX: usize = 100;
