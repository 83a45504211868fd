//! How long does the learned voice take, and how right is it? Training on many documents, time per document of reading and
//! filing, and the Family Audit texts (fold by fold: `row % 5`) where the shared material is.

#![expect(clippy::print_stdout, reason = "a bench says what it measures")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use conserva::classify::{self, Context, Experience, Lesson};
use conserva::document::DocumentId;
use conserva::ente::Ente;
use conserva::page::{Block, Line, PageText, Rect, Word};
use conserva::titolario::Titolario;
use conserva::{extract, limits};
use conserva_linear::{Bag, Example, Model, Seed, Split};

fn main() {
    training(100_000);
    each_document();
    family_audit();
}

/// Peak resident memory of this process, MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Documents of the seed corpus with words of their own added, as names and places are: half of all words are seldom ones.
fn training(count: usize) {
    let seed = Seed::parse(include_str!("../schemas/seed-corpus.txt")).expect("the seed corpus");
    let (tipi, _) = seed.codes();
    let drawn = count / tipi.len();
    let written = seed.documents(Split::Taught, (drawn, 3));
    let before = peak_mib();
    let start = Instant::now();
    let lessons: Vec<Lesson> = written
        .iter()
        .cycle()
        .take(count)
        .zip(0_u64..)
        .map(|(w, n)| {
            let names: Vec<String> = (0..40).map(|i| letters((n * 40 + i) * 2_654_435_761 % 60_000)).collect();
            let names = names.join(" nome");
            Lesson::written(&w.heading, &format!("{}\n{names}", w.text), (&w.tipo, &w.voce))
        })
        .collect();
    let bags = start.elapsed();
    let mut experience = Experience::default();
    let start = Instant::now();
    experience.learn(&lessons);
    println!(
        "training on {} documents: features {:.1} s, learning {:.1} s, peak {} MiB (before {before}), {} MiB as bytes",
        lessons.len(),
        bags.as_secs_f64(),
        start.elapsed().as_secs_f64(),
        peak_mib(),
        experience.to_bytes().len() >> 20
    );
}

/// A number as letters: figures are no words to the model.
fn letters(mut n: u64) -> String {
    let mut word = String::new();
    for _ in 0..5 {
        word.push(char::from(b'a' + (n % 26) as u8));
        n /= 26;
    }
    word
}

fn plain(text: &str) -> PageText {
    let line = |(text, row): (&str, u32)| {
        let mut x = 200 + (text.len() - text.trim_start().len()) as u32 * 20;
        let words = text.split_whitespace().map(|word| {
            let rect = Rect { x, y: 100 + row * 60, w: word.chars().count() as u32 * 20, h: 40 };
            x += rect.w + 20;
            Word { text: word.to_owned(), rect, confidence: 93.0, alternatives: Vec::new() }
        });
        Line { words: words.collect() }
    };
    let lines = text.lines().zip(0..).map(line).filter(|line| !line.words.is_empty()).collect();
    PageText { n: 1, width: 2480, height: 3508, origin: "tesseract".into(), rotation: 0, blocks: vec![Block { lines }] }
}

/// Reading and filing of the texts of tests/fixtures/filing, and identifying of the samples.
fn each_document() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/filing");
    let mut texts: Vec<PageText> = Vec::new();
    for entry in std::fs::read_dir(folder).expect("fixtures").flatten() {
        let whole = std::fs::read_to_string(entry.path()).expect("a fixture");
        texts.push(plain(whole.split_once("---\n").map_or(whole.as_str(), |(_, text)| text)));
    }
    let (ente, id, experience) = (Ente::prova(), DocumentId("doc-bench".into()), Experience::default());
    let received = jiff::civil::date(2024, 6, 1);
    let context = Context {
        ente: &ente,
        titolario: Titolario::comuni(),
        retention: None,
        experience: &experience,
        document: &id,
        received,
    };
    let file = |text: &PageText| {
        let start = Instant::now();
        let fields = extract::fields(std::slice::from_ref(text), &ente);
        let filing = classify::filing(std::slice::from_ref(text), &fields, &context);
        std::hint::black_box(filing.confidence);
        start.elapsed().as_secs_f64() * 1_000.0
    };
    for text in &texts {
        file(text);
    }
    let mut filed: Vec<f64> = texts.iter().map(file).collect();
    let mut seen: Vec<f64> = Vec::new();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/documenti");
    for entry in std::fs::read_dir(samples).expect("samples").flatten() {
        let mut source = std::fs::File::open(entry.path()).expect("a sample");
        let bytes = source.metadata().expect("its size").len();
        let name = conserva::arrival::FileName::new("sample");
        let start = Instant::now();
        let format = conserva::identify::format(&mut source, bytes, &name, &limits::Limits::default());
        std::hint::black_box(format.is_ok());
        seen.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    println!(
        "identify: median {:.2} ms of {}; extract and classify: median {:.2} ms of {}",
        median(&mut seen),
        seen.len(),
        median(&mut filed),
        filed.len()
    );
}

fn median(all: &mut [f64]) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(0.0)
}

/// Labels of work-life measures: the share of texts of the held-out fold whose surest label is one of theirs.
fn family_audit() {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/classify/family_audit_dev.csv");
    let Ok(mut table) = csv::Reader::from_path(&path) else {
        println!("Family Audit: no shared material here");
        return;
    };
    let rows: Vec<(String, Vec<String>)> = table
        .records()
        .flatten()
        .map(|row| {
            let labels = row.iter().skip(1).filter(|label| !label.is_empty()).map(str::to_owned).collect();
            (row.get(0).unwrap_or("").to_owned(), labels)
        })
        .collect();
    let (mut right, mut all) = (0, 0);
    let mut folds = Vec::new();
    for fold in 0..5 {
        let mut model = Model::new(Vec::new());
        let mut examples = Vec::new();
        for (text, labels) in rows.iter().enumerate().filter(|(n, _)| n % 5 != fold).map(|(_, row)| row) {
            let labels = labels.iter().map(|label| model.label(label)).collect();
            examples.push(Example { bag: Bag::of("", text), labels });
        }
        model.learn(&examples);
        let (mut here, mut count) = (0, 0);
        for (text, labels) in rows.iter().enumerate().filter(|(n, _)| n % 5 == fold).map(|(_, row)| row) {
            let best = model.ranked(&Bag::of("", text)).first().map_or(0, |(label, _)| *label);
            here += u32::from(model.labels().get(best).is_some_and(|label| labels.contains(label)));
            count += 1;
        }
        folds.push(format!("{here}/{count}"));
        right += here;
        all += count;
    }
    println!("Family Audit, surest label among the true ones: {right} of {all} ({})", folds.join(" "));
}
