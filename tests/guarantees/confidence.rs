//! Does a confidence mean what it says? Of the words read with one, as large a share is right as of those that Tesseract is as
//! sure of; and surer words are more often right.
//!
//! Read are pages of the samples drawn smaller, so that there are doubtful words; the truth is what
//! `scripts/make-samples` wrote on them.

use std::collections::BTreeMap;
use std::path::Path;

use conserva::page::Engine;

use super::native::readers;
use super::stage::repository;

const PAGES: [&str; 3] = ["06 fattura ferramenta.jpg", "07 stato di famiglia.png", "16 iscrizione nido.jpg"];
/// Shares of their size at which pages are read.
const SIZES: [f32; 2] = [0.62, 0.5];
/// Upper ends of the bins of confidence: doubtful words and others. Finer ones, on more pages, are what `benches/reading.rs` prints.
const BINS: [f32; 2] = [90.0, 101.0];
/// Words that a bin needs for its share to say something, and how far the shares of two engines may lie apart.
const ENOUGH: u32 = 40;
const APART: f64 = 0.2;

type Table = [(u32, u32); BINS.len()];

/// Words and right ones, bin by bin.
fn table(engine: Engine, folder: &Path) -> Table {
    let truth = std::fs::read(repository().join("tests/fixtures/samples-words.json")).expect("the words of the samples");
    let truth: BTreeMap<String, String> = serde_json::from_slice(&truth).expect("JSON");
    let readers = readers(engine, folder);
    let mut table = Table::default();
    for name in PAGES {
        let page = image::open(repository().join("samples/documenti").join(name)).expect("a page").to_luma8();
        for size in SIZES {
            let (width, height) = ((page.width() as f32 * size) as u32, (page.height() as f32 * size) as u32);
            // A child keeps the file open that it read last: every page has a name of its own.
            let path = folder.join(format!("{size}-{name}.png"));
            image::imageops::resize(&page, width, height, image::imageops::FilterType::Triangle).save(&path).expect("saved");
            let surveys = readers.survey(&path, "image/png").expect("a survey");
            let read = readers.read(&path, "image/png", &surveys[0]).expect("a page");
            let mut left: BTreeMap<&str, u32> = BTreeMap::new();
            for word in truth[name].split_whitespace() {
                *left.entry(word).or_default() += 1;
            }
            for word in read.text.lines().flat_map(|line| &line.words) {
                let is_right = left.get_mut(word.text.as_str()).filter(|left| **left > 0).map(|left| *left -= 1).is_some();
                let bin = BINS.iter().position(|end| word.confidence < *end).expect("a bin");
                table[bin].0 += 1;
                table[bin].1 += u32::from(is_right);
            }
            std::fs::remove_file(&path).expect("removed");
        }
    }
    table
}

#[test]
fn as_large_a_share_of_our_words_is_right_as_of_those_that_tesseract_is_as_sure_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = (table(Engine::Native, folder.path()), table(Engine::Tesseract, folder.path()));
    let share = |(words, right): (u32, u32)| f64::from(right) / f64::from(words.max(1));
    let mut compared = 0;
    for (at, (ours, theirs)) in ours.into_iter().zip(theirs).enumerate() {
        println!(
            "under {:>3}: ours {:.3} of {:>4}, theirs {:.3} of {:>4}",
            BINS[at],
            share(ours),
            ours.0,
            share(theirs),
            theirs.0
        );
        if ours.0.min(theirs.0) >= ENOUGH {
            compared += 1;
            assert!((share(ours) - share(theirs)).abs() <= APART, "under {}: {ours:?} and {theirs:?}", BINS[at]);
        }
    }
    assert!(compared >= 2, "too few words to say anything: {ours:?}, {theirs:?}");
    let rising: Vec<f64> = ours.into_iter().filter(|(words, _)| *words >= ENOUGH).map(share).collect();
    assert!(rising.is_sorted(), "surer words are more often right: {rising:?}");
    assert!(rising.last().is_some_and(|sure| *sure > 0.95), "{rising:?}");
}
