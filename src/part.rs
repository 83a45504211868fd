//! Which pages of a divided document is this one? What a batch held becomes documents of their own; the whole ends and stays.

use serde::{Deserialize, Serialize};

use crate::arrival::FileName;
use crate::document::DocumentId;

/// Fact kind of a document that is part of a divided one.
pub const FACT: &str = "part";
/// Fact kind of the divided document: the ids of its parts, in order.
pub const INTO: &str = "split-into";

/// What part of which document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The divided document.
    pub of: DocumentId,
    /// Its number among the parts, from 1.
    pub n: u32,
    /// Its first page in the divided document, from 1.
    pub first: u32,
    /// Its last page there.
    pub last: u32,
    /// True where other pages of what arrived stand before it: what was said beside the arrival is not said of it.
    pub is_later: bool,
}

/// First and last page of each part of a document of `pages` pages, of which a new one begins with each page of `starts`; none
/// where these are not in order, or no pages of it.
pub fn ranges(starts: &[u32], pages: u32) -> Option<Vec<(u32, u32)>> {
    let is_good = !starts.is_empty() && starts.windows(2).all(|pair| pair[0] < pair[1]);
    let is_inside = starts.first().is_some_and(|first| *first > 1) && starts.last().is_some_and(|last| *last <= pages);
    if !(is_good && is_inside) {
        return None;
    }
    let firsts = std::iter::once(1).chain(starts.iter().copied());
    let lasts = starts.iter().map(|start| start - 1).chain([pages]);
    Some(firsts.zip(lasts).collect())
}

/// The name of the file of some pages: that of the whole with the pages before its extension, bit by bit.
pub fn name(whole: &FileName, (first, last): (u32, u32)) -> FileName {
    let bytes = whole.bytes();
    let dot = bytes.iter().rposition(|b| *b == b'.').filter(|at| *at > 0).unwrap_or(bytes.len());
    let pages = if first == last { format!("_p{first}") } else { format!("_p{first}-{last}") };
    FileName::new([&bytes[..dot], pages.as_bytes(), &bytes[dot..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_without_gap_and_are_told_by_where_they_begin() {
        assert_eq!(ranges(&[3, 4], 6), Some(vec![(1, 2), (3, 3), (4, 6)]));
        assert_eq!(ranges(&[2], 2), Some(vec![(1, 1), (2, 2)]));
        for (starts, pages) in [(&[][..], 3), (&[1], 3), (&[4], 3), (&[3, 3], 4), (&[3, 2], 4), (&[0], 3)] {
            assert_eq!(ranges(starts, pages), None, "{starts:?}");
        }
    }

    #[test]
    fn a_part_is_named_after_its_pages() {
        let named = |name: &[u8], pages| super::name(&FileName::new(name), pages).bytes().to_vec();
        assert_eq!(named(b"scan.a.tif", (2, 4)), b"scan.a_p2-4.tif");
        assert_eq!(named(b"\xffscan", (3, 3)), b"\xffscan_p3");
        assert_eq!(named(b".tif", (1, 2)), b".tif_p1-2");
    }
}
