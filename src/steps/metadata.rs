//! The step `metadata`: the document is described, and is ready.

use std::sync::Arc;

use jiff::civil::Date;

use super::given::given_of;
use super::tables::Tables;
use super::{decisions, need_document, need_fact, overlay, put, registro, tables};
use crate::aggregation::{Aggregation, TipoFascicolo};
use crate::decision::Decisions;
use crate::describe::{self, Checks, Described, Dossier, Formazione, Literals, Member, Ulteriori};
use crate::document::{Component, Document, DocumentId, DocumentState, Hold};
use crate::ente::Persona;
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::filing::Filing;
use crate::finding::Severity;
use crate::pipeline::{House, Outcome};
use crate::stated::{self, Stated};
use crate::store::Change;

/// What the store keeps of a description.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Metadata {
    /// The metadata file; empty where the document cannot be described yet.
    pub xml: String,
    /// How the aggregation cites the document.
    pub member: Option<Member>,
}

/// All that the description of a filed document is made of.
pub(crate) struct OnRecord {
    document: Document,
    components: Vec<Component>,
    fields: Fields,
    filing: Filing,
    aggregation: Aggregation,
    decided: Decisions,
    stated: Stated,
    ulteriori: Ulteriori,
    operatore: Option<Persona>,
    rup: Option<Persona>,
    tables: Arc<Tables>,
    day: Date,
    formazione: Formazione,
}

impl OnRecord {
    /// Everything on record of the document; it is filed.
    pub(crate) async fn of(house: &Arc<House>, id: &DocumentId) -> Result<Self> {
        let row = need_document(house, id).await?;
        let aggregation = need_aggregation(house, &row).await?;
        let components: Vec<Component> = need_fact(house, id.as_str(), "components").await?;
        let fields: Fields = need_fact(house, id.as_str(), "fields").await?;
        let filing: Filing = need_fact(house, id.as_str(), "filing").await?;
        let decided = decisions(house, id).await?;
        let stated = overlay::stated(&decided, &given_of(house, id).await?);
        let ulteriori = stated.documento.as_ref().map(|statement| statement.value.clone()).unwrap_or_default();
        let versione = ulteriori.versione.as_ref();
        // Whoever changed the document acted on it.
        let operatore = decided.0.last().and_then(|d| house.ente.operatori.get(&d.operator));
        let operatore = versione.map(|versione| &versione.autore).or(operatore).cloned();
        let version = versione.map_or(row.document.version, |versione| versione.numero);
        let document = Document { version, ..row.document.clone() };
        let (tables, day) = (tables::tables(house).await?, tables::day(house, &row, &fields));
        // Who answers for the procedimento: as a person states it, else as the ente's table says.
        let tipologia = tables.tipologia(day, (&filing.tipo.value, &filing.voce.value));
        let of_table = tipologia.filter(|_| aggregation.key.fascicolo == Some(TipoFascicolo::Procedimento));
        let rup = ulteriori.rup.clone().or_else(|| of_table.and_then(|tipologia| tipologia.rup.clone()));
        // A register's extract is grouped from a database in static form; whatever else is here was acquired (rule F-01).
        let is_extract = registro::made_of(house, id.as_str()).await?.is_some();
        let formazione = if is_extract { Formazione::D } else { Formazione::B };
        Ok(Self {
            document,
            components,
            fields,
            filing,
            aggregation,
            decided,
            stated,
            ulteriori,
            operatore,
            rup,
            tables,
            day,
            formazione,
        })
    }

    /// Has `write` write from the dossier.
    pub(crate) fn dossier<T>(&self, house: &House, write: impl FnOnce(&Dossier<'_>) -> T) -> T {
        write(&Dossier {
            ente: &house.ente,
            document: &self.document,
            components: &self.components,
            fields: &self.fields,
            filing: &self.filing,
            aggregation: &self.aggregation,
            tipologia: crate::classify::tipo_name(&self.filing.tipo.value),
            titolario: self.tables.voce(&self.filing.voce.value, self.day),
            riservato: self.filing.riservato,
            formazione: self.formazione,
            checks: &Checks::default(),
            modifica: self.ulteriori.versione.as_ref().map(|versione| &versione.modifica),
            operatore: self.operatore.as_ref(),
            rup: self.rup.as_ref(),
            ulteriori: &self.ulteriori,
            literals: &Literals::default(),
        })
    }
}

/// Describes the document as Allegato 5 asks. Breaches hold it, all of them shown at once.
pub(crate) async fn metadata(house: &Arc<House>, id: &DocumentId) -> Result<Outcome> {
    let on_record = OnRecord::of(house, id).await?;
    rest(id, on_record.dossier(house, describe::metadata)?, (&on_record.decided, &on_record.stated))
}

fn rest(id: &DocumentId, described: Described, (decided, stated): (&Decisions, &Stated)) -> Result<Outcome> {
    let breaches = described.findings.iter().filter(|f| f.severity == Severity::Error);
    let holds: Vec<Hold> = breaches.map(|f| Hold::new(f.message.clone())).collect();
    let notes: Vec<_> = described.findings.iter().map(|f| (f.message.clone(), f.place.clone())).collect();
    let metadata = Metadata { xml: described.xml, member: described.member };
    let mut changes = vec![put(id.as_str(), "metadata", 0, &metadata)?, put(id.as_str(), "findings", 0, &notes)?];
    changes.push(put(id.as_str(), stated::FACT, 0, stated)?);
    let is_ready = holds.is_empty();
    let state = if is_ready { DocumentState::Ready } else { DocumentState::Held };
    changes.push(Change::SetDocument { id: id.clone(), state });
    changes.push(Change::SetHolds { document: id.clone(), holds });
    let outcome = Outcome { verdict: (!is_ready).then_some("hold"), ..Outcome::rest(changes) };
    Ok(outcome.noting("decisions", decided.0.len()))
}

/// The aggregation that a filed document belongs to.
pub(crate) async fn need_aggregation(house: &House, row: &crate::store::DocumentRow) -> Result<Aggregation> {
    let id = row.aggregazione.as_ref().ok_or_else(|| Error::bug("a described document that is not filed"))?;
    let found = house.store.aggregation(&house.ente_id, id).await?;
    Ok(found.ok_or_else(|| Error::bug(format_args!("no aggregation {id}")))?.aggregation)
}
