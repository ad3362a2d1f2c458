//! The pure domain: events, the session fold, the life of an action, and `decide`. No IO, clock, async or randomness.
