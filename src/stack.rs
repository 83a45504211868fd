//! Which files make up one document, and in which order do their pages stand? A folder of an inbox, taken in as a whole.
//!
//! The arrival's own blob is the list; each file is a blob of its own and stays as it came (invariant 7). Only the order of
//! pages is a fact, [`ORDER`] of the document: it says of each page in which file it lies and where.

use serde::{Deserialize, Serialize};

use crate::arrival::FileName;
use crate::digest::Digest;
use crate::document::{Component, Form, Format, Hold, Role};
use crate::messages::Message;
use crate::page::PageSurvey;

/// Fact kind of an arrival: the files of the folder that it is.
pub const FACT: &str = "stack";
/// Fact kind of a document: where each of its pages lies.
pub const ORDER: &str = "order";

/// The files of a folder, in the order of their pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// How their pages follow each other.
    pub duplex: Duplex,
    /// The files.
    pub files: Vec<StackFile>,
}

/// A file of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackFile {
    /// Its path below the folder, bit by bit.
    pub name: FileName,
    /// Size.
    pub bytes: u64,
    /// Digest of its bytes.
    pub sha256: Digest,
}

/// How the sheets went through the scanner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duplex {
    /// Once: pages follow each other as the files have them.
    #[default]
    No,
    /// Twice: first all front sides, then the stack turned over and all back sides, the last sheet's first.
    TwoPass,
}

/// Where a page of a document lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PagePlace {
    /// The file, from 0, as the list has it.
    pub file: u32,
    /// The page in it, from 1.
    pub page: u32,
}

impl Stack {
    /// The components: the first file is the principal one, each other an *annesso*, in the order of pages. `formats` has
    /// what each file is. Equal files stand for equal pages, each in its place.
    pub fn components(&self, formats: &[Format]) -> Vec<Component> {
        let one = |(n, (file, format)): (usize, (&StackFile, &Format))| Component {
            role: if n == 0 { Role::Principale } else { Role::Annesso },
            n: if n == 0 { 1 } else { n as u32 },
            name: file.name.clone(),
            sha256: file.sha256,
            bytes: file.bytes,
            format: format.clone(),
            form: Form::AsArrived,
            pages: 0,
        };
        self.files.iter().zip(formats).enumerate().map(one).collect()
    }

    /// The pages in their order, of files with so many pages each, and the doubt where two passes do not fit together:
    /// then the backs stand behind the fronts, as they came.
    pub fn order(&self, counts: &[u32]) -> (Vec<PagePlace>, Option<Hold>) {
        let all = |file: usize| (1..=counts[file]).map(move |page| PagePlace { file: file as u32, page });
        let straight = || (0..counts.len()).flat_map(all).collect();
        match (self.duplex, counts) {
            (Duplex::No, _) => (straight(), None),
            (Duplex::TwoPass, [fronts, backs]) if fronts == backs => {
                let pairs =
                    (1..=*fronts).flat_map(|page| [PagePlace { file: 0, page }, PagePlace { file: 1, page: fronts + 1 - page }]);
                (pairs.collect(), None)
            }
            (Duplex::TwoPass, [fronts, backs]) => {
                let message = Message::new("duplex-pages").with("fronts", fronts).with("backs", backs);
                (straight(), Some(Hold::new(message)))
            }
            (Duplex::TwoPass, counts) => (straight(), Some(Hold::new(Message::new("duplex-files").with("count", counts.len())))),
        }
    }
}

/// The pages of a document whose files have `surveys`, numbered anew in the order of `places`.
pub fn ordered(places: &[PagePlace], surveys: &[Vec<PageSurvey>]) -> Vec<PageSurvey> {
    let at = |place: &PagePlace| surveys.get(place.file as usize)?.get(place.page.checked_sub(1)? as usize).cloned();
    places.iter().filter_map(at).zip(1..).map(|(survey, n)| PageSurvey { n, ..survey }).collect()
}

/// The order of names as a person counts: `p2` before `p10`, letters without their case, then byte by byte.
pub fn natural(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    let (mut x, mut y) = (a, b);
    while let (Some(&first), Some(&second)) = (x.first(), y.first()) {
        let step = if first.is_ascii_digit() && second.is_ascii_digit() {
            let (left, right) = (digits(x), digits(y));
            (x, y) = (&x[left.len()..], &y[right.len()..]);
            let (left, right) = (unpadded(left), unpadded(right));
            left.len().cmp(&right.len()).then_with(|| left.cmp(right))
        } else {
            (x, y) = (&x[1..], &y[1..]);
            first.to_ascii_lowercase().cmp(&second.to_ascii_lowercase())
        };
        if step.is_ne() {
            return step;
        }
    }
    x.len().cmp(&y.len()).then_with(|| a.cmp(b))
}

fn digits(text: &[u8]) -> &[u8] {
    &text[..text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len())]
}

fn unpadded(digits: &[u8]) -> &[u8] {
    &digits[digits.iter().position(|b| *b != b'0').unwrap_or(digits.len())..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(duplex: Duplex) -> Stack {
        Stack { duplex, files: Vec::new() }
    }

    fn places(order: &[PagePlace]) -> Vec<(u32, u32)> {
        order.iter().map(|place| (place.file, place.page)).collect()
    }

    #[test]
    fn names_are_ordered_as_a_person_counts() {
        let mut names =
            ["p10.tif", "P2.tif", "p1.tif", "p01.jpg", "a/p3.tif", "p2b.tif", "p.tif", "p99999999999999999999999.tif"];
        names.sort_by(|a, b| natural(a.as_bytes(), b.as_bytes()));
        let wanted = ["a/p3.tif", "p.tif", "p01.jpg", "p1.tif", "P2.tif", "p2b.tif", "p10.tif", "p99999999999999999999999.tif"];
        assert_eq!(names, wanted);
        assert!(natural(b"p001", b"p1").is_ne(), "two names are never the same");
    }

    #[test]
    fn the_pages_of_several_files_follow_each_other() {
        let (order, doubt) = stack(Duplex::No).order(&[1, 3, 0, 1]);
        assert_eq!((places(&order), doubt), (vec![(0, 1), (1, 1), (1, 2), (1, 3), (3, 1)], None));
    }

    #[test]
    fn two_passes_are_interleaved_the_backs_from_the_last_to_the_first() {
        let (order, doubt) = stack(Duplex::TwoPass).order(&[3, 3]);
        assert_eq!((places(&order), doubt), (vec![(0, 1), (1, 3), (0, 2), (1, 2), (0, 3), (1, 1)], None));
    }

    #[test]
    fn passes_that_do_not_fit_are_left_as_they_came_and_said() {
        let (order, doubt) = stack(Duplex::TwoPass).order(&[2, 1]);
        assert_eq!(places(&order), [(0, 1), (0, 2), (1, 1)]);
        assert_eq!(doubt.expect("a doubt").message.code(), "duplex-pages");
        assert_eq!(stack(Duplex::TwoPass).order(&[2]).1.expect("a doubt").message.code(), "duplex-files");
        assert_eq!(stack(Duplex::TwoPass).order(&[1, 1, 1]).1.expect("a doubt").message.code(), "duplex-files");
    }
}
