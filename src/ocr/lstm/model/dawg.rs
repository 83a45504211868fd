//! Which words does a model know? A graph of letters; a word is a path from its root to an edge that may end one.

use super::bytes::{Bytes, Parsed};

/// Most edges of a dictionary; English has 461,848.
const EDGES_MAX: usize = 1 << 23;

/// One dictionary of a model: of words, of punctuation around them, or of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Dawg {
    edges: Vec<u64>,
    letter_bits: u32,
}

/// An edge that was found: where it leads, and whether a word may end with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// First edge of the next node; `None` where nothing follows.
    pub(crate) next: Option<u32>,
    /// True where a word may end here.
    pub(crate) is_end: bool,
}

impl Dawg {
    pub(super) fn parse(bytes: &[u8]) -> Parsed<Self> {
        const MAGIC: i16 = 42;
        let mut bytes = Bytes::of(bytes);
        if bytes.i16()? != MAGIC {
            return Err("a dictionary of another form");
        }
        let letters = bytes.size(1 << 16)?;
        // As many bits as the number of letters, plus one, needs.
        let letter_bits = (letters + 1).next_power_of_two().trailing_zeros();
        let count = bytes.count(8, EDGES_MAX)?;
        let edges = bytes.take(8 * count)?.as_chunks().0.iter().map(|edge| u64::from_le_bytes(*edge)).collect();
        Ok(Self { edges, letter_bits })
    }

    /// The edge of `letter` in the node whose first edge is `node`.
    pub(crate) fn step(&self, node: u32, letter: u16) -> Option<Step> {
        const LAST: u64 = 1;
        const BACKWARD: u64 = 2;
        const WORD_END: u64 = 4;
        for edge in self.edges.get(node as usize..)? {
            let flags = edge >> self.letter_bits;
            if edge & ((1 << self.letter_bits) - 1) == u64::from(letter) && flags & BACKWARD == 0 {
                let next = u32::try_from(flags >> 3).ok().filter(|next| *next != 0);
                return Some(Step { next, is_end: flags & WORD_END != 0 });
            }
            if flags & LAST != 0 {
                break;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_path_from_the_root_to_an_edge_that_ends_one() {
        // Three letters (two bits): the root has 1 -> node at edge 2, and 2, an end; the node has 1, an end.
        let edge = |letter: u64, flags: u64, next: u64| letter | flags << 2 | next << 5;
        let edges = [edge(1, 0, 2), edge(2, 5, 0), edge(1, 5, 0)];
        let file = [&42_i16.to_le_bytes()[..], &3_i32.to_le_bytes(), &3_i32.to_le_bytes(), &edges.map(u64::to_le_bytes).concat()];
        let dawg = Dawg::parse(&file.concat()).expect("a dictionary");
        assert_eq!(dawg.step(0, 1), Some(Step { next: Some(2), is_end: false }));
        assert_eq!(dawg.step(0, 2), Some(Step { next: None, is_end: true }));
        assert_eq!(dawg.step(0, 3), None);
        assert_eq!(dawg.step(2, 1), Some(Step { next: None, is_end: true }));
        assert_eq!(dawg.step(9, 1), None);
    }
}
