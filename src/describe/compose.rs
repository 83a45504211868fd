//! Does the dossier say everything that the law asks? From facts to the typed document, every breach collected on the way.

use super::documento::{Allegato, Classificazione, Documento, IdDoc, Tracciatura, Verifica};
use super::parties::soggetti;
use super::registration::{Chosen, registration, segnatura};
use super::soggetto::PersonaFisica;
use super::{Dossier, Tipo, Titolario, ULTERIORI_MAX};
use crate::aggregation::TipoAggregazione;
use crate::clock::date_of_law;
use crate::document::{Component, Role};
use crate::filing::Voce;
use crate::finding::{Finding, Severity};
use crate::messages::Message;
use crate::xml::legal;

/// Longest text of one element, characters. The norm sets no limit, the receivers' forms do.
pub(super) const TEXT_CHARS_MAX: usize = 4_000;
/// Longest name, address or code of one element, characters.
pub(super) const NAME_CHARS_MAX: usize = 400;
/// Most attachments of one document (norms 2.6).
const ALLEGATI_MAX: usize = 9_999;
/// Most key words (norms 2.1).
const PAROLE_CHIAVE_MAX: usize = 5;

/// Collects findings about one metadata file.
pub(super) struct Findings {
    root: &'static str,
    list: Vec<Finding>,
}

impl Findings {
    pub(super) fn new(root: &'static str) -> Self {
        Self { root, list: Vec::new() }
    }

    pub(super) fn error(&mut self, element: &str, clause: &str, message: Message) {
        self.push(Severity::Error, element, clause, message);
    }

    pub(super) fn warning(&mut self, element: &str, clause: &str, message: Message) {
        self.push(Severity::Warning, element, clause, message);
    }

    pub(super) fn note(&mut self, element: &str, clause: &str, message: Message) {
        self.push(Severity::Note, element, clause, message);
    }

    pub(super) fn finish(self) -> Vec<Finding> {
        self.list
    }

    fn push(&mut self, severity: Severity, element: &str, clause: &str, message: Message) {
        let (path, place) = (format!("{}.xml", self.root), format!("{}/{element}", self.root));
        self.list.push(Finding::new(severity, message).at(&path, &place).clause(clause));
    }

    /// `text` in legal characters, trimmed and at most `max` characters long; a text that was cut is said.
    pub(super) fn bounded(&mut self, element: &str, text: &str, max: usize) -> String {
        let text = legal(text);
        let text = text.trim();
        if text.chars().count() <= max {
            return text.to_owned();
        }
        self.warning(element, "A5", Message::new("describe-shortened").with("max", max));
        let mut cut: String = text.chars().take(max - 1).collect();
        cut.push('…');
        cut
    }

    /// Years of retention within the norm's bounds.
    pub(super) fn years(&mut self, years: Option<u32>) -> Option<u32> {
        if let Some(wrong) = years.filter(|years| !(1..=9_999).contains(years)) {
            self.error(
                "TempoDiConservazione",
                "A5 TempoDiConservazione",
                Message::new("describe-retention-range").with("years", wrong),
            );
        }
        years.filter(|years| (1..=9_999).contains(years))
    }

    /// The place in the Titolario; both code and words are mandatory (G-01).
    pub(super) fn classification(&mut self, voce: &Voce, titolario: Titolario<'_>) -> Option<Classificazione> {
        let indice = self.bounded("Classificazione/IndiceDiClassificazione", &voce.0, NAME_CHARS_MAX);
        let descrizione = self.bounded("Classificazione/Descrizione", titolario.descrizione, TEXT_CHARS_MAX);
        let piano = titolario.piano.map(str::trim).filter(|uri| !uri.is_empty()).map(legal);
        if piano.is_none() {
            self.note(
                "Classificazione/PianoDiClassificazione",
                "A5 Classificazione, G-01",
                Message::new("describe-no-titolario-uri"),
            );
        }
        if indice.is_empty() {
            self.error("Classificazione/IndiceDiClassificazione", "A5 Classificazione, G-01", Message::new("describe-no-voce"));
        }
        if descrizione.is_empty() {
            let message = Message::new("describe-no-voce-words").with("voce", &indice);
            self.error("Classificazione/Descrizione", "A5 Classificazione, G-01", message);
        }
        (!indice.is_empty() && !descrizione.is_empty()).then_some(Classificazione { indice, descrizione, piano })
    }
}

/// The typed document, or none; in either case the findings say everything that was met.
pub(super) fn compose(dossier: &Dossier<'_>) -> (Tipo, Option<Documento>, Vec<Finding>) {
    let chosen = Chosen::of(dossier);
    let tipo = chosen.tipo();
    let mut findings = Findings::new(tipo.root());
    let documento = document(dossier, chosen, &mut findings);
    let findings = findings.finish();
    let documento = documento.filter(|_| super::is_ok(&findings));
    (tipo, documento, findings)
}

/// Every part is asked before any is missed, so that one run tells all breaches.
fn document(dossier: &Dossier<'_>, chosen: Chosen<'_>, findings: &mut Findings) -> Option<Documento> {
    let tipo = chosen.tipo();
    let principal = principal(dossier, findings);
    let registrazione = registration(dossier, chosen, findings);
    let soggetti = soggetti(dossier, tipo, registrazione.as_ref().map(|r| r.flusso), findings);
    let oggetto = oggetto(dossier, findings);
    let allegati = allegati(dossier, findings);
    let classificazione = findings.classification(&dossier.filing.voce.value, dossier.titolario);
    let tempo_di_conservazione = retention(dossier, findings);
    let modifica = modifica(dossier, findings);
    let note = note(dossier, chosen, findings);
    let tipologia = tipologia(dossier, findings);
    let principal = principal?;
    Some(Documento {
        tipo,
        id: IdDoc {
            impronta: principal.sha256,
            identificativo: dossier.document.id.to_string(),
            segnatura: segnatura(dossier).map(|text| legal(&text)),
        },
        formazione: dossier.literals.formazione(dossier.formazione).to_owned(),
        tipologia,
        registrazione: registrazione?,
        soggetti,
        oggetto: oggetto?,
        parole_chiave: parole_chiave(dossier.fields.riferimenti.iter().map(|reading| reading.value.as_str())),
        allegati,
        classificazione: classificazione?,
        riservato: dossier.riservato,
        formato: legal(&principal.format.mime),
        verifica: Verifica::from(dossier.checks),
        aggregazioni: aggregazioni(dossier),
        primario: dossier.ulteriori.primario.as_ref().map(|primario| IdDoc {
            impronta: primario.impronta,
            identificativo: legal(&primario.identificativo),
            segnatura: primario.segnatura.as_deref().filter(|_| tipo == Tipo::Amministrativo).map(legal),
        }),
        prodotto: dossier.ulteriori.prodotto.clone(),
        nome: principal.name.exact(),
        versione: dossier.document.version,
        modifica: modifica?,
        tempo_di_conservazione,
        note,
    })
}

/// The one principal component.
fn principal<'a>(dossier: &Dossier<'a>, findings: &mut Findings) -> Option<&'a Component> {
    let mut principals = dossier.components.iter().filter(|component| component.role == Role::Principale);
    let (first, second) = (principals.next(), principals.next());
    if first.is_none() || second.is_some() {
        let count = dossier.components.iter().filter(|component| component.role == Role::Principale).count();
        findings.error("IdDoc", "A5 IdDoc", Message::new("describe-principal-count").with("count", count));
        return None;
    }
    let principal = first?;
    if principal.format.mime.trim().is_empty() {
        findings.error("IdentificativoDelFormato/Formato", "A5 IdentificativoDelFormato", Message::new("describe-no-format"));
    }
    if principal.format.signed && dossier.checks.firma.is_none() {
        findings.warning("Verifica/FirmatoDigitalmente", "A5 Verifica, C-06", Message::new("describe-signed-unchecked"));
    }
    Some(principal)
}

fn oggetto(dossier: &Dossier<'_>, findings: &mut Findings) -> Option<String> {
    const PLACE: &str = "ChiaveDescrittiva/Oggetto";
    let read = dossier.fields.oggetto.as_ref().map(|reading| reading.value.as_str()).unwrap_or_default();
    let oggetto = findings.bounded(PLACE, read, TEXT_CHARS_MAX);
    if oggetto.is_empty() {
        findings.error(PLACE, "A5 ChiaveDescrittiva", Message::new("describe-no-oggetto"));
        return None;
    }
    Some(oggetto)
}

/// What ties the document to others, as read: at most five.
pub(super) fn parole_chiave<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let words = words.map(|word| legal(word).trim().chars().take(NAME_CHARS_MAX).collect());
    words.filter(|word: &String| !word.is_empty()).take(PAROLE_CHIAVE_MAX).collect()
}

/// Its own aggregation, then the others that it stands in.
fn aggregazioni(dossier: &Dossier<'_>) -> Vec<(TipoAggregazione, String)> {
    let own = (dossier.aggregation.key.tipo, legal(dossier.aggregation.id.as_str()));
    let others = dossier.ulteriori.aggregazioni.iter().map(|(tipo, id)| (*tipo, legal(id))).filter(|other| *other != own);
    std::iter::once(own.clone()).chain(others.take(ULTERIORI_MAX)).collect()
}

/// One entry per attachment and annex, by construction as many as are counted (norms 2.5).
fn allegati(dossier: &Dossier<'_>, findings: &mut Findings) -> Vec<Allegato> {
    let attached = || dossier.components.iter().filter(|component| component.role != Role::Principale);
    if attached().count() > ALLEGATI_MAX {
        let message = Message::new("describe-attachments-many").with("count", attached().count()).with("max", ALLEGATI_MAX);
        findings.error("Allegati/NumeroAllegati", "A5 Allegati", message);
    }
    let entry = |component: &Component| {
        let word = if component.role == Role::Annesso { "annesso" } else { "allegato" };
        Allegato {
            id: IdDoc {
                impronta: component.sha256,
                identificativo: format!("{}/{word}/{}", dossier.document.id, component.n),
                segnatura: None,
            },
            descrizione: format!("{word} {}: {}", component.n, component.name.shown().trim()),
        }
    };
    attached().take(ALLEGATI_MAX).map(entry).collect()
}

fn retention(dossier: &Dossier<'_>, findings: &mut Findings) -> Option<u32> {
    if dossier.filing.tempo_di_conservazione.is_none() {
        findings.warning("TempoDiConservazione", "A5 TempoDiConservazione, G-09", Message::new("describe-no-retention"));
    }
    findings.years(dossier.filing.tempo_di_conservazione)
}

/// The outer option is the finding's, the inner one the norm's: a first version has no change.
#[expect(clippy::option_option, reason = "a change that is missing where it must be differs from one that is not due")]
fn modifica(dossier: &Dossier<'_>, findings: &mut Findings) -> Option<Option<Tracciatura>> {
    const PLACE: &str = "TracciatureModificheDocumento";
    const CLAUSE: &str = "A5 TracciatureModificheDocumento, F-07";
    let version = dossier.document.version;
    let Some(modifica) = dossier.modifica else {
        if version > 1 {
            findings.error(PLACE, CLAUSE, Message::new("describe-no-modifica").with("version", version));
            return None;
        }
        return Some(None);
    };
    let Some(operatore) = dossier.operatore else {
        findings.error(&format!("{PLACE}/SoggettoAutoreDellaModifica"), CLAUSE, Message::new("describe-modifica-nobody"));
        return None;
    };
    Some(Some(Tracciatura {
        tipo: modifica.tipo,
        autore: PersonaFisica::from(operatore),
        data: date_of_law(modifica.at, &dossier.ente.zona),
        ora: dossier.ulteriori.ora_modifica,
        precedente: IdDoc {
            impronta: modifica.impronta_precedente,
            identificativo: legal(&modifica.identificativo_precedente),
            segnatura: None,
        },
    }))
}

/// What has no element of its own: that the archive is a trial, and the registration that is not described.
fn note(dossier: &Dossier<'_>, chosen: Chosen<'_>, findings: &mut Findings) -> Option<String> {
    let mut notes = Vec::new();
    if dossier.ente.prova {
        notes.push("PROVA: archivio di prova, documento senza valore legale.".to_owned());
    }
    if let (Chosen::Repertorio(_), Some(reading)) = (chosen, dossier.fields.protocollo.as_ref()) {
        findings.note("DatiDiRegistrazione", "G-08", Message::new("describe-two-registrations"));
        notes.push(format!("Registrato anche al protocollo n. {}/{}.", reading.value.numero, reading.value.anno));
    }
    if let (Chosen::Protocollo(_), Some(reading)) = (chosen, dossier.fields.repertorio.as_ref()) {
        findings.note("DatiDiRegistrazione", "G-08", Message::new("describe-two-registrations"));
        let repertorio = &reading.value;
        notes.push(format!(
            "Registrato anche nel repertorio {} n. {}/{}.",
            repertorio.registro, repertorio.numero, repertorio.anno
        ));
    }
    if let Some(emergenza) = &dossier.ulteriori.emergenza {
        if emergenza.numero.trim().is_empty() || matches!(chosen, Chosen::Nessuno) {
            findings.error("DatiDiRegistrazione", "A5 DatiDiRegistrazione, N-10", Message::new("describe-emergency"));
        }
        notes.push(format!("Registro di emergenza: n. {} del {}.", emergenza.numero.trim(), emergenza.data));
    }
    (!notes.is_empty()).then(|| findings.bounded("Note", &notes.join(" "), TEXT_CHARS_MAX))
}

/// The tipo in words; a code without words is written with blanks and a capital.
fn tipologia(dossier: &Dossier<'_>, findings: &mut Findings) -> String {
    let code = dossier.filing.tipo.value.replace('_', " ");
    let mut letters = code.chars();
    let words = letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default();
    let tipologia = dossier.tipologia.map(str::trim).filter(|text| !text.is_empty()).unwrap_or(&words);
    let tipologia = findings.bounded("TipologiaDocumentale", tipologia, NAME_CHARS_MAX);
    if tipologia.is_empty() {
        findings.error("TipologiaDocumentale", "A5 TipologiaDocumentale", Message::new("describe-no-tipo"));
    }
    tipologia
}
