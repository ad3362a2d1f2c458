//! The time zone of the machine that the user sits at.

/// The local time zone as seconds to add to UTC; UTC where it is not known. It can be read only while the process has one
/// thread, so `main` asks first, and the first answer stays.
pub fn utc_offset_s() -> i32 {
    static OFFSET_S: std::sync::OnceLock<i32> = std::sync::OnceLock::new();
    *OFFSET_S.get_or_init(|| time::UtcOffset::current_local_offset().map_or(0, time::UtcOffset::whole_seconds))
}
