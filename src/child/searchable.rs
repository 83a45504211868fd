//! The room `copy` behind the wall: a searchable PDF/A is written by a child, since it parses the hostile input once more.

use super::{Call, Readers};
use crate::copy::{CopyOrder, CopyReport};
use crate::error::Result;

/// Seconds that a child may spend on the copy of one page, beyond the time of one page's reading.
const SECONDS_PER_PAGE: u64 = 5;

impl Readers {
    /// Has a child write the copy that `order` describes; its output lies below the pool's scratch.
    pub fn searchable(&self, order: &CopyOrder) -> Result<CopyReport> {
        let seconds = self.limits().page_seconds_max + SECONDS_PER_PAGE * order.pages.len() as u64;
        let call = Call { op: "searchable", input: &order.input, seconds, page: None };
        self.call(call, order)
    }
}
