//! What must the law know of an aggregation? `AggregazioneDocumentaliInformatiche` (norms 2.1), its conditional rules and XML.

use super::compose::{Findings, NAME_CHARS_MAX, TEXT_CHARS_MAX, parole_chiave};
use super::documento::{Classificazione, IdDoc};
use super::parties::{ensure_ente, responsible, subject};
use super::soggetto::{Ruolo, Soggetto, Ufficio};
use super::ulteriori::{self, Assegnata};
use super::{AggregationDossier, Fase, Member, Procedimento, Tipo};
use crate::aggregation::{TipoAggregazione, TipoFascicolo};
use crate::finding::Finding;
use crate::messages::Message;
use crate::xml::{Xml, legal};

const ROOT: &str = "AggregazioneDocumentaliInformatiche";
/// Largest Progressivo of the schemas in use (norms 2.6).
const PROGRESSIVO_MAX: u32 = 9_999;

/// The parts that may be missing or wrong; the rest is taken from the aggregation as it is.
struct Parts {
    soggetti: Vec<Ruolo>,
    classificazione: Classificazione,
    oggetto: String,
    tempo_di_conservazione: Option<u32>,
    parole_chiave: Vec<String>,
}

/// The XML, or none; in either case the findings say everything that was met.
pub(super) fn compose(dossier: &AggregationDossier<'_>) -> (Option<String>, Vec<Finding>) {
    let mut findings = Findings::new(ROOT);
    let parts = parts(dossier, &mut findings);
    conditional_rules(dossier, &mut findings);
    let findings = findings.finish();
    let xml = parts.filter(|_| super::is_ok(&findings)).map(|parts| write(dossier, &parts));
    (xml, findings)
}

fn parts(dossier: &AggregationDossier<'_>, findings: &mut Findings) -> Option<Parts> {
    let key = &dossier.aggregation.key;
    let soggetti = soggetti(dossier, findings);
    let classificazione = findings.classification(&key.voce, dossier.titolario);
    let tempo_di_conservazione = findings.years(dossier.tempo_di_conservazione);
    let oggetto = findings.bounded("ChiaveDescrittiva/Oggetto", &key.oggetto, TEXT_CHARS_MAX);
    if oggetto.is_empty() {
        findings.error("ChiaveDescrittiva/Oggetto", "A5 ChiaveDescrittiva", Message::new("describe-aggregation-no-oggetto"));
    }
    let parole_chiave = parole_chiave(dossier.ulteriori.parole_chiave.iter().map(String::as_str));
    Some(Parts { soggetti, classificazione: classificazione?, oggetto, tempo_di_conservazione, parole_chiave })
}

/// The administration that holds it, the RUP of a Fascicolo, and whom a personal Fascicolo is about.
fn soggetti(dossier: &AggregationDossier<'_>, findings: &mut Findings) -> Vec<Ruolo> {
    let ente = dossier.ente;
    ensure_ente(ente, findings);
    let mut roles =
        vec![Ruolo::new("AmministrazioneTitolare", "Amministrazione Titolare", Soggetto::Pai(Ufficio::of(ente, None)))];
    if let Some(party) = dossier.intestatario {
        roles.extend(subject(ente, party, "Intestatario", findings).and_then(holder));
    }
    if dossier.aggregation.key.tipo == TipoAggregazione::Fascicolo {
        match dossier.rup {
            Some(rup) => roles.extend(responsible(ente, rup, findings)),
            None => findings.warning("Soggetti/Ruolo/RUP", "A5 Soggetti, G-06", Message::new("describe-no-rup")),
        }
    }
    roles.extend(ulteriori::of_aggregation(ente, dossier.ulteriori, findings));
    roles
}

fn holder(soggetto: Soggetto) -> Option<Ruolo> {
    match soggetto {
        Soggetto::Pf(_) => {
            Some(Ruolo::new("SoggettoIntestatarioPersonaFisica", "Soggetto Intestatario Persona Fisica", soggetto))
        }
        Soggetto::Pg { .. } | Soggetto::Pai(_) | Soggetto::Pae { .. } => {
            Some(Ruolo::new("SoggettoIntestatarioPersonaGiuridica", "Soggetto Intestatario Persona Giuridica", soggetto))
        }
        Soggetto::Rup(..) | Soggetto::Sw(_) | Soggetto::As { .. } => None,
    }
}

/// The rules that no schema expresses (norms 2.5).
fn conditional_rules(dossier: &AggregationDossier<'_>, findings: &mut Findings) {
    let (aggregation, key) = (dossier.aggregation, &dossier.aggregation.key);
    match (key.tipo, key.fascicolo) {
        (TipoAggregazione::Fascicolo, None) => {
            findings.error("TipologiaFascicolo", "A5 TipologiaFascicolo, G-04", Message::new("describe-fascicolo-kind"));
        }
        (TipoAggregazione::SerieDocumentale | TipoAggregazione::SerieDiFascicoli, Some(_)) => {
            findings.error("TipologiaFascicolo", "A5 TipologiaFascicolo", Message::new("describe-serie-kind"));
        }
        _ => {}
    }
    if !(1..=PROGRESSIVO_MAX).contains(&aggregation.progressivo) {
        let message = Message::new("describe-progressivo").with("n", aggregation.progressivo).with("max", PROGRESSIVO_MAX);
        findings.error("Progressivo", "A5 Progressivo, G-05", message);
    }
    if aggregation.data_chiusura.is_some_and(|closed| closed < aggregation.data_apertura) {
        findings.error("DataChiusura", "A5 DataChiusura", Message::new("describe-closed-before-opened"));
    }
    if dossier.documents.is_empty() {
        findings.error("IndiceDocumenti", "A5 IndiceDocumenti", Message::new("describe-empty-aggregation"));
    }
    let is_procedimento = key.fascicolo == Some(TipoFascicolo::Procedimento);
    let is_complete = dossier.procedimento.is_some_and(|p| p.catalogo.is_some() && !p.fasi.is_empty());
    if is_procedimento && !is_complete {
        let message = Message::new("describe-no-procedimento");
        findings.warning("ProcedimentoAmministrativo", "A5 ProcedimentoAmministrativo, G-06", message);
    }
    if dossier.posizione_fisica.is_none_or(|place| place.trim().is_empty()) {
        let message = Message::new("describe-no-position");
        findings.note("PosizioneFisicaAggregazioneDocumentale", "A5 PosizioneFisicaAggregazioneDocumentale, C-09", message);
    }
}

fn write(dossier: &AggregationDossier<'_>, parts: &Parts) -> String {
    let aggregation = dossier.aggregation;
    let key = &aggregation.key;
    let mut xml = Xml::default();
    xml.group(ROOT, |xml| {
        xml.group("IdAgg", |xml| {
            xml.leaf("TipoAggregazione", key.tipo.literal());
            xml.leaf("IdAggregazione", aggregation.id.as_str());
        });
        xml.leaf_if("TipologiaFascicolo", key.fascicolo.map(TipoFascicolo::literal));
        xml.group("Soggetti", |xml| parts.soggetti.iter().for_each(|ruolo| ruolo.write(xml)));
        write_assegnazione(dossier, xml);
        xml.leaf("DataApertura", &aggregation.data_apertura.to_string());
        parts.classificazione.write(xml);
        xml.leaf("Progressivo", &aggregation.progressivo.to_string());
        xml.group("ChiaveDescrittiva", |xml| {
            xml.leaf("Oggetto", &parts.oggetto);
            parts.parole_chiave.iter().for_each(|word| xml.leaf("ParoleChiave", word));
        });
        xml.leaf_if("DataChiusura", aggregation.data_chiusura.map(|date| date.to_string()).as_deref());
        if let Some(procedimento) = dossier.procedimento.filter(|p| !p.fasi.is_empty()) {
            write_procedimento(procedimento, xml);
        }
        xml.group("IndiceDocumenti", |xml| dossier.documents.iter().for_each(|member| write_member(member, xml)));
        let position = dossier.posizione_fisica.map(str::trim).filter(|place| !place.is_empty());
        xml.leaf_if(
            "PosizioneFisicaAggregazioneDocumentale",
            position.map(|p| p.chars().take(NAME_CHARS_MAX).collect::<String>()).as_deref(),
        );
        let primario = aggregation.primario.as_ref().map(|id| (TipoAggregazione::Fascicolo, id.0.clone()));
        if let Some((tipo, id)) = primario.as_ref().or(dossier.ulteriori.primaria.as_ref()) {
            xml.group("IdAggPrimario", |xml| {
                xml.leaf("TipoAggregazione", tipo.literal());
                xml.leaf("IdAggregazione", id);
            });
        }
        xml.leaf_if("TempoDiConservazione", parts.tempo_di_conservazione.map(|years| years.to_string()).as_deref());
        xml.leaf_if("Note", dossier.ente.prova.then_some("PROVA: archivio di prova, aggregazione senza valore legale."));
    });
    xml.finish()
}

/// To whom it is assigned; empty where nobody said, as the schema allows.
fn write_assegnazione(dossier: &AggregationDossier<'_>, xml: &mut Xml) {
    // What is wrong with an assignment was said with the roles.
    let assigned = ulteriori::assignments(dossier.ente, dossier.ulteriori, &mut Findings::new(ROOT));
    if assigned.is_empty() {
        xml.leaf("Assegnazione", "");
        return;
    }
    xml.group("Assegnazione", |xml| {
        for Assegnata { soggetto, assegnazione } in &assigned {
            let (element, literal) = if assegnazione.per_competenza {
                ("PerCompetenza", "Per Competenza")
            } else {
                ("PerConoscenza", "Per Conoscenza")
            };
            xml.group("TipoAssegnazione", |xml| {
                xml.group(element, |xml| {
                    xml.leaf("TipoAssegnazioneRuolo", literal);
                    xml.group("SoggettoAssegnatario", |xml| soggetto.write_assignee(xml));
                    xml.leaf("DataInizioAssegnazione", &assegnazione.inizio.0.to_string());
                    xml.leaf_if("OraInizioAssegnazione", assegnazione.inizio.1.map(|ora| ora.to_string()).as_deref());
                    xml.leaf_if("DataFineAssegnazione", assegnazione.fine.map(|fine| fine.0.to_string()).as_deref());
                    let ora = assegnazione.fine.and_then(|fine| fine.1);
                    xml.leaf_if("OraFineAssegnazione", ora.map(|ora| ora.to_string()).as_deref());
                });
            });
        }
    });
}

fn write_member(member: &Member, xml: &mut Xml) {
    let (name, segnatura) = match member.tipo {
        // So spelt in the schema of the norm (norms 2.3).
        Tipo::Amministrativo => ("DocumentoAmministativoinformatico", member.segnatura.as_deref().map(legal)),
        Tipo::Informatico => ("Documentoinformatico", None),
    };
    let id = IdDoc { impronta: member.impronta, identificativo: member.id.to_string(), segnatura };
    xml.group("TipoDocumento", |xml| xml.group(name, |xml| id.write_content(xml)));
}

fn write_procedimento(procedimento: &Procedimento, xml: &mut Xml) {
    xml.group("ProcedimentoAmministrativo", |xml| {
        xml.leaf("MateriaArgomentoStruttura", &procedimento.materia);
        xml.leaf("Procedimento", &procedimento.procedimento);
        xml.leaf_if("CatalogoProcedimenti", procedimento.catalogo.as_deref());
        xml.group("Fasi", |xml| {
            for periodo in &procedimento.fasi {
                let (element, literal) = phase(periodo.fase);
                xml.group("TipoFase", |xml| {
                    xml.group(element, |xml| {
                        xml.leaf("Fase", literal);
                        xml.leaf("DataInizioFase", &periodo.inizio.to_string());
                        xml.leaf_if("DataFineFase", periodo.fine.map(|date| date.to_string()).as_deref());
                    });
                });
            }
        });
    });
}

/// Element name and literal of a phase; the apostrophe of the last is U+2019 (norms 2.3).
fn phase(fase: Fase) -> (&'static str, &'static str) {
    match fase {
        Fase::Preparatoria => ("Preparatoria", "Preparatoria"),
        Fase::Istruttoria => ("Istruttoria", "Istruttoria"),
        Fase::Consultiva => ("Consultiva", "Consultiva"),
        Fase::Decisoria => ("Decisoriaodeliberativa", "Decisoria o deliberativa"),
        Fase::Integrazione => ("Integrazionedellefficacia", "Integrazione dell\u{2019}efficacia"),
    }
}
