//! Bounds that only `ui` keeps, unit in the name. Those that several modules share are in `base::limits`.

/// Combining marks kept on one cell; more is decoration at best (Zalgo text).
pub const UI_CELL_MARKS_MAX: usize = 4;
/// An address that a terminal is given as a link (as long as VTE takes), and how many of them a client numbers.
pub const UI_LINK_BYTES_MAX: usize = 2_083;
pub const UI_LINKS_MAX: usize = 10_000;
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
/// Objects that one field has had; further ones are put in as text.
pub const UI_ENTRY_OBJECTS_MAX: usize = 1_000;
/// Columns of a reason that is shown beside a pending action in one line, before its marks are taken off.
pub const UI_INBOX_LINE_COLUMNS_MAX: usize = 1_000;
/// Changes of a field's text that can be undone.
pub const UI_ENTRY_UNDO_MAX: usize = 200;
/// Columns of a field before it is drawn for the first time.
pub const UI_ENTRY_COLUMNS_DEFAULT: usize = 70;
/// Lines and bytes of pasted text above which it is one object in a message.
pub const UI_PASTE_LINES_MAX: usize = 10;
pub const UI_PASTE_BYTES_MAX: usize = 1_000;
/// Shortest time between two states of a message that the host is sent while it is being written, milliseconds.
pub const UI_DRAFT_MS_MIN: u64 = 3_000;
/// Shortest time between two places that those who follow a client are told of, milliseconds.
pub const UI_VIEW_MS_MIN: u64 = 250;
/// Messages that are remembered, on the disk and in the client.
pub const UI_HISTORY_ENTRIES_MAX: usize = 500;
/// The file of a project's messages; above it the older half goes.
pub const UI_HISTORY_BYTES_MAX: u64 = 1024 * 1024;
/// A message in it; longer ones are in the session's journal only.
pub const UI_HISTORY_ENTRY_BYTES_MAX: usize = 64 * 1024;
/// Files that were mentioned before and come first in a search.
pub const UI_MENU_PREFERRED_MAX: usize = 20;
/// Files that a search for a mention asks for.
pub const UI_MENU_FILES_MAX: usize = 50;
/// Rows of the composer's menu, and those of them that are on the screen at once.
pub const UI_MENU_ROWS_KEPT_MAX: usize = 100;
pub const UI_MENU_ROWS_MAX: u16 = 8;
/// Queued prompts that are shown above the composer.
pub const UI_QUEUE_ROWS_MAX: u16 = 3;
/// A picture that is attached from this machine.
pub const UI_IMAGE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// A key so soon after something new began to wait was on its way for something else.
pub const UI_ARRIVAL_GUARD_MS: u64 = 300;
/// The same key again within this is a repeat, where the terminal tells repeats (and forgot to).
pub const UI_HELD_KEY_MS_MAX: u64 = 100;
/// The key of a verdict does not decide on another action within this, where the terminal does not report releases.
pub const UI_AFTER_VERDICT_MS: u64 = 1_000;
/// A key so soon after a message was sent, or after such a key, still belongs to what is being written.
pub const UI_AFTER_SEND_MS: u64 = 1_000;
/// Interval at which a displayed age changes, milliseconds.
pub const UI_AGE_STEP_MS: u64 = 60_000;
/// A host that leaves a request unanswered for this long is said to be silent (a stop takes up to 2 s), milliseconds.
pub const UI_HOST_SILENT_MS_MAX: u64 = 5_000;
/// The same key again within this may be a repeat, where the terminal cannot tell.
pub const UI_HELD_KEY_UNREPORTED_MS_MAX: u64 = 700;
/// Rows the composer takes before it scrolls.
pub const UI_COMPOSER_ROWS_MAX: u16 = 8;
/// The second stop key counts within this time.
pub const UI_STOP_AGAIN_MS_MAX: u64 = 2_000;
/// Entries a choice offers; older checkpoints are reached from the command line.
pub const UI_CHOICES_MAX: usize = 200;
/// Places that links were followed from.
pub const UI_TRAIL_PLACES_MAX: usize = 50;
/// Moments of a session that its timeline keeps, and characters of each.
pub const UI_MOMENTS_KEPT_MAX: usize = 5_000;
pub const UI_MOMENT_CHARS_MAX: usize = 200;
/// Comments in texts that were shown whose present place is kept.
pub const UI_FATES_KEPT_MAX: usize = 2_000;
/// Rows one search reads before it gives up.
pub const UI_SEARCH_ROWS_MAX: usize = 200_000;
/// Alarms and unsupervised changes listed in the inbox, of each kind.
pub const UI_ALARMS_SHOWN_MAX: usize = 100;
/// Pending actions remembered as viewed.
pub const UI_READ_ACTIONS_KEPT_MAX: usize = 10_000;
/// Threads that compute diffs and colors.
pub const UI_WORKERS: usize = 2;
/// Pictures waiting to be computed; older ones are no longer needed.
pub const UI_JOBS_WAITING_MAX: usize = 4;
/// Computed pictures that are kept.
pub const UI_PICTURES_KEPT_MAX: usize = 8;
/// Fetched contents of the action under review, all files together; what is longer is decided on whole.
pub const UI_CONTENTS_BYTES_MAX: u64 = 48 * 1024 * 1024;
/// Unchanged lines around a hunk that a view can unfold.
pub const UI_CONTEXT_LINES_MAX: usize = 30;
/// Unchanged lines before and after each change when the whole file is wanted.
pub const UI_WHOLE_LINES_MAX: usize = 100_000;
/// Rows of one failing case's message.
pub const UI_MESSAGE_ROWS_MAX: usize = 200;
/// A form of at least this width has the preview of a choice beside it, columns.
pub const UI_FORM_BESIDE_COLUMNS_MIN: u16 = 84;
/// Time that a program which opens an address gets to fail, milliseconds.
pub const UI_BROWSER_MS_MAX: u64 = 1_500;
/// Lines of the preview of a choice, and characters of the schema of a question of unknown type.
pub const UI_PREVIEW_LINES_MAX: usize = 12;
pub const UI_SCHEMA_CHARS_MAX: usize = 400;
/// Lines of output in the preview of a command.
pub const UI_PREVIEW_OUTPUT_LINES_MAX: usize = 40;
/// Lines of the agent's last words in the summary of a turn in which nothing waits.
pub const UI_CALM_SAID_LINES_MAX: usize = 16;
/// A pane narrower than this shows too little of a line for it to count as seen.
pub const UI_READING_COLUMNS_MIN: u16 = 24;
/// Rows of unfolded thoughts.
pub const UI_THOUGHT_ROWS_MAX: usize = 500;
/// Newest transcript entries in which thoughts are looked for.
pub const UI_THOUGHTS_LOOKED_AT_MAX: usize = 200;
/// Steps that reading the syntax of one code block in a message may take; what is not done by then stays plain.
pub const UI_TALK_HIGHLIGHT_STEPS_MAX: usize = 20_000;
/// Lines of a command's output in the conversation: of one that failed, and unfolded.
pub const UI_TALK_FAILURE_LINES_MAX: usize = 6;
pub const UI_TALK_OUTPUT_LINES_MAX: usize = 40;
/// A version of a file whose change is compared for the conversation, and the text of such a change.
pub const UI_TALK_DIFF_BYTES_MAX: usize = 64 * 1024;
/// Messages and actions of the conversation that can be scrolled back to; older ones are in the journal.
pub const UI_TALK_ITEMS_MAX: usize = 2_000;
/// Time for reading the syntax of one version of a file, milliseconds; what is not done by then stays plain.
pub const UI_HIGHLIGHT_MS_MAX: u64 = 400;
/// Size of a change, both versions counted, above which its text is shown before its structure and colors, bytes.
pub const UI_TEXT_FIRST_BYTES_MIN: u64 = 64 * 1024;
/// Size of a change above which its beginning is shown before its text; bytes of it that are compared for that, and bytes
/// in which the first difference is looked for at a time.
pub const UI_BEGINNING_FIRST_BYTES_MIN: u64 = 512 * 1024;
pub const UI_BEGINNING_BYTES_MAX: usize = 64 * 1024;
pub const UI_BEGINNING_COMPARED_BYTES: usize = 4 * 1024;
/// Shortest time between two frames (about 60 a second); nothing is drawn when nothing changed.
pub const UI_FRAME_MS_MIN: u64 = 16;
/// Longest time between two frames on a slow link, milliseconds.
pub const UI_SLOW_FRAME_MS_MAX: u64 = 1_000;
/// Times the latency of a link between two requests that nobody waits for.
pub const UI_CHATTER_FACTOR: u64 = 4;
/// Messages taken in before a frame is due even though more are there.
pub const UI_BACKLOG_MAX: usize = 4_096;
/// Time for which the loop takes in such a backlog before it draws, milliseconds.
pub const UI_BACKLOG_MS_MAX: u64 = 12;
/// Events from the host that are taken in as one; between two such runs keys and signals are looked for.
pub const UI_EVENTS_AT_ONCE_MAX: usize = 256;
/// Messages on their way to the host; more are refused in words.
pub const UI_ASKS_WAITING_MAX: usize = 64;
/// Time limit for restoring a terminal that accepts no bytes, milliseconds. A frame that is still on its way over a
/// slow link holds the terminal for longer than a few milliseconds, and a lost restoration leaves the shell unusable.
pub const UI_RESTORE_MS_MAX: u64 = 400;
/// Minimum time between two reads of a command's process tree.
pub const UI_PROCESSES_MS_MIN: u64 = 1_000;
/// Processes that are listed below a command's output.
pub const UI_PROCESSES_SHOWN_MAX: usize = 8;
/// Processes that a census names, of those that are gone.
pub const UI_ENDED_SHOWN_MAX: usize = 12;
/// Rows that the linear client prints at once; the rest is printed a page at a time.
pub const UI_LINEAR_ROWS: u16 = 60;
/// Columns of its lines, however narrow or wide the terminal says it is.
pub const UI_LINEAR_COLUMNS_MIN: u16 = 40;
pub const UI_LINEAR_COLUMNS_MAX: u16 = 400;
/// Time limit for sending the last request when the client exits, milliseconds.
pub const UI_LAST_WORDS_MS_MAX: u64 = 500;
/// Columns of the plan's document from which its contents and steps are beside it.
pub const UI_PLAN_ASIDE_COLUMNS_MIN: u16 = 84;
/// Patience with the program that reads the clipboard, milliseconds.
pub const UI_CLIPBOARD_MS_MAX: u64 = 2_000;
/// Changed lines from which a file among several is folded at first.
pub const UI_FOLD_LINES_MIN: usize = 2_000;
/// Bytes of the diff of one file in the pipeline ledger, and the columns from which it is beside the list.
pub const UI_PIPELINE_DIFF_BYTES_MAX: usize = 16 * 1024;
pub const UI_PIPELINE_SIDE_COLUMNS_MIN: u16 = 100;
/// Characters of the user's own words beside a reason.
pub const UI_GROUND_CHARS_MAX: usize = 100;
