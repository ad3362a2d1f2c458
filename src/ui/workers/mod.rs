//! Work too slow for a frame: diffs and highlighting, on two threads, the newest job first, keyed by digest.

mod picture;
mod pool;

use picture::{Detail, pictures_of};
pub use picture::{FilePicture, Heading, HunkPicture, LinePicture, Shown, StructureLine, role_of};
pub use pool::Pool;

use crate::base::Digest;
use crate::base::digest::FieldHasher;
use crate::model::{Content, FileEdit};
use crate::ui::limits::{UI_PICTURES_KEPT_MAX, UI_TEXT_FIRST_BYTES_MIN};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

/// A file with the bytes of both versions, as far as they are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    pub file: FileEdit,
    /// Empty when the file did not exist; the length alone where the bytes are not available.
    pub before: Result<Bytes, u64>,
    pub after: Result<Bytes, u64>,
}

impl Versions {
    /// `fetched` gives what is not inline.
    #[must_use]
    pub fn of<'a>(file: FileEdit, fetched: impl Fn(&Digest) -> Option<&'a [u8]>) -> Self {
        let version = |content: &Option<Content>| match content {
            None => Ok(Bytes::new()),
            Some(Content::Text(text)) => Ok(Bytes::copy_from_slice(text.as_bytes())),
            Some(Content::Blob { digest, bytes }) => fetched(digest).map(Bytes::copy_from_slice).ok_or(*bytes),
        };
        Self { before: version(&file.before), after: version(&file.after), file }
    }
}

/// Files to compare and color.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub key: Digest,
    pub files: Vec<Versions>,
    pub mark_blanks: bool,
}

impl Job {
    /// `edits` tells versions that the user edited apart from the proposal.
    #[must_use]
    pub fn new(files: Vec<Versions>, mark_blanks: bool, edits: usize) -> Self {
        let mut hash = FieldHasher::new();
        hash.field(&[u8::from(mark_blanks), u8::from(edits > 0)]);
        for Versions { file, .. } in &files {
            hash.field(file.path.as_str().as_bytes()).field(format!("{:?}", file.change).as_bytes());
            for content in [&file.before, &file.after] {
                match content {
                    Some(content) => hash.field(content.digest().bytes()),
                    None => hash.field(b""),
                };
            }
        }
        Self { key: hash.finish(), files, mark_blanks }
    }
}

impl Job {
    /// Computes the pictures. Where the files are long their text comes first, on its own; structure and colors follow
    /// in a second product with the same key.
    pub fn run(&self, done: &impl Fn(Product)) {
        let product =
            |detail, is_final| Product { key: self.key, files: Arc::new(pictures_of(self, detail)), is_final };
        if self.bytes() > UI_TEXT_FIRST_BYTES_MIN {
            done(product(Detail::Text, false));
        }
        done(product(Detail::Full, true));
    }

    /// Size of both versions of all files.
    fn bytes(&self) -> u64 {
        let length = |side: &Result<Bytes, u64>| side.as_ref().map_or(0, |bytes| bytes.len() as u64);
        self.files.iter().map(|file| length(&file.before) + length(&file.after)).sum()
    }
}

/// The result of a job: one picture a file.
#[derive(Debug, Clone)]
pub struct Product {
    pub key: Digest,
    pub files: Arc<Vec<FilePicture>>,
    /// False when a product with structure and colors follows.
    pub is_final: bool,
}

/// The newest pictures, and which one is wanted now.
#[derive(Debug, Default)]
pub struct Products {
    kept: VecDeque<Product>,
    wanted: Option<Digest>,
    asked: Option<Digest>,
}

impl Products {
    /// Makes this the wanted picture; true when somebody must compute it.
    pub fn wants(&mut self, job: &Job) -> bool {
        self.wanted = Some(job.key);
        if self.kept.iter().any(|product| product.key == job.key) || self.asked == Some(job.key) {
            return false;
        }
        self.asked = Some(job.key);
        true
    }

    /// No picture is wanted until [`Products::wants`] says which.
    pub fn wants_nothing(&mut self) {
        self.wanted = None;
    }

    pub fn put(&mut self, product: Product) {
        if product.is_final && self.asked == Some(product.key) {
            self.asked = None;
        }
        self.kept.retain(|other| other.key != product.key);
        if self.kept.len() >= UI_PICTURES_KEPT_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(product);
    }

    /// The wanted picture, once it is available.
    #[must_use]
    pub fn current(&self) -> Option<&Product> {
        let wanted = self.wanted?;
        self.kept.iter().rev().find(|product| product.key == wanted)
    }
}
