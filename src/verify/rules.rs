//! Which rules of Allegato 5 does a schema not express? The conditions between elements (norms, 2.5), one function each.
//!
//! A rule that the schemas and the commented drafts agree on is an error; one that only a draft states is a warning.

use super::findings::{Valued as _, error, note, warning};
use super::xml::Element;
use crate::finding::Finding;

type Rule = fn(&Element, bool) -> Option<Finding>;

/// The rules of a document; the flag says that it is a documento amministrativo.
const DOCUMENT: &[Rule] = &[
    segnatura,
    attachments_named,
    creator,
    modification,
    modification_author,
    registration_flow,
    classification,
    retention,
    repeated_aggregation,
];

/// The rules of an aggregation.
const AGGREGATION: &[Rule] = &[kind_of_fascicolo, rup, assignees, procedimento, closing];

/// What breaks a rule in a document, with the element's path as place.
pub(super) fn document(root: &Element, is_amministrativo: bool) -> Vec<Finding> {
    DOCUMENT.iter().filter_map(|rule| rule(root, is_amministrativo)).collect()
}

/// What breaks a rule in an aggregation.
pub(super) fn aggregation(root: &Element) -> Vec<Finding> {
    AGGREGATION.iter().filter_map(|rule| rule(root, true)).collect()
}

fn segnatura(root: &Element, is_amministrativo: bool) -> Option<Finding> {
    let registered = root.at("DatiDiRegistrazione/TipoRegistro/ProtocolloOrdinario_ProtocolloEmergenza");
    let is_missing = is_amministrativo && registered.is_some() && root.text_at("IdDoc/Segnatura").is_empty();
    is_missing.then(|| error("rule-segnatura").at("", "IdDoc/Segnatura").clause("A5 IdDoc"))
}

fn attachments_named(root: &Element, _: bool) -> Option<Finding> {
    let allegati = root.child("Allegati")?;
    let (said, named) = (allegati.text_at("NumeroAllegati"), allegati.all("IndiceAllegati").count());
    (said.parse() != Ok(named)).then(|| {
        error("rule-attachments")
            .at("", "Allegati/IndiceAllegati")
            .clause("A5 Allegati")
            .value("said", said)
            .value("named", named)
    })
}

fn creator(root: &Element, _: bool) -> Option<Finding> {
    let roles = root.child("Soggetti")?;
    let has_one = roles.all("Ruolo").any(|role| role.child("Autore").is_some() || role.child("Mittente").is_some());
    (!has_one).then(|| error("rule-creator").at("", "Soggetti").clause("A5 Soggetti"))
}

fn modification(root: &Element, _: bool) -> Option<Finding> {
    let version: u64 = root.text_at("VersioneDelDocumento").parse().ok()?;
    let is_missing = version > 1 && root.child("TracciatureModificheDocumento").is_none();
    is_missing.then(|| {
        error("rule-modification")
            .at("", "TracciatureModificheDocumento")
            .clause("A5 TracciatureModificheDocumento")
            .value("version", version)
    })
}

fn modification_author(root: &Element, _: bool) -> Option<Finding> {
    let author = root.at("TracciatureModificheDocumento/SoggettoAutoreDellaModifica")?;
    let author = author.child("PF").unwrap_or(author);
    let is_same = |other: &Element| ["Cognome", "Nome"].iter().all(|name| other.text_at(name) == author.text_at(name));
    let operators = root.child("Soggetti")?;
    let is_named = operators.all("Ruolo").filter_map(|role| role.at("Operatore/PF")).any(is_same);
    (!is_named).then(|| {
        let place = "TracciatureModificheDocumento/SoggettoAutoreDellaModifica";
        warning("rule-modification-author").at("", place).clause("A5 TracciatureModificheDocumento")
    })
}

fn registration_flow(root: &Element, _: bool) -> Option<Finding> {
    // An incoming document has somebody who sent it. Who receives an outgoing one no rule asks for (norms 2.5), and a
    // certificate or a permit often names nobody as such: worth saying, no doubt about the document.
    let (finding, wanted, flow) = match root.text_at("DatiDiRegistrazione/TipologiaDiFlusso") {
        "E" => (warning("rule-flow"), "Mittente", "E"),
        "U" => (note("rule-flow"), "Destinatario", "U"),
        _ => return None,
    };
    let has_one = root.child("Soggetti")?.all("Ruolo").any(|role| role.child(wanted).is_some());
    (!has_one).then(|| finding.at("", "Soggetti").clause("A5 Soggetti").value("role", wanted).value("flow", flow))
}

fn classification(root: &Element, _: bool) -> Option<Finding> {
    let is_missing = root.text_at("Classificazione/IndiceDiClassificazione").is_empty();
    is_missing.then(|| warning("rule-classification").at("", "Classificazione").clause("A5 Classificazione"))
}

fn retention(root: &Element, is_amministrativo: bool) -> Option<Finding> {
    let is_missing = is_amministrativo && root.child("TempoDiConservazione").is_none();
    is_missing.then(|| warning("rule-retention").at("", "TempoDiConservazione").clause("A5 TempoDiConservazione"))
}

fn repeated_aggregation(root: &Element, _: bool) -> Option<Finding> {
    let mut ids: Vec<&str> = root.child("Agg")?.all("TipoAgg").map(|agg| agg.text_at("IdAggregazione")).collect();
    ids.sort_unstable();
    let twice = ids.windows(2).find(|pair| pair[0] == pair[1])?;
    Some(warning("rule-aggregation-twice").at("", "Agg").clause("A5 Agg").value("id", twice[0]))
}

fn kind_of_fascicolo(root: &Element, _: bool) -> Option<Finding> {
    let is_fascicolo = root.text_at("IdAgg/TipoAggregazione") == "Fascicolo";
    let has_kind = root.child("TipologiaFascicolo").is_some();
    (is_fascicolo != has_kind).then(|| {
        let kind = root.text_at("IdAgg/TipoAggregazione");
        error("rule-fascicolo-kind").at("", "TipologiaFascicolo").clause("A5 TipologiaFascicolo").value("kind", kind)
    })
}

fn rup(root: &Element, _: bool) -> Option<Finding> {
    let has_rup = root.child("Soggetti")?.all("Ruolo").any(|role| role.child("RUP").is_some());
    let is_fascicolo = root.text_at("IdAgg/TipoAggregazione") == "Fascicolo";
    (has_rup && !is_fascicolo).then(|| error("rule-rup").at("", "Soggetti/Ruolo/RUP").clause("A5 Soggetti"))
}

/// Who is assigned an aggregation is one of its Soggetti, as assignee or as RUP, by the code of the office.
fn assignees(root: &Element, _: bool) -> Option<Finding> {
    let office = |subject: &Element| subject.text_at("IPAUOR/CodiceIPA").to_owned();
    let declared: Vec<String> = root
        .child("Soggetti")?
        .all("Ruolo")
        .filter_map(|role| role.at("Assegnatario/AS").or_else(|| role.at("RUP/RUP")))
        .map(office)
        .collect();
    let assigned = root.child("Assegnazione")?.all("TipoAssegnazione").flat_map(|kind| &kind.children);
    let stranger =
        assigned.filter_map(|way| way.child("SoggettoAssegnatario")).map(office).find(|who| !declared.contains(who))?;
    Some(warning("rule-assignee").at("", "Assegnazione").clause("A5 Assegnazione").value("office", stranger))
}

fn procedimento(root: &Element, _: bool) -> Option<Finding> {
    let is_one = root.text_at("TipologiaFascicolo") == "procedimento amministrativo";
    let is_complete = root.child("ProcedimentoAmministrativo").is_some();
    (is_one && !is_complete)
        .then(|| warning("rule-procedimento").at("", "ProcedimentoAmministrativo").clause("A5 ProcedimentoAmministrativo"))
}

fn closing(root: &Element, _: bool) -> Option<Finding> {
    let opened: jiff::civil::Date = root.text_at("DataApertura").get(..10)?.parse().ok()?;
    let closed: jiff::civil::Date = root.text_at("DataChiusura").get(..10)?.parse().ok()?;
    (closed < opened).then(|| {
        error("rule-closing").at("", "DataChiusura").clause("A5 DataChiusura").value("opened", opened).value("closed", closed)
    })
}

/// True if the producer declares a trial package: `Prova` is true, or the word PROVA stands in the index outside its files.
pub(super) fn says_prova(root: &Element) -> bool {
    let is_said = root.text.split(|c: char| !c.is_alphanumeric()).any(|word| word == "PROVA");
    is_said || (root.name == "Prova" && root.text == "true") || root.children.iter().any(says_prova)
}

/// Number and digest of the head of the producer's journal, as the index carries it.
pub(super) fn journal_head(root: &Element) -> Option<(String, String)> {
    let head = root.child("SelfDescription")?.descendant("Giornale")?;
    Some((head.text_at("Numero").to_owned(), head.text_at("Impronta").to_owned()))
}
