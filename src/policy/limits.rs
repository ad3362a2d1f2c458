//! Bounds that only `policy` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// Longest command line that is parsed, in bytes; a longer one asks unread.
pub const COMMAND_LINE_BYTES_MAX: usize = 16 * 1024;
/// Most simple commands of one line that are judged; more ask.
pub const SIMPLE_COMMANDS_MAX: usize = 64;
/// Nesting depth to which `sh -c '…'` inside `sh -c '…'` is followed.
pub const SHELL_DEPTH_MAX: usize = 4;
/// Directories in which one command of a line may start, before it is said that it may start anywhere.
pub const POLICY_STARTS_MAX: usize = 32;
/// Words that the braces of one word are expanded to.
pub const BRACE_WORDS_MAX: usize = 64;
/// Letters of a cluster of short options after which an attached value is looked for.
pub const OPTION_CLUSTER_CHARS_MAX: usize = 16;
/// Words in front of a tool that start it, with their options.
pub const STARTER_WORDS_MAX: usize = 16;
/// File names that one pattern of a command line may match.
pub const PATTERN_NAMES_MAX: usize = 4_096;
/// Entries of the pipeline ledger, files of one entry, bytes of contents in all and of one entry, and of an agent's answer.
pub const PIPELINE_ENTRIES_MAX: usize = 5_000;
pub const PIPELINE_CHANGES_MAX: usize = 200;
pub const PIPELINE_CONTENT_BYTES_MAX: u64 = 8 * 1024 * 1024;
pub const PIPELINE_ENTRY_CONTENT_BYTES_MAX: u64 = 1024 * 1024;
pub const PIPELINE_ANSWER_BYTES_MAX: usize = 4 * 1024;
/// Weakened tests: bytes of a file that is compared, and of all files of a change; larger ones are not looked at.
pub const WEAKENED_FILE_BYTES_MAX: usize = 256 * 1024;
pub const WEAKENED_CHANGE_BYTES_MAX: usize = 512 * 1024;
/// Cases and assertions of one file, and how deep its code is followed.
pub const WEAKENED_CASES_MAX: usize = 5_000;
pub const WEAKENED_CHECKS_MAX: usize = 10_000;
/// Assertions of one case, and new cases with one assertion that may be what a case became.
pub const WEAKENED_CASE_CHECKS_MAX: usize = 100;
pub const WEAKENED_ALIKE_MAX: usize = 16;
pub const WEAKENED_DEPTH_MAX: usize = 100;
/// Messages of failing cases that expected values are looked up in, findings named in one alarm, characters of quoted code.
pub const WEAKENED_FAILURES_MAX: usize = 200;
pub const WEAKENED_SHOWN_MAX: usize = 4;
pub const WEAKENED_TEXT_CHARS_MAX: usize = 80;
/// Contradictions named of one action; actions, messages and files that are looked at for what was observed before it.
pub const CONTRADICTIONS_MAX: usize = 6;
pub const GROUNDS_ACTIONS_MAX: usize = 500;
pub const GROUNDS_ENTRIES_MAX: usize = 500;
pub const GROUNDS_FILES_MAX: usize = 5;
