//! Contents of the action under review that were too long for its envelope, fetched from the host part by part.

use crate::base::Digest;
use crate::base::limits::DIFF_BYTES_MAX;
use crate::model::{Content, FileEdit};
use crate::ui::limits::UI_CONTENTS_BYTES_MAX;
use crate::wire::{BlobGet, Request};
use bytes::Bytes;
use std::collections::BTreeMap;

/// See the module.
#[derive(Debug, Default)]
pub struct Contents {
    known: BTreeMap<Digest, Known>,
    /// One part is asked for at a time.
    asked: Option<Digest>,
    /// Incremented with every content: pictures made without it are obsolete.
    pub edition: u64,
}

#[derive(Debug)]
enum Known {
    Coming(Vec<u8>),
    Bytes(Bytes),
    /// Too long, or not available: the action is decided as a whole.
    Whole,
}

impl Contents {
    /// Forgets what another action had.
    pub fn forget(&mut self) {
        *self = Self { edition: self.edition + 1, ..Self::default() };
    }

    /// The text of a content, inline or fetched; `None` when it is not UTF-8 or still coming.
    #[must_use]
    pub fn text<'a>(&'a self, content: &'a Content) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(content)?).ok()
    }

    /// The bytes of a content, inline or fetched; `None` when they are not available or still coming.
    #[must_use]
    pub fn bytes<'a>(&'a self, content: &'a Content) -> Option<&'a [u8]> {
        content.text().map(str::as_bytes).or_else(|| self.fetched(&content.digest()).map(|bytes| bytes.as_ref()))
    }

    /// The bytes that were fetched under this digest.
    #[must_use]
    pub fn fetched(&self, digest: &Digest) -> Option<&Bytes> {
        match self.known.get(digest) {
            Some(Known::Bytes(bytes)) => Some(bytes),
            Some(Known::Coming(_) | Known::Whole) | None => None,
        }
    }

    /// Returns whether all available contents of these files are here.
    #[must_use]
    pub fn has_all(&self, files: &[FileEdit]) -> bool {
        blobs(files).all(|(digest, _)| matches!(self.known.get(&digest), Some(Known::Bytes(_) | Known::Whole)))
    }

    /// The next part that these files need, unless one is on its way.
    pub fn next(&mut self, files: &[FileEdit]) -> Option<Request> {
        if self.asked.is_some() {
            return None;
        }
        let mut held: u64 = self.known.values().map(Known::bytes).sum();
        for (digest, bytes) in blobs(files) {
            let offset = match self.known.get(&digest) {
                None => 0,
                Some(Known::Coming(part)) => part.len() as u64,
                Some(Known::Bytes(_) | Known::Whole) => continue,
            };
            held = held.saturating_add(bytes);
            if bytes > DIFF_BYTES_MAX as u64 || held > UI_CONTENTS_BYTES_MAX {
                self.known.insert(digest, Known::Whole);
                continue;
            }
            self.asked = Some(digest);
            return Some(part_from(digest, offset));
        }
        None
    }

    /// A part came, or why it does not.
    pub fn put(&mut self, digest: Digest, part: Result<(u64, u64, Vec<u8>), String>) {
        if self.asked != Some(digest) {
            return;
        }
        self.asked = None;
        self.edition += 1;
        let next = match (self.known.remove(&digest), part) {
            (known, Ok((offset, total, bytes))) => {
                let mut whole = match known {
                    Some(Known::Coming(whole)) => whole,
                    Some(Known::Bytes(_) | Known::Whole) | None => Vec::new(),
                };
                let fits = whole.len() as u64 == offset && !bytes.is_empty();
                whole.extend(bytes);
                if !fits || whole.len() as u64 > total {
                    Known::Whole
                } else if (whole.len() as u64) < total {
                    Known::Coming(whole)
                } else {
                    Known::Bytes(whole.into())
                }
            }
            (_, Err(_)) => Known::Whole,
        };
        self.known.insert(digest, next);
    }
}

impl Known {
    fn bytes(&self) -> u64 {
        match self {
            Self::Coming(part) => part.len() as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Whole => 0,
        }
    }
}

fn part_from(digest: Digest, offset: u64) -> Request {
    Request::BlobGet(BlobGet { digest, offset: Some(offset), length: None })
}

/// The contents that are not inline, with their lengths.
fn blobs(files: &[FileEdit]) -> impl Iterator<Item = (Digest, u64)> + '_ {
    files.iter().flat_map(|file| file.before.iter().chain(&file.after)).filter_map(|content| match content {
        Content::Text(_) => None,
        Content::Blob { digest, .. } => Some((*digest, content.len())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RelPath;
    use crate::model::FileChange;
    use crate::model::limits::CONTENT_INLINE_BYTES_MAX;

    fn file(after: &[u8]) -> FileEdit {
        let path = RelPath::new("a").unwrap();
        let after = Some(Content::of(after));
        FileEdit {
            path,
            change: FileChange::Create,
            from: None,
            before: None,
            after,
            before_node: None,
            after_node: None,
        }
    }

    #[test]
    fn a_long_text_comes_in_parts_and_what_is_no_text_as_bytes() {
        let text = "line\n".repeat(CONTENT_INLINE_BYTES_MAX);
        let files = [file(text.as_bytes()), file(&[0xff; 9]), file(b"inline")];
        let mut contents = Contents::default();
        let digest = files[0].after.as_ref().unwrap().digest();
        assert_eq!(contents.next(&files), Some(part_from(digest, 0)));
        assert_eq!(contents.next(&files), None, "one at a time");
        let total = text.len() as u64;
        contents.put(digest, Ok((0, total, text.as_bytes()[..9].to_vec())));
        assert_eq!(contents.next(&files), Some(part_from(digest, 9)));
        contents.put(digest, Ok((9, total, text.as_bytes()[9..].to_vec())));
        assert!(!contents.has_all(&files));
        let other = files[1].after.as_ref().unwrap().digest();
        assert_eq!(contents.next(&files), Some(part_from(other, 0)));
        contents.put(other, Ok((0, 9, vec![0xff; 9])));
        assert!(contents.has_all(&files) && contents.next(&files).is_none());
        let texts = files.each_ref().map(|file| contents.text(file.after.as_ref().unwrap()));
        assert_eq!(texts, [Some(text.as_str()), None, Some("inline")]);
        assert_eq!(contents.bytes(files[1].after.as_ref().unwrap()), Some([0xff; 9].as_slice()));
    }

    #[test]
    fn what_cannot_be_had_is_asked_for_once() {
        let files = [file(&[0xff; 9])];
        let mut contents = Contents::default();
        let digest = files[0].after.as_ref().unwrap().digest();
        assert!(contents.next(&files).is_some());
        contents.put(digest, Err("there is no blob".to_owned()));
        assert!(contents.has_all(&files) && contents.next(&files).is_none());
    }
}
