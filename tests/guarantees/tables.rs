//! What the ente decides counts from its day on: its Titolario, its plan of retention, its table of procedures.

use std::io::Read as _;

use conserva::app::Archive;
use conserva::desk;
use conserva::steps::tables::Table;
use serde_json::Value;

use super::stage::{Stage, said};

/// A request for access, registered on that day.
fn request(numero: &str, day: &str) -> String {
    format!(
        "Comune di Roccamirta\nPROTOCOLLO GENERALE\nN. {numero}/{year}\ndel {day} - ARRIVO\n\nAl Comune di Roccamirta\n\n\
         RICHIESTA DI ACCESSO AI DOCUMENTI AMMINISTRATIVI\n(legge 7 agosto 1990, n. 241)\n\nIl sottoscritto Mario Rossi, codice fiscale RSSMRA80A01H501U\n\n\
         Oggetto: richiesta di accesso agli atti del fabbricato di via Verdi {numero}\n\nCHIEDE\ndi prendere visione e di estrarre copia dei documenti \
         amministrativi. Motivazione: interesse diretto, concreto e attuale.\n\nFirma: Mario Rossi\n",
        year = &day[6..]
    )
}

/// Files it; what else is doubtful is settled, tipo and voce are the program's.
fn filed(stage: &Stage, name: &str, text: &str, protocollo: &str) -> (String, Value) {
    std::fs::write(stage.path(name), text).expect("written");
    let line = stage.json(&["ingest", stage.path(name).to_str().expect("a path")], &[0, 1]).remove(0);
    let id = line["documents"][0].as_str().expect("a document").to_owned();
    let set = format!("protocollo={protocollo} E");
    stage.json(&["review", &id, "--approve", "--set", &set, "--set", "mittente=Mario Rossi"], &[0, 1]);
    let shown = stage.json(&["show", &id], &[0]).remove(0);
    assert_eq!(shown["state"], "ready", "{shown:#}");
    (id, shown)
}

/// The Titolario of the Comuni with the classe I.6 under another index, and another one in its place.
fn own(stage: &Stage) -> String {
    let comuni = said(&stage.run(&["titolario", "export"]));
    let lines = comuni.lines().map(|line| {
        if line.starts_with("I,6,") {
            "I,6,Transizione digitale,5,,\nI,30,Archivio e protocollo,,,I.6".to_owned()
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn import(stage: &Stage, table: &str, text: &str, args: &[&str], codes: &[i32]) -> Value {
    let path = stage.path(&format!("{table}.csv"));
    std::fs::write(&path, text).expect("written");
    stage.json(&[&[table, "import", path.to_str().expect("a path")], args].concat(), codes).remove(0)
}

const PROCEDURES: &str = "codice;nome;tipo;titolo;classe;termine_giorni;uor;rup_cognome;rup_nome;rup_codice_fiscale;catalogo\n\
    P-07;Accesso documentale;istanza_accesso_atti;;;25;UFPR01;Bianchi;Anna;;https://comune.example/procedimenti\n";

#[test]
fn from_its_day_on_documents_are_filed_kept_and_answered_for_as_the_ente_has_decided() {
    let stage = Stage::with_archive();
    let table = own(&stage);
    let args = ["--dal", "2026-01-01", "--uri", "https://comune.example/titolario"];
    let tried = import(&stage, "titolario", &table, &[&args[..], &["--dry-run"]].concat(), &[0]);
    assert_eq!((&tried["version"], &tried["differs"]["added"][0]), (&Value::Null, &Value::from("I.30")));
    assert_eq!(tried["differs"]["renamed"][0], "I.6");
    assert!(stage.json(&["titolario", "list"], &[0]).is_empty(), "a trial stores nothing");
    assert_eq!(import(&stage, "titolario", &table, &args, &[0])["version"], 1);
    assert_eq!(import(&stage, "titolario", &table, &args, &[0])["already"], true);
    import(
        &stage,
        "retention",
        "titolo,classe,tipo,anni\nI,30,istanza_accesso_atti,7\nI,30,,40\n",
        &["--dal", "2026-01-01"],
        &[0],
    );
    import(&stage, "tipologia", PROCEDURES, &[], &[0]);

    let (_, old) = filed(&stage, "vecchia.txt", &request("0000012", "12/03/2025"), "12/2025 2025-03-12");
    let (new_id, new) = filed(&stage, "nuova.txt", &request("0000034", "12/03/2026"), "34/2026 2026-03-12");
    assert_eq!((&old["filing"]["voce"], &old["filing"]["tempo_di_conservazione"]), (&Value::from("I.6"), &Value::from(1)));
    assert_eq!((&new["filing"]["voce"], &new["filing"]["tempo_di_conservazione"]), (&Value::from("I.30"), &Value::from(7)));
    assert!(new["filing"]["reasons"].to_string().contains("Voce I.30 (Archivio e protocollo)"), "{}", new["filing"]["reasons"]);

    let fascicolo = new["filing"]["aggregazione"]["id"].as_str().expect("a fascicolo");
    assert!(fascicolo.starts_with("2026/I.30/"), "{fascicolo}");
    let shown = stage.json(&["show", fascicolo], &[0]).remove(0);
    let procedimento = &shown["procedimento"];
    assert_eq!((&procedimento["codice"], &procedimento["rup"]["cognome"]), (&Value::from("P-07"), &Value::from("Bianchi")));
    assert_eq!(procedimento["termine_giorni"], 25);

    let line = stage.json(&["package", "--fascicolo", fascicolo], &[0]).remove(0);
    let path = line["path"].as_str().map(|path| stage.path("archivio").join(path)).expect("a package");
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).expect("it")).expect("a zip");
    let names: Vec<String> = zip
        .file_names()
        .filter_map(|name| Some(name.ok()?.into_owned()))
        .filter(|name| !name.contains("eventi") && !name.contains("PIndex"))
        .collect();
    let mut text = |part: &str| {
        let name = names.iter().find(|name| name.contains(part)).unwrap_or_else(|| panic!("{part} in {names:?}"));
        let mut text = String::new();
        zip.by_name(name).expect("an entry").read_to_string(&mut text).expect("text");
        text
    };
    let document = text(&new_id);
    for wanted in [
        "<IndiceDiClassificazione>I.30<",
        "<Descrizione>Archivio e protocollo<",
        "https://comune.example/titolario",
        ">7<",
        "Bianchi",
    ] {
        assert!(document.contains(wanted), "{wanted}\n{document}");
    }
    let aggregation = text("aggregazion");
    for wanted in ["https://comune.example/titolario", "Accesso documentale", "https://comune.example/procedimenti", "Bianchi"] {
        assert!(aggregation.contains(wanted), "{wanted}\n{aggregation}");
    }
    let exported = said(&stage.run(&["titolario", "export", "--day", "2025-12-31"]));
    assert!(exported.contains("I,6,Archivio generale,"), "what counted before counts for its time");
    let journal = stage.json(&["journal", "verify"], &[0]);
    assert_eq!(journal.len(), 1);
}

#[test]
fn a_voce_that_the_entes_titolario_does_not_have_or_divides_is_asked_of_a_person() {
    for (titolario, held) in [
        ("titolo,classe,nome\nI,0,Amministrazione\nI,6,Transizione digitale\nII,1,Altro\n", true),
        ("titolo,classe,nome\nI,6,Archivio generale\nI,6.1,Accesso\nI,6.2,Scarto\n", true),
        ("titolo,classe,nome\nI,6,Archivio generale\nI,7,Accesso\n", false),
    ] {
        let stage = Stage::with_archive();
        import(&stage, "titolario", titolario, &[], &[0]);
        std::fs::write(stage.path("a.txt"), request("0000034", "12/03/2026")).expect("written");
        let line = stage.json(&["ingest", stage.path("a.txt").to_str().expect("a path")], &[0, 1]).remove(0);
        let shown = stage.json(&["show", line["documents"][0].as_str().expect("a document")], &[0]).remove(0);
        let is_held = shown["holds"].as_array().expect("holds").iter().any(|hold| hold["code"] == "classification-uncertain");
        assert_eq!(is_held, held, "{titolario}\n{:#}", shown["filing"]);
    }
}

#[test]
fn all_that_is_wrong_with_a_table_is_told_at_once_and_nothing_of_it_is_stored() {
    let stage = Stage::with_archive();
    let said = import(&stage, "titolario", "titolo,classe,nome\nI,1,Uno\nI,1,Due\nI,x,Tre\n", &[], &[1]);
    let codes: Vec<&str> = said["faults"].as_array().expect("faults").iter().filter_map(|fault| fault["code"].as_str()).collect();
    assert_eq!(codes, ["titolario-twice", "titolario-voce"]);
    let said = import(&stage, "retention", "titolo,classe,tipo,anni\nXX,1,,10\n,,nessuno,10\n", &[], &[1]);
    let codes: Vec<&str> = said["faults"].as_array().expect("faults").iter().filter_map(|fault| fault["code"].as_str()).collect();
    assert_eq!(codes, ["table-voce", "table-tipo"]);
    let said = import(&stage, "tipologia", &PROCEDURES.replace("UFPR01", "UFFX99"), &[], &[1]);
    assert_eq!(said["faults"][0]["code"], "table-uor");
    for table in ["titolario", "retention", "tipologia"] {
        assert!(stage.json(&[table, "list"], &[0]).is_empty(), "{table}");
    }
    // A second version must say from when on it counts, and where it is published must be an address.
    import(&stage, "titolario", "titolo,classe,nome\nI,1,Uno\n", &[], &[0]);
    let path = stage.path("titolario.csv");
    std::fs::write(&path, "titolo,classe,nome\nI,1,Uno\nI,2,Due\n").expect("written");
    let path = path.to_str().expect("a path");
    for args in [vec![], vec!["--dal", "2026-01-01", "--uri", "comune.example"]] {
        let run = stage.run(&[&["titolario", "import", path][..], &args].concat());
        assert_eq!(run.status.code(), Some(2), "{}", super::stage::said(&run));
    }
    // A file that no table is.
    let large = stage.path("grande.csv");
    std::fs::File::create(&large).and_then(|file| file.set_len(desk::TABLE_BYTES_MAX + 1)).expect("a hole");
    assert_eq!(stage.run(&["titolario", "import", large.to_str().expect("a path")]).status.code(), Some(2));
}

#[test]
fn tables_that_are_imported_at_once_are_all_there_afterwards() {
    let stage = Stage::with_archive();
    let files: Vec<_> = (0..6).map(|n| (n, stage.path(&format!("{n}.csv")))).collect();
    std::thread::scope(|scope| {
        for (n, path) in &files {
            let stage = &stage;
            scope.spawn(move || {
                std::fs::write(path, format!("titolo,classe,nome\nI,1,Versione {n}\n")).expect("written");
                let dal = format!("20{}-01-01", 10 + n);
                stage.json(&["titolario", "import", path.to_str().expect("a path"), "--dal", &dal], &[0]);
            });
        }
    });
    assert_eq!(stage.json(&["titolario", "list"], &[0]).len(), files.len());
    for (n, _) in files {
        let table = said(&stage.run(&["titolario", "export", "--day", &format!("20{}-06-01", 10 + n)]));
        assert!(table.contains(&format!("Versione {n}")), "{n}: {table}");
    }
}

#[tokio::test]
async fn a_process_that_works_already_sees_what_another_one_imports() {
    let stage = Stage::with_archive();
    let archive = Archive::open(&stage.path("archivio"), None).await.expect("opened");
    let today = async || desk::export(&archive.house, Table::Titolario, None).await.expect("a table");
    assert!(today().await.contains("Edilizia privata"));
    let path = stage.path("titolario.csv");
    // As a spreadsheet of an office writes it: semicolons, Windows-1252.
    std::fs::write(&path, b"titolo;classe;nome\r\nVI;3;Attivit\xe0 edilizia\r\n").expect("written");
    let done = stage.json(&["titolario", "import", path.to_str().expect("a path")], &[0]).remove(0);
    assert_eq!(done["version"], 1);
    assert_eq!(today().await, "titolo,classe,nome,conservazione_anni,nota,corrispondenza\nVI,3,Attività edilizia,,,\n");
}

#[test]
fn a_document_that_a_person_files_otherwise_is_kept_and_gathered_as_that_filing_says() {
    let stage = Stage::with_archive();
    import(&stage, "retention", "titolo,classe,tipo,anni\nVI,3,,40\nVI,3,lettera,5\n", &[], &[0]);
    let (id, before) = filed(&stage, "a.txt", &request("0000012", "12/03/2025"), "12/2025 2025-03-12");
    assert_eq!(before["filing"]["aggregazione"]["tipo"], "Fascicolo");
    for (set, years, gathered) in [
        ("voce=VI.3", 40, "Fascicolo"),
        ("tipo=lettera", 5, "Fascicolo"),
        // An act stands in the serie of its repertory, under the voce of repertories.
        ("tipo=ordinanza", 0, "Serie Documentale"),
    ] {
        stage.json(&["review", &id, "--set", set, "--approve"], &[0, 1]);
        let shown = stage.json(&["show", &id], &[0]).remove(0);
        assert_eq!(shown["filing"]["aggregazione"]["tipo"], gathered, "{set}: {:#}", shown["filing"]);
        assert!(years == 0 || shown["filing"]["tempo_di_conservazione"] == years, "{set}: {:#}", shown["filing"]);
    }
}
