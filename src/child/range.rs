//! Some pages of a file as a file of their own, made behind the wall: the input is hostile here too.

use super::searchable::SECONDS_PER_PAGE;
use super::{Call, Readers};
use crate::copy::RangeOrder;
use crate::error::Result;

impl Readers {
    /// Has a child write the pages that `order` asks for; its output lies below the pool's scratch.
    pub fn range(&self, order: &RangeOrder) -> Result<()> {
        let seconds = seconds(order, self.limits().page_seconds_max);
        let call = Call { op: "range", input: &order.input, seconds, page: None, next: None };
        self.call(call, order).map_err(|error| self.of_copy(error, seconds))
    }
}

/// Seconds that a range may take: those of a page's reading, and some for each page.
pub(super) fn seconds(order: &RangeOrder, page_seconds_max: u64) -> u64 {
    let pages = u64::from(order.last.saturating_sub(order.first)) + 1;
    page_seconds_max.saturating_add(SECONDS_PER_PAGE.saturating_mul(pages))
}
