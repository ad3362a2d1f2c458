//! Bounds of the fleet, unit in the name.

/// The link to the NATS server: time to connect, to answer a request, between two pings, and the first and longest wait before
/// it is tried again, milliseconds.
pub const FLEET_CONNECT_MS_MAX: u64 = 5_000;
pub const FLEET_REQUEST_MS_MAX: u64 = 5_000;
pub const FLEET_PING_MS: u64 = 60_000;
pub const FLEET_RETRY_MS_MIN: u64 = 250;
pub const FLEET_RETRY_MS_MAX: u64 = 30_000;
/// What the server keeps: the newest state of sessions, orders and notices; bytes, milliseconds, and messages of one subject.
pub const FLEET_STATE_BYTES_MAX: i64 = 512 * 1024 * 1024;
pub const FLEET_STATE_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
pub const FLEET_FLOW_BYTES_MAX: i64 = 64 * 1024 * 1024;
pub const FLEET_FLOW_MS: u64 = 24 * 60 * 60 * 1_000;
pub const FLEET_SUBJECT_MESSAGES_MAX: i64 = 1_000;
/// Changes of a session within this time are one message, milliseconds.
pub const FLEET_BATCH_MS: u64 = 300;
/// Time to publish what differs, and what there is when the host goes, milliseconds.
pub const FLEET_PUBLISH_MS_MAX: u64 = 30_000;
pub const FLEET_LAST_MS_MAX: u64 = 2_000;
/// Bytes of a session at a glance and of the text of an action; pending actions, notices that wait, and characters of a text.
pub const FLEET_HEAD_BYTES_MAX: usize = 128 * 1024;
pub const FLEET_SHOWN_BYTES_MAX: usize = 512 * 1024;
pub const FLEET_PENDING_MAX: usize = 100;
pub const FLEET_NOTICES_MAX: usize = 20;
pub const FLEET_TEXT_CHARS_MAX: usize = 600;
/// How long an order is good for, how much two clocks may differ, time after which an order that was not acknowledged comes
/// again, and time that a machine gets to answer one, milliseconds.
pub const FLEET_ORDER_MS: u64 = 10 * 60 * 1_000;
pub const FLEET_SKEW_MS_MAX: u64 = 5 * 60 * 1_000;
pub const FLEET_ACK_WAIT_MS: u64 = 30_000;
pub const FLEET_ANSWER_MS_MAX: u64 = 10_000;
/// Bytes of an order, characters of its nonce, nonces that are remembered, and refused orders that a host records.
pub const FLEET_ORDER_BYTES_MAX: usize = 64 * 1024;
pub const FLEET_NONCE_CHARS_MAX: usize = 64;
pub const FLEET_NONCES_MAX: usize = 4_096;
pub const FLEET_REFUSALS_MAX: usize = 20;
/// Machines and sessions of the fleet that are shown, and time to read them all, milliseconds.
pub const FLEET_MACHINES_MAX: usize = 1_000;
pub const FLEET_SESSIONS_MAX: usize = 5_000;
pub const FLEET_LOOK_MS_MAX: u64 = 15_000;
