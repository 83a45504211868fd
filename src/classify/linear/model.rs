//! What do the words weigh? One row of weights a feature, one column a label; logistic regression by small steps.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::bag::Bag;

/// Most features that a model keeps: at a hundred labels a hundred thousand rows are forty megabytes.
const ROWS_MAX: usize = 1 << 18;
/// Size of the first step of each feature; later ones shrink with what it has learned.
const STEP: f32 = 0.8;
/// Pull of all weights towards nothing, for each time that they are used.
const DECAY: f32 = 1e-6;
/// Passes over few examples; over many, fewer will do.
const PASSES_MAX: usize = 12;
/// Examples seen, all passes together, at which a model has learned what it can.
const VISITS: usize = 60_000;

/// Features are hashes already.
#[derive(Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }
    fn write_u32(&mut self, value: u32) {
        // The table's buckets go by the low bits, its tags by the high ones.
        self.0 = u64::from(value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

pub(super) type Places = HashMap<u32, u32, BuildHasherDefault<AsIs>>;

/// The right labels of an example, by their places among a model's labels.
pub type Labels = Vec<u16>;

/// A text with its right labels; one is enough to be right.
#[derive(Debug, Clone)]
pub struct Example {
    /// Its features.
    pub bag: Bag,
    /// Its labels.
    pub labels: Labels,
}

/// A learned voice.
#[derive(Clone, Default)]
pub struct Model {
    pub(super) labels: Vec<String>,
    pub(super) places: Places,
    /// Features by place.
    pub(super) features: Vec<u32>,
    /// Documents that have the feature.
    pub(super) having: Vec<u32>,
    /// What the feature has learned so far: the sum of the squares of its steps.
    pub(super) learned: Vec<f32>,
    /// One row a feature, one column a label.
    pub(super) weights: Vec<f32>,
    pub(super) bias: Vec<f32>,
    /// Examples that it has seen.
    pub(super) seen: u64,
    /// By how much its scores are divided before they become confidences.
    pub(super) temperature: f32,
}

/// An example as a row of places and worths.
struct Row {
    words: Vec<(u32, f32)>,
    labels: Labels,
}

impl Model {
    /// A model of those labels that knows nothing.
    pub fn new(labels: Vec<String>) -> Self {
        let bias = vec![0.0; labels.len()];
        Self { labels, bias, temperature: 1.0, ..Self::default() }
    }

    /// Its labels.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// How many examples it has seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// How many features it weighs.
    pub fn size(&self) -> usize {
        self.features.len()
    }

    /// The place of a label, given one if it is new.
    pub fn label(&mut self, name: &str) -> u16 {
        if let Some(at) = self.labels.iter().position(|label| label == name) {
            return at as u16;
        }
        let old = self.labels.len();
        let mut wider = Vec::with_capacity(self.features.len() * (old + 1));
        for row in self.weights.chunks_exact(old.max(1)) {
            wider.extend_from_slice(row);
            wider.push(0.0);
        }
        if old == 0 {
            wider = vec![0.0; self.features.len()];
        }
        self.weights = wider;
        self.bias.push(0.0);
        self.labels.push(name.to_owned());
        old as u16
    }

    /// Learns from `examples`, after all that it knows already. Their order counts.
    pub fn learn(&mut self, examples: &[Example]) {
        self.meet(examples);
        let rows: Vec<Row> = examples
            .iter()
            .map(|example| Row { words: self.worths(&example.bag), labels: example.labels.clone() })
            .filter(|row| !row.labels.is_empty())
            .collect();
        if rows.is_empty() {
            return;
        }
        let passes = (VISITS / rows.len()).clamp(2, PASSES_MAX);
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        let mut dice = Dice(0x5eed);
        let mut scores = vec![0.0; self.labels.len()];
        for _ in 0..passes {
            dice.shuffle(&mut order);
            for &at in &order {
                if let Some(row) = rows.get(at as usize) {
                    self.step(row, &mut scores);
                }
            }
        }
    }

    /// Counts who has which feature, and gives new features a row while there is room.
    fn meet(&mut self, examples: &[Example]) {
        self.seen += examples.len() as u64;
        // What stands in one paper only is its own affair: a name, a misreading. Few examples are another matter.
        let least = if examples.len() > 2_000 { 2 } else { 1 };
        let mut met: Places = Places::default();
        for (feature, _) in examples.iter().flat_map(|example| &example.bag.0) {
            match self.places.get(feature).and_then(|&place| self.having.get_mut(place as usize)) {
                Some(having) => *having += 1,
                None => *met.entry(*feature).or_default() += 1,
            }
        }
        for (feature, _) in examples.iter().flat_map(|example| &example.bag.0) {
            let Some(count) = met.get(feature).copied().filter(|&count| count >= least) else { continue };
            if self.features.len() < ROWS_MAX && !self.places.contains_key(feature) {
                self.places.insert(*feature, self.features.len() as u32);
                self.features.push(*feature);
                self.having.push(count);
                self.learned.push(1.0);
                self.weights.resize(self.features.len() * self.labels.len(), 0.0);
            }
        }
    }

    /// The features of a bag that it knows, each with its worth; together of length one.
    fn worths(&self, bag: &Bag) -> Vec<(u32, f32)> {
        let all = self.seen as f32;
        let known = bag.0.iter().filter_map(|(feature, count)| {
            let place = *self.places.get(feature)?;
            let having = *self.having.get(place as usize)? as f32;
            Some((place, (1.0 + count.ln()) * (1.0 + ((all + 1.0) / (having + 1.0)).ln())))
        });
        let mut worths: Vec<(u32, f32)> = known.collect();
        let length = worths.iter().map(|(_, worth)| worth * worth).sum::<f32>().sqrt();
        if length > 0.0 {
            for (_, worth) in &mut worths {
                *worth /= length;
            }
        }
        worths
    }

    fn row(&self, place: u32) -> &[f32] {
        let width = self.labels.len();
        self.weights.get(place as usize * width..(place as usize + 1) * width).unwrap_or(&[])
    }

    fn score(&self, words: &[(u32, f32)], scores: &mut [f32]) {
        scores.copy_from_slice(&self.bias);
        for (place, worth) in words {
            for (score, weight) in scores.iter_mut().zip(self.row(*place)) {
                *score += weight * worth;
            }
        }
    }

    /// One step towards saying the right labels of one example.
    fn step(&mut self, row: &Row, scores: &mut [f32]) {
        self.score(&row.words, scores);
        soften(scores, 1.0);
        // Of several right labels each takes the share that the model gives it already, and a little of equality.
        let given: f32 = row.labels.iter().filter_map(|&label| scores.get(label as usize)).sum();
        let count = row.labels.len() as f32;
        let share = |p: f32| if given > 0.0 { 0.5 * p / given + 0.5 / count } else { 1.0 / count };
        for label in &row.labels {
            if let Some(score) = scores.get_mut(*label as usize) {
                *score -= share(*score);
            }
        }
        let size: f32 = scores.iter().map(|error| error * error).sum();
        if size < 1e-8 {
            return;
        }
        let width = scores.len();
        for (place, worth) in &row.words {
            let at = *place as usize;
            let Some(learned) = self.learned.get_mut(at) else { continue };
            *learned += size * worth * worth;
            let step = STEP * 8.0 * worth / learned.sqrt();
            let Some(weights) = self.weights.get_mut(at * width..(at + 1) * width) else { continue };
            for (weight, error) in weights.iter_mut().zip(scores.iter()) {
                *weight -= step * error + DECAY * *weight;
            }
        }
        for (bias, error) in self.bias.iter_mut().zip(scores.iter()) {
            *bias -= 0.02 * error;
        }
    }

    /// All labels with their confidence, the surest first; confidences sum to one.
    pub fn ranked(&self, bag: &Bag) -> Vec<(usize, f32)> {
        let mut scores = vec![0.0; self.labels.len()];
        self.score(&self.worths(bag), &mut scores);
        soften(&mut scores, self.temperature);
        let mut ranked: Vec<(usize, f32)> = scores.into_iter().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked
    }

    /// The features of a bag that speak for a label against the others, the heaviest first.
    pub fn reasons(&self, bag: &Bag, label: usize) -> Vec<(u32, f32)> {
        let mean = |row: &[f32]| row.iter().sum::<f32>() / row.len().max(1) as f32;
        let worth = |(place, worth): (u32, f32)| {
            let row = self.row(place);
            let feature = *self.features.get(place as usize)?;
            Some((feature, worth * (row.get(label)? - mean(row))))
        };
        let mut reasons: Vec<(u32, f32)> =
            self.worths(bag).into_iter().filter_map(worth).filter(|(_, speaks)| *speaks > 0.0).collect();
        reasons.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        reasons
    }

    /// Finds the temperature at which confidences of `examples`, which it has not learned from, are most honest.
    pub fn temper(&mut self, examples: &[Example]) {
        let mut best = (f64::MAX, self.temperature);
        for tenth in 2..=60_u8 {
            let temperature = f32::from(tenth) / 20.0;
            let surprise: f64 = examples.iter().map(|example| self.surprise(example, temperature)).sum();
            if surprise < best.0 {
                best = (surprise, temperature);
            }
        }
        self.temperature = best.1;
    }

    fn surprise(&self, example: &Example, temperature: f32) -> f64 {
        let mut scores = vec![0.0; self.labels.len()];
        self.score(&self.worths(&example.bag), &mut scores);
        soften(&mut scores, temperature);
        let right: f32 = example.labels.iter().filter_map(|&label| scores.get(label as usize)).sum();
        -f64::from(right.max(1e-9).ln())
    }

    /// By how much its scores are divided.
    pub fn temperature(&self) -> f32 {
        self.temperature
    }

    /// Sets by how much its scores are divided.
    pub fn set_temperature(&mut self, temperature: f32) {
        self.temperature = temperature.clamp(0.05, 20.0);
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a model of {} labels, {} features, {} examples", self.labels.len(), self.features.len(), self.seen)
    }
}

/// Scores become shares of one.
fn soften(scores: &mut [f32], temperature: f32) {
    let highest = scores.iter().copied().fold(f32::MIN, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = ((*score - highest) / temperature).exp();
        sum += *score;
    }
    for score in scores.iter_mut() {
        *score /= sum;
    }
}

/// Chance that falls the same way every time.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides.max(1)
    }

    fn shuffle(&mut self, order: &mut [u32]) {
        for at in (1..order.len()).rev() {
            order.swap(at, self.throw(at + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(model: &mut Model, texts: &[(&str, &str)]) -> Vec<Example> {
        texts.iter().map(|(label, text)| Example { bag: Bag::of("", text), labels: vec![model.label(label)] }).collect()
    }

    const TEXTS: &[(&str, &str)] = &[
        ("multa", "verbale di accertamento violazione codice della strada veicolo targa"),
        ("multa", "il veicolo sostava in divieto, sanzione e punti patente"),
        ("nido", "domanda di iscrizione al nido del bambino, genitore"),
        ("nido", "il genitore chiede il posto al nido per il figlio"),
    ];

    #[test]
    fn it_knows_again_what_it_has_learned_and_the_reasons_are_its_words() {
        let mut model = Model::new(Vec::new());
        let examples = examples(&mut model, TEXTS);
        model.learn(&examples);
        let bag = Bag::of("", "violazione del codice della strada con un veicolo");
        let ranked = model.ranked(&bag);
        assert_eq!(model.labels()[ranked[0].0], "multa");
        assert!(ranked[0].1 > 0.5 && (ranked.iter().map(|r| r.1).sum::<f32>() - 1.0).abs() < 1e-4);
        let words = super::super::spelled("violazione del codice della strada con un veicolo");
        let first = model.reasons(&bag, ranked[0].0)[0].0;
        assert!(words.iter().any(|(feature, _)| *feature == first));
    }

    #[test]
    fn the_same_examples_give_the_same_model_to_the_byte() {
        let make = || {
            let mut model = Model::new(Vec::new());
            let examples = examples(&mut model, TEXTS);
            model.learn(&examples);
            model.to_bytes()
        };
        assert_eq!(make(), make());
    }

    #[test]
    fn a_label_that_comes_later_is_learned_beside_the_others() {
        let mut model = Model::new(Vec::new());
        let first = examples(&mut model, TEXTS);
        model.learn(&first);
        let later = examples(&mut model, &[("salma", "trasporto di salma e feretro al cimitero"); 3]);
        model.learn(&later);
        let best = |text: &str| model.labels()[model.ranked(&Bag::of("", text))[0].0].clone();
        assert_eq!(best("il feretro con la salma"), "salma");
        assert_eq!(best("iscrizione al nido del bambino"), "nido");
    }

    #[test]
    fn of_a_text_without_known_words_no_label_is_sure() {
        let mut model = Model::new(Vec::new());
        let examples = examples(&mut model, TEXTS);
        model.learn(&examples);
        assert!(model.ranked(&Bag::of("", "xyz")).iter().all(|(_, confidence)| *confidence < 0.7));
    }
}
