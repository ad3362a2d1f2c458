//! The only writer and spawner: edits, commands, watching, checkpoints, candidates.
