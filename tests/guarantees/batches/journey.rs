//! A batch from the scanner's folder to its documents: divided where all is sure, waiting with pictures where it is not.

use std::path::PathBuf;

use image::GrayImage;
use rustix::process::Signal;
use serde_json::Value;

use super::super::stage::{Stage, clean_page, said};
use super::super::watch::{Daemon, until, watched};
use super::{rendered, tiff};

const DPI: u32 = 150;

/// A page of some lines of text.
fn text() -> GrayImage {
    let page = clean_page();
    let page = image::imageops::thumbnail(&page, page.width() * DPI / 200, page.height() * DPI / 200);
    let mut part = GrayImage::from_pixel(page.width(), page.height(), image::Luma([248]));
    image::imageops::replace(
        &mut part,
        &image::imageops::crop_imm(&page, 0, 0, page.width(), page.height() / 4).to_image(),
        0,
        0,
    );
    part
}

fn blank() -> GrayImage {
    GrayImage::from_pixel(1_240, 1_754, image::Luma([248]))
}

/// The daemon ends before its folder goes.
struct Office {
    daemon: Daemon,
    stage: Stage,
    inbox: PathBuf,
    sheets: Vec<GrayImage>,
}

impl Office {
    /// A daemon that watches an inbox whose profile has `more` to say, and three separators for it.
    fn open(more: &str) -> Self {
        let (stage, inbox) = watched(&format!("profile = 'lotti'\n{more}"));
        let list = stage.path("elenco.csv");
        let lines = "fogli,voce,fascicolo,protocollo\n,VI.3,pratica 1/2024,4501/2024\n,I.6,pratica 2/2024,4502/2024\n,,,\n";
        std::fs::write(&list, lines).expect("list");
        let pdf = stage.path("fogli.pdf");
        let (list, file) = (list.to_str().expect("a path"), pdf.to_str().expect("a path"));
        let args = ["--operator", "mrossi", "separators", "--profile", "lotti", "--lot", "L-7", "--list", list, "-o", file];
        let sheets = if more.contains("'qr'") {
            stage.json(&args, &[0]);
            rendered(&pdf, DPI)
        } else {
            Vec::new()
        };
        let daemon = Daemon::start(&stage, &[]);
        Self { daemon, stage, inbox, sheets }
    }

    /// Scans a batch and waits until all documents are at rest.
    fn scan(&self, name: &str, pages: &[GrayImage]) {
        let path = self.stage.path("scansione.tif");
        tiff(&path, pages, DPI);
        self.drop_in(&path, name);
    }

    fn drop_in(&self, path: &std::path::Path, name: &str) {
        std::fs::rename(path, self.inbox.join(name)).expect("dropped");
        until("the batch is at rest", 180, || self.is_at_rest());
    }

    fn is_at_rest(&self) -> bool {
        // Where the machine is busy the store may be, for longer than a look waits.
        let rows = self.stage.json(&["list"], &[0, 4]);
        !rows.is_empty() && rows.iter().all(|row| row["state"].is_string() && row["state"] != "working")
    }

    fn documents(&self) -> Vec<Value> {
        let rows = self.stage.json(&["list"], &[0]);
        rows.iter().map(|row| self.stage.json(&["show", row["id"].as_str().expect("id")], &[0]).remove(0)).collect()
    }

    /// The whole, and its parts in their order.
    fn divided(&self) -> (Value, Vec<Value>) {
        let (mut parts, mut whole): (Vec<Value>, Vec<Value>) = self.documents().into_iter().partition(|d| d["batch"].is_null());
        parts.sort_by_key(|part| part["part"]["n"].as_u64());
        assert_eq!(whole.len(), 1);
        (whole.remove(0), parts)
    }

    fn end(self) -> Stage {
        assert_eq!(self.daemon.end(Signal::TERM), Some(0));
        self.stage
    }
}

fn ranges(parts: &[Value]) -> Vec<(u64, u64)> {
    let range = |part: &Value| (part["part"]["first"].as_u64().expect("first"), part["part"]["last"].as_u64().expect("last"));
    parts.iter().map(range).collect()
}

fn codes(document: &Value) -> Vec<&str> {
    document["holds"].as_array().expect("holds").iter().map(|hold| hold["code"].as_str().expect("code")).collect()
}

const QR: &str = "[inbox.separators]\ncodes = ['qr']\ndevice = 'fi-7160 n. 3'";

#[test]
fn a_batch_comes_apart_at_its_separators_and_each_speaks_of_its_own_document() {
    let office = Office::open(QR);
    let [one, two, three] = office.sheets.clone().try_into().expect("three sheets");
    office.scan("lotto.tif", &[one, text(), two, text(), blank(), three, text()]);
    let (whole, parts) = office.divided();
    assert_eq!((ranges(&parts), &whole["state"]), (vec![(2, 2), (4, 5), (7, 7)], &"refused".into()));
    assert_eq!(codes(&whole), ["batch-into"]);
    let value = |part: &Value, field: &str| part["fields"][field]["value"].clone();
    let numbers: Vec<Value> = parts.iter().map(|part| value(part, "protocollo")["numero"].clone()).collect();
    assert_eq!(numbers[..2], ["0004501", "0004502"]);
    assert_ne!(numbers[2], "0004502", "what a separator says is said of its own document only");
    let origin = parts[0]["fields"]["protocollo"]["origin"].as_str().expect("origin");
    assert_eq!(origin, "separator L-7 1/3, p. 1");
    assert_eq!(parts[1]["separator"]["voce"], "I.6");
    assert_eq!(parts[0]["filing"]["voce"], "VI.3");
    // The record of the lot (S-05, S-06).
    let record = &whole["batch"];
    assert_eq!(
        (&record["settled"], &record["profile"], &record["device"]),
        (&"divided".into(), &"lotti".into(), &"fi-7160 n. 3".into())
    );
    assert_eq!((&record["operator"], &record["lotto"], &record["expected"]), (&"mrossi".into(), &"L-7".into(), &3.into()));
    assert_eq!((&record["pages"], &record["sheets"], &record["blank_pages"]), (&7.into(), &7.into(), &serde_json::json!([5])));
    assert_eq!(record["sha256"], whole["source"]["sha256"]);
    assert!(record["scanned_at"].is_string() && record["admitted_at"].is_string() && record["software"].is_string());
    for (recorded, part) in record["parts"].as_array().expect("parts").iter().zip(&parts) {
        assert_eq!(recorded["document"], part["id"]);
        assert_eq!(recorded["sha256"][0], part["components"][0]["sha256"]);
    }
    // The separators are pages of the arrival, which is whole, and of no document.
    assert_eq!(whole["components"][0]["sha256"], whole["source"]["sha256"]);
    assert!(parts.iter().all(|part| !part["text"].as_str().expect("text").to_lowercase().contains("separatore")));
    let lots = office.stage.json(&["list", "lotti"], &[0]);
    assert_eq!(lots[0]["lotto"], "L-7");
    let stage = office.end();
    assert_eq!(stage.json(&["journal", "verify"], &[0])[0]["ok"], true);
}

#[test]
fn a_missed_separator_holds_the_batch_with_pictures_until_a_person_divides_it() {
    let office = Office::open(QR);
    let [one, _, three] = office.sheets.clone().try_into().expect("three sheets");
    office.scan("lotto.tif", &[one, text(), blank(), text(), three, text()]);
    let documents = office.documents();
    assert_eq!((documents.len(), &documents[0]["state"]), (1, &"held".into()));
    assert_eq!(codes(&documents[0])[0], "separator-missing");
    let why = documents[0]["holds"][0]["why"].as_str().expect("why");
    assert!(why.contains("2 di 3") && why.contains("2–4"), "{why}");
    let suspects: Vec<u64> =
        documents[0]["holds"].as_array().expect("holds").iter().filter_map(|hold| hold["page"].as_u64()).collect();
    assert_eq!(suspects, [2, 3, 4]);
    let stage = office.end();
    let id = documents[0]["id"].as_str().expect("id");
    let html = stage.path("review.html");
    stage.json(&["review", id, "--html", html.to_str().expect("a path")], &[1]);
    let shown = std::fs::read_to_string(&html).expect("review");
    assert_eq!(shown.matches("data:image/jpeg").count(), 3, "a picture of each suspect");
    for wrong in [&["--split", "5", "--separators", "9"][..], &["--separators", "3"]] {
        let output = stage.run(&[&["review", id], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", said(&output));
    }
    let parts = stage.json(&["review", id, "--split", "3,5", "--separators", "3"], &[0, 1]);
    let parts: Vec<Value> =
        parts.iter().map(|part| stage.json(&["show", part["id"].as_str().expect("id")], &[0]).remove(0)).collect();
    assert_eq!(ranges(&parts), [(2, 2), (4, 4), (6, 6)]);
    assert_eq!(parts[0]["separator"]["fascicolo"], "pratica 1/2024");
    assert_eq!((&parts[1]["separator"], &parts[2]["separator"]["lotto"]), (&Value::Null, &"L-7".into()));
    let whole = stage.json(&["show", id], &[0]).remove(0);
    assert_eq!((&whole["state"], &whole["batch"]["settled"]), (&"refused".into(), &"divided".into()));
    assert_eq!(whole["batch"]["separators"].as_array().expect("separators").len(), 3);
    assert_eq!(stage.json(&["journal", "verify"], &[0])[0]["ok"], true);
}

#[test]
fn what_a_person_approves_is_cut_at_the_separators_that_were_found() {
    let office = Office::open(QR);
    let [one, _, three] = office.sheets.clone().try_into().expect("three sheets");
    office.scan("lotto.tif", &[one, text(), three, text()]);
    let stage = office.end();
    let id = stage.json(&["list"], &[0])[0]["id"].as_str().expect("id").to_owned();
    stage.json(&["review", &id, "--approve"], &[0, 1]);
    let whole = stage.json(&["show", &id], &[0]).remove(0);
    assert_eq!((&whole["batch"]["settled"], codes(&whole)), (&"divided".into(), vec!["batch-into"]));
    assert_eq!(whole["batch"]["doubts"][0], "separator-missing", "what it was held with stays on record");
    assert_eq!(stage.json(&["list"], &[0]).len(), 3);
}

#[test]
fn sheets_that_went_through_twice_are_collated_before_they_come_apart() {
    let office = Office::open(&format!("subfolders = 'document'\nduplex = 'two-pass'\n{QR}"));
    let [one, two, three] = office.sheets.clone().try_into().expect("three sheets");
    let folder = office.stage.path("mazzo");
    std::fs::create_dir(&folder).expect("folder");
    let fronts = [one, text(), two, text(), text(), three, text()];
    let mut backs = vec![blank(), blank(), blank(), blank(), text(), blank(), blank()];
    backs.reverse();
    tiff(&folder.join("1-fronti.tif"), &fronts, DPI);
    tiff(&folder.join("2-retri.tif"), &backs, DPI);
    office.drop_in(&folder, "mazzo");
    let (whole, parts) = office.divided();
    assert_eq!(ranges(&parts), [(3, 4), (7, 10), (13, 14)], "{:#}", whole["holds"]);
    assert_eq!((&whole["batch"]["pages"], &whole["batch"]["sheets"]), (&14.into(), &7.into()));
    let blank: Vec<Value> = parts[1]["pages"].as_array().expect("pages").iter().map(|page| page["blank"].clone()).collect();
    assert_eq!(blank, [false, true, false, false], "front, back, front, back");
    assert_eq!(parts[1]["separator"]["voce"], "I.6");
    office.end();
}

#[test]
fn an_inbox_without_separators_looks_for_none_and_a_batch_without_them_waits_where_they_are_expected() {
    let office = Office::open(QR);
    office.scan("lettera.tif", &[text(), blank()]);
    let document = &office.documents()[0];
    assert_eq!((codes(document), &document["batch"]["settled"]), (vec!["batch-none"], &"held".into()));
    let sheet = office.sheets[0].clone();
    let stage = office.end();
    stage.json(&["review", document["id"].as_str().expect("id"), "--approve"], &[0, 1]);
    let rows = stage.json(&["list"], &[0]);
    let document = stage.json(&["show", rows[0]["id"].as_str().expect("id")], &[0]).remove(0);
    let pages = document["pages"].as_array().expect("pages").len();
    assert_eq!((rows.len(), &document["batch"]["settled"], pages), (1, &"whole".into(), 2));
    let office = Office::open("");
    office.scan("lettera.tif", &[text(), sheet]);
    let document = &office.documents()[0];
    assert_eq!((&document["batch"], document["pages"].as_array().expect("pages").len()), (&Value::Null, 2));
    office.end();
}
