//! Does this paper look like one that came before? Fingerprints of a page's text and image, and how much two of them agree.
//!
//! Of a page with words the text tells: of the pairs of words that follow each other, a sample of least hashes (`minhash`), so that
//! readings which differ in a word here and there share most of it, and two letters on one letterhead little. Numbers tell
//! two fillings of one form apart, and so do words that only one has. Of a page without words the image tells, cell by cell.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::page::PageText;

/// Confidence from which a word is what it says.
const SURE: f32 = 70.0;
/// Letters from which a word, and digits from which a number, tells two papers apart.
const LETTERS_MIN: usize = 4;
const DIGITS_MIN: usize = 2;
/// So many numbers, or words, that each of two pages has and the other has not are two papers: one may be misread.
const OTHERS_MIN: usize = 2;
/// So many on one page alone are what was filled in there: a scan that is read badly misses three words in a hundred.
const FILLED_MIN: usize = 6;
const FILLED_SHARE: f32 = 0.08;
/// Fact kind of a document: the fingerprints of its pages, numbered by page.
pub const FACT: &str = "likeness";
/// Pages of a document that are compared: papers that agree in these are the same for a person too.
pub const PAGES_MAX: usize = 4;
/// Fewer pairs of words than these say nothing: the image must tell.
const PAIRS_MIN: usize = 20;
/// Hashes of a sample: it tells the true share of pairs within some five in a hundred.
const HASHES: usize = 96;
/// Keys of a page: the first hashes of the sample, three a key; two pages that agree in half of their pairs share a key in
/// four cases of five, those that agree in seven of ten nearly always.
const BANDS: usize = 12;
const BAND_ROWS: usize = 3;
/// Least share of pairs that two readings of one paper agree in: a word in eight may be misread.
const SAME_TEXT: f32 = 0.55;
/// Least share of numbers of either page that the other must have.
const SAME_NUMBERS: f32 = 0.75;
/// Digits that make a number worth comparing: dates, registrations, codes.
const NUMBER_DIGITS_MIN: usize = 4;
/// Most bits in which two images of one paper differ, of 256.
const SAME_IMAGE_BITS: u32 = 32;
/// Letters of a word, and words of a page (a printed one has a thousand), that are compared each with each.
const LONGEST: usize = 64;
const COMPARED_MAX: usize = 2_000;
/// Most words and numbers of a page that are looked at.
const WORDS_MAX: usize = 20_000;

/// An image's fingerprint: sixteen rows of sixteen cells, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagePrint(pub [u64; 4]);

/// The fingerprint of one page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Likeness {
    /// The sample of its pairs of words; empty of a page with few.
    pub text: Vec<u32>,
    /// Its numbers, hashed.
    pub numbers: BTreeSet<u32>,
    /// Its image; of a page with few words only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImagePrint>,
}

/// A key under which pages that look alike are found: which one, and its value.
pub type Key = (u32, u32);

impl Likeness {
    /// The fingerprint of a page by its words.
    pub fn of(text: &PageText) -> Self {
        let words = text.blocks.iter().flat_map(|block| &block.lines).flat_map(|line| &line.words);
        let (mut folded, mut numbers) = (Vec::new(), BTreeSet::new());
        for word in words.take(WORDS_MAX) {
            let word: String = word.text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
            if word.chars().filter(char::is_ascii_digit).count() >= NUMBER_DIGITS_MIN {
                numbers.insert(hash(word.as_bytes()) as u32);
            }
            if word.chars().count() >= 2 {
                folded.push(word);
            }
        }
        let pairs: BTreeSet<String> = folded.windows(2).map(|pair| pair.join(" ")).collect();
        let text = if pairs.len() < PAIRS_MIN { Vec::new() } else { sample(&pairs) };
        Self { text, numbers, image: None }
    }

    /// True of a page whose words say too little.
    pub fn needs_image(&self) -> bool {
        self.text.is_empty()
    }

    /// The keys of the page.
    pub fn keys(&self) -> Vec<Key> {
        if let Some(ImagePrint(rows)) = self.image {
            // An eighth of the image a key: where the scans differ, they seldom differ everywhere.
            let halves = rows.iter().flat_map(|row| [(*row >> 32) as u32, *row as u32]);
            return halves.zip(BANDS as u32..).map(|(value, band)| (band, value)).collect();
        }
        let band = |rows: &[u32]| hash(&rows.iter().flat_map(|row| row.to_be_bytes()).collect::<Vec<u8>>()) as u32;
        self.text.chunks(BAND_ROWS).take(BANDS).map(band).zip(0..).map(|(value, n)| (n, value)).collect()
    }

    /// True if both may be scans of one paper.
    pub fn is_like(&self, other: &Self) -> bool {
        match (&self.image, &other.image) {
            (Some(a), Some(b)) => a.0.iter().zip(&b.0).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>() <= SAME_IMAGE_BITS,
            (None, None) => self.shares_text(other) && self.shares_numbers(other),
            _ => false,
        }
    }

    fn shares_text(&self, other: &Self) -> bool {
        let same = self.text.iter().zip(&other.text).filter(|(a, b)| a == b).count();
        !self.text.is_empty() && self.text.len() == other.text.len() && same as f32 >= SAME_TEXT * self.text.len() as f32
    }

    /// A number that is read wrong is missed on either side; more than that are other numbers.
    fn shares_numbers(&self, other: &Self) -> bool {
        let both = self.numbers.intersection(&other.numbers).count();
        let is_shared = |all: usize| all < both + 2 || both as f32 >= SAME_NUMBERS * all as f32;
        is_shared(self.numbers.len()) || is_shared(other.numbers.len())
    }
}

/// True if the words of two pages that look alike say that they are two papers: a form filled in for another person or another
/// practice. What is misread has its counterpart on the other page, a few letters away, or stands there in pieces.
pub fn are_told_apart(a: &PageText, b: &PageText) -> bool {
    let (a, b) = (said(a), said(b));
    let (of_a, of_b) = (missing(&a, &b), missing(&b, &a));
    let count = |words: &BTreeSet<&str>, kind: fn(&&str) -> bool| words.iter().filter(|word| kind(word)).count();
    let both = |kind| count(&of_a, kind).min(count(&of_b, kind));
    let is_filled = |own: usize, all: usize| own >= FILLED_MIN && own as f32 > FILLED_SHARE * all as f32;
    both(|word| is_number(word)) >= OTHERS_MIN
        || both(|word| !is_number(word)) >= OTHERS_MIN
        || is_filled(of_a.len(), a.len())
        || is_filled(of_b.len(), b.len())
}

/// The words of a page, folded, and whether each is sure.
fn said(text: &PageText) -> Vec<(String, bool)> {
    let words = text.blocks.iter().flat_map(|block| &block.lines).flat_map(|line| &line.words).take(COMPARED_MAX);
    let fold = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    words.map(|word| (fold(&word.text), word.confidence >= SURE)).filter(|(word, _)| !word.is_empty()).collect()
}

fn is_number(word: &str) -> bool {
    word.chars().filter(char::is_ascii_digit).count() >= DIGITS_MIN
}

/// The sure words of a page that stand on the other neither as they are nor in pieces nor a little misread.
fn missing<'w>(page: &'w [(String, bool)], other: &[(String, bool)]) -> BTreeSet<&'w str> {
    let joined: String = other.iter().map(|(word, _)| word.as_str()).collect();
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for (word, _) in other {
        *left.entry(word).or_default() += 1;
    }
    let mut lacking = Vec::new();
    for (word, is_sure) in page {
        match left.get_mut(word.as_str()) {
            Some(count) if *count > 0 => *count -= 1,
            _ => lacking.push((word.as_str(), *is_sure)),
        }
    }
    // Only what this page has not can be what was read for one of its words.
    let rest: Vec<&str> = left.iter().filter(|(_, count)| **count > 0).map(|(word, _)| *word).collect();
    let is_there = |word: &str| {
        let letters = word.chars().count();
        let is_piece = letters > LETTERS_MIN || !is_number(word);
        // A number that is read wrong is another number: few of its digits may be.
        let errors = if is_number(word) { letters / 6 } else { letters.div_ceil(3) };
        is_piece && joined.contains(word) || rest.iter().any(|other| is_within(word, other, errors))
    };
    let tells = |word: &str| is_number(word) || word.chars().count() >= LETTERS_MIN;
    lacking.into_iter().filter(|(word, is_sure)| *is_sure && tells(word) && !is_there(word)).map(|(word, _)| word).collect()
}

/// True if so few letters put in, left out or exchanged make one of the other.
fn is_within(a: &str, b: &str, errors: usize) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(LONGEST).collect(), b.chars().take(LONGEST).collect());
    if a.len().abs_diff(b.len()) > errors {
        return false;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            next.push((row[j] + usize::from(x != y)).min(row[j + 1] + 1).min(next[j] + 1));
        }
        row = next;
    }
    row.last().is_some_and(|found| *found <= errors)
}

/// Of each hash function the least value that a pair has.
fn sample(pairs: &BTreeSet<String>) -> Vec<u32> {
    let hashed: Vec<u64> = pairs.iter().map(|pair| hash(pair.as_bytes())).collect();
    (0..HASHES as u64).map(|n| hashed.iter().map(|one| mixed(one ^ mixed(n + 1)) as u32).min().unwrap_or(0)).collect()
}

/// The same on every machine and in every release, for fingerprints are kept: FNV-1a, its bits spread.
fn hash(bytes: &[u8]) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    mixed(bytes.iter().fold(0xcbf2_9ce4_8422_2325, fnv))
}

/// Spreads the bits (the finaliser of `SplitMix64`).
fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A page that is compared: its fingerprint and, where it is told by its words, these.
pub type Compared = (Likeness, Option<PageText>);

/// True if the pages of two documents are, for the most part, the same papers.
pub fn are_alike(a: &[Compared], b: &[Compared]) -> bool {
    let is_told =
        |a: &Option<PageText>, b: &Option<PageText>| a.as_ref().zip(b.as_ref()).is_some_and(|(a, b)| are_told_apart(a, b));
    let is_same = |(page, text): &Compared, (other, words): &Compared| page.is_like(other) && !is_told(text, words);
    let like = a.iter().filter(|page| b.iter().any(|other| is_same(page, other))).count();
    like > 0 && like * 2 >= a.len().min(b.len())
}

/// The fingerprint of an image: of seventeen by sixteen cells of its inked part, whether each is darker than the next one.
pub fn image_print(gray: &[u8], (width, height): (usize, usize)) -> Option<ImagePrint> {
    const COLUMNS: usize = 17;
    const ROWS: usize = 16;
    let (left, right, top, bottom) = inked(gray, (width, height))?;
    let (across, down) = (right - left, bottom - top);
    if across < COLUMNS || down < ROWS {
        return None;
    }
    let mean = |row: usize, column: usize| {
        let (from_y, to_y) = (top + down * row / ROWS, top + down * (row + 1) / ROWS);
        let (from_x, to_x) = (left + across * column / COLUMNS, left + across * (column + 1) / COLUMNS);
        let sum: u64 = (from_y..to_y).flat_map(|y| &gray[y * width + from_x..y * width + to_x]).map(|v| u64::from(*v)).sum();
        sum as f32 / ((to_y - from_y) * (to_x - from_x)) as f32
    };
    let mut rows = [0_u64; 4];
    for row in 0..ROWS {
        for column in 0..COLUMNS - 1 {
            // Empty cells beside each other must not be told apart by noise.
            if mean(row, column) + 2.0 < mean(row, column + 1) {
                rows[row / 4] |= 1 << (row % 4 * 16 + column);
            }
        }
    }
    Some(ImagePrint(rows))
}

/// The box of the ink, but for the outer hundredth of it on each side: specks must not move it.
fn inked(gray: &[u8], (width, height): (usize, usize)) -> Option<(usize, usize, usize, usize)> {
    if width == 0 || height == 0 || gray.len() != width * height {
        return None;
    }
    let (mut columns, mut rows) = (vec![0_u64; width], vec![0_u64; height]);
    for (y, row) in gray.chunks_exact(width).enumerate() {
        for (x, value) in row.iter().enumerate() {
            let ink = u64::from(255 - value);
            columns[x] += ink;
            rows[y] += ink;
        }
    }
    let ends = |sums: &[u64]| {
        let cut = sums.iter().sum::<u64>() / 100;
        let reach = |sums: &mut dyn Iterator<Item = &u64>| {
            let mut seen = 0;
            sums.take_while(|sum| {
                seen += **sum;
                seen <= cut
            })
            .count()
        };
        (reach(&mut sums.iter()), sums.len() - reach(&mut sums.iter().rev()))
    };
    let ((left, right), (top, bottom)) = (ends(&columns), ends(&rows));
    (left < right && top < bottom).then_some((left, right, top, bottom))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{Block, Line, Rect, Word};

    fn page(text: &str) -> PageText {
        let word = |text: &str| Word { text: text.into(), rect: Rect::default(), confidence: 90.0, alternatives: Vec::new() };
        let words = text.split_whitespace().map(word).collect();
        let blocks = vec![Block { lines: vec![Line { words }] }];
        PageText { n: 1, width: 1, height: 1, origin: "test".into(), rotation: 0, blocks }
    }

    const HEAD: &str = "Comune di Roccamirta Settore Edilizia e Urbanistica Piazza Garibaldi 1 telefono 0521 443322 ";
    const BODY: &str = "Oggetto richiesta di accesso agli atti del fabbricato in via dei Mille Con la presente il sottoscritto chiede \
        di prendere visione e di avere copia semplice dei documenti della pratica edilizia indicata sopra, in particolare degli \
        elaborati di progetto, della relazione tecnica e del certificato di agibilità, per la vendita dell immobile ";
    const OTHER: &str = "Oggetto convocazione della commissione per il paesaggio La commissione è convocata per giovedì prossimo alle \
        ore nove presso la sala consiliare con il seguente ordine del giorno esame delle domande pervenute, varie ed eventuali. Chi \
        non può partecipare è pregato di avvisare la segreteria entro il giorno precedente, per consentire la sostituzione ";

    /// Every `nth` word misread.
    fn misread(text: &str, nth: usize) -> String {
        let words = text.split_whitespace().enumerate();
        words.map(|(n, word)| if n % nth == nth - 1 { format!("{word}x ") } else { format!("{word} ") }).collect()
    }

    #[test]
    fn two_readings_of_one_paper_are_alike_and_share_a_key() {
        let first = Likeness::of(&page(&format!("{HEAD}{BODY} prot. 0004512 del 12/03/2024")));
        let second = Likeness::of(&page(&misread(&format!("{HEAD}{BODY} prot. 0004512 del 12/03/2024"), 12)));
        assert!(first.is_like(&second));
        assert!(first.keys().iter().any(|key| second.keys().contains(key)));
        assert_eq!(first.keys().len(), BANDS);
    }

    #[test]
    fn two_letters_on_one_letterhead_are_not_alike() {
        assert!(!Likeness::of(&page(&format!("{HEAD}{BODY}"))).is_like(&Likeness::of(&page(&format!("{HEAD}{OTHER}")))));
    }

    #[test]
    fn one_form_filled_twice_is_told_apart_by_its_numbers() {
        let filled = |numbers: &str| Likeness::of(&page(&format!("{HEAD}{BODY} {numbers}")));
        let (a, b) = (filled("0004512 12/03/2024 RSSMRA80A01H501U"), filled("0004977 21/03/2024 BNCLCU75T10F205X"));
        assert!(a.shares_text(&b) && !a.is_like(&b));
        assert!(a.is_like(&filled("0004512 12/03/2024 RSSMRA80A0lH501U")), "one number misread");
    }

    #[test]
    fn one_form_for_two_people_is_told_apart_by_its_words_and_one_paper_read_twice_is_not() {
        let filled = |more: &str| page(&format!("{HEAD}{BODY} ai sensi della legge 241/1990 e del DPR 445/2000 {more}"));
        let apart = |a: &str, b: &str| {
            let (a, b) = (filled(a), filled(b));
            assert_eq!(are_told_apart(&a, &b), are_told_apart(&b, &a));
            are_told_apart(&a, &b)
        };
        let rossi = "Mario Rossi pratica 87/2019 Roccamirta 12 marzo 2024";
        assert!(apart("Paolo Neri via Mazzini", "Giulia Costa piazza Cavour"), "names alone");
        let at_12 = |practice: &str| format!("via Garibaldi 12 {practice}");
        assert!(apart(rossi, "Mario Rossi pratica 91/2020 Roccamirta 13 marzo 2024"), "another practice, another day");
        assert!(apart(&at_12(rossi), &at_12("Mario Rossi pratica 91/2020 Roccamirta 13 marzo 2024")), "12 stands there twice");
        assert!(apart(&format!("{rossi} Garibaldi Torino geometra Bruni"), ""), "filled in, and empty");
        assert!(!apart(rossi, rossi));
        assert!(!apart(rossi, "Mari0 Rosi pratica 87/2019 Roccamlrta 12 marzo 2024"), "misread");
        assert!(!apart(rossi, "MarioRossi pra tica 87/2019 Rocca mirta 12 marzo 2024"), "in pieces");
        assert!(!apart(rossi, "Mario Rossi pratica 87/2019 Roccamirta 18 marzo 2024"), "one number misread");
        let mut unsure = filled("Paolo Bianchi pratica 44/2011 Pratola 30 aprile 1999");
        unsure.blocks[0].lines[0].words.iter_mut().for_each(|word| word.confidence = 40.0);
        assert!(missing(&said(&unsure), &said(&filled(rossi))).is_empty());
    }

    #[test]
    fn a_page_with_few_words_is_told_by_its_image() {
        let few = Likeness::of(&page("Tavola 3 prospetto nord"));
        assert!(few.needs_image() && few.keys().is_empty());
        assert!(!few.is_like(&few), "nothing tells");
    }

    /// A drawing of bars, some pixels further, with specks.
    fn drawing(seed: usize, shift: usize, specks: usize) -> Vec<u8> {
        let (width, height) = (340, 480);
        let mut gray = vec![255_u8; width * height];
        for n in 0..24_usize {
            let (x, y) = ((n * (37 + seed * 13)) % 250 + 20 + shift, (n * (53 + seed * 29)) % 380 + 20 + shift);
            for row in y..y + 40 {
                gray[row * width + x..row * width + x + 8 + n * 2].fill(20);
            }
        }
        for n in 0..specks {
            gray[(n * 7_919) % (width * height)] = 0;
        }
        gray
    }

    #[test]
    fn two_scans_of_a_drawing_are_alike_and_two_drawings_are_not() {
        let print = |gray: &[u8]| image_print(gray, (340, 480)).expect("a print");
        let like = |a: ImagePrint, b: ImagePrint| {
            let of = |image| Likeness { text: Vec::new(), numbers: BTreeSet::new(), image: Some(image) };
            (of(a).is_like(&of(b)), of(a).keys().iter().any(|key| of(b).keys().contains(key)))
        };
        let first = print(&drawing(0, 0, 0));
        assert_eq!(like(first, print(&drawing(0, 4, 60))), (true, true));
        assert!(!like(first, print(&drawing(1, 0, 0))).0);
        assert_eq!(image_print(&vec![255; 340 * 480], (340, 480)), None, "nothing is drawn");
        assert_eq!(image_print(&[0; 10], (340, 480)), None);
    }

    #[test]
    fn documents_are_alike_when_most_of_the_shorter_one_is() {
        let of = |text: &str| (Likeness::of(&page(text)), Some(page(text)));
        let (a, b, c) =
            (of(BODY), of(OTHER), of(&format!("{HEAD}{HEAD}uno due tre quattro cinque sei sette otto nove dieci undici")));
        assert!(are_alike(&[a.clone(), b.clone()], std::slice::from_ref(&a)));
        assert!(are_alike(&[a.clone(), b.clone()], &[a.clone(), c.clone()]));
        assert!(!are_alike(&[a.clone(), b, c.clone()], &[a, of("niente"), of("nulla")]), "one page of three");
        assert!(!are_alike(&[], &[c]));
    }
}
