//! Every bound of the product in one file, unit in the name, grouped by the module that keeps it.

// model
/// Content up to this many bytes of UTF-8 travels inside events; longer content is a blob.
pub const CONTENT_INLINE_BYTES_MAX: usize = 64 * 1024;
/// The most steps a plan holds; further ones of an agent are left out, of a human refused.
pub const PLAN_STEPS_MAX: usize = 500;
