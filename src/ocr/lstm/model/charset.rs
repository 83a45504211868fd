//! Which text does a class of the network stand for?

use super::bytes::{Bytes, Parsed};

/// Most characters of a model; Latin ones have some 120, Chinese ones thousands (which need several codes each).
const CHARS_MAX: usize = 4096;
/// Number of the blank among the characters.
pub(crate) const BLANK: u16 = 0;

/// One character of the model.
#[derive(Debug, Clone, Default)]
pub(crate) struct Char {
    /// What is written; a blank for the blank.
    pub(crate) text: String,
    /// True for a digit: dictionaries of numbers have one edge for all of them.
    pub(crate) is_digit: bool,
}

/// The characters, and which class stands for which.
#[derive(Debug, Clone)]
pub(crate) struct Charset {
    pub(crate) chars: Vec<Char>,
    /// Character of each class; none for the class that means nothing.
    pub(crate) of_class: Vec<Option<u16>>,
}

impl Charset {
    pub(super) fn parse(unicharset: &[u8], recoder: &[u8], (classes, null): (usize, usize)) -> Parsed<Self> {
        let chars = chars(unicharset)?;
        let mut bytes = Bytes::of(recoder);
        if bytes.count(5, CHARS_MAX)? != chars.len() {
            return Err("not one code per character");
        }
        let mut of_class = vec![None; classes];
        for id in 0..chars.len() {
            bytes.u8()?;
            if bytes.i32()? != 1 {
                return Err("characters of several codes");
            }
            let class = bytes.size(classes)?;
            if class == null {
                continue;
            }
            let place: &mut Option<u16> = of_class.get_mut(class).ok_or("a code without a class")?;
            if place.replace(id as u16).is_some() {
                return Err("one code for two characters");
            }
        }
        Ok(Self { chars, of_class })
    }
}

fn chars(unicharset: &[u8]) -> Parsed<Vec<Char>> {
    const DIGIT: u32 = 8;
    let text = std::str::from_utf8(unicharset).map_err(|_| "characters that are not UTF-8")?;
    let mut lines = text.lines();
    let count: usize = lines.next().and_then(|line| line.trim().parse().ok()).ok_or("no number of characters")?;
    if !(1..=CHARS_MAX).contains(&count) {
        return Err("a number of characters over its ceiling");
    }
    let mut chars = Vec::with_capacity(count);
    for line in lines.take(count) {
        let (text, rest) = line.split_once(' ').ok_or("a character without properties")?;
        let properties = rest.split(' ').next().and_then(|mask| u32::from_str_radix(mask, 16).ok()).unwrap_or(0);
        let text = if text == "NULL" { " " } else { text };
        chars.push(Char { text: text.to_owned(), is_digit: properties & DIGIT != 0 });
    }
    if chars.len() == count { Ok(chars) } else { Err("fewer characters than said") }
}
