//! The architecture, checked by the machine: who may import whom, how long a file may be, where unsafe may stand, and
//! that every sentence shown has its entry in the catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::stage::repository;

/// What every room may use: the nouns, error, clock, scratch.
const NOUNS: &[&str] = &[
    "aggregation",
    "arrival",
    "batch",
    "calendar",
    "clock",
    "codice_fiscale",
    "dated",
    "decision",
    "digest",
    "document",
    "drill",
    "daticert",
    "ente",
    "envelope",
    "error",
    "event",
    "fattura",
    "fields",
    "filing",
    "findable",
    "finding",
    "given",
    "inbox",
    "jpx",
    "tiff_strip",
    "pdf_sheet",
    "pdf_work",
    "lexicon",
    "likeness",
    "limits",
    "mailbox",
    "malware",
    "mapped",
    "messages",
    "page",
    "part",
    "pdv",
    "registro",
    "rescan",
    "retention",
    "tipologia",
    "titolario",
    "riepilogo",
    "turn",
    "scadenza",
    "scarto",
    "scratch",
    "secret",
    "segnatura",
    "separator",
    "stack",
    "stated",
    "upload",
    "xml",
];

/// What some may use beyond that, with the reason in design.md section 3.
const MORE: &[(&str, &[&str])] = &[
    ("acquire", &["store", "blobs"]),
    ("child", &["normalise", "ocr", "copy", "spot"]),
    ("describe", &["schemas"]),
    ("package", &["schemas"]),
    (
        "steps",
        &[
            "acquire",
            "blobs",
            "child",
            "classify",
            "copy",
            "describe",
            "extract",
            "identify",
            "normalise",
            "open",
            "package",
            "pipeline",
            "search",
            "store",
            "transcribe",
        ],
    ),
    ("verify", &["sign"]),
    ("pipeline", &["blobs", "child", "classify", "config", "steps", "store", "worker"]),
    ("worker", &["pipeline", "store"]),
    (
        "desk",
        &["acquire", "classify", "copy", "describe", "package", "pipeline", "search", "steps", "store", "transcribe", "worker"],
    ),
    ("config", &[]),
    ("daemon", &["acquire", "blobs", "config", "pipeline", "store", "worker"]),
    ("app", &["blobs", "child", "classify", "config", "pipeline", "steps", "store", "verify", "worker"]),
    (
        "cli",
        &[
            "app",
            "child",
            "classify",
            "config",
            "copy",
            "daemon",
            "desk",
            "evaluate",
            "extract",
            "identify",
            "normalise",
            "ocr",
            "pipeline",
            "sign",
            "steps",
            "store",
            "transcribe",
            "verify",
            "worker",
        ],
    ),
    ("main", &["cli"]),
    ("lib", &[]),
];

/// Files where `unsafe` may stand: those that talk to C and to the kernel, and vector instructions.
const UNSAFE: &[&str] = &[
    "src/acquire/lease.rs",
    "src/child/kernel.rs",
    "src/mapped.rs",
    "src/ocr/layout.rs",
    "src/ocr/lstm/kernel/avx2/mod.rs",
    "src/ocr/lstm/kernel/avx2/sums.rs",
    "src/ocr/lstm/kernel/avx_vnni.rs",
    "src/ocr/lstm/kernel/fence.rs",
    "src/ocr/lstm/kernel/guard.rs",
    "src/ocr/lstm/kernel/sse2.rs",
    "src/ocr/lstm/kernel/vnni.rs",
    "src/ocr/pix.rs",
    "src/ocr/tesseract.rs",
];

/// Files that are tables, longer than 400 lines by nature.
const TABLES: &[&str] = &["src/identify/formats.rs"];

fn sources() -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(repository().join("src")).sort_by_file_name();
    let files = walk.into_iter().map(|e| e.expect("an entry").into_path());
    files.filter(|p| p.extension().is_some_and(|e| e == "rs")).collect()
}

fn name(path: &Path) -> String {
    path.strip_prefix(repository()).expect("inside").display().to_string()
}

/// The room or file of the top level that a path belongs to.
fn room(path: &Path) -> String {
    let name = name(path);
    let inside = name.trim_start_matches("src/");
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs").to_owned()
}

/// The part of a source before its unit tests.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a source");
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or("").to_owned()
}

#[test]
fn rooms_know_the_nouns_and_nothing_of_each_other() {
    let top = regex::Regex::new(r"crate::\{?([a-z_]+)").expect("a pattern");
    let group = regex::Regex::new(r"use crate::\{([^;]*)\};").expect("a pattern");
    let mut faults = BTreeSet::new();
    for path in sources() {
        let (room, code) = (room(&path), code(&path));
        if NOUNS.contains(&room.as_str()) && room != "messages" && room != "error" {
            for found in top.captures_iter(&code) {
                let used = &found[1];
                if !NOUNS.contains(&used) {
                    faults.insert(format!("{}: the noun {room} uses {used}", name(&path)));
                }
            }
            continue;
        }
        let more = MORE.iter().find(|(r, _)| *r == room).map_or(&[][..], |(_, more)| more);
        let mut used: BTreeSet<String> = top.captures_iter(&code).map(|c| c[1].to_owned()).collect();
        for names in group.captures_iter(&code) {
            used.extend(
                names[1].split(',').map(|n| n.trim().split("::").next().unwrap_or("").to_owned()).filter(|n| !n.is_empty()),
            );
        }
        for used in used {
            if used != room && !NOUNS.contains(&used.as_str()) && !more.contains(&used.as_str()) {
                faults.insert(format!("{}: {room} may not use {used}", name(&path)));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn no_file_outgrows_four_hundred_lines() {
    let mut faults = Vec::new();
    for path in sources() {
        let lines = code(&path).lines().count();
        if lines > 400 && !TABLES.contains(&name(&path).as_str()) {
            faults.push(format!("{}: {lines}", name(&path)));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn unsafe_code_stands_only_in_the_files_listed() {
    let mut faults = Vec::new();
    for path in sources() {
        let has_unsafe = std::fs::read_to_string(&path).expect("a source").contains("expect(unsafe_code");
        if has_unsafe != UNSAFE.contains(&name(&path).as_str()) {
            faults.push(name(&path));
        }
    }
    assert!(faults.is_empty(), "listed and used differ: {faults:?}");
}

#[test]
fn every_sentence_that_the_code_speaks_is_in_the_catalogue() {
    let spoken = regex::Regex::new(
        r#"(?:Message::new|Error::hold|Error::refuse|Error::retry|label|Error::new\(\s*(?:crate::error::)?Kind::[A-Za-z]+,)\(?\s*"([a-z0-9-]+)""#,
    )
    .expect("a pattern");
    let mut catalogue: BTreeMap<String, toml::Value> = BTreeMap::new();
    for entry in std::fs::read_dir(repository().join("src/messages")).expect("the catalogue") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "toml") {
            let text = std::fs::read_to_string(&path).expect("a part");
            catalogue.extend(toml::from_str::<BTreeMap<String, toml::Value>>(&text).expect("toml"));
        }
    }
    let mut missing = BTreeSet::new();
    let mut count = 0;
    for path in sources() {
        for found in spoken.captures_iter(&code(&path)) {
            count += 1;
            if !catalogue.contains_key(&found[1]) {
                missing.insert(format!("{}: {}", name(&path), &found[1]));
            }
        }
    }
    assert!(count > 50, "the pattern finds what the code speaks: {count}");
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn no_folder_is_a_drawer() {
    let drawers = ["utils", "util", "helpers", "helper", "common", "misc", "manager", "base"];
    for path in sources() {
        let name = name(&path);
        let is_drawer = name.split('/').any(|part| drawers.contains(&part.trim_end_matches(".rs")));
        assert!(!is_drawer, "{name}");
    }
}

#[test]
fn the_map_stays_a_map() {
    let text = std::fs::read_to_string(repository().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    assert!(text.lines().count() <= 150, "{} lines", text.lines().count());
}
