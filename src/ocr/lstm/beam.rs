//! Which text do the certainties mean? The best path through them, a few at a time: every character is a run of steps,
//! nothing may stand between, and words of the dictionaries cost less than others.
//!
//! The price of a step is the logarithm of its certainty, a little more for each; outside of the dictionaries it is
//! [`FREE`] times as much. These are the prices that the models' confidences are counted in.

use super::dictionary::{Dictionary, State};
use super::model::{BLANK, Charset};
use super::trace::Trace;

/// How much dearer a step is outside of the dictionaries.
const FREE: f32 = 2.25;
/// What each step costs besides.
const STEP: f32 = -0.085;
/// The least logarithm that is told from others.
const WORST: f32 = -20.0;
/// A word with a worse step is not one of the dictionaries.
const WORST_KNOWN: f32 = -25.0 / 7.0;
/// Paths followed at a time, of each kind.
const PATHS: usize = 6;
/// The first classes of a step, whose certainty may be shared with "nothing" between characters.
const TOP: usize = 2;
/// Paths that are so much behind the best of their kind are given up.
const BEHIND: f32 = 15.0;
/// Classes of a step that are thought of.
const TRIED: usize = 5;

/// One character of the text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Letter {
    /// Number among the model's characters.
    pub(super) character: u16,
    /// Its class.
    pub(super) class: u16,
    /// First step of its run, and the one after its last.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Worst price in its run and in what is before it.
    pub(super) certainty: f32,
    /// True inside a word of the dictionaries.
    pub(super) is_known: bool,
}

/// What may follow the last step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Anything,
    /// The run must go on: its first step was shared with "nothing".
    Same,
    /// The run has ended: its last step was shared with "nothing".
    Other,
}

/// Where a path stands in the dictionaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// In a word of theirs, which may end here or not.
    Known(State, bool),
    /// In any other.
    Free,
}

#[derive(Debug, Clone, Copy)]
struct Path {
    score: f32,
    /// The letter that is being written, or was last; none at the beginning.
    letter: Option<Letter>,
    /// Last letter before that one, in the store of letters.
    before: u32,
    /// True where the last step is "nothing".
    is_null: bool,
    then: Then,
    word: Word,
    /// The worst price since the last letter, in "nothing".
    gap: f32,
    /// Tells texts apart.
    text: u64,
}

/// The reader of certainties, with its memory.
#[derive(Debug, Default)]
pub(super) struct Beam {
    letters: Vec<(u32, Letter)>,
    known: Vec<Path>,
    free: Vec<Path>,
    next: [Vec<Path>; 2],
}

const NONE: u32 = u32::MAX;

impl Beam {
    /// The letters of the best text.
    pub(super) fn letters(&mut self, trace: &Trace, charset: &Charset, mut dictionary: Option<&mut Dictionary>) -> Vec<Letter> {
        self.letters.clear();
        self.known.clear();
        self.free.clear();
        let start =
            |word| Path { score: 0.0, letter: None, before: NONE, is_null: true, then: Then::Anything, word, gap: 0.0, text: 0 };
        self.free.push(start(Word::Free));
        if let Some(dictionary) = dictionary.as_deref_mut() {
            dictionary.tidy();
            self.known.push(start(Word::Known(Dictionary::START, true)));
        }
        for step in 0..trace.len() {
            let offers = Offers::of(trace.at(step), charset);
            self.extend(step, &offers, dictionary.as_deref_mut());
        }
        self.best()
    }

    fn extend(&mut self, step: usize, offers: &Offers, mut dictionary: Option<&mut Dictionary>) {
        let mut next = std::mem::take(&mut self.next);
        next.iter_mut().for_each(Vec::clear);
        let paths = [std::mem::take(&mut self.known), std::mem::take(&mut self.free)];
        for family in &paths {
            let best = family.iter().map(|path| path.score).fold(f32::MIN, f32::max);
            for path in family.iter().filter(|path| path.score > best - BEHIND) {
                Self::nothing(path, offers, &mut next);
                Self::same(path, (step, offers), &mut next);
                self.other(path, (step, offers), dictionary.as_deref_mut(), &mut next);
            }
        }
        self.next = paths;
        let [known, free] = next;
        (self.known, self.free) = (known, free);
    }

    /// Nothing is written at this step.
    fn nothing(path: &Path, offers: &Offers, next: &mut [Vec<Path>; 2]) {
        if path.then == Then::Same {
            return;
        }
        let Some(price) = offers.null.of(path.word) else { return };
        put(next, Path { score: path.score + price, is_null: true, then: Then::Anything, gap: path.gap.min(price), ..*path });
    }

    /// The last letter goes on.
    fn same(path: &Path, (step, offers): (usize, &Offers), next: &mut [Vec<Path>; 2]) {
        let Some(letter) = path.letter.filter(|_| !path.is_null && path.then != Then::Other) else { return };
        let Some(offer) = offers.classes.iter().flatten().find(|offer| offer.class == letter.class) else { return };
        let goes_on = |price: Price, then| {
            let price = price.of(path.word)?;
            let letter = Letter { end: step + 1, certainty: letter.certainty.min(price), ..letter };
            Some(Path { score: path.score + price, letter: Some(letter), then, ..*path })
        };
        if let Some(path) = goes_on(offer.price, Then::Anything) {
            put(next, path);
        }
        if path.then == Then::Anything
            && let Some(path) = offer.shared.and_then(|price| goes_on(price, Then::Other))
        {
            put(next, path);
        }
    }

    /// Another letter begins.
    fn other(
        &mut self,
        path: &Path,
        (step, offers): (usize, &Offers),
        mut dictionary: Option<&mut Dictionary>,
        next: &mut [Vec<Path>; 2],
    ) {
        if path.then == Then::Same {
            return;
        }
        let mut before = None;
        for offer in offers.classes.iter().flatten() {
            let is_running = path.letter.is_some_and(|letter| !path.is_null && letter.class == offer.class);
            let Some(character) = offer.character.filter(|_| !is_running) else { continue };
            for word in words_after(path.word, character, dictionary.as_deref_mut()).into_iter().flatten() {
                let is_free = path.word == Word::Free && word == Word::Free;
                let dearer = if is_free { Word::Free } else { Word::Known(Dictionary::START, true) };
                // Before a blank, a doubt belongs to the word that ends there; at a new beginning to nobody.
                let is_blank = character == BLANK;
                let kept = if is_blank && (is_free || path.word != Word::Free) {
                    self.keep(path, path.gap)
                } else {
                    *before.get_or_insert_with(|| self.keep(path, 0.0))
                };
                let is_known = word != Word::Free;
                let text = (path.text ^ (u64::from(offer.class) + 1)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
                for (price, then) in [(Some(offer.price), Then::Anything), (offer.shared, Then::Same)] {
                    let Some(price) = price.and_then(|price| price.of(dearer)) else { continue };
                    let certainty = if is_blank { price } else { path.gap.min(price) };
                    let letter = Letter { character, class: offer.class, start: step, end: step + 1, certainty, is_known };
                    let score = path.score + price;
                    put(next, Path { score, letter: Some(letter), before: kept, is_null: false, then, word, gap: 0.0, text });
                }
            }
        }
    }

    /// Puts the path's letter to the store.
    fn keep(&mut self, path: &Path, gap: f32) -> u32 {
        let Some(letter) = path.letter else { return NONE };
        self.letters.push((path.before, Letter { certainty: letter.certainty.min(gap), ..letter }));
        self.letters.len() as u32 - 1
    }

    fn best(&self) -> Vec<Letter> {
        let known = self.known.iter().filter(|path| matches!(path.word, Word::Known(_, true)));
        let whole = known.chain(&self.free).filter(|path| path.then != Then::Same);
        let Some(best) = whole.max_by(|a, b| a.score.total_cmp(&b.score)) else { return Vec::new() };
        let mut letters: Vec<Letter> = best.letter.into_iter().collect();
        if let Some(letter) = letters.first_mut() {
            letter.certainty = letter.certainty.min(best.gap);
        }
        let mut at = best.before;
        while let Some((before, letter)) = self.letters.get(at as usize) {
            letters.push(*letter);
            at = *before;
        }
        letters.reverse();
        letters
    }
}

/// Price of a step inside the dictionaries; outside it is dearer.
#[derive(Debug, Clone, Copy)]
struct Price(f32);

impl Price {
    fn new(certainty: f32) -> Self {
        Self(certainty.min(1.0).ln().max(WORST) + STEP)
    }

    /// None where a word of the dictionaries must not have it.
    fn of(self, word: Word) -> Option<f32> {
        if word == Word::Free { Some(self.0 * FREE) } else { (self.0 >= WORST_KNOWN).then_some(self.0) }
    }
}

/// A class that a step may be.
#[derive(Debug, Clone, Copy)]
struct Offer {
    class: u16,
    character: Option<u16>,
    price: Price,
    /// With the certainty of "nothing", where the class is among the first.
    shared: Option<Price>,
}

/// What a step may be.
#[derive(Debug)]
struct Offers {
    null: Price,
    classes: [Option<Offer>; TRIED],
}

impl Offers {
    fn of((null, classes): (f32, &[(u16, f32)]), charset: &Charset) -> Self {
        let mut offers = Self { null: Price::new(null), classes: [None; TRIED] };
        for (at, ((class, certainty), offer)) in classes.iter().zip(&mut offers.classes).enumerate() {
            let character = charset.of_class.get(usize::from(*class)).copied().flatten();
            let shared = (at < TOP).then(|| Price::new(certainty + null));
            *offer = Some(Offer { class: *class, character, price: Price::new(*certainty), shared });
        }
        offers
    }
}

/// Where the dictionaries stand after one more character.
fn words_after(word: Word, character: u16, dictionary: Option<&mut Dictionary>) -> [Option<Word>; 2] {
    let start = Word::Known(Dictionary::START, true);
    match (word, character) {
        (Word::Known(_, is_end), BLANK) => {
            if is_end {
                [Some(start), Some(Word::Free)]
            } else {
                [None, None]
            }
        }
        (Word::Known(state, _), _) => {
            let step = dictionary.and_then(|dictionary| dictionary.step(state, character));
            [step.map(|(state, is_end)| Word::Known(state, is_end)), None]
        }
        (Word::Free, BLANK) => [Some(Word::Free), dictionary.map(|_| start)],
        (Word::Free, _) => [Some(Word::Free), None],
    }
}

/// Puts a path among the best, one of each text and place.
fn put([known, free]: &mut [Vec<Path>; 2], path: Path) {
    let list = if path.word == Word::Free { free } else { known };
    let is_same = |other: &Path| {
        other.text == path.text && other.is_null == path.is_null && other.then == path.then && other.word == path.word
    };
    if let Some(other) = list.iter_mut().find(|other| is_same(other)) {
        if other.score < path.score {
            *other = path;
        }
        return;
    }
    let rivals = list.iter().enumerate().filter(|(_, other)| other.then == path.then);
    let (mut count, mut worst) = (0, None::<(usize, f32)>);
    for (at, rival) in rivals {
        count += 1;
        if worst.is_none_or(|(_, score)| rival.score < score) {
            worst = Some((at, rival.score));
        }
    }
    match worst {
        Some((at, score)) if count >= PATHS => {
            if score < path.score {
                list[at] = path;
            }
        }
        _ => list.push(path),
    }
}
