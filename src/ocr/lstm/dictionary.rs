//! May this word go on so? The model's dictionaries followed letter by letter: punctuation, then a word or a number, then
//! punctuation.
//!
//! All ways of reading a word so far are one state; states and the steps between them are remembered, since the same
//! words come again and again.

use std::collections::HashMap;

use super::model::{Dawg, Model};

/// Most ways of reading one beginning that are followed.
const WAYS_MAX: usize = 8;
/// Most states that are remembered; a page needs some ten thousand.
const STATES_MAX: usize = 1 << 17;

/// Number of a state; [`Dictionary::START`] is a word's beginning.
pub(super) type State = u32;

/// One way of reading the letters so far. A node is the number of its first edge; none is where nothing follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Way {
    /// Still before the word: a node of the punctuation.
    Before(u32),
    /// Inside a word or a number.
    Inside { is_number: bool, node: Option<u32>, is_end: bool, after: Option<u32>, is_bare_end: bool },
    /// In the punctuation after the word.
    After(Option<u32>),
}

/// The dictionaries of a model and the states met.
#[derive(Debug)]
pub(super) struct Dictionary {
    punctuation: Dawg,
    words: Option<Dawg>,
    numbers: Option<Dawg>,
    is_digit: Vec<bool>,
    numbers_of: HashMap<Vec<Way>, State>,
    states: Vec<Vec<Way>>,
    steps: HashMap<(State, u16), Option<(State, bool)>>,
}

impl Dictionary {
    /// Where every word begins.
    pub(super) const START: State = 0;

    /// The dictionary of a model; none where it has no words or no punctuation.
    pub(super) fn of(model: &Model) -> Option<Self> {
        let punctuation = model.punctuation.clone()?;
        model.words.as_ref().or(model.numbers.as_ref())?;
        let mut dictionary = Self {
            punctuation,
            words: model.words.clone(),
            numbers: model.numbers.clone(),
            is_digit: model.charset.chars.iter().map(|char| char.is_digit).collect(),
            numbers_of: HashMap::new(),
            states: Vec::new(),
            steps: HashMap::new(),
        };
        dictionary.forget();
        Some(dictionary)
    }

    /// Forgets states where there are too many; only between lines, since numbers of states lose their meaning.
    pub(super) fn tidy(&mut self) {
        if self.states.len() > STATES_MAX || self.steps.len() > 4 * STATES_MAX {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.numbers_of.clear();
        self.states.clear();
        self.steps.clear();
        self.state(vec![Way::Before(0)]);
    }

    fn state(&mut self, ways: Vec<Way>) -> State {
        if let Some(state) = self.numbers_of.get(&ways) {
            return *state;
        }
        let state = self.states.len() as State;
        self.states.push(ways.clone());
        self.numbers_of.insert(ways, state);
        state
    }

    /// The state after one more character, and whether the word may end with it.
    pub(super) fn step(&mut self, state: State, character: u16) -> Option<(State, bool)> {
        if let Some(step) = self.steps.get(&(state, character)) {
            return *step;
        }
        let step = self.step_anew(state, character);
        self.steps.insert((state, character), step);
        step
    }

    fn step_anew(&mut self, state: State, character: u16) -> Option<(State, bool)> {
        let mut next = Vec::new();
        let mut is_end = false;
        for way in self.states.get(state as usize)? {
            self.follow(*way, character, (&mut next, &mut is_end));
        }
        next.sort_unstable();
        next.dedup();
        next.truncate(WAYS_MAX);
        if next.is_empty() { None } else { Some((self.state(next), is_end)) }
    }

    /// Where one way of reading leads with one more character.
    fn follow(&self, way: Way, character: u16, (next, is_end): (&mut Vec<Way>, &mut bool)) {
        /// In a dictionary of punctuation, the edge that stands for the word; in one of numbers, for any digit.
        const PATTERN: u16 = 0;
        match way {
            Way::Before(node) => {
                if let Some(word) = self.punctuation.step(node, PATTERN) {
                    for (is_number, dawg) in [(false, &self.words), (true, &self.numbers)] {
                        let Some(step) = dawg.as_ref().and_then(|dawg| dawg.step(0, self.letter(is_number, character))) else {
                            continue;
                        };
                        let inside = Way::Inside {
                            is_number,
                            node: step.next,
                            is_end: step.is_end,
                            after: word.next,
                            is_bare_end: word.is_end,
                        };
                        next.push(inside);
                        *is_end |= step.is_end && word.is_end;
                    }
                }
                if let Some(step) = self.punctuation.step(node, character) {
                    next.extend(step.next.map(Way::Before));
                    *is_end |= step.is_end;
                    if step.next.is_none() {
                        next.push(Way::After(None));
                    }
                }
            }
            Way::Inside { is_number, node, is_end: was_end, after, is_bare_end } => {
                if was_end && let Some(step) = after.and_then(|after| self.punctuation.step(after, character)) {
                    next.push(Way::After(step.next));
                    *is_end |= step.is_end;
                }
                let dawg = if is_number { &self.numbers } else { &self.words };
                let letter = self.letter(is_number, character);
                if let Some(step) = dawg.as_ref().zip(node).and_then(|(dawg, node)| dawg.step(node, letter)) {
                    next.push(Way::Inside { is_number, node: step.next, is_end: step.is_end, after, is_bare_end });
                    *is_end |= step.is_end && is_bare_end;
                }
            }
            Way::After(node) => {
                if let Some(step) = node.and_then(|node| self.punctuation.step(node, character)) {
                    next.push(Way::After(step.next));
                    *is_end |= step.is_end;
                }
            }
        }
    }

    fn letter(&self, is_number: bool, character: u16) -> u16 {
        let is_digit = is_number && self.is_digit.get(usize::from(character)).copied().unwrap_or(false);
        if is_digit { 0 } else { character }
    }
}
