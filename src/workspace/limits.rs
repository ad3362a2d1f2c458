//! Bounds that only `workspace` keeps, unit in the name. Those that several modules share are in `base::limits`.

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
/// Entries of the disk that are read to find the files a command would touch, and how many of those are named.
pub const TOUCHES_SEEN_MAX: usize = 10_000;
pub const TOUCHES_NAMED_MAX: usize = 20;
/// Largest index of git that is read for it.
pub const GIT_INDEX_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Extended attributes carried over to a replaced file: all names together, and each value.
pub const WORKSPACE_XATTR_BYTES_MAX: usize = 64 * 1024;
/// Interval at which the launcher checks its child and its host on kernels without pidfds, nanoseconds.
pub const LAUNCH_POLL_NS: i64 = 50_000_000;
/// Time limit for the launcher to end the processes that a command left behind, milliseconds.
pub const LAUNCH_END_MS_MAX: u64 = 2_000;
/// Bytes of the init's report to the launcher: one number, or why there is no layer.
pub const LAUNCH_REPORT_BYTES_MAX: u64 = 4 * 1024;
/// Bytes of a command line that a census shows.
pub const CENSUS_LINE_BYTES_MAX: usize = 400;
/// Time limit for a stop to end everything and prove it, milliseconds (the promise of G6).
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
/// Time for which a pipe may stay open after every process of the command has ended, milliseconds.
pub const RUN_DRAIN_MS_MAX: u64 = 2_000;
/// Interval at which the process tree of a running command is read, milliseconds.
pub const RUN_PROCESSES_MS: u64 = 1_000;
/// Bytes of one file of ignore rules, of all that a session reads, and directories that are looked through for them.
pub const WORKSPACE_RULES_FILE_BYTES_MAX: u64 = 1024 * 1024;
pub const WORKSPACE_RULES_BYTES_MAX: usize = 16 * 1024 * 1024;
pub const WORKSPACE_RULES_DIRS_MAX: usize = 100_000;
/// Time for which the first edit waits for the first walk of a session, so that there is a checkpoint to rewind to,
/// milliseconds.
pub const CHECKPOINT_WAIT_MS_MAX: u64 = 1_500;
/// Number of times a checkpoint reads files again that changed while it was taken.
pub const CHECKPOINT_ROUNDS_MAX: usize = 3;
/// Age of a file's last change at which its digest is remembered by its times, milliseconds.
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
/// Bytes of a Rust target directory that are copied to seed a candidate's; a larger one is built again.
pub const CANDIDATE_SEED_BYTES_MAX: u64 = 3 * 1024 * 1024 * 1024;
/// Bytes of one other ignored file or directory that are copied into a candidate.
pub const CANDIDATE_IGNORED_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Bytes and files of one ignored file or directory that a candidate compares file by file.
pub const CANDIDATE_COMPARED_BYTES_MAX: u64 = 4 * 1024 * 1024;
pub const CANDIDATE_COMPARED_FILES_MAX: usize = 500;
/// Changed files, and bytes of them, in one ignored directory that are proposed; more of them stay in the candidate.
pub const CANDIDATE_IGNORED_CHANGES_MAX: usize = 50;
pub const CANDIDATE_IGNORED_CHANGES_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Skipped items that are reported by name.
pub const CANDIDATE_LEFT_REPORTED_MAX: usize = 20;
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
/// Files up to which a candidate is looked over whole after each trial; beyond it only edited files are restored.
pub const CANDIDATE_LOOK_OVER_FILES_MAX: usize = 5_000;
/// Bytes of all files that one trial may bring back.
pub const TRIAL_COLLECT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes that one approved read gives, all files together.
pub const READ_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Directories above a path that are asked whether a link leads from them into the workspace.
pub const PATH_ANCESTORS_MAX: usize = 128;
/// Events that wait to be processed; more set the mark that something was missed.
pub const WATCH_EVENTS_MAX: usize = 4_096;
/// Paths that are checked one by one; more are found by walking the tree.
pub const WATCH_PATHS_MAX: usize = 256;
/// Notices that wait for the host.
pub const WATCH_NOTICES_MAX: usize = 256;
/// Guard rails that are watched in one store of version control.
pub const WATCH_GUARDED_MAX: usize = 4_096;
/// Ignored files and directories that are watched, and directories in them that the kernel is asked to watch.
pub const WATCH_IGNORED_MAX: usize = 4_096;
pub const WATCH_IGNORED_DIRS_MAX: usize = 1_024;
/// Files of one ignored directory that are counted; up to the second bound each is watched on its own.
pub const WATCH_IGNORED_FILES_MAX: u64 = 50_000;
pub const WATCH_IGNORED_EACH_MAX: u64 = 512;
/// Bytes of an ignored file that are read for its digest; a larger one is known by size and time.
pub const WATCH_IGNORED_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Changed files of one ignored directory that are reported one by one.
pub const WATCH_IGNORED_REPORTED_MAX: usize = 20;
/// Time without events after which a burst counts as ended, milliseconds.
pub const WATCH_SETTLE_MS: u64 = 40;
/// Time for which a burst may delay the first check, milliseconds.
pub const WATCH_SETTLE_MS_MAX: u64 = 400;
/// Time after the last event at which the tree is walked once, to find changes without events, milliseconds.
pub const WATCH_VERIFY_MS: u64 = 1_500;
/// A walk is not repeated before this many times its own duration has passed.
pub const WATCH_WALK_SHARE: u32 = 10;
/// Parents of a process that are followed.
pub const ANCESTORS_MAX: usize = 1_000;
/// Largest file of a result that is promoted, bytes of all that are read for it, and its files and directories.
pub const LAYER_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
pub const LAYER_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;
pub const LAYER_NODES_MAX: usize = 400_000;
/// Nodes left out of a result that are reported by name.
pub const LAYER_LEFT_NAMED_MAX: usize = 20;
/// Bytes of a mark of the overlay file system that are read.
pub const LAYER_MARK_BYTES_MAX: usize = 64;
/// Milliseconds that a layer waits for the clock of the file system to advance.
pub const LAYER_TICKS_MS_MAX: u64 = 100;
/// Directories in which build folders are looked for, build folders that a layer shares, and caches that it covers.
pub const LAYER_SHARED_LOOKED_MAX: usize = 200;
pub const LAYER_SHARED_MAX: usize = 64;
pub const LAYER_CACHES_MAX: usize = 24;
/// Milliseconds that an attempt to make a layer may take, and bytes of what the launcher or the init says about it.
pub const LAYER_PROBE_MS_MAX: u64 = 10_000;
pub const LAYER_SAID_BYTES_MAX: u64 = 4 * 1024;
/// Free bytes on the disk of a layer with which its result is complete.
pub const LAYER_FREE_BYTES_MIN: u64 = 64 * 1024;
/// Files of a result that wait for a user in one item, and bytes of their content.
pub const RESULT_HELD_FILES_MAX: usize = 500;
pub const RESULT_HELD_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Files of a result of which a preview shows the lines, and bytes of each.
pub const RESULT_SHOWN_FILES_MAX: usize = 40;
pub const RESULT_SHOWN_BYTES_MAX: u64 = 1024 * 1024;
/// Nodes of a workspace whose owners are compared with the ids that a layer knows, and their depth.
pub const LAYER_OWNERS_NODES_MAX: usize = 200_000;
pub const LAYER_OWNERS_DEPTH_MAX: usize = 64;
/// Bytes of the file of a workspace with which the attempt makes a copy.
pub const LAYER_PROBE_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Milliseconds within which the processes of a drill must run: a busy machine is no failure. Milliseconds after the stop
/// within which their output must have come to its end.
pub const DRILL_START_MS_MAX: u64 = 10_000;
pub const DRILL_END_MS_MAX: u64 = 500;
/// Bytes of what the processes of a drill say.
pub const DRILL_SAID_BYTES_MAX: usize = 4 * 1024;
/// Connections of a command that are served at once, and addresses that it may ask about.
pub const EGRESS_CONNECTIONS_MAX: usize = 256;
pub const EGRESS_HOSTS_MAX: usize = 128;
/// Connections of an agent itself that are served where its commands have taken all others, and connections that wait
/// for the same decision.
pub const EGRESS_OWN_CONNECTIONS_MAX: usize = 32;
pub const EGRESS_WAITING_MAX: usize = 64;
/// Names that are looked up at once.
pub const EGRESS_LOOKUPS_MAX: usize = 8;
/// Bytes and number of the headers of one request, and milliseconds in which they arrive.
pub const EGRESS_HEADER_BYTES_MAX: usize = 64 * 1024;
pub const EGRESS_HEADERS_LINES_MAX: usize = 128;
pub const EGRESS_HEADER_MS_MAX: u64 = 30_000;
/// Milliseconds in which a name is found, in which a host answers, and that a connection waits for a decision.
pub const EGRESS_RESOLVE_MS_MAX: u64 = 10_000;
pub const EGRESS_CONNECT_MS_MAX: u64 = 15_000;
pub const EGRESS_WAIT_MS_MAX: u64 = 10 * 60_000;
/// Ports of this machine that an agent in a layer reaches as its own endpoints.
pub const EGRESS_PORTS_MAX: usize = 8;
/// Milliseconds before the next attempt to take a connection, when there are no descriptors left.
pub const EGRESS_PAUSE_MS: u64 = 200;
/// Sockets among which that of a connection is looked for, and bytes of its process's command line.
pub const EGRESS_SOCKETS_LINES_MAX: usize = 20_000;
pub const EGRESS_PROCESS_BYTES_MAX: usize = 200;
/// Files of the last commit that are compared, bytes of their list, bytes of committed contents that are read for one
/// comparison, and milliseconds of each git.
pub const HEAD_FILES_MAX: usize = 300_000;
pub const HEAD_LISTING_BYTES_MAX: u64 = 64 * 1024 * 1024;
pub const HEAD_BYTES_MAX: u64 = 64 * 1024 * 1024;
pub const HEAD_GIT_MS_MAX: u64 = 20_000;
/// Bytes of an error of git that are read.
pub const HEAD_ERROR_BYTES_MAX: u64 = 4 * 1024;
