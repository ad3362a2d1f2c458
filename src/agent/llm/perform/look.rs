//! Reading, listing and searching: all of them reads at the gate.

use super::outcome::{refused, settle};
use super::reason::Reason;
use super::{Hands, Settlement, find};
use crate::base::Digest;
use crate::model::Body;
use crate::port::{Desk, Interrupted};

impl Hands {
    pub(super) async fn read(
        &mut self,
        desk: &mut Desk,
        reason: &Reason,
        path: &str,
        from_line: usize,
        lines: usize,
    ) -> Result<Settlement, Interrupted> {
        let settled = desk.propose_untold(reason.on(format!("read {path}"), Body::Read(path.to_owned()))).await?;
        let shown = match settled.performed.as_ref().map(|performed| performed.read.as_slice()) {
            Some([(file, bytes)]) => {
                self.seen.insert(file.clone(), Digest::of(bytes));
                find::listing(bytes, from_line, lines)
            }
            Some([]) | None => String::new(),
            Some(many) => find::names(many),
        };
        Ok(settle(settled, shown))
    }

    pub(super) async fn list(
        &mut self,
        desk: &mut Desk,
        reason: &Reason,
        path: &str,
    ) -> Result<Settlement, Interrupted> {
        let settled = desk.propose_untold(reason.on(format!("list {path}"), Body::Read(path.to_owned()))).await?;
        let shown = settled.performed.as_ref().map(|performed| find::names(&performed.read)).unwrap_or_default();
        Ok(settle(settled, shown))
    }

    pub(super) async fn search(
        &mut self,
        desk: &mut Desk,
        reason: &Reason,
        pattern: &str,
        path: &str,
        ignore_case: bool,
    ) -> Result<Settlement, Interrupted> {
        let finder = match find::Finder::new(pattern, ignore_case) {
            Ok(finder) => finder,
            Err(why) => return Ok(refused(why)),
        };
        let proposal = reason.on(format!("search {path} for {pattern}"), Body::Read(path.to_owned()));
        let mut settled = desk.propose_untold(proposal).await?;
        let files = settled.performed.as_mut().map(|performed| std::mem::take(&mut performed.read));
        let shown = match files {
            Some(files) => tokio::task::spawn_blocking(move || finder.search(&files)).await.unwrap_or_default(),
            None => String::new(),
        };
        Ok(settle(settled, shown))
    }
}
