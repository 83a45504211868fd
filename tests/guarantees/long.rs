//! Long documents: memory does not grow with the pages, words show all together or not at all, and what stands where a
//! document begins is not sought where it goes on.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use conserva::child::PageAt;
use conserva::copy::{CopyOrder, Pages, PdfaLevel};
use conserva::page::{PageSource, ReadPage};
use serde_json::Value;

use super::inboxes::pdf;
use super::network::configure;
use super::stage::{Stage, readers, said};

/// Pages full of words, born digital: they cost the reader little and the store as much as scans do.
fn full(pages: u32) -> Vec<u8> {
    let word =
        |n: u32| (0..4).map(|k| char::from(b'a' + (n.wrapping_mul(2_654_435_761) >> (6 * k) & 15) as u8)).collect::<String>();
    let line = |page: u32, line: u32| (0..10).map(|k| word(page * 500 + line * 10 + k)).collect::<Vec<_>>().join(" ");
    let page = |n: u32| (0..50).map(|k| line(n, k)).collect::<Vec<_>>().join("\n");
    let pages: Vec<String> = (0..pages).map(page).collect();
    pdf(&pages.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The most memory that ingesting `bytes` takes in the parent, KiB, and what it said meanwhile.
fn ingested(bytes: &[u8]) -> (u64, String, Duration) {
    let stage = Stage::with_archive();
    let input = stage.path("lungo.pdf");
    std::fs::write(&input, bytes).expect("the input");
    let began = Instant::now();
    let mut command = stage.command(&["--lang", "it", "ingest", input.to_str().expect("a path")]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    while child.try_wait().expect("waited").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0).max(peak);
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut told = String::new();
    child.stderr.take().expect("stderr").read_to_string(&mut told).expect("words");
    (peak, told, began.elapsed())
}

#[test]
fn memory_does_not_grow_with_the_pages_of_a_document() {
    let (short, _, _) = ingested(&full(100));
    let (long, told, elapsed) = ingested(&full(260));
    eprintln!("long: 100 pages {short} KiB, 260 pages {long} KiB, {:.1} s", elapsed.as_secs_f64());
    // The words and boxes of so many pages more were some thirty MiB; the surveys of pages are all that may grow. On a busy machine
    // the peak of one and the same work differs by ten.
    assert!(long < short + (20 << 10), "100 pages {short} KiB, 260 pages {long} KiB");
    // A line in a pipe counts pages before any document is at rest.
    let counted = told.lines().any(|line| line.contains("documenti 0/1, pagine ") && !line.contains("pagine 0/"));
    assert!(counted || elapsed < Duration::from_secs(5), "{told}");
}

/// Everything that is shown of the one document there is, but for what tells of its time.
fn shown(stage: &Stage) -> Value {
    let id = stage.json(&["list"], &[0]).remove(0)["id"].as_str().expect("an id").to_owned();
    stage.json(&["show", &id], &[0]).remove(0)
}

#[cfg(feature = "drill")]
#[test]
fn words_of_a_document_show_all_together_or_not_at_all() {
    let input = pdf(&["Prima pagina del verbale", "Seconda pagina", "Terza pagina", "Quarta pagina"]);
    let stage = Stage::with_archive();
    std::fs::write(stage.path("verbale.pdf"), input).expect("the input");
    let path = stage.path("verbale.pdf");
    let ingest = ["ingest", path.to_str().expect("a path")];
    for point in ["store.sheaf:1", "store.sheaf:4", "store.uncommitted"] {
        let output = stage.command(&ingest).env("CONSERVA_DRILL", point).output().expect("the program runs");
        assert!(!output.status.success(), "{point}: {}", said(&output));
        if let Some(row) = stage.json(&["list"], &[0]).first() {
            let id = row["id"].as_str().expect("an id");
            let seen = stage.json(&["show", id], &[0]).remove(0);
            assert_eq!((seen["pages"].as_array().map(Vec::len), &seen["text"]), (Some(0), &"".into()), "{point}");
        }
    }
    let output = stage.run(&ingest);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", said(&output));
    let seen = shown(&stage);
    assert_eq!(seen["pages"].as_array().map(Vec::len), Some(4));
    let text = seen["text"].as_str().expect("text").to_owned();
    assert_eq!(
        text.split('\u{c}').map(str::trim).collect::<Vec<_>>(),
        ["Prima pagina del verbale", "Seconda pagina", "Terza pagina", "Quarta pagina"]
    );
    let left: Vec<PathBuf> = walkdir::WalkDir::new(stage.path("archivio/scratch"))
        .into_iter()
        .filter_map(|entry| entry.ok().filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "scratch is empty at the end");
}

#[test]
fn a_document_is_weighed_by_its_first_pages_and_the_others_are_read_for_what_they_mention() {
    const SUBJECT: &str = "OGGETTO: Richiesta di manutenzione della strada comunale";
    let subject_on = |page: usize| {
        let mut pages = ["Al Comune", "Foglio", "Foglio", "Codice fiscale RSSMRA80A01H501U"];
        pages[page] = SUBJECT;
        let stage = Stage::with_archive();
        configure(&stage, "[limits]\npages_weighed_max = 2\n");
        std::fs::write(stage.path("lettera.pdf"), pdf(&pages)).expect("the input");
        let output = stage.run(&["ingest", stage.path("lettera.pdf").to_str().expect("a path")]);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", said(&output));
        let seen = shown(&stage);
        assert_eq!(seen["fields"]["codici_fiscali"][0]["value"], "RSSMRA80A01H501U");
        assert_eq!(seen["fields"]["codici_fiscali"][0]["page"], 4);
        assert_eq!(seen["pages"].as_array().map(Vec::len), Some(4));
        let oggetto = &seen["fields"]["oggetto"];
        oggetto["value"].as_str().is_some_and(|value| value.contains("manutenzione della strada"))
    };
    assert!(subject_on(1), "on the last page that counts");
    assert!(!subject_on(2), "on the first that does not");
}

#[test]
fn a_page_that_is_drawn_to_be_read_is_not_drawn_again_for_the_copy() {
    let folder = tempfile::tempdir().expect("a folder");
    let (scratch, drawings) = (folder.path().join("scratch"), folder.path().join("scratch/drawn"));
    std::fs::create_dir_all(&drawings).expect("folders");
    let readers = readers(&scratch, 2);
    let input = folder.path().join("image-cut.pdf");
    std::fs::write(&input, super::reader::pdf("image-cut.pdf")).expect("the input");
    let mime = "application/pdf";
    let surveys = readers.survey(&input, mime).expect("surveys");
    assert!(matches!(surveys[0].source, PageSource::PdfRaster { page: 1 }));
    let pages: Vec<PageAt<'_>> =
        surveys.iter().map(|survey| PageAt { input: &input, mime, survey, drawings: Some(&drawings) }).collect();
    let mut read: Vec<ReadPage> = Vec::new();
    let mut keep = |at: usize, page: conserva::error::Result<ReadPage>| {
        assert_eq!(at, read.len(), "in their order");
        read.push(page?);
        Ok(())
    };
    readers.read_in_turn(&pages, &|| {}, &mut keep).expect("read");
    let copy = |drawings: Option<&Path>| {
        let order = CopyOrder {
            input: input.clone(),
            mime: mime.to_owned(),
            pages: Pages::Here(read.clone()),
            drawings: drawings.map(Path::to_owned),
            others: Vec::new(),
            is_wary: false,
            outlines: Vec::new(),
            level: PdfaLevel::A2b,
            title: "Prova".to_owned(),
            instant: "2024-03-12T09:15:07Z".parse().expect("an instant"),
            id: *b"0123456789abcdef",
            output: scratch.join("copy.pdf"),
            lang: "ita".to_owned(),
        };
        let report = readers.searchable(&order).expect("a copy");
        assert_eq!(report.rasterised, [1]);
        std::fs::read(&order.output).expect("the copy")
    };
    let again = copy(None);
    assert!(copy(Some(&drawings)) == again, "the same bytes, whether the drawing was kept or is made again");
    // Another drawing in its place shows in the copy: this is where the copy takes it from.
    let kept = drawings.join("1.drawn");
    let white = vec![255; 4 * 600 * 800];
    let pixels = conserva::copy::Pixels { width: 600, height: 800, rgba: &white };
    conserva::copy::keep_drawing(&drawings, 1, pixels).expect("kept");
    assert!(copy(Some(&drawings)) != again);
    // One that is not whole is none.
    std::fs::File::options().write(true).open(&kept).and_then(|file| file.set_len(40)).expect("cut");
    assert!(copy(Some(&drawings)) == again);
}
