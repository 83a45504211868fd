//! What a protocol office may rely on when a file of unknown kind arrives.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use conserva::arrival::FileName;
use conserva::document::Format;
use conserva::error::{Kind, Result};
use conserva::identify;
use conserva::limits::Limits;

fn look(bytes: &[u8], name: &str) -> Result<Format> {
    identify::format(&mut Cursor::new(bytes), bytes.len() as u64, &FileName::new(name), &Limits::default())
}

fn seen(bytes: &[u8], name: &str) -> Format {
    look(bytes, name).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The code at the gate: `None` if the file may go on.
fn gate(bytes: &[u8], name: &str) -> Option<(Kind, String)> {
    identify::gate(&seen(bytes, name), &FileName::new(name)).err().map(|e| (e.kind(), e.code().to_owned()))
}

fn held(code: &str) -> Option<(Kind, String)> {
    Some((Kind::Hold, code.to_owned()))
}

fn sample(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where the shared corpus lies")]
fn corpus() -> Option<PathBuf> {
    let shared = std::env::var_os("CONSERVA_SHARED").map(PathBuf::from);
    let corpus = shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared")).join("corpus");
    if !corpus.is_dir() {
        eprintln!("no shared corpus at hand: this guarantee was not tried (CONSERVA_SHARED)");
        return None;
    }
    Some(corpus)
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("folder").map(|e| e.expect("entry").path()) {
        if entry.is_dir() { files(&entry, into) } else { into.push(entry) }
    }
    into.sort();
}

fn of_file(path: &Path) -> Result<Format> {
    let mut file = std::fs::File::open(path).expect("open");
    let bytes = file.metadata().expect("metadata").len();
    identify::format(&mut file, bytes, &FileName::new(path.file_name().expect("name").as_encoded_bytes()), &Limits::default())
}

/// Formats of the skeletons that Allegato 2 does not name: other vendors' data, sound, drawings and dialects of others' XML.
const BEYOND: &[&str] = &[
    "fmt/1011",
    "fmt/120",
    "fmt/121",
    "fmt/122",
    "fmt/124",
    "fmt/1884",
    "fmt/134",
    "fmt/1355",
    "fmt/1378",
    "fmt/1813",
    "fmt/1475",
    "fmt/1724",
    "fmt/1999",
    "fmt/1389",
    "fmt/1391",
    "fmt/1393",
    "fmt/67",
    "fmt/73",
    "fmt/74",
    "fmt/76",
    "fmt/82",
    "fmt/318",
    "fmt/344",
    "fmt/345",
    "fmt/374",
    "fmt/473",
    "fmt/483",
    "fmt/892",
    "x-fmt/10",
    "x-fmt/153",
    "x-fmt/235",
    "x-fmt/240",
    "x-fmt/241",
    "x-fmt/271",
    "x-fmt/406",
    "x-fmt/407",
    "x-fmt/408",
    "x-fmt/8",
    "fmt/1688",
];

/// PUID in the name of a skeleton, and whether it is one of the formats of Allegato 2.
fn expected(path: &Path) -> Option<(String, bool)> {
    let (stem, rest) = path.file_name()?.to_str()?.split_once("fmt-")?;
    let puid = format!("{stem}fmt/{}", rest.split('-').next()?);
    let in_annex = !BEYOND.contains(&puid.as_str());
    Some((puid, in_annex))
}

#[test]
fn nine_of_ten_skeletons_of_allegato_2_formats_get_their_puid() {
    let Some(corpus) = corpus() else { return };
    let mut all = Vec::new();
    files(&corpus.join("formats/skeleton"), &mut all);
    let (mut right, mut total, mut right_annex, mut total_annex) = (0, 0, 0, 0);
    for path in &all {
        let Some((puid, in_annex)) = expected(path) else { continue };
        let format = of_file(path).expect("format");
        let hit = format.puid.as_deref() == Some(puid.as_str());
        total += 1;
        right += u32::from(hit);
        total_annex += u32::from(in_annex);
        right_annex += u32::from(hit && in_annex);
        if !hit {
            eprintln!("{} is {puid}, seen as {:?} {}", path.file_name().expect("name").display(), format.puid, format.name);
        }
    }
    eprintln!("all: {right}/{total}; formats of Allegato 2: {right_annex}/{total_annex}");
    assert!(right_annex * 10 >= total_annex * 9, "{right_annex}/{total_annex}");
}

#[test]
fn every_file_of_the_corpus_gets_an_answer() {
    let Some(corpus) = corpus() else { return };
    let mut all = Vec::new();
    files(&corpus, &mut all);
    for path in &all {
        let name = FileName::new(path.file_name().expect("name").as_encoded_bytes());
        match of_file(path) {
            Ok(format) => {
                let gate = identify::gate(&format, &name);
                let code = gate.as_ref().err().map_or("-", |e| e.code());
                eprintln!(
                    "{}\t{}\t{}\t{}\t{:?}\t{}{}\t{code}",
                    path.strip_prefix(&corpus).expect("prefix").display(),
                    format.puid.as_deref().unwrap_or("-"),
                    format.name,
                    format.version.as_deref().unwrap_or("-"),
                    format.claims,
                    if format.signed { "S" } else { "" },
                    if format.encrypted { "E" } else { "" },
                );
            }
            Err(error) => assert_eq!(error.code(), "file-empty", "{}", path.display()),
        }
    }
}
