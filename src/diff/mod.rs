//! Bytes in, hunks out: line diff, intraline marks, partial apply, three-way merge. No IO.
