//! Reading and filing: what is read is where it is said to be, and nothing doubtful is filed without a person.

#![expect(clippy::print_stderr, reason = "tests say what they skipped and what they measured")]
#![expect(clippy::single_match_else, clippy::format_collect, reason = "a table of cases reads best so")]

use std::path::{Path, PathBuf};

use conserva::classify::{self, Context, Experience};
use conserva::document::DocumentId;
use conserva::ente::{Aoo, Ente};
use conserva::extract::{self, FieldReread};
use conserva::fields::{Fields, Verso};
use conserva::filing::Filing;
use conserva::page::{Block, Line, PageText, Rect, Region, Word};
use conserva::titolario::Titolario;

/// An invented comune.
pub(crate) fn ente(name: &str, ipa: &str) -> Ente {
    let mut ente = Ente::prova();
    ipa.clone_into(&mut ente.codice_ipa);
    name.clone_into(&mut ente.denominazione);
    ente.prova = false;
    ente.aoo = Aoo {
        codice: "A0XXXXX".into(),
        denominazione: "AOO".into(),
        pec: "protocollo@pec.example".into(),
        registro: "PG".into(),
    };
    ente
}

/// Pages out of plain text, as a reader would give them: form feeds part pages, empty lines part blocks.
pub(crate) fn plain(text: &str, origin: &str) -> Vec<PageText> {
    text.split('\u{c}').zip(1..).map(|(page, n)| plain_page(page, n, origin)).collect()
}

fn plain_page(text: &str, n: u32, origin: &str) -> PageText {
    let mut blocks = vec![Block { lines: Vec::new() }];
    for (row, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let mut x = 200 + indent as u32 * 20;
        let words: Vec<Word> = line
            .split_whitespace()
            .map(|word| {
                let width = word.chars().count() as u32 * 20;
                let rect = Rect { x, y: 100 + row as u32 * 60, w: width, h: 40 };
                x += width + 20;
                Word { text: word.to_owned(), rect, confidence: 93.0, alternatives: Vec::new() }
            })
            .collect();
        if words.is_empty() {
            blocks.push(Block { lines: Vec::new() });
        } else if let Some(block) = blocks.last_mut() {
            block.lines.push(Line { words });
        }
    }
    blocks.retain(|b| !b.lines.is_empty());
    PageText { n, width: 2480, height: 3508, origin: origin.to_owned(), rotation: 0, blocks }
}

/// A page out of Tesseract's table of words.
fn tsv(text: &str, n: u32) -> PageText {
    let mut page = PageText { n, width: 0, height: 0, origin: "tesseract 5 ita".into(), rotation: 0, blocks: Vec::new() };
    let (mut block, mut line) = (String::new(), String::new());
    for row in text.lines().skip(1) {
        let c: Vec<&str> = row.split('\t').collect();
        let number = |i: usize| c.get(i).and_then(|v| v.parse::<u32>().ok()).unwrap_or(0);
        if c.first() == Some(&"1") {
            (page.width, page.height) = (number(8), number(9));
        }
        if c.first() != Some(&"5") || c.get(11).is_none_or(|t| t.trim().is_empty()) {
            continue;
        }
        let (this_block, this_line) = (c[2].to_owned(), c[2..5].join("."));
        if this_block != block {
            page.blocks.push(Block { lines: Vec::new() });
            block = this_block;
        }
        let last = page.blocks.last_mut().expect("a block");
        if this_line != line {
            last.lines.push(Line { words: Vec::new() });
            line = this_line;
        }
        let rect = Rect { x: number(6), y: number(7), w: number(8), h: number(9) };
        let confidence = c[10].parse().unwrap_or(0.0);
        last.lines.last_mut().expect("a line").words.push(Word {
            text: c[11].trim().to_owned(),
            rect,
            confidence,
            alternatives: Vec::new(),
        });
    }
    page
}

/// A document read and filed, with a second reading that repeats the region's words.
pub(crate) fn filed(pages: &[PageText], again: &[PageText], ente: &Ente) -> (Fields, Filing, Vec<conserva::document::Hold>) {
    let mut fields = extract::fields(pages, ente);
    let rereads: Vec<FieldReread> = extract::regions(&fields)
        .into_iter()
        .map(|r| FieldReread {
            field: r.field.to_owned(),
            raw: text_in(again, pages, &r.region),
            words: Vec::new(),
            confidence: 0.9,
            origin: "second".into(),
        })
        .collect();
    extract::confirm(&mut fields, &rereads, 0.6);
    let id = DocumentId("doc-test".into());
    let experience = Experience::default();
    let received = jiff::civil::date(2024, 6, 1);
    let context =
        Context { ente, titolario: Titolario::comuni(), retention: None, experience: &experience, document: &id, received };
    let filing = classify::filing(pages, &fields, &context);
    if let Some(oggetto) = classify::composed_oggetto(&filing, &fields) {
        fields.oggetto = Some(oggetto);
    }
    let mut holds = extract::doubts(&fields, ente);
    holds.extend(filing.doubts.clone());
    (fields, filing, holds)
}

/// The words of the second reading whose middle lies in the region; its pages may be of another size.
fn text_in(again: &[PageText], pages: &[PageText], region: &Region) -> String {
    let (page, rect) = (region.page, region.rect);
    let width = |pages: &[PageText]| pages.iter().find(|p| p.n == page).map_or(1, |p| p.width.max(1));
    let scale = f64::from(width(pages)) / f64::from(width(again));
    let inside = |r: Rect| {
        let (x, y) = (f64::from(r.x + r.w / 2) * scale, f64::from(r.y + r.h / 2) * scale);
        x >= f64::from(rect.x) && x <= f64::from(rect.x + rect.w) && y >= f64::from(rect.y) && y <= f64::from(rect.y + rect.h)
    };
    let lines = again.iter().filter(|p| p.n == page).flat_map(PageText::lines);
    lines
        .map(|line| line.words.iter().filter(|w| inside(w.rect)).map(|w| w.text.as_str()).collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

#[expect(clippy::disallowed_methods, reason = "where the material lies is not configuration of the program")]
fn env_path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

/// The folder of common material, where it is there; said aloud where it is not.
fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let found = env_path("CONSERVA_SHARED").or(Some(beside)).filter(|p| p.join("corpus/generated").is_dir());
    if found.is_none() {
        eprintln!("no shared material here: the test on corpus/generated was not run");
    }
    found
}

fn set(text: &str) -> std::collections::BTreeSet<String> {
    text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

fn strings(value: &serde_json::Value) -> Vec<String> {
    value.as_array().map(|a| a.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()).unwrap_or_default()
}

fn tables_of(folder: &Path, id: &str) -> Vec<PageText> {
    let read = |n: u32| std::fs::read_to_string(folder.join(format!("{id}-{n}.tsv"))).ok().map(|text| tsv(&text, n));
    (1..=4).filter_map(read).filter(|page| page.word_count() > 0).collect()
}

#[derive(Default, Debug)]
struct Score {
    documents: u32,
    protocollo: u32,
    tipo: u32,
    voce: u32,
    oggetto: (u32, u32),
    codes: (u32, u32, u32),
    unheld: u32,
    wrong_unheld: u32,
}

fn judge(id: &str, truth: &serde_json::Value, read: &(Fields, Filing, Vec<conserva::document::Hold>), score: &mut Score) {
    let (fields, filing, holds) = read;
    let p = fields.protocollo.as_ref().map(|r| &r.value);
    let verso = p.and_then(|p| p.verso).map(|v| match v {
        Verso::E => "arrivo",
        Verso::U => "partenza",
        Verso::I => "interno",
    });
    let expected = &truth["protocollo"];
    let same = p.is_some_and(|p| {
        p.numero == expected["numero"]
            && i64::from(p.anno) == expected["anno"]
            && p.data.is_none_or(|d| d.to_string() == expected["data"].as_str().unwrap_or(""))
            && verso == expected["verso"].as_str()
    });
    let tipo = strings(&truth["tipi_accettabili"]).contains(&filing.tipo.value);
    let voce = strings(&truth["classi_accettabili"]).contains(&filing.voce.value.0);
    score.documents += 1;
    score.protocollo += u32::from(same);
    score.tipo += u32::from(tipo);
    score.voce += u32::from(voce);
    let oggetto = fields.oggetto.as_ref().map_or("", |o| o.value.as_str());
    let (a, b) = (set(oggetto), set(truth["oggetto"].as_str().unwrap_or("")));
    let alike = a.intersection(&b).count() as f32 / a.union(&b).count().max(1) as f32;
    if truth["oggetto_sulla_pagina"] == true {
        score.oggetto.1 += 1;
        score.oggetto.0 += u32::from(alike >= 0.95);
    }
    let read: Vec<String> =
        fields.codici_fiscali.iter().chain(&fields.partite_iva).chain(&fields.iban).map(|r| r.value.clone()).collect();
    let expected_codes: Vec<String> =
        [strings(&truth["codici_fiscali"]), strings(&truth["partite_iva"]), strings(&truth["iban"])].concat();
    let hit = read.iter().filter(|c| expected_codes.contains(c)).count() as u32;
    score.codes = (score.codes.0 + hit, score.codes.1 + read.len() as u32, score.codes.2 + expected_codes.len() as u32);
    if holds.is_empty() {
        score.unheld += 1;
        score.wrong_unheld += u32::from((p.is_some() && !same) || !voce || !tipo);
    }
    eprintln!(
        "{id}: prot {} {:?} {verso:?} | tipo {} {} {:.2} | voce {} {} {:.2} | ogg {alike:.2} {:?} {oggetto:?} | mitt {:?} (truth {}) dest {:?} | codes {hit}/{}/{} | holds {:?}",
        if same { "ok" } else { "WRONG" },
        p.map(|p| format!("{}/{} {:?}", p.numero, p.anno, p.data)),
        if tipo { "ok" } else { "WRONG" },
        filing.tipo.value,
        filing.tipo.confidence,
        if voce { "ok" } else { "WRONG" },
        filing.voce.value,
        filing.voce.confidence,
        fields.oggetto.as_ref().map(|o| o.origin.as_str()),
        fields.mittente.as_ref().map(|m| m.value.nome.as_str()),
        truth["mittente"],
        fields.destinatario.as_ref().map(|m| m.value.nome.as_str()),
        read.len(),
        expected_codes.len(),
        holds.iter().map(|h| h.message.code()).collect::<Vec<_>>(),
    );
    for code in read.iter().filter(|c| !expected_codes.contains(c)) {
        eprintln!("      not there: {code}");
    }
    if !tipo || !voce {
        for r in &filing.reasons {
            eprintln!("      {}", r.sentence(conserva::messages::Lang::It));
        }
        eprintln!("      {:?}", filing.alternatives);
    }
}

/// The twenty generated documents: their true text with the stamp on top, or (with `CONSERVA_TSV`) what Tesseract read of them.
#[test]
fn of_the_twenty_generated_documents_none_is_filed_wrong_without_a_person() {
    let Some(shared) = shared() else { return };
    let ente = ente("Comune di Valdombra", "c_x000");
    let tables = env_path("CONSERVA_TSV");
    let mut score = Score::default();
    let mut truths: Vec<PathBuf> = std::fs::read_dir(shared.join("corpus/generated"))
        .expect("a folder")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
        .collect();
    truths.sort();
    for path in truths {
        let truth: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).expect("truth")).expect("json");
        let id = truth["id"].as_str().expect("id");
        let pages = match &tables {
            Some(folder) => tables_of(folder, id),
            None => {
                let text = std::fs::read_to_string(path.with_extension("txt")).expect("text");
                let stamp: String = strings(&truth["timbro"]).iter().map(|l| format!("{:60}{l}\n", "")).collect();
                plain(&format!("{stamp}\n{text}"), "tesseract")
            }
        };
        let again = tables.as_ref().map_or_else(|| pages.clone(), |folder| tables_of(&folder.join("second"), id));
        judge(id, &truth, &filed(&pages, &again, &ente), &mut score);
    }
    eprintln!("{score:?}");
    assert_eq!(score.wrong_unheld, 0);
    assert!(score.unheld >= 12, "unheld: {}", score.unheld);
    assert!(score.tipo * 10 >= score.documents * 9 && score.voce * 10 >= score.documents * 9);
    assert_eq!(score.codes.0, score.codes.1, "a code that is not there was read");
    assert!(score.oggetto.0 * 10 >= score.oggetto.1 * 9);
}

/// A text of our own with what it should be filed as.
struct Fixture {
    name: String,
    tipi: Vec<String>,
    voci: Vec<String>,
    protocollo: Option<String>,
    /// What the text says of other fields, as `field: value`.
    said: Vec<(&'static str, String)>,
    held_out: bool,
    text: String,
}

fn fixtures() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/filing");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).expect("fixtures").map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let whole = std::fs::read_to_string(path).expect("a fixture");
            let (head, text) = whole.split_once("---\n").expect("a head");
            let value =
                |key: &str| head.lines().find_map(|l| l.strip_prefix(key)).map(|v| v.trim_start_matches(':').trim().to_owned());
            let list = |key: &str| value(key).expect("a value").split('|').map(str::to_owned).collect();
            Fixture {
                name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
                tipi: list("tipo"),
                voci: list("voce"),
                protocollo: value("protocollo"),
                said: ["oggetto", "mittente", "cf", "piva", "data"].into_iter().filter_map(|f| Some((f, value(f)?))).collect(),
                held_out: value("held-out").is_some(),
                text: text.to_owned(),
            }
        })
        .collect()
}

/// The values of a field as the fixtures write them.
fn values(fields: &Fields, field: &str) -> Vec<String> {
    let all = |list: &[conserva::fields::Reading<String>]| list.iter().map(|r| r.value.clone()).collect();
    match field {
        "oggetto" => fields.oggetto.iter().map(|r| r.value.clone()).collect(),
        "mittente" => fields.mittente.iter().map(|r| r.value.nome.clone()).collect(),
        "data" => fields.data.iter().map(|r| r.value.to_string()).collect(),
        "cf" => all(&fields.codici_fiscali),
        _ => all(&fields.partite_iva),
    }
}

#[test]
fn what_our_own_texts_say_of_themselves_is_read_from_letterheads_of_every_kind() {
    let ente = ente("Città di Roccabianca", "c_x001");
    let (mut right, mut all) = (0, 0);
    for fixture in fixtures().iter().filter(|f| !f.said.is_empty()) {
        let pages = plain(&fixture.text, "tesseract");
        let fields = extract::fields(&pages, &ente);
        for (field, expected) in &fixture.said {
            let read = values(&fields, field);
            let is_right = read.iter().any(|value| set(value) == set(expected));
            all += 1;
            right += u32::from(is_right);
            if !is_right {
                eprintln!("{}: {field} {read:?}, wanted {expected:?}", fixture.name);
            }
        }
    }
    eprintln!("fields of our own texts: {right} of {all}");
    assert!(all >= 20 && right * 100 >= all * 95, "{right} of {all}");
}

/// The threshold is lower than what is reached today, so that a change of words that costs a few is seen, not masked.
#[test]
fn nine_in_ten_of_our_own_texts_find_their_tipo_and_voce_and_none_is_filed_wrong_unheld() {
    let ente = ente("Città di Roccabianca", "c_x001");
    let (mut all, mut tipo_right, mut voce_right, mut unheld_wrong, mut unheld) = ([0; 2], [0; 2], [0; 2], 0, 0);
    for fixture in fixtures() {
        let pages = plain(&fixture.text, "tesseract");
        let (fields, filing, _) = filed(&pages, &pages, &ente);
        let (tipo, voce) = (fixture.tipi.contains(&filing.tipo.value), fixture.voci.contains(&filing.voce.value.0));
        let set = usize::from(fixture.held_out);
        all[set] += 1;
        tipo_right[set] += u32::from(tipo);
        voce_right[set] += u32::from(voce);
        unheld += u32::from(filing.doubts.is_empty());
        unheld_wrong += u32::from(filing.doubts.is_empty() && !(tipo && voce));
        if let Some(expected) = &fixture.protocollo {
            assert_eq!(
                fields.protocollo.map(|p| format!("{}/{}", p.value.numero, p.value.anno)).as_deref(),
                Some(expected.as_str()),
                "{}",
                fixture.name
            );
        }
        if !tipo || !voce || !filing.doubts.is_empty() {
            eprintln!(
                "{}: {} {:.2} {} {:.2}, wanted {:?} {:?}; {:?}",
                fixture.name,
                filing.tipo.value,
                filing.tipo.confidence,
                filing.voce.value,
                filing.voce.confidence,
                fixture.tipi,
                fixture.voci,
                filing.alternatives
            );
        }
    }
    eprintln!("tuned/held out: {all:?} tipo {tipo_right:?} voce {voce_right:?}; unheld {unheld}, of these wrong {unheld_wrong}");
    for set in 0..2 {
        assert!(tipo_right[set] * 10 >= all[set] * 9 && voce_right[set] * 10 >= all[set] * 9);
    }
    assert_eq!(unheld_wrong, 0);
}
