//! How does each way of reading fare on the same pages? CPU seconds, how often the kernels say the same, and whether a
//! confidence means what it says.
//!
//! Reads the folders that CONSERVA_PAGES names (with a colon between), else the shared corpora: images and PDFs with the text
//! that stands on them beside them (`page.txt`, `page.gt.txt`) or in the folder `gt` above. Each file goes through `conserva
//! ocr`, one child, with each way in turn.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench prints its figures and is told its pages")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

/// Ways of reading: a name, the engine, the kernel and the precision that are asked for.
const WAYS: [(&str, &str, &str); 8] = [
    ("Tesseract", "tesseract", ""),
    ("VNNI, exact", "native", "vnni,exact"),
    ("VNNI, series", "native", "vnni,fast"),
    ("AVX2, exact", "native", "avx2,exact"),
    ("AVX2, series", "native", "avx2,fast"),
    ("portable, exact", "native", "portable,exact"),
    ("portable, series", "native", "portable,fast"),
    ("with the gate", "auto", ""),
];
/// Upper ends of the bins of confidence.
const BINS: [u32; 8] = [40, 60, 70, 80, 86, 90, 94, 101];

/// What one way read of one file.
struct Read {
    cpu: f64,
    lines: Vec<String>,
    /// Words with their confidence.
    words: Vec<(String, u32)>,
}

/// Words and right ones, bin by bin.
type Reliability = [(u32, u32); BINS.len()];

#[derive(Default)]
struct Figures {
    files: u32,
    unread: u32,
    cpu: f64,
    lines: usize,
    same: usize,
    right: usize,
    truth: usize,
    bins: Reliability,
}

fn main() {
    let pages = pages();
    if pages.is_empty() {
        println!("NOT RUN: no pages with their text (CONSERVA_PAGES, or ../shared/corpus)");
        return;
    }
    let mut figures: BTreeMap<usize, Figures> = BTreeMap::new();
    for (page, truth) in &pages {
        let truth: Vec<String> = truth.split_whitespace().map(str::to_owned).collect();
        let mut exact: Option<Vec<String>> = None;
        for (at, way) in WAYS.iter().enumerate() {
            let sum = figures.entry(at).or_default();
            let Some(read) = read(page, *way) else {
                sum.unread += 1;
                continue;
            };
            if way.2 == "vnni,exact" {
                exact = Some(read.lines.clone());
            }
            sum.count(&read, &truth, exact.as_deref().unwrap_or_default());
        }
    }
    println!("{} files", pages.len());
    println!("{:<18}{:>8}{:>14}{:>16}{:>16}", "way", "unread", "CPU s a file", "lines as exact", "words right %");
    for (at, sum) in &figures {
        let share = |part: usize, all: usize| 100.0 * part as f64 / all.max(1) as f64;
        let same = if WAYS[*at].1 == "native" { format!("{:.2} %", share(sum.same, sum.lines)) } else { String::new() };
        let (cpu, right) = (sum.cpu / f64::from(sum.files.max(1)), share(sum.right, sum.truth));
        println!("{:<18}{:>8}{cpu:>14.3}{same:>16}{right:>16.2}", WAYS[*at].0, sum.unread);
    }
    println!("\nconfidence against truth: of the words of each bin, how many and what share of them is right");
    for (at, sum) in figures.iter().filter(|(at, _)| matches!(WAYS[**at].0, "Tesseract" | "VNNI, exact" | "VNNI, series")) {
        println!("{}", WAYS[*at].0);
        let mut least = 0;
        for (end, (words, right)) in BINS.iter().zip(sum.bins) {
            println!(
                "  {least:>3} to {:>3}{words:>8} words{:>8.1} %",
                end - 1,
                100.0 * f64::from(right) / f64::from(words.max(1))
            );
            least = *end;
        }
    }
}

impl Figures {
    fn count(&mut self, read: &Read, truth: &[String], exact: &[String]) {
        self.files += 1;
        self.cpu += read.cpu;
        self.lines += exact.len();
        self.same += matching(&read.lines, exact).len();
        self.truth += truth.len();
        // In whatever order: a column read before another one does not make its words wrong.
        let mut left: BTreeMap<&str, u32> = BTreeMap::new();
        for word in truth {
            *left.entry(word).or_default() += 1;
        }
        for (word, confidence) in &read.words {
            let is_right = left.get_mut(word.as_str()).filter(|left| **left > 0).map(|left| *left -= 1).is_some();
            let bin = BINS.iter().position(|end| confidence < end).unwrap_or(BINS.len() - 1);
            self.right += usize::from(is_right);
            self.bins[bin].0 += 1;
            self.bins[bin].1 += u32::from(is_right);
        }
    }
}

/// Files with the text that stands on them.
fn pages() -> Vec<(PathBuf, String)> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folders = std::env::var("CONSERVA_PAGES").map_or_else(
        |_| vec![shared.join("generated"), shared.join("scans")],
        |folders| folders.split(':').map(PathBuf::from).collect(),
    );
    let mut pages = Vec::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        for file in files {
            let kind = file.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
            if !matches!(kind, "tif" | "jpg" | "png" | "pdf") {
                continue;
            }
            let above = file.file_name().and_then(|name| Some(folder.parent()?.join("gt").join(name).with_extension("txt")));
            let beside = [file.with_extension("txt"), file.with_extension("gt.txt"), file.with_extension("gold.txt")];
            let text = beside.iter().chain(&above).find_map(|path| std::fs::read_to_string(path).ok());
            pages.extend(text.map(|text| (file, text)));
        }
    }
    pages
}

/// What `conserva ocr` says of a file; none where it does not read it.
fn read(page: &Path, (_, engine, kernel): (&str, &str, &str)) -> Option<Read> {
    let folder = tempfile::tempdir().expect("a folder");
    let (text, hocr) = (folder.path().join("text"), folder.path().join("hocr"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_conserva"));
    command.args(["ocr", "--jobs", "1", "--engine", engine, "--text"]).arg(&text).arg("--hocr").arg(&hocr);
    command.arg(page).arg(folder.path().join("copy.pdf"));
    if !kernel.is_empty() {
        command.env("CONSERVA_KERNEL", kernel);
    }
    let before = cpu();
    let output = command.output().expect("conserva runs");
    let spent = cpu() - before;
    if !output.status.success() {
        return None;
    }
    let lines = std::fs::read_to_string(text).ok()?.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect();
    let word = Regex::new(r"x_wconf (\d+)[^>]*>([^<]*)<").expect("a pattern");
    let words = std::fs::read_to_string(hocr).ok()?;
    let words = word.captures_iter(&words).map(|found| {
        let text = quick_xml::escape::unescape(&found[2]).map(std::borrow::Cow::into_owned).unwrap_or_default();
        (text, found[1].parse().unwrap_or(0))
    });
    Some(Read { cpu: spent, lines, words: words.collect() })
}

/// CPU seconds of children that have ended.
#[expect(unsafe_code, reason = "the time of children is a call of libc")]
fn cpu() -> f64 {
    // SAFETY: all zeros is a value of the structure, which the call fills; it lives through the call.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// Places in `read` of the longest run of lines that both have in the same order.
fn matching(read: &[String], truth: &[String]) -> Vec<usize> {
    let wide = truth.len() + 1;
    let mut longest = vec![0_u32; (read.len() + 1) * wide];
    for (i, a) in read.iter().enumerate().rev() {
        for (j, b) in truth.iter().enumerate().rev() {
            longest[i * wide + j] = if a == b {
                longest[(i + 1) * wide + j + 1] + 1
            } else {
                longest[(i + 1) * wide + j].max(longest[i * wide + j + 1])
            };
        }
    }
    let (mut i, mut j, mut places) = (0, 0, Vec::new());
    while i < read.len() && j < truth.len() {
        if read[i] == truth[j] {
            places.push(i);
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * wide + j] >= longest[i * wide + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    places
}
