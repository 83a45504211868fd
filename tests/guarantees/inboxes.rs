//! What comes with a file at a watched folder: its sidecar, the defaults of its inbox, the folder that it lies in. Data outrank
//! what is read, a contradiction holds, and nothing of it is lost on the way.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use conserva::digest::Digest;
use rustix::process::Signal;
use serde_json::Value;

use super::stage::{Stage, repository, said};
use super::watch::{Daemon, arrivals, doctor, lying, settling, taken, until, watched, write};

/// A born-digital PDF with one line of text a page.
pub fn pdf(pages: &[&str]) -> Vec<u8> {
    let content = |text: &&str| {
        let lines: Vec<String> = text.lines().map(|line| format!("({line}) Tj T*")).collect();
        format!("BT /F1 12 Tf 14 TL 72 760 Td {} ET", lines.join(" "))
    };
    drawn(&pages.iter().map(content).collect::<Vec<_>>(), (595.0, 842.0))
}

/// A PDF whose pages have the contents and the size, in points, that are given; `/F1` is Helvetica.
pub fn drawn(contents: &[String], (width, height): (f32, f32)) -> Vec<u8> {
    let mut objects = vec!["<</Type/Catalog/Pages 2 0 R>>".to_owned()];
    let kids: Vec<String> = (0..contents.len()).map(|n| format!("{} 0 R", 4 + 2 * n)).collect();
    objects.push(format!("<</Type/Pages/Count {}/Kids[{}]>>", contents.len(), kids.join(" ")));
    objects.push("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned());
    for (n, content) in contents.iter().enumerate() {
        objects.push(format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Resources<</Font<</F1 3 0 R>>>>/Contents {} 0 R>>",
            5 + 2 * n
        ));
        objects.push(format!("<</Length {}>>\nstream\n{content}\nendstream", content.len()));
    }
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (n, object) in objects.iter().enumerate() {
        places.push(bytes.len());
        bytes.extend(format!("{} 0 obj\n{object}\nendobj\n", n + 1).bytes());
    }
    let start = bytes.len();
    bytes.extend(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).bytes());
    for place in &places {
        bytes.extend(format!("{place:010} 00000 n \n").bytes());
    }
    bytes.extend(format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n", places.len() + 1).bytes());
    bytes
}

/// A letter of which the machine understands little.
const NOTE: &str = "Appunti vari\nNulla che dica di che cosa si tratta.";

/// The one document of the archive, once it is at rest.
fn at_rest(stage: &Stage) -> Value {
    let mut documents = Vec::new();
    until("the document is at rest", 90, || {
        documents = stage.json(&["list"], &[0]);
        documents.len() == 1 && documents[0]["state"] != "working"
    });
    show(stage, documents[0]["id"].as_str().expect("id"))
}

fn show(stage: &Stage, id: &str) -> Value {
    stage.json(&["show", id], &[0]).remove(0)
}

fn codes(document: &Value) -> Vec<String> {
    let holds = document["holds"].as_array().expect("holds").iter();
    holds.map(|hold| format!("{} {}", hold["code"].as_str().unwrap_or("-"), hold["field"].as_str().unwrap_or("-"))).collect()
}

#[test]
fn the_defaults_of_an_inbox_are_facts_that_a_sidecar_and_a_person_outrank() {
    let defaults =
        "profile = 'tributi'\ndefaults = { tipo = 'lettera', voce = 'IV.3', fascicolo = 'TARI 2024', riservato = true }";
    let (stage, inbox) = watched(defaults);
    write(&inbox.join("nota.pdf"), &pdf(&[NOTE]));
    write(&inbox.join("nota.pdf.json"), br#"{"documento": {"voce": "VI.3", "oggetto": "Nota sulle aree"}}"#);
    let _daemon = Daemon::start(&stage, &[]);
    let document = at_rest(&stage);
    assert_eq!(document["fields"]["tipo"]["origin"], "inbox default tributi");
    assert_eq!(document["riservato"], serde_json::json!({"value": true, "origin": "inbox default tributi"}));
    assert_eq!(
        (&document["filing"]["voce"], &document["fields"]["oggetto"]["origin"]),
        (&"VI.3".into(), &"sidecar nota.pdf.json".into())
    );
    let doubts = codes(&document);
    assert!(doubts.iter().all(|code| !code.contains("classification") && !code.contains("oggetto")), "{doubts:?}");
    let id = document["id"].as_str().expect("id");
    let set = ["review", id, "--set", "voce=IV.4", "--set", "riservato=no", "--approve"];
    assert!(stage.run(&set).status.code().is_some_and(|code| code < 2));
    until("it is filed anew", 20, || show(&stage, id)["filing"]["voce"] == "IV.4");
    let origin = show(&stage, id)["riservato"]["origin"].take();
    assert!(origin.as_str().is_some_and(|origin| origin.starts_with("person ")), "{origin}");
}

#[test]
fn a_default_that_does_not_exist_is_refused_by_name() {
    for (defaults, words) in [
        ("{ voce = 'XX.99' }", "la porta «inbox» dà a ciò che arriva la voce «XX.99», che nel Titolario non c'è"),
        ("{ tipo = 'cartolina' }", "la porta «inbox» dà a ciò che arriva il tipo «cartolina», che Conserva non conosce"),
    ] {
        let (stage, _) = watched(&format!("defaults = {defaults}"));
        for verb in ["watch", "doctor"] {
            let output = stage.run(&[verb]);
            assert_eq!(output.status.code(), Some(3), "{}", said(&output));
            assert!(said(&output).contains(words), "{verb}: {}", said(&output));
        }
    }
}

#[test]
fn a_configuration_that_was_asked_for_and_is_not_there_or_is_no_text_is_refused() {
    let stage = Stage::with_archive();
    let refused = |file: &Path| {
        let output = stage.run(&["--config", &file.display().to_string(), "list"]);
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    };
    refused(&stage.path("manca.toml"));
    refused(&stage.path("."));
    write(&stage.path("latin.toml"), b"# citt\xe0\n");
    refused(&stage.path("latin.toml"));
}

#[test]
fn a_default_against_what_the_page_surely_says_holds_and_shows_both() {
    let (stage, inbox) = watched("defaults = { tipo = 'lettera', voce = 'IV.3' }");
    std::fs::copy(repository().join("samples/documenti/03 delibera giunta.tif"), inbox.join("delibera.tif")).expect("copied");
    let _daemon = Daemon::start(&stage, &[]);
    let document = at_rest(&stage);
    assert!(codes(&document).contains(&"given-contradicted tipo".to_owned()), "{:?}", codes(&document));
    assert_eq!(document["fields"]["tipo"]["value"], "lettera", "data stand until a person decides");
}

#[test]
fn a_sidecar_goes_with_its_file_and_its_values_need_no_second_reading() {
    let (stage, inbox) = watched("");
    let json = br#"{"documento": {"oggetto": "Nota interna sulle ferie", "tipo": "lettera", "voce": "III.1", "lotto": "L-7",
        "protocollo": {"numero": 4512, "data": "2024-03-12", "verso": "E"}, "mittente": "Maria Rossi"}}"#;
    write(&inbox.join("nota.pdf"), &pdf(&[NOTE]));
    write(&inbox.join("nota.pdf.json"), json);
    let daemon = Daemon::start(&stage, &[]);
    let document = at_rest(&stage);
    assert_eq!(document["state"], "ready", "{:?}", codes(&document));
    assert_eq!(document["fields"]["protocollo"]["value"]["numero"], "0004512");
    assert_eq!(document["fields"]["mittente"]["origin"], "sidecar nota.pdf.json");
    assert_eq!((arrivals(&stage).len(), taken(&inbox), lying(&inbox).len()), (1, 2, 0));
    let arrival = show(&stage, document["source"]["arrival"].as_str().expect("arrival"));
    let sidecar = &arrival["given"][0]["sidecar"];
    assert_eq!((&sidecar["sha256"], &arrival["given"][0]["lotto"]), (&Digest::of(json).hex().into(), &"L-7".into()));
    let hex = Digest::of(json).hex();
    let blob = stage.path(&format!("archivio/blobs/c_x912/{}/{hex}", &hex[..2]));
    assert_eq!(std::fs::read(blob).expect("the sidecar is kept"), json);
    assert!(!daemon.log().contains("Maria Rossi"));
    assert!(stage.run(&["package"]).status.success());
}

#[test]
fn what_the_office_states_beyond_the_pages_is_kept_with_its_origin_and_stands_in_the_metadata() {
    let (stage, inbox) = watched("");
    let json = serde_json::json!({"documento": {
        "oggetto": "Nota interna sulle ferie", "tipo": "lettera", "voce": "III.1",
        "protocollo": {"numero": 4512, "data": "2024-03-12", "verso": "E"}, "mittente": "Maria Rossi",
        "dichiarazioni": {
            "ora": "10:30:00",
            "soggetti": [{"ruolo": "assegnatario", "parte": {"ufficio": {"uor": "UFED02", "persona": {"cognome": "Gialli", "nome": "Ada"}}}}],
            "emergenza": {"numero": "12", "data": "2024-03-11"},
            "versione": {"numero": 2, "autore": {"cognome": "Neri", "nome": "Ugo"}, "modifica": {"tipo": "rettifica",
                "at": "2024-03-13T09:00:00Z", "impronta_precedente": Digest::of(b"prima").hex(), "identificativo_precedente": "doc-prima"}}},
        "dichiarazioni_aggregazione": {
            "posizione_fisica": "Armadio 3",
            "assegnazioni": [{"per_competenza": true, "uor": "UFED02", "inizio": ["2024-03-12", null]}]}}});
    write(&inbox.join("nota.pdf"), &pdf(&[NOTE]));
    write(&inbox.join("nota.pdf.json"), json.to_string().as_bytes());
    let _daemon = Daemon::start(&stage, &[]);
    let document = at_rest(&stage);
    assert_eq!(document["state"], "ready", "{:?}", codes(&document));
    assert_eq!(document["stated"]["documento"]["origin"], "sidecar nota.pdf.json");
    let id = document["id"].as_str().expect("id");
    let set = ["review", id, "--set", r#"dichiarazioni_aggregazione={"posizione_fisica": "Armadio 4"}"#];
    assert!(stage.run(&set).status.success(), "{}", said(&stage.run(&set)));
    until("it is described anew", 20, || {
        let document = show(&stage, id);
        document["state"] == "ready" && document["stated"]["aggregazione"]["value"]["posizione_fisica"] == "Armadio 4"
    });
    let origin = show(&stage, id)["stated"]["aggregazione"]["origin"].take();
    assert!(origin.as_str().is_some_and(|origin| origin.starts_with("person ")), "{origin}");
    let wrong = stage.run(&["review", id, "--set", r#"dichiarazioni={"orario": "10:30"}"#]);
    assert_eq!(wrong.status.code(), Some(2), "a word that nobody knows");
    let built = stage.json(&["package"], &[0]).remove(0);
    let path = stage.path("archivio").join(built["path"].as_str().expect("a path"));
    let files = super::package::entries(&path);
    let text = |end: &str| -> String {
        let found = files.iter().find(|(name, _)| name.ends_with(end)).expect("a file");
        String::from_utf8(found.1.clone()).expect("text")
    };
    let metadata = text("DocumentoAmministrativoInformatico.xml");
    for wanted in
        ["<TipoRuolo>Assegnatario<", "<Cognome>Gialli<", "10:30:00", "<TipoModifica>Rettifica<", "doc-prima", "<Cognome>Neri<"]
    {
        assert!(metadata.contains(wanted), "{wanted} is missing in {metadata}");
    }
    assert!(text("AggregazioneDocumentaliInformatiche.xml").contains("Armadio 4"));
}

#[test]
fn a_sidecar_with_a_fault_or_of_another_file_holds_its_document() {
    let (stage, inbox) = watched("");
    write(&inbox.join("nota.pdf"), &pdf(&[NOTE]));
    let other = Digest::of(b"un altro file").hex();
    let text = format!(r#"{{"documento": {{"sha256": "{other}", "vocie": "III.1", "voce": "XX.9"}}}}"#);
    write(&inbox.join("nota.pdf.json"), text.as_bytes());
    let _daemon = Daemon::start(&stage, &[]);
    let document = at_rest(&stage);
    let doubts = codes(&document);
    for code in ["sidecar-value sidecar", "sidecar-other-file sidecar", "given-unknown voce"] {
        assert!(doubts.contains(&code.to_owned()), "{code}: {doubts:?}");
    }
}

#[test]
fn what_only_looks_like_a_sidecar_is_an_input_of_its_own() {
    let (stage, inbox) = watched("");
    write(&inbox.join("fattura.pdf"), &pdf(&[NOTE]));
    write(&inbox.join("fattura.pdf.xml"), b"<?xml version='1.0'?><FatturaElettronica/>");
    write(&inbox.join("dati.json"), br#"{"documento": {"voce": "III.1"}, "altro": 1}"#);
    let _daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("all are in", 15, || lying(&inbox).is_empty());
    assert_eq!(arrivals(&stage).len(), 3);
}

#[test]
fn a_sidecar_may_come_first_or_a_while_later_and_one_without_a_file_is_waited_for() {
    let (stage, inbox) = watched("sidecar_seconds = 15\nincomplete_seconds = 25");
    let sidecar = br#"{"documento": {"voce": "III.1"}}"#;
    write(&inbox.join("prima.pdf.json"), sidecar);
    write(&inbox.join("dopo.pdf"), &pdf(&["dopo"]));
    write(&inbox.join("solo.pdf.xml"), b"<documento><voce>III.1</voce></documento>");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    std::thread::sleep(Duration::from_millis(2_500));
    assert!(arrivals(&stage).is_empty(), "each waits for the other");
    assert_eq!(doctor(&stage)["sight"]["unfinished"], 2, "{}", daemon.log());
    write(&inbox.join("dopo.pdf.json"), sidecar);
    write(&inbox.join("prima.pdf"), &pdf(&["prima"]));
    until("both are in with theirs", 15, || taken(&inbox) == 4);
    assert_eq!(arrivals(&stage).len(), 2);
    until("the lonely one is an input of its own", 60, || lying(&inbox).is_empty());
    assert_eq!(arrivals(&stage).len(), 3);
}

#[test]
fn ingest_reads_sidecars_where_it_takes_the_sources_only() {
    for (take, lines) in [(true, 1), (false, 2)] {
        let stage = Stage::with_archive();
        std::fs::create_dir(stage.path("carte")).expect("folder");
        write(&stage.path("carte/nota.pdf"), &pdf(&[NOTE]));
        write(&stage.path("carte/nota.pdf.json"), br#"{"documento": {"voce": "III.1"}}"#);
        let folder = stage.path("carte").display().to_string();
        let args = if take { vec!["ingest", &folder, "--take"] } else { vec!["ingest", &folder] };
        assert_eq!(stage.json(&args, &[0, 1]).len(), lines, "take: {take}");
        assert_eq!(lying(&stage.path("carte")).len(), if take { 0 } else { 2 });
    }
}

#[test]
fn one_name_in_two_folders_is_two_arrivals() {
    let (stage, inbox) = watched("");
    let instant = std::time::SystemTime::UNIX_EPOCH + Duration::from_hours(475_000);
    for folder in ["a", "b"] {
        std::fs::create_dir(inbox.join(folder)).expect("folder");
        write(&inbox.join(folder).join("uguale.txt"), b"lo stesso modulo");
        let file = File::options().write(true).open(inbox.join(folder).join("uguale.txt")).expect("file");
        file.set_modified(instant).expect("mtime");
    }
    let _daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("both are in", 15, || lying(&inbox).is_empty());
    let states: Vec<Value> = arrivals(&stage).iter().map(|arrival| arrival["state"].clone()).collect();
    assert_eq!(states.len(), 2, "the same form handed in twice is two receipts");
    assert_eq!(states.iter().filter(|state| **state == "duplicate").count(), 1);
}

#[test]
fn an_open_writer_is_waited_for_beyond_patience_and_said_and_no_longer_than_its_bound() {
    let (stage, inbox) = watched("incomplete_seconds = 2\nopen_seconds = 20");
    let _open = File::create(inbox.join("aperto.txt")).expect("file");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    std::thread::sleep(Duration::from_millis(4_500));
    assert_eq!(lying(&inbox).len(), 1, "its patience is over and it still waits");
    let mut door = Value::Null;
    until("the door says that it is open", 10, || {
        door = doctor(&stage);
        door["sight"]["open"] == 1 || lying(&inbox).is_empty()
    });
    assert!(door["notes"][0].as_str().is_some_and(|note| note.contains("open_seconds")), "{door}");
    until("the bound is kept", 20, || arrivals(&stage).len() == 1);
    drop(daemon);
}

#[test]
fn a_folder_is_one_document_its_files_are_its_pages_in_the_order_of_their_names() {
    let (stage, inbox) = watched("subfolders = 'document'");
    let folder = inbox.join("pratica 12");
    std::fs::create_dir(&folder).expect("folder");
    let samples = repository().join("samples/documenti");
    write(&folder.join("p1.pdf"), &pdf(&["Pagina uno", "Pagina due"]));
    std::fs::copy(samples.join("06 fattura ferramenta.jpg"), folder.join("p2.jpg")).expect("copied");
    std::fs::copy(samples.join("18 nota provincia.tif"), folder.join("p10.tif")).expect("copied");
    write(&folder.join("Thumbs.db"), b"x");
    write(&inbox.join("pratica 12.json"), br#"{"documento": {"oggetto": "Pratica dodici"}}"#);
    write(&inbox.join("sciolto.txt"), b"un file nella cartella di arrivo");
    let _daemon = Daemon::start(&stage, &[]);
    until("all is in", 30, || lying(&inbox).is_empty());
    let arrived = arrivals(&stage);
    assert_eq!(arrived.len(), 2);
    let of = |name: &str| arrived.iter().find(|arrival| arrival["name"] == name).expect("an arrival").clone();
    let mut document = Value::Null;
    until("it is at rest", 150, || {
        let ids = of("pratica 12");
        let shown = show(&stage, ids["id"].as_str().expect("id"));
        let Some(id) = shown["documents"][0].as_str() else { return false };
        document = show(&stage, id);
        document["state"] != "working"
    });
    let names: Vec<&str> =
        document["components"].as_array().expect("components").iter().map(|c| c["name"].as_str().expect("name")).collect();
    assert_eq!(names, ["p1.pdf", "p2.jpg", "p10.tif"]);
    let pages = document["pages"].as_array().expect("pages");
    let provincia = pages.len() - 3;
    assert!(provincia >= 1, "{pages:?}");
    let text = document["text"].as_str().expect("text");
    let order: Vec<Option<usize>> =
        ["Pagina uno", "Pagina due", "FATTURA", "rovincia"].iter().map(|word| text.find(word)).collect();
    assert!(order.windows(2).all(|pair| pair[0].is_some() && pair[0] < pair[1]), "{order:?} {text}");
    assert_eq!(document["fields"]["oggetto"]["value"], "Pratica dodici");
    let kinds: Vec<&Value> = document["copies"].as_array().expect("copies").iter().map(|copy| &copy["kind"]).collect();
    assert!(kinds.contains(&&"pdfa".into()), "{kinds:?} {:?}", codes(&document));
    for (component, bytes) in
        document["components"].as_array().expect("components").iter().zip([pdf(&["Pagina uno", "Pagina due"])])
    {
        assert_eq!(component["sha256"], Digest::of(&bytes).hex(), "the original as it came");
    }
}

#[test]
fn a_folder_waits_for_its_end_marker_or_for_all_of_it_to_settle() {
    let (stage, inbox) = watched("subfolders = 'document'\nend_marker = '*.fine'");
    let folder = inbox.join("lotto");
    std::fs::create_dir(&folder).expect("folder");
    write(&folder.join("1.txt"), b"uno");
    // A page with the name of a marker is a page.
    write(&folder.join("pagina.fine"), &[b'x'; 2_000]);
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    std::thread::sleep(Duration::from_millis(2_500));
    assert!(arrivals(&stage).is_empty(), "no marker, no document");
    write(&folder.join("2.txt"), b"due");
    write(&folder.join("scansione.fine"), b"");
    until("it is in", 10, || lying(&inbox).is_empty());
    let arrived = arrivals(&stage);
    assert_eq!(arrived.len(), 1);
    assert_eq!(show(&stage, arrived[0]["id"].as_str().expect("id"))["files"].as_array().map(Vec::len), Some(3));
    assert_eq!(daemon.end(Signal::TERM), Some(0));

    let (stage, inbox) = settling(3, "subfolders = 'document'");
    let folder = inbox.join("lotto");
    std::fs::create_dir(&folder).expect("folder");
    let _daemon = Daemon::start(&stage, &["--only", "acquire"]);
    for n in 0..5 {
        write(&folder.join(format!("{n}.txt")), format!("{n}").as_bytes());
        std::thread::sleep(Duration::from_millis(800));
        assert_eq!(lying(&inbox).len(), n + 1, "page {n} is still moving");
    }
    assert!(arrivals(&stage).is_empty());
    until("it is in", 10, || lying(&inbox).is_empty());
    let id = arrivals(&stage)[0]["id"].as_str().expect("id").to_owned();
    assert_eq!(show(&stage, &id)["files"].as_array().map(Vec::len), Some(5));
}

#[test]
fn a_folder_waits_for_a_page_that_has_not_got_its_name_and_says_so() {
    let (stage, inbox) = watched("subfolders = 'document'\nincomplete_seconds = 1\nopen_seconds = 1");
    let folder = inbox.join("lotto");
    std::fs::create_dir(&folder).expect("folder");
    write(&folder.join("1.txt"), b"uno");
    write(&folder.join("2.part"), b"du");
    write(&folder.join("Thumbs.db"), b"x");
    let _daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("it is said", 15, || doctor(&stage)["sight"]["temporary"] == 1);
    assert!(arrivals(&stage).is_empty(), "the folder is not taken without it, however long it rests");
    std::fs::rename(folder.join("2.part"), folder.join("2.txt")).expect("renamed");
    until("it is in", 15, || lying(&inbox).is_empty());
    let arrived = arrivals(&stage);
    assert_eq!(arrived.len(), 1);
    assert_eq!(show(&stage, arrived[0]["id"].as_str().expect("id"))["files"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_marker_waits_for_its_batch_and_what_only_has_its_name_is_a_document() {
    let (stage, inbox) = watched("end_marker = 'lotto*'");
    let folder = |name: &str| {
        std::fs::create_dir(inbox.join(name)).expect("folder");
        inbox.join(name)
    };
    let (early, growing, never) = (folder("a"), folder("b"), folder("c"));
    write(&early.join("lotto.ok"), b"");
    write(&growing.join("1.txt"), b"uno");
    write(&growing.join("2.part"), b"du");
    write(&growing.join("lotto.ok"), b"3 pagine\n");
    write(&never.join("1.txt"), b"senza segnale");
    write(&inbox.join("lotto.xml"), b"<?xml version='1.0'?><FatturaElettronica/>");
    let _daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("the one with a marker is in", 60, || arrivals(&stage).len() == 1);
    let mut door = Value::Null;
    until("the door says what waits", 60, || {
        door = doctor(&stage);
        door["sight"]["moving"] == 0 && door["sight"]["unmarked"] == 2
    });
    assert!(early.join("lotto.ok").exists() && growing.join("lotto.ok").exists(), "neither batch is over");
    assert_eq!(door["sight"]["misnamed"], 1, "a document with the marker's name ends no batch: {door}");
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    assert!(door["notes"][0].as_str().is_some_and(|note| note.contains("end_marker") && note.contains(&today)), "{door}");
    assert!(door["notes"].to_string().contains("Non chiudono il lotto"), "{door}");
    write(&inbox.join("lotto.ok"), b"");
    write(&early.join("1.txt"), b"dopo il segnale");
    std::fs::rename(growing.join("2.part"), growing.join("2.txt")).expect("renamed");
    until("all with a marker are in", 60, || arrivals(&stage).len() == 4);
    until("the markers are put away", 60, || [&early, &growing, &inbox].iter().all(|folder| !folder.join("lotto.ok").exists()));
    assert!(never.join("1.txt").exists());
}

#[test]
fn two_passes_are_one_document_with_its_sides_in_order_and_a_missing_side_holds() {
    let (stage, inbox) = watched("subfolders = 'document'\nduplex = 'two-pass'");
    for (folder, backs) in [("bene", &["lato sei", "lato quattro", "lato due"][..]), ("male", &["lato quattro", "lato due"])] {
        std::fs::create_dir(inbox.join(folder)).expect("folder");
        write(&inbox.join(folder).join("scan1.pdf"), &pdf(&["lato uno", "lato tre", "lato cinque"]));
        write(&inbox.join(folder).join("scan2.pdf"), &pdf(backs));
    }
    let _daemon = Daemon::start(&stage, &[]);
    let mut documents = Vec::new();
    until("both are at rest", 40, || {
        documents = stage.json(&["list"], &[0]);
        documents.len() == 2 && documents.iter().all(|document| document["state"] != "working")
    });
    for row in documents {
        let document = show(&stage, row["id"].as_str().expect("id"));
        let text = document["text"].as_str().expect("text").replace(['\u{c}', '\n'], " ");
        let held = codes(&document).contains(&"duplex-pages -".to_owned());
        if document["name"] == "bene" {
            let order: Vec<&str> = text.split("lato ").map(str::trim).filter(|word| !word.is_empty()).collect();
            assert_eq!((order, held), (vec!["uno", "due", "tre", "quattro", "cinque", "sei"], false));
        } else {
            assert!(held, "{:?}", codes(&document));
            let why = document["holds"].to_string();
            assert!(why.contains("3 fronti, 2 retri"), "{why}");
        }
    }
}

#[test]
fn a_folder_with_a_link_stays_whole_and_is_said() {
    let (stage, inbox) = watched("subfolders = 'document'");
    let folder = inbox.join("lotto");
    std::fs::create_dir(&folder).expect("folder");
    write(&folder.join("1.txt"), b"uno");
    std::os::unix::fs::symlink("/etc/passwd", folder.join("2.txt")).expect("link");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("it was tried", 10, || daemon.log().contains("source-is-link"));
    until("it is said", 10, || doctor(&stage)["sight"]["stuck"] == 1);
    assert_eq!((arrivals(&stage).len(), lying(&inbox).len()), (0, 2));
}

#[test]
fn taken_files_are_deleted_when_their_days_are_over_and_their_bytes_are_in_the_archive_only() {
    let (stage, inbox) = watched("taken_days = 30\nsubfolders = 'document'\nend_marker = '*.fine'");
    std::fs::create_dir(inbox.join("lotto")).expect("folder");
    write(&inbox.join("lotto/1.txt"), b"pagina");
    write(&inbox.join("lotto/lotto.fine"), b"");
    write(&inbox.join("tutto.fine"), b"");
    write(&inbox.join("buono.txt"), b"buono");
    write(&inbox.join("buono.txt.json"), br#"{"documento": {}}"#);
    write(&inbox.join("cambiato.txt"), b"cambiato");
    write(&inbox.join("senza.txt"), b"senza blob");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("all are in", 15, || lying(&inbox).is_empty());
    drop(daemon);
    let today = std::fs::read_dir(inbox.join(".taken")).expect("taken").next().expect("a day").expect("entry").path();
    let find = |name: &str| {
        let mut entries = std::fs::read_dir(&today).expect("day").map(|entry| entry.expect("entry").path());
        entries.find(|path| path.to_string_lossy().ends_with(name)).expect("a taken file")
    };
    // Size and time stay: only the digest tells.
    let changed = find("-cambiato.txt");
    let time = changed.metadata().and_then(|metadata| metadata.modified()).expect("time");
    write(&changed, b"CAMBIATO");
    File::options().write(true).open(&changed).and_then(|file| file.set_modified(time)).expect("its old time");
    write(&today.join("mai-acquisito.txt"), b"non e' mio");
    let hex = Digest::of(b"senza blob").hex();
    std::fs::remove_file(stage.path(&format!("archivio/blobs/c_x912/{}/{hex}", &hex[..2]))).expect("the blob goes");
    let count = taken(&inbox);
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("the door has cleaned", 10, || daemon.log().contains("cleaned up"));
    assert_eq!(taken(&inbox), count, "not before its days are over");
    drop(daemon);
    std::fs::rename(&today, inbox.join(".taken/2020-01-01")).expect("an old day");
    if cfg!(feature = "drill") {
        let drill = [("CONSERVA_DRILL", Path::new("acquire.cleaned").to_owned())];
        let mut daemon = Daemon::start_with(&stage, &["--only", "acquire"], &drill);
        until("it dies in the middle of the clean-up", 10, || daemon.child.try_wait().expect("child").is_some());
        assert_eq!(taken(&inbox), count - 1);
    }
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("it has cleaned", 10, || taken(&inbox) == 3);
    until("it is said", 10, || doctor(&stage)["taken_kept"] == 3);
    let left: Vec<String> = std::fs::read_dir(inbox.join(".taken/2020-01-01"))
        .expect("day")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(
        left.iter().all(|name| ["cambiato.txt", "senza.txt", "mai-acquisito.txt"].iter().any(|kept| name.ends_with(kept))),
        "{left:?}"
    );
    drop(daemon);
}

#[test]
fn a_blob_that_is_gone_holds_its_document_and_nobody_else_waits_for_it() {
    let (stage, inbox) = watched("");
    write(&inbox.join("perso.pdf"), &pdf(&["perso"]));
    write(&inbox.join("salvo.pdf"), &pdf(&["salvo"]));
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("both are in", 15, || lying(&inbox).is_empty());
    drop(daemon);
    let hex = Digest::of(&pdf(&["perso"])).hex();
    std::fs::remove_file(stage.path(&format!("archivio/blobs/c_x912/{}/{hex}", &hex[..2]))).expect("the blob goes");
    let _daemon = Daemon::start(&stage, &["--only", "work"]);
    let arrival = arrivals(&stage).into_iter().find(|arrival| arrival["name"] == "perso.pdf").expect("arrival");
    let id = arrival["id"].as_str().expect("id").to_owned();
    until("it is held", 20, || show(&stage, &id)["state"] == "held");
    assert!(show(&stage, &id)["reason"].as_str().is_some_and(|reason| reason.contains(&hex[..8])), "{}", show(&stage, &id));
    until("the other is at rest", 30, || {
        let documents = stage.json(&["list"], &[0]);
        documents.iter().any(|document| document["name"] == "salvo.pdf" && document["state"] != "working")
    });
}

#[test]
fn stats_say_what_is_where_how_fast_and_what_is_stuck_and_why() {
    let (stage, inbox) = watched("");
    write(&inbox.join("nota.pdf"), &pdf(&[NOTE]));
    write(&inbox.join("foglio.docx"), b"PK\x03\x04 non un documento PK\x05\x06 e una coda di byte");
    let daemon = Daemon::start(&stage, &[]);
    let stats = || stage.json(&["stats"], &[0]).remove(0);
    until("both are at rest", 40, || lying(&inbox).is_empty() && stats()["jobs"].as_array().is_some_and(Vec::is_empty));
    let found = stats();
    let count = |list: &str, word: &str| {
        let counts = found[list].as_array().expect("counts").iter();
        counts.filter(|count| count["word"] == word).map(|count| count["count"].as_u64().unwrap_or(0)).sum::<u64>()
    };
    assert_eq!((count("documents", "held") + count("documents", "refused"), found["admitted_per_hour"].as_u64()), (2, Some(2)));
    assert!(count("holds", "protocollo-missing") == 1, "{found}");
    let stuck = found["stuck"].as_array().expect("sentences").iter().map(Value::to_string).collect::<String>();
    assert!(!stuck.contains("-missing") && stuck.contains("conserva review"), "words, not codes: {stuck}");
    assert!(count("documents", "refused") == 0 || stuck.contains("conserva list"), "{stuck}");
    assert_eq!(daemon.end(Signal::TERM), Some(0));
    for (lang, words) in
        [("it", ["in attesa", "Nell'ultima ora", "Fermo, e perché"]), ("en", ["held", "In the last hour", "Stuck, and why"])]
    {
        let text = said(&stage.run(&["--lang", lang, "stats"]));
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
        assert!(!text.contains("nota.pdf"), "indicators name nobody");
    }
}

/// Dies at each write point of admission with a sidecar and a folder; started again, nothing is lost or doubled.
#[cfg(feature = "drill")]
#[test]
fn a_death_at_any_write_point_leaves_sidecars_and_folders_whole() {
    let points = super::crash::points();
    let mut drilled = 0;
    for point in points.iter().filter(|p| p.starts_with("acquire.") && !p.contains("quarantine") && *p != "acquire.cleaned") {
        for time in 1..=2 {
            let (stage, inbox) = watched("subfolders = 'document'");
            std::fs::create_dir(inbox.join("lotto")).expect("folder");
            write(&inbox.join("lotto/1.txt"), b"pagina 1");
            write(&inbox.join("lotto/2.txt"), b"pagina 2");
            write(&inbox.join("lotto.xml"), b"<documento><voce>III.1</voce></documento>");
            write(&inbox.join("uno.txt"), b"uno");
            write(&inbox.join("uno.txt.json"), br#"{"documento": {"voce": "III.1"}}"#);
            let place = format!("{point}:{time}");
            let drill = [("CONSERVA_DRILL", Path::new(&place).to_owned())];
            let mut daemon = Daemon::start_with(&stage, &["--only", "acquire"], &drill);
            until(&format!("it dies at {place} or all is in"), 20, || {
                daemon.child.try_wait().expect("child").is_some() || taken(&inbox) == 5
            });
            drilled += usize::from(daemon.child.try_wait().expect("child").is_some());
            drop(daemon);
            let _again = Daemon::start(&stage, &["--only", "acquire"]);
            until(&format!("all are in after {place}"), 20, || lying(&inbox).is_empty());
            let arrived = arrivals(&stage);
            assert_eq!((arrived.len(), taken(&inbox)), (2, 5), "{place}");
            for arrival in arrived {
                let shown = show(&stage, arrival["id"].as_str().expect("id"));
                assert_eq!(shown["given"][0]["voce"], "III.1", "{place}: {shown}");
            }
        }
    }
    assert!(drilled >= 8, "{drilled} deaths");
}

#[test]
fn a_lot_is_what_its_sidecars_or_its_folder_say_and_is_listed_and_counted() {
    let (stage, inbox) = watched("");
    for (name, lotto) in [("a.txt", "L-2024-07"), ("b.txt", "L-2024-07"), ("c.txt", "L-2024-08")] {
        write(&inbox.join(format!("{name}.json")), format!(r#"{{"documento": {{"lotto": "{lotto}"}}}}"#).as_bytes());
        write(&inbox.join(name), name.as_bytes());
    }
    std::fs::create_dir(inbox.join("faldone 3")).expect("folder");
    write(&inbox.join("faldone 3/d.txt"), b"d");
    write(&inbox.join("e.txt"), b"e");
    let _daemon = Daemon::start(&stage, &[]);
    until("all are in", 20, || lying(&inbox).is_empty());
    until("all lots are at rest", 60, || {
        let lots = stage.json(&["list", "lotti"], &[0]);
        lots.len() == 3 && lots.iter().all(|lot| lot["at_rest"] == true)
    });
    let lots = stage.json(&["list", "lotti"], &[0]);
    let counts: Vec<(&str, u64, u64)> = lots
        .iter()
        .map(|lot| {
            let documents = lot["documents"].as_object().expect("documents").values().filter_map(Value::as_u64).sum();
            (lot["lotto"].as_str().expect("lotto"), lot["arrivals"].as_u64().expect("arrivals"), documents)
        })
        .collect();
    assert_eq!(counts, [("L-2024-07", 2, 2), ("L-2024-08", 1, 1), ("faldone 3", 1, 1)]);
    let names = |args: &[&str]| -> Vec<String> {
        let mut names: Vec<String> =
            stage.json(args, &[0]).iter().map(|row| row["name"].as_str().expect("name").to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&["list", "--lotto", "L-2024-07"]), ["a.txt", "b.txt"]);
    assert_eq!(names(&["list", "arrivals", "--lotto", "faldone 3"]), ["d.txt"]);
    assert_eq!(names(&["list", "--lotto", "nessuno"]), Vec::<String>::new());
    assert_eq!(stage.run(&["list", "pdv", "--lotto", "L-2024-07"]).status.code(), Some(2));
    let shown = stage.json(&["list", "--lotto", "L-2024-08"], &[0]).remove(0);
    assert_eq!(show(&stage, shown["id"].as_str().expect("id"))["source"]["lotto"], "L-2024-08");
    assert!(said(&stage.run(&["list", "lotti"])).contains("L-2024-07"));
}
