//! What a protocol office may rely on when a file of unknown kind arrives.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use conserva::arrival::FileName;
use conserva::document::{Format, Verdict};
use conserva::error::{Kind, Result};
use conserva::identify;
use conserva::limits::Limits;
use conserva::messages::Lang;

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

#[expect(clippy::unnecessary_wraps, reason = "compared with what the gate gives")]
fn held(code: &str) -> Option<(Kind, String)> {
    Some((Kind::Hold, code.to_owned()))
}

fn sample(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "the environment says where the shared corpus lies")]
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

#[test]
fn every_sample_document_is_seen_as_what_it_is_and_may_go_on() {
    for (name, puid, verdict) in [
        ("01 istanza accesso atti.tif", "fmt/353", Verdict::Accettato),
        ("02 scia bar.tif", "fmt/353", Verdict::Accettato),
        ("05 ordinanza circolazione.tif", "fmt/353", Verdict::DaConvertire),
        ("06 fattura ferramenta.jpg", "fmt/43", Verdict::Accettato),
        ("07 stato di famiglia.png", "fmt/11", Verdict::Accettato),
        ("08 contratto ponte.pdf", "fmt/19", Verdict::DaConvertire),
        ("12 nota ferie.pdf", "fmt/19", Verdict::DaConvertire),
        ("14 permesso con tavola.pdf", "fmt/19", Verdict::DaConvertire),
    ] {
        let bytes = sample(&format!("documenti/{name}"));
        let format = seen(&bytes, name);
        assert_eq!(format.puid.as_deref(), Some(puid), "{name}");
        assert_eq!(format.verdict, verdict, "{name}");
        assert_eq!(gate(&bytes, name), None, "{name}");
    }
}

#[test]
fn each_file_of_the_other_shelves_ends_as_its_note_says() {
    let refused = |code: &str| Some((Kind::Refuse, code.to_owned()));
    for (path, expected) in [
        ("altri/richiesta patrocinio.odt", None),
        ("altri/richiesta patrocinio.docx", None),
        ("altri/IT00093330046_00088.xml", None),
        ("altri/messaggio.eml", None),
        ("altri/pratica.zip", None),
        ("damaged/troncato.tif", held("file-truncated")),
        ("damaged/troncato.pdf", held("file-truncated")),
        ("damaged/troncato.jpg", held("file-truncated")),
        ("damaged/troncato.png", held("file-truncated")),
        ("damaged/estensione sbagliata.jpg", held("extension-contradicts")),
        ("damaged/pagina web.pdf", held("extension-contradicts")),
        ("damaged/con password.pdf", held("file-encrypted")),
        ("damaged/bianca.tif", None),
        ("damaged/rumore.bin", refused("format-unknown")),
        ("hostile/bomba.zip", None),
        ("hostile/fuga.zip", held("container-escapes")),
        ("hostile/gigante.png", None),
        ("hostile/entita.xml", held("xml-entities")),
        ("hostile/bomba contenuto.pdf", None),
        ("hostile/bomba oggetti.pdf", None),
        ("hostile/milioni di pagine.pdf", None),
        ("hostile/annidato.pdf", None),
        ("hostile/anello di pagine.pdf", None),
        ("hostile/anello di directory.tif", None),
        ("hostile/script.pdf", held("active-content")),
        ("hostile/programma.pdf", refused("format-executable")),
    ] {
        let name = path.rsplit('/').next().unwrap_or(path);
        assert_eq!(gate(&sample(path), name), expected, "{path}");
    }
}

#[test]
fn an_empty_file_is_refused_and_one_byte_is_not_empty() {
    let error = look(b"", "vuoto.pdf").expect_err("empty");
    assert_eq!((error.kind(), error.code()), (Kind::Refuse, "file-empty"));
    assert_eq!(seen(b"a", "a.txt").mime, "text/plain");
}

#[test]
fn a_truncated_tiff_is_held_with_its_place() {
    let whole = sample("documenti/01 istanza accesso atti.tif");
    assert_eq!(gate(&whole, "a.tif"), None);
    let format = seen(&whole[..whole.len() - 2_000], "a.tif");
    let place = format.warnings.iter().find(|w| w.code() == "file-truncated").and_then(|w| w.value("what"));
    assert!(place.is_some_and(|p| p.starts_with("IFD ")), "{place:?}");
}

#[test]
fn every_cut_of_every_sample_page_format_is_noticed() {
    for name in ["06 fattura ferramenta.jpg", "07 stato di famiglia.png", "11 avviso tari.pdf", "17 dichiarazione residenza.tif"]
    {
        let whole = sample(&format!("documenti/{name}"));
        for tenth in 1..10 {
            let part = &whole[..whole.len() * tenth / 10];
            assert_eq!(gate(part, name), held("file-truncated"), "{name} at {tenth}/10");
        }
    }
}

#[test]
fn no_cut_and_no_flipped_byte_makes_it_panic() {
    for path in
        ["altri/richiesta patrocinio.docx", "altri/pratica.zip", "damaged/con password.pdf", "hostile/anello di directory.tif"]
    {
        let whole = sample(path);
        for at in (0..whole.len()).step_by(7) {
            let _ = look(&whole[..at], "x");
            let mut flipped = whole.clone();
            flipped[at] ^= 0xff;
            let _ = look(&flipped, "x");
        }
    }
}

#[test]
fn a_pdf_that_the_empty_password_opens_is_told_from_one_that_it_does_not() {
    let format = seen(&sample("damaged/con password.pdf"), "con password.pdf");
    assert!(format.encrypted);
    assert_eq!((format.verdict, format.rule.as_str()), (Verdict::DaConvertire, "T-06"));
    assert!(!format.claims.contains(&"opens-without-password".to_owned()));
}

#[test]
fn an_owner_password_alone_does_not_lock_but_is_said() {
    let Some(corpus) = corpus() else { return };
    let open = of_file(&corpus.join("pdf/qpdf-enc-R3,V2,O=master.pdf")).expect("format");
    assert!(open.encrypted && open.claims.contains(&"opens-without-password".to_owned()));
    assert_eq!(identify::gate(&open, &FileName::new("a.pdf")).expect_err("held").code(), "file-restricted");
    let locked = of_file(&corpus.join("pdf/qpdf-enc-R2,V1,U=view,O=view.pdf")).expect("format");
    assert!(locked.encrypted && !locked.claims.contains(&"opens-without-password".to_owned()));
}

#[test]
fn every_signed_file_of_the_corpus_is_said_to_be_signed() {
    let Some(corpus) = corpus() else { return };
    let mut all = Vec::new();
    files(&corpus.join("signed"), &mut all);
    for path in all {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        // The outermost tag of one is broken so that no structure is left; the other is a plain office file.
        if matches!(name.as_str(), "malformed-cades.p7m" | "office_non_firmato") {
            continue;
        }
        assert!(of_file(&path).expect("format").signed, "{name}");
    }
}

#[test]
fn a_claim_in_metadata_is_declared_and_never_more() {
    let xmp = br"<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>";
    let pdf = [b"%PDF-1.7\n1 0 obj\n<</Type/Metadata/Length 71>>\nstream\n", &xmp[..], b"\nendstream\nendobj\n%%EOF\n"].concat();
    let format = seen(&pdf, "a.pdf");
    assert_eq!((format.puid.as_deref(), format.claims), (Some("fmt/477"), vec!["pdfa-2b".to_owned()]));
    let by_name = br#"<a xmlns:id="http://www.aiim.org/pdfa/ns/id/"><id:part>2</id:part><id:conformance>B</id:conformance></a>"#;
    let pdf =
        [b"%PDF-1.7\n1 0 obj\n<</Type/Metadata/Length 99>>\nstream\n", &by_name[..], b"\nendstream\nendobj\n%%EOF\n"].concat();
    assert_eq!(seen(&pdf, "a.pdf").claims, ["pdfa-2b"], "by its namespace, whatever the prefix");
    let other = [b"%PDF-1.7\n1 0 obj\n<</Type/XObject/Length 71>>\nstream\n", &xmp[..], b"\nendstream\nendobj\n%%EOF\n"].concat();
    assert_eq!(seen(&other, "a.pdf").puid.as_deref(), Some("fmt/276"));
}

#[test]
fn a_name_never_decides() {
    let pdf = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n";
    for name in ["a.pdf", "a", "a.tif", "a.qwerty", ".pdf"] {
        let format = seen(pdf, name);
        assert_eq!(format.puid.as_deref(), Some("fmt/18"), "{name}");
        assert_eq!(format.warnings.iter().any(|w| w.code() == "extension-contradicts"), name == "a.tif", "{name}");
    }
}

#[test]
fn an_archive_is_looked_into_up_to_the_ceiling_of_entries_and_says_so_beyond() {
    let zip = sample("altri/pratica.zip");
    for (most, warned) in [(2, false), (1, true)] {
        let limits = Limits { container_entries_max: most, ..Limits::default() };
        let format =
            identify::format(&mut Cursor::new(&zip), zip.len() as u64, &FileName::new("a.zip"), &limits).expect("format");
        assert_eq!(format.warnings.iter().any(|w| w.code() == "container-entries"), warned, "{most}");
    }
}

#[test]
fn a_letter_that_speaks_of_from_and_subject_is_no_mail_and_a_mail_is() {
    assert_eq!(seen("Oggetto: ferie\nIn data odierna: niente\n".as_bytes(), "a.txt").name, "TXT");
    assert_eq!(
        seen(b"From: a@b.example\r\nTo: c@d.example\r\nDate: x\r\n\r\nciao\r\n", "a.eml").puid.as_deref(),
        Some("fmt/278")
    );
    assert_eq!(seen(b"MIME-Version: 1.0\r\nFrom: a@b.example\r\n\r\nciao\r\n", "a.eml").puid.as_deref(), Some("fmt/950"));
}

#[test]
fn the_answer_of_the_command_has_the_fields_of_the_contract() {
    let json = identify::json(Path::new("x/a.png"), &seen(&sample("documenti/07 stato di famiglia.png"), "a.png"));
    for key in ["path", "puid", "mime", "version", "claims", "signed", "encrypted", "verdict", "rule"] {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert_eq!(json["verdict"], "accettato");
}

#[test]
fn every_word_at_the_gate_stands_in_both_languages_with_an_advice() {
    for path in
        ["damaged/con password.pdf", "damaged/rumore.bin", "damaged/troncato.tif", "hostile/fuga.zip", "hostile/entita.xml"]
    {
        let bytes = sample(path);
        let name = FileName::new(path.rsplit('/').next().unwrap_or(path));
        let error = identify::gate(&seen(&bytes, &name.shown()), &name).expect_err(path);
        for lang in [Lang::It, Lang::En] {
            let (sentence, advice) = (error.message().sentence(lang), error.message().advice(lang));
            assert!(!sentence.contains('?') && !sentence.contains(error.code()), "{sentence}");
            assert!(!advice.is_empty() && !advice.contains('?'), "{advice}");
        }
    }
}

#[test]
fn the_ente_of_the_samples_is_whole_and_its_codes_hold() {
    let text = String::from_utf8(sample("ente.toml")).expect("utf-8");
    let ente: conserva::ente::Ente = toml::from_str(&text).expect("ente");
    assert_eq!((ente.codice_ipa.as_str(), ente.uor.len(), ente.prova), ("c_x912", 7, false));
    let digits: Vec<u32> = ente.codice_fiscale.expect("code").chars().filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 = digits.iter().enumerate().map(|(n, &d)| if n % 2 == 0 { d } else { d * 2 % 10 + d * 2 / 10 }).sum();
    assert_eq!((digits.len(), sum % 10), (11, 0));
}

/// An end that comes too early: objects that follow the last one were meant to be ended too, and one inside an object stops
/// whoever reads from the front.
#[test]
fn a_pdf_with_an_early_end_is_no_whole_pdf() {
    let object = |n: u32, text: &str| format!("{n} 0 obj\n<<{text}>>\nendobj\n");
    let cut = format!("%PDF-1.4\n{}%%EOF\n{}startxref\n9\n", object(1, ""), object(2, ""));
    let inside = format!("%PDF-1.4\n1 0 obj\n<<>>\n%%EOF\nendobj\n{}startxref\n9\n%%EOF\n", object(2, ""));
    let code = |text: &str| {
        let format = seen(text.as_bytes(), "a.pdf");
        identify::gate(&format, &FileName::new("a.pdf")).expect_err("held").code().to_owned()
    };
    assert_eq!((code(&cut).as_str(), code(&inside).as_str()), ("file-truncated", "structure-damaged"));
}

/// Skeletons bear in their name what they are. Those of Allegato 2 and its kin must be known, nine in ten; the misses are said.
#[test]
fn nine_in_ten_skeletons_are_seen_as_what_their_name_says() {
    let Some(corpus) = corpus() else { return };
    let mut all = Vec::new();
    files(&corpus.join("formats/skeleton"), &mut all);
    let mut right = 0;
    for path in &all {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let words: Vec<&str> = name.split("-signature").next().unwrap_or("").trim_end_matches("-container").split('-').collect();
        let (number, family) = words.split_last().expect("a name");
        let expected = format!("{}/{number}", family.join("-"));
        let puid = of_file(path).ok().and_then(|format| format.puid);
        right += usize::from(puid.as_ref() == Some(&expected));
        if puid.as_ref() != Some(&expected) {
            eprintln!("{name}: {puid:?}");
        }
    }
    eprintln!("skeletons: {right} of {}", all.len());
    assert!(right * 10 >= all.len() * 9, "{right} of {}", all.len());
}
