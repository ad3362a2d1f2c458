//! Both texts of a changed file, as judgments compare them.

use crate::base::RelPath;
use crate::policy::limits::WEAKENED_FILE_BYTES_MAX;
use crate::syntax::Language;

/// One file of a change: its path after it, and its text on both sides; `None` where there is none.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    pub path: &'a RelPath,
    pub before: Option<&'a [u8]>,
    pub after: Option<&'a [u8]>,
}

impl Side<'_> {
    /// The language of a file that is small enough to be parsed here.
    pub(super) fn language(&self) -> Option<Language> {
        let text = self.after.or(self.before)?;
        let small = |text: Option<&[u8]>| text.is_none_or(|text| text.len() <= WEAKENED_FILE_BYTES_MAX);
        if !small(self.before) || !small(self.after) {
            return None;
        }
        Language::detect(self.path.as_str(), text.get(..256).unwrap_or(text))
    }
}
