//! Which words has it? The words of a text as hashes: each word, its stem, and each pair of neighbours.

/// Most words of one text that are looked at.
const WORDS_MAX: usize = 600;
/// Letters of a stem. Italian endings are two to four letters long, its stems seldom shorter than this.
const STEM: usize = 6;

/// Counted features of one text, by hash, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bag(pub(super) Vec<(u32, f32)>);

impl Bag {
    /// The features of a document: those of its heading count a second time, as such.
    pub fn of(heading: &str, text: &str) -> Self {
        let mut all = Vec::new();
        gather(heading, "#", &mut all);
        gather(heading, "", &mut all);
        gather(text, "", &mut all);
        all.sort_unstable();
        let mut counted: Vec<(u32, f32)> = Vec::with_capacity(all.len());
        for feature in all {
            match counted.last_mut() {
                Some(last) if last.0 == feature => last.1 += 1.0,
                _ => counted.push((feature, 1.0)),
            }
        }
        Self(counted)
    }

    /// True if nothing was there to count.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn gather(text: &str, mark: &str, all: &mut Vec<u32>) {
    let words = words(text);
    for (at, word) in words.iter().enumerate() {
        all.push(hash(&[mark, word]));
        if let Some(stem) = stem(word) {
            all.push(hash(&[mark, "~", stem]));
        }
        if let Some(next) = words.get(at + 1) {
            all.push(hash(&[mark, word, " ", next]));
        }
    }
}

/// The features of `text` with the words that they stand for, for whoever must say which words spoke.
pub fn spelled(text: &str) -> Vec<(u32, String)> {
    let words = words(text);
    let mut all = Vec::new();
    for (at, word) in words.iter().enumerate() {
        for mark in ["", "#"] {
            all.push((hash(&[mark, word]), word.clone()));
            if let Some(stem) = stem(word) {
                all.push((hash(&[mark, "~", stem]), word.clone()));
            }
            if let Some(next) = words.get(at + 1) {
                all.push((hash(&[mark, word, " ", next]), format!("{word} {next}")));
            }
        }
    }
    all.sort();
    all.dedup_by_key(|(feature, _)| *feature);
    all
}

fn stem(word: &str) -> Option<&str> {
    if word.len() > STEM { word.get(..STEM) } else { None }
}

/// The words of a text: small letters without accents; figures only where they may be an article or a law.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase().map(plain));
        } else if !word.is_empty() {
            let whole = std::mem::take(&mut word);
            if is_telling(&whole) {
                words.push(whole);
                if words.len() >= WORDS_MAX {
                    break;
                }
            }
        }
    }
    words
}

/// Single letters, years, amounts and numbers of papers tell nothing of the kind.
fn is_telling(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    match digits {
        0 => word.chars().count() > 1,
        _ if digits == word.len() => digits == 3 || digits == 2,
        _ => false,
    }
}

fn plain(c: char) -> char {
    match c {
        'à' | 'á' | 'â' | 'ä' => 'a',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ò' | 'ó' | 'ô' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        c => c,
    }
}

/// FNV-1a, 64 bits folded to 32.
fn hash(parts: &[&str]) -> u32 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in parts.iter().flat_map(|part| part.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_capitals_and_numbers_of_papers_make_no_difference() {
        assert_eq!(Bag::of("", "Attività n. 12345/2024 del 3"), Bag::of("", "ATTIVITA' n. 98765/2023 del 7"));
        assert_ne!(Bag::of("", "art. 241"), Bag::of("", "art. 380"));
    }

    #[test]
    fn a_heading_counts_beside_its_words() {
        assert!(Bag::of("ordinanza", "").0.len() > Bag::of("", "ordinanza").0.len());
        assert!(Bag::of("", "").is_empty());
    }

    #[test]
    fn every_feature_of_a_bag_can_be_spelled() {
        let text = "verbale di deliberazione della giunta comunale";
        let known = spelled(text);
        assert!(Bag::of(text, text).0.iter().all(|(feature, _)| known.iter().any(|(k, _)| k == feature)));
    }

    #[test]
    fn a_text_without_end_costs_what_a_long_one_does() {
        assert_eq!(words(&"parola ".repeat(WORDS_MAX)).len(), WORDS_MAX);
        assert_eq!(words(&"parola ".repeat(WORDS_MAX * 3)).len(), WORDS_MAX);
    }
}
