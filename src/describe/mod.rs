//! What must the law know of it? `metadata`: Allegato 5 in memory, all breaches collected, then XML.
//!
//! ALLEGATO5.md beside this file says clause by clause what is enforced, what holds by construction and what is left to
//! the ente. Names, order and literals are those of the schemas in `schemas/` (norms 2); the conditional rules that no
//! schema can express are checked here and come back as findings, all in one run.

mod aggregazione;
mod checks;
mod compose;
mod documento;
mod literals;
mod nome;
mod parties;
mod procedimento;
mod registration;
mod registro;
mod segnatura;
mod soggetto;
mod ulteriori;

use serde::{Deserialize, Serialize};

use crate::aggregation::Aggregation;
use crate::digest::Digest;
use crate::document::{Component, Document, DocumentId, Hold};
use crate::ente::{Ente, Persona};
use crate::error::Result;
use crate::fields::{Fields, Party};
use crate::filing::Filing;
use crate::finding::{Finding, Severity};
use crate::schemas::Schema;
use documento::IdDoc;

pub use checks::{Checks, Proof};
pub use literals::Literals;
pub use procedimento::{Passo, procedimento};
pub use registro::{RegistroDossier, registro};

pub use crate::stated::{
    Amministrazione, Assegnazione, Emergenza, Fase, Modifica, Parte, PeriodoFase, Primario, Procedimento, Prodotto,
    RuoloUlteriore, TipoModifica, ULTERIORI_MAX, Ulteriore, Ulteriori, UlterioriAggregazione,
};

/// Everything that the description of one document is made of.
#[derive(Debug, Clone, Copy)]
pub struct Dossier<'a> {
    /// Whose document it is.
    pub ente: &'a Ente,
    /// The document.
    pub document: &'a Document,
    /// Its components: one principal, then attachments and annexes.
    pub components: &'a [Component],
    /// What was read from it or decided about it.
    pub fields: &'a Fields,
    /// Tipo, voce, retention.
    pub filing: &'a Filing,
    /// Its aggregation.
    pub aggregation: &'a Aggregation,
    /// The tipo in words; where none is given the code is written with blanks.
    pub tipologia: Option<&'a str>,
    /// The voce of the Titolario in words.
    pub titolario: Titolario<'a>,
    /// True if the document is reserved (rule N-14): the filing's default, or what a person decided.
    pub riservato: bool,
    /// How the document was formed (rule F-01). Scans and uploads are `b`.
    pub formazione: Formazione,
    /// What was checked, with the stored facts that prove it. `Checks::default()` proves nothing.
    pub checks: &'a Checks,
    /// The change that made this version, where the version is above 1 (rule F-07).
    pub modifica: Option<&'a Modifica>,
    /// The person who acted on it, where one did.
    pub operatore: Option<&'a Persona>,
    /// Responsabile unico del procedimento, where known.
    pub rup: Option<&'a Persona>,
    /// What the ente states beyond what is read.
    pub ulteriori: &'a Ulteriori,
    /// The exact literals of the conservatore.
    pub literals: &'a Literals,
}

/// What the published Titolario says of a voce (rule G-01).
#[derive(Debug, Clone, Copy, Default)]
pub struct Titolario<'a> {
    /// The words of the voce (`Edilizia privata`).
    pub descrizione: &'a str,
    /// URI of the published Titolario.
    pub piano: Option<&'a str>,
}

/// The four ways of forming a document (rule F-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Formazione {
    /// Created with software.
    A,
    /// Acquired: received by telematic means, or an image copy of paper.
    #[default]
    B,
    /// Result of a transaction or of a form, stored.
    C,
    /// Generated or grouped from databases in static form.
    D,
}

/// Which of the two kinds of document the law sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tipo {
    /// Registered in the protocol or in a repertory: `DocumentoAmministrativoInformatico`.
    Amministrativo,
    /// Without registration: `DocumentoInformatico`.
    Informatico,
}

impl Tipo {
    /// Name of the root element, and of the file without its `.xml`.
    pub fn root(self) -> &'static str {
        match self {
            Self::Amministrativo => "DocumentoAmministrativoInformatico",
            Self::Informatico => "DocumentoInformatico",
        }
    }
}

/// How the index of an aggregation cites a document; to be kept with the document's metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Which document.
    pub id: DocumentId,
    /// Its kind.
    pub tipo: Tipo,
    /// Digest of its principal component.
    pub impronta: Digest,
    /// Its segnatura, where it is registered.
    pub segnatura: Option<String>,
}

/// The description of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// Which kind of document it is.
    pub tipo: Tipo,
    /// The metadata file. Empty if and only if a finding is an error: what is not complete is never written.
    pub xml: String,
    /// How the aggregation will cite it; none where `xml` is empty.
    pub member: Option<Member>,
    /// Everything that speaks against it, all of it.
    pub findings: Vec<Finding>,
}

/// Everything that the description of an aggregation is made of.
#[derive(Debug, Clone, Copy)]
pub struct AggregationDossier<'a> {
    /// Whose it is.
    pub ente: &'a Ente,
    /// The aggregation.
    pub aggregation: &'a Aggregation,
    /// The documents that this description lists (of a split package: those of the part).
    pub documents: &'a [Member],
    /// The voce of the Titolario in words.
    pub titolario: Titolario<'a>,
    /// Years of retention, 9999 for permanent.
    pub tempo_di_conservazione: Option<u32>,
    /// Responsabile unico del procedimento (of a Fascicolo), where known.
    pub rup: Option<&'a Persona>,
    /// Whom a personal Fascicolo is about, where known.
    pub intestatario: Option<&'a Party>,
    /// The procedimento, where the ente has recorded it.
    pub procedimento: Option<&'a Procedimento>,
    /// Where the paper lies (rule C-09), where known.
    pub posizione_fisica: Option<&'a str>,
    /// What the ente states beyond that.
    pub ulteriori: &'a UlterioriAggregazione,
}

/// The description of an aggregation.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedAggregation {
    /// The metadata file. Empty if and only if a finding is an error.
    pub xml: String,
    /// Everything that speaks against it, all of it.
    pub findings: Vec<Finding>,
}

/// Describes one document: `DocumentoAmministrativoInformatico` where it has a registration, else `DocumentoInformatico`.
///
/// Only a broken invariant of ours is an error; what is wrong with the document is a finding.
pub fn metadata(dossier: &Dossier<'_>) -> Result<Described> {
    let (tipo, documento, findings) = compose::compose(dossier);
    let Some(documento) = documento else {
        return Ok(Described { tipo, xml: String::new(), member: None, findings });
    };
    let xml = documento.xml(dossier.literals);
    let schema = match tipo {
        Tipo::Amministrativo => Schema::DocumentoAmministrativo,
        Tipo::Informatico => Schema::Documento,
    };
    // A conservatore with other literals has another schema: ours cannot judge.
    if *dossier.literals == Literals::default() {
        schema.ensure_ours(&xml)?;
    }
    let IdDoc { impronta, segnatura, .. } = documento.id;
    Ok(Described { tipo, xml, member: Some(Member { id: dossier.document.id.clone(), tipo, impronta, segnatura }), findings })
}

/// The Segnatura of one document (Allegato 6), not sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedSegnatura {
    /// The Segnatura, whole but for its signature. Empty if and only if a finding is an error.
    pub xml: String,
    /// Everything that speaks against it, all of it.
    pub findings: Vec<Finding>,
}

/// Writes the Segnatura of a document that the ente sends, for a seal to sign.
pub fn segnatura(dossier: &Dossier<'_>) -> DescribedSegnatura {
    segnatura::compose(dossier)
}

/// Describes one aggregation.
pub fn aggregation(dossier: &AggregationDossier<'_>) -> Result<DescribedAggregation> {
    let (xml, findings) = aggregazione::compose(dossier);
    if let Some(xml) = &xml {
        Schema::Aggregazione.ensure_ours(xml)?;
    }
    Ok(DescribedAggregation { xml: xml.unwrap_or_default(), findings })
}

/// True if nothing in `findings` is an error.
pub fn is_ok(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity != Severity::Error)
}

/// The doubts that hold a document because of its findings: one for each error, with the field that settles it.
pub fn holds(findings: &[Finding]) -> Vec<Hold> {
    /// Part of an element's path, and the field of `review --set` that mends it.
    const FIELDS: [(&str, &str); 8] = [
        ("ChiaveDescrittiva", "oggetto"),
        ("ProtocolloOrdinario", "protocollo"),
        ("TipologiaDiFlusso", "protocollo"),
        ("Repertorio_Registro", "repertorio"),
        ("Ruolo/Mittente", "mittente"),
        ("Ruolo/Destinatario", "destinatario"),
        ("Classificazione", "voce"),
        ("TipologiaDocumentale", "tipo"),
    ];
    let hold = |finding: &Finding| {
        let hold = Hold::new(finding.message.clone());
        let by_place = FIELDS.iter().find(|(part, _)| finding.place.contains(part)).map(|(_, field)| *field);
        let field = if finding.message.code() == "describe-no-author" { Some("mittente") } else { by_place };
        field.map_or(hold.clone(), |field| hold.on_field(field))
    };
    findings.iter().filter(|finding| finding.severity == Severity::Error).map(hold).collect()
}
