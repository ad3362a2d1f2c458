//! Work too slow for a frame: diffs and highlighting, on two threads, the newest job first, keyed by digest.

mod beginning;
mod colours;
mod picture;
mod pool;
mod states;

use beginning::beginnings_of;
pub use colours::role_of;
use picture::{Detail, pictures_of};
pub use picture::{FilePicture, Heading, HunkPicture, LinePicture, Shown, StructureLine};
pub use pool::Pool;

use crate::base::Digest;
use crate::base::digest::FieldHasher;
use crate::model::{Content, FileEdit};
use crate::ui::limits::{UI_BEGINNING_FIRST_BYTES_MIN, UI_PICTURES_KEPT_MAX, UI_TEXT_FIRST_BYTES_MIN};
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
    /// `fetched` gives what is not inline; its bytes are shared.
    #[must_use]
    pub fn of<'a>(file: FileEdit, fetched: impl Fn(&Digest) -> Option<&'a Bytes>) -> Self {
        let version = |content: &Option<Content>| match content {
            None => Ok(Bytes::new()),
            Some(Content::Text(text)) => Ok(Bytes::copy_from_slice(text.as_bytes())),
            Some(Content::Blob { digest, bytes }) => fetched(digest).cloned().ok_or(*bytes),
        };
        Self { before: version(&file.before), after: version(&file.after), file }
    }
}

/// How the pictures of files are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PictureOptions {
    pub marks_blanks: bool,
    /// All unchanged lines are there, as far as they fit.
    pub is_whole: bool,
    /// The user edited them: they are not the proposal.
    pub is_edited: bool,
    /// Nothing is decided on them.
    pub is_comparison: bool,
}

/// Files to compare and color.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub key: Digest,
    pub files: Vec<Versions>,
    pub options: PictureOptions,
}

impl Job {
    #[must_use]
    pub fn new(files: Vec<Versions>, options: PictureOptions) -> Self {
        let mut hash = FieldHasher::new();
        let PictureOptions { marks_blanks, is_whole, is_edited, is_comparison } = options;
        hash.field(&[marks_blanks, is_whole, is_edited, is_comparison].map(u8::from));
        for Versions { file, before, after } in &files {
            hash.field(file.path.as_str().as_bytes()).field(format!("{:?}", file.change).as_bytes());
            // Contents may come later.
            hash.field(&[before.is_ok(), after.is_ok()].map(u8::from));
            for content in [&file.before, &file.after] {
                match content {
                    Some(content) => hash.field(content.digest().bytes()),
                    None => hash.field(b""),
                };
            }
        }
        Self { key: hash.finish(), files, options }
    }
}

impl Job {
    /// Computes the pictures. Where the files are long their beginning comes first, then their text; structure and colors
    /// follow in a last product with the same key.
    pub fn run(&self, done: &impl Fn(Product)) {
        let product = |detail, is_final| {
            let files = Arc::new(pictures_of(self, detail));
            Product { key: self.key, files, is_final, is_partial: false }
        };
        let bytes = self.bytes();
        if bytes > UI_BEGINNING_FIRST_BYTES_MIN {
            done(self.beginning());
        }
        if bytes > UI_TEXT_FIRST_BYTES_MIN {
            done(product(Detail::Text, false));
        }
        done(product(Detail::Full, true));
    }

    /// Enough for the first screens, whatever the size of the change. Nothing can be decided on it.
    #[must_use]
    pub fn beginning(&self) -> Product {
        Product { key: self.key, files: Arc::new(beginnings_of(self)), is_final: false, is_partial: true }
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
    /// Only the beginning of the change: its hunks are not those that a decision counts.
    pub is_partial: bool,
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

    /// The wanted picture, once all of its hunks are known.
    #[must_use]
    pub fn whole(&self) -> Option<&Product> {
        self.current().filter(|product| !product.is_partial)
    }

    /// The wanted picture, once it is available.
    #[must_use]
    pub fn current(&self) -> Option<&Product> {
        let wanted = self.wanted?;
        self.kept.iter().rev().find(|product| product.key == wanted)
    }
}
