use super::*;
use crate::digest::Digest;
use crate::fields::{PartyKind, Verso};

const SEGNATURA: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<p:SegnaturaInformatica xmlns:p="http://www.agid.gov.it/protocollo/" p:versione="3.0.0" p:lang="it">
  <p:Intestazione>
    <p:Identificatore>
      <p:CodiceAmministrazione>C_X912</p:CodiceAmministrazione><p:CodiceAOO>AOO1</p:CodiceAOO>
      <p:CodiceRegistro>REG1</p:CodiceRegistro><p:NumeroRegistrazione>0004512</p:NumeroRegistrazione>
      <p:DataRegistrazione>2024-03-12</p:DataRegistrazione>
    </p:Identificatore>
    <p:Oggetto>Rilascio del permesso &amp; parere</p:Oggetto>
    <p:Classifica><p:Denominazione>Edilizia</p:Denominazione>
      <p:CodicePath><p:Livello>Titolo VI</p:Livello><p:SubLivello><p:Livello>Classe 3</p:Livello></p:SubLivello></p:CodicePath>
    </p:Classifica>
    <p:Fascicolo><p:Denominazione>Rossi</p:Denominazione><p:CodiceFascicolo>2024/VI.3/7</p:CodiceFascicolo></p:Fascicolo>
    <p:Riservato>true</p:Riservato>
  </p:Intestazione>
  <p:Descrizione>
    <p:Mittente><p:Amministrazione><p:DenominazioneAmministrazione>Comune</p:DenominazioneAmministrazione>
      <p:CodiceIPAAmministrazione>c_x912</p:CodiceIPAAmministrazione></p:Amministrazione></p:Mittente>
    <p:Destinatario><p:PersonaFisica><p:Nome>Maria</p:Nome><p:Cognome>Rossi</p:Cognome>
      <p:CodiceFiscale>RSSMRA80A01H501U</p:CodiceFiscale></p:PersonaFisica></p:Destinatario>
    <p:DocumentoPrimario p:nomeFile="a.pdf" p:mimeType="application/pdf">
      <p:Impronta p:algoritmo="SHA-256">LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=</p:Impronta></p:DocumentoPrimario>
  </p:Descrizione>
</p:SegnaturaInformatica>"#;

fn ente(code: &str) -> EnteId {
    EnteId(code.to_owned())
}

fn own(text: &str) -> Given {
    read(text.as_bytes(), "a.json", &ente("c_x912")).expect("a sidecar")
}

#[test]
fn both_forms_of_our_own_say_the_same() {
    let json = own(
        r#"{"documento": {"oggetto": "Accesso\n agli atti", "tipo": "istanza_accesso_atti", "voce": "I.8", "fascicolo": "87/2019",
            "riservato": true, "data": "2024-03-10", "lotto": "L7",
            "protocollo": {"numero": 4512, "data": "2024-03-12", "verso": "E"},
            "mittente": {"nome": "Maria Rossi", "tipo": "persona_fisica", "codice": "RSSMRA80A01H501U"},
            "destinatario": "Ufficio tecnico"}}"#,
    );
    let xml =
        own("\u{feff}<?xml version='1.0'?><documento xmlns='urn:conserva:documento:1'><oggetto>Accesso agli atti</oggetto>\
         <tipo>istanza_accesso_atti</tipo><voce>I.8</voce><fascicolo>87/2019</fascicolo><riservato>si</riservato>\
         <data>2024-03-10</data><lotto>L7</lotto><protocollo numero='4512' data='2024-03-12' verso='E'/>\
         <mittente><nome>Maria Rossi</nome><tipo>persona_fisica</tipo><codice>RSSMRA80A01H501U</codice></mittente>\
         <destinatario>Ufficio tecnico</destinatario></documento>");
    assert_eq!(json, xml);
    assert!(json.faults.is_empty(), "{:?}", json.faults);
    let registrazione = json.registrazione.expect("a registration");
    assert_eq!((registrazione.numero.as_str(), registrazione.anno, registrazione.verso), ("0004512", 2024, Some(Verso::E)));
    assert_eq!(json.oggetto.as_deref(), Some("Accesso agli atti"));
    assert_eq!(json.mittente.expect("a sender").kind, PartyKind::PersonaFisica);
}

#[test]
fn a_typing_error_is_a_fault_and_costs_its_own_value_only() {
    let given = own(
        r#"{"documento": {"vocie": "VI.3", "data": "12/03/2024", "protocollo": {"numero": "45a", "anno": 2024}, "lotto": "L"}}"#,
    );
    let keys: Vec<_> = given.faults.iter().filter_map(|fault| fault.value("key")).collect();
    assert_eq!(keys, ["vocie", "data", "protocollo"]);
    assert_eq!((given.voce, given.data, given.lotto.as_deref()), (None, None, Some("L")));
    let year = own(r#"{"documento": {"protocollo": {"numero": "1", "anno": 2023, "data": "2024-03-12"}}}"#);
    assert_eq!(year.faults.len(), 1, "a date of another year");
}

#[test]
fn a_segnatura_of_ours_gives_class_and_fascicolo_too() {
    let given = read(SEGNATURA.as_bytes(), "a.xml", &ente("c_x912")).expect("a segnatura");
    assert_eq!(
        (given.voce.as_deref(), given.fascicolo.as_deref(), given.riservato),
        (Some("VI.3"), Some("2024/VI.3/7"), Some(true))
    );
    assert_eq!(given.oggetto.as_deref(), Some("Rilascio del permesso & parere"));
    assert_eq!(given.impronta, Some(Digest::of(b"hello")));
    let registrazione = given.registrazione.expect("a registration");
    assert_eq!((registrazione.amministrazione.as_deref(), registrazione.verso), (Some("c_x912"), Some(Verso::U)));
    let recipient = given.destinatario.expect("a recipient");
    assert_eq!((recipient.nome.as_str(), recipient.kind), ("Maria Rossi", PartyKind::PersonaFisica));
}

#[test]
fn a_segnatura_of_another_gives_its_registration_and_parties_but_not_its_class() {
    let given = read(SEGNATURA.as_bytes(), "a.xml", &ente("c_a000")).expect("a segnatura");
    assert_eq!((given.voce, given.fascicolo), (None, None));
    assert_eq!(given.mittente.expect("a sender").kind, PartyKind::Amministrazione);
    assert_eq!(given.registrazione.expect("a registration").amministrazione.as_deref(), Some("c_x912"));
}

#[test]
fn a_class_is_read_in_every_way_of_writing_it() {
    for (written, voce) in [("06.03", "VI.3"), ("Titolo VI.Classe 3", "VI.3"), ("VI.3.1", "VI.3.1"), ("14", "XIV")] {
        let flat = format!("<p:CodiceFlat>{written}</p:CodiceFlat>");
        let (before, rest) = SEGNATURA.split_once("<p:CodicePath>").expect("path");
        let (_, after) = rest.split_once("</p:CodicePath>").expect("end");
        let given = read(format!("{before}{flat}{after}").as_bytes(), "a.xml", &ente("c_x912")).expect("a segnatura");
        assert_eq!(given.voce.as_deref(), Some(voce), "{written}");
    }
}

#[test]
fn anything_else_of_such_a_name_is_no_sidecar() {
    let not = |text: &str| assert_eq!(read(text.as_bytes(), "a", &ente("x")), None, "{text}");
    not("");
    not("[]");
    not(r#"{"fattura": {}}"#);
    not(r#"{"documento": {}, "altro": 1}"#);
    not(r#"{"documento": "x"}"#);
    not(r#"{"documento": {"#);
    not("<documento>");
    not("<documento xmlns='urn:altro'/>");
    not("<SegnaturaInformatica/>");
    not("<!DOCTYPE documento [<!ENTITY a 'b'>]><documento>&a;</documento>");
    not("<p:FatturaElettronica xmlns:p='http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2'/>");
    not(&format!("{}x{}", "<documento>".repeat(40), "</documento>".repeat(40)));
    assert_eq!(read(b"\xff\xfe{", "a", &ente("x")), None);
}

#[test]
fn a_sidecar_is_named_after_the_whole_name() {
    let of = |name: &str| file_of(Path::new(name)).map(|path| path.display().to_string());
    assert_eq!(of("in/scan0001.tif.json").as_deref(), Some("in/scan0001.tif"));
    assert_eq!(of("in/SCAN.TIF.XML").as_deref(), Some("in/SCAN.TIF"));
    assert_eq!(of("in/SCAN.TIF.Xml"), None, "the file would not find it");
    assert_eq!(of("in/.json"), None);
    assert_eq!(of("in/scan.tif"), None);
}

#[test]
fn the_last_byte_that_a_sidecar_may_have_is_read_and_one_more_makes_it_an_input() {
    let folder = tempfile::tempdir().expect("folder");
    let place = folder.path().join("a.tif.json");
    let text = r#"{"documento": {}}"#;
    for (length, is_one) in [(SIDECAR_BYTES_MAX, true), (SIDECAR_BYTES_MAX + 1, false)] {
        let mut file = File::create(&place).expect("file");
        std::io::Write::write_all(&mut file, text.as_bytes()).expect("written");
        std::io::Write::write_all(&mut file, &vec![b' '; length as usize - text.len()]).expect("padded");
        assert_eq!(is_sidecar(&place), is_one, "{length}");
    }
}
