//! What must hold for sizes and model files of any kind, tried for a moment, or for as long as `CONSERVA_READER_SECONDS`
//! says; `CONSERVA_DRILL_SEED` gives other ones.

use std::time::{Duration, Instant};

use super::kernel::{Engine, Precision};
use super::model::Model;
use super::strip::COLUMNS_MAX;
use super::tests::{compare, installed};
use super::trial::{Dice, File};
use super::*;

#[expect(clippy::disallowed_methods, reason = "long proofs are asked for so")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn dice() -> Dice {
    Dice(number("CONSERVA_DRILL_SEED").unwrap_or(0x51_2e5).wrapping_mul(2).wrapping_add(1))
}

/// Until when to try.
fn end() -> Instant {
    Instant::now() + number("CONSERVA_READER_SECONDS").map_or(Duration::from_millis(1_500), Duration::from_secs)
}

#[test]
fn kernels_say_what_the_plain_network_says_for_layers_and_lines_of_any_size() {
    let (mut dice, end) = (dice(), end());
    let (mut networks, mut columns) = (0, 0);
    while networks < 2 || Instant::now() < end {
        let units = |dice: &mut Dice, most: usize| 4 * (1 + dice.below(most));
        // One network of few units reads the widest lines that there are; the others are wider, and their lines shorter.
        let is_first = networks == 0;
        let most = if is_first { 1 } else { 1 + dice.below(24) };
        let sizes = [0; 4].map(|_| units(&mut dice, most));
        let classes = 2 + dice.below(140);
        let network = dice.network([sizes[0], sizes[1], sizes[2], sizes[3], classes]);
        let widest = if is_first { COLUMNS_MAX } else { 2_000 / most };
        let count = if is_first { 0 } else { 1 + dice.below(40) };
        let mut widths: Vec<usize> = (0..count)
            .map(|_| {
                let most = 1 + dice.below(widest);
                1 + dice.below(most)
            })
            .collect();
        if is_first {
            widths.extend([1, 2, 3, COLUMNS_MAX - 1, COLUMNS_MAX]);
        }
        columns += widths.iter().sum::<usize>();
        let lines: Vec<LineImage> = widths.into_iter().map(|width| dice.line(width as u32, 12)).collect();
        compare(&network, &lines);
        networks += 1;
    }
    println!("{networks} networks, {columns} columns, kernels {:?}", Kernel::all());
}

/// A file with a few bytes changed, or cut, or with a piece of it elsewhere.
fn spoilt(file: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut file = file.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(file.len());
        // Heads of parts and counts stand where sizes are small: half of the changes go there.
        let at = if dice.below(2) == 0 { at % 400 } else { at };
        match dice.below(6) {
            0 => file.truncate(at.max(1)),
            1 => {
                let (from, count) = (dice.below(file.len()), dice.below(64));
                let piece: Vec<u8> = file[from..].iter().take(count).copied().collect();
                let room = file.len() - at.min(file.len());
                let count = piece.len().min(room);
                file[at..][..count].copy_from_slice(&piece[..count]);
            }
            2 => file[at] = [0, 127, 128, 255][dice.below(4)],
            _ => file[at] = dice.next() as u8,
        }
        if file.len() < 400 {
            break;
        }
    }
    file
}

#[test]
fn a_spoilt_model_file_is_an_error_or_a_model_that_reads() {
    let (mut dice, end) = (dice(), end());
    let line = dice.line(60, 40);
    let small = File::small().bytes();
    let files: Vec<Vec<u8>> = [Some(small), installed("ita"), installed("eng")].into_iter().flatten().collect();
    let engine = Engine::new(Kernel::best(), Precision::Exact);
    let (mut tried, mut read) = (0, 0);
    while tried < 200 || Instant::now() < end {
        let file = spoilt(&files[dice.below(files.len())], &mut dice);
        tried += 1;
        if dice.below(8) > 0 {
            read += u32::from(Model::parse(&file).is_ok());
            continue;
        }
        let Ok(language) = Language::of(&file, engine.form()) else { continue };
        let mut reader = Recogniser {
            languages: vec![language],
            engine: Engine::new(Kernel::best(), Precision::Exact),
            beam: Beam::default(),
        };
        for word in &reader.read(std::slice::from_ref(&line))[0].words {
            assert!(word.start <= word.end && (0.0..=100.0).contains(&word.confidence), "{word:?}");
        }
        read += 1;
    }
    println!("{tried} spoilt files, {read} of them still models");
    assert!(read > 0, "weights may have any value");
}
