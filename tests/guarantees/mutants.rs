//! Mutants of a valid XML document, made at random: what two schemas are asked to judge alike.

use std::ops::Range;

use conserva::schemas::Schema;

use crate::norms::{judge, say};

/// What a leaf may be told to say: empty, wrong or right values of the types that the norms use. No blank alone: before a
/// date libxml2 does not take it away, as the norm asks (XML Schema 2, 4.3.6).
const VALUES: &[&str] = &[
    "",
    "x",
    "0",
    "1",
    "-1",
    "9999",
    "10000",
    "true",
    "NO",
    "E",
    "2024-03-12",
    "2024-02-30",
    "2024-03-12T10:00:00Z",
    "0000123",
    "RSSMRA80A41H501U",
    "rssmra80a41h501u",
    "01234567890",
    "SHA-256",
    "Ylil",
    "Fascicolo",
    "Serie Documentale",
    "Mittente",
    "Rettifica",
    "a@b.example",
    "c_v000",
    "ProtocolloOrdinario\\ProtocolloEmergenza",
    "Fascicolo ",
    "à",
];

/// A fixed stream of numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % count.max(1)
    }
}

/// An element: all of it, and what stands between its tags.
#[derive(Debug, Clone)]
struct Element {
    all: Range<usize>,
    inner: Range<usize>,
}

/// The elements below the root, by a scan that our own well-formed documents are simple enough for.
fn elements(text: &str) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find('<').map(|i| at + i) {
        let end = start + text[start..].find('>').expect("a tag ends") + 1;
        let tag = &text[start..end];
        if tag.starts_with("</") {
            let (begin, inside) = open.pop().expect("a tag is open");
            if !open.is_empty() {
                elements.push(Element { all: begin..end, inner: inside..start });
            }
        } else if tag.ends_with("/>") {
            elements.push(Element { all: start..end, inner: end..end });
        } else if !tag.starts_with("<?") {
            open.push((start, end));
        }
        at = end;
    }
    elements
}

fn mutant(valid: &str, dice: &mut Dice) -> String {
    let mut text = valid.to_owned();
    for _ in 0..=dice.below(2) {
        let elements = elements(&text);
        let one = elements[dice.below(elements.len())].clone();
        let other = elements[dice.below(elements.len())].clone();
        let (whole, another) = (text[one.all.clone()].to_owned(), text[other.all.clone()].to_owned());
        match dice.below(6) {
            0 => text.replace_range(one.all, ""),
            1 => text.insert_str(one.all.end, &whole),
            2 => text.insert_str(other.all.start, &whole),
            3 => text.replace_range(one.inner, VALUES[dice.below(VALUES.len())]),
            4 if !one.inner.is_empty() && !text[one.inner.clone()].contains('<') => {
                text.replace_range(one.inner, VALUES[dice.below(VALUES.len())]);
            }
            4 => text.replace_range(one.all, &another),
            _ => text.insert_str(one.inner.start, VALUES[dice.below(VALUES.len())]),
        }
    }
    text
}

/// So many mutants of `valid`, from a seed.
pub(crate) fn mutants(valid: &str, count: usize, seed: u64) -> Vec<String> {
    let mut dice = Dice(seed);
    (0..count).map(|_| mutant(valid, &mut dice)).collect()
}

/// Ours and the official schema say the same of every mutant. 200 of them, or as many as `CONSERVA_CASES` says.
pub(crate) fn agree_at_random(schema: Schema, valid: &str) {
    let count = std::env::var("CONSERVA_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let mut dice = Dice(std::env::var("CONSERVA_DRILL_SEED").ok().and_then(|t| t.parse().ok()).unwrap_or(20_261_126));
    let seed = dice.0;
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..(count / 1_000_usize).max(1) {
        let texts: Vec<String> = (0..count.min(1_000)).map(|_| mutant(valid, &mut dice)).collect();
        let Some(official) = judge(schema, &texts) else { return };
        for (text, official) in texts.iter().zip(official) {
            let breaches = schema.breaches(text.as_bytes()).expect("compiles");
            // libxml2 skips marks that are no base64; the norm (XML Schema 2, 3.2.16) does not take them.
            if official && !breaches.is_empty() && breaches.iter().all(|breach| breach.contains("base64Binary")) {
                refused += 1;
                continue;
            }
            assert_eq!(breaches.is_empty(), official, "ours (left) and official differ, {schema:?}: {breaches:?}\n{text}");
            if official { taken += 1 } else { refused += 1 }
        }
    }
    say(&format!("{schema:?}: {taken} mutants at random taken by both and {refused} refused by both, seed {seed}"));
    assert!(taken > 0 && refused > 0);
}
