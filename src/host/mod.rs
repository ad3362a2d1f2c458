//! The process that owns a session: its actor, clients, effects and recovery.
