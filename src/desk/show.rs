//! `show ID`: everything known of one thing, as the contract's JSON (design.md section 5).

use serde_json::{Map, Value, json};

use super::procedimenti;
use super::ties;
use crate::aggregation::AggregationId;
use crate::arrival::{ArrivalId, FileName};
use crate::batch::{self, Record};
use crate::document::{Component, Copy, DocumentId, Role};
use crate::envelope::{self, Envelope};
use crate::error::{Error, Kind, Result};
use crate::fattura::Fattura;
use crate::fields::Fields;
use crate::filing::Filing;
use crate::given::{self, Given};
use crate::messages::Lang;
use crate::page::{PageText, ReadPage};
use crate::part::{self, Part};
use crate::pdv::PdvId;
use crate::pipeline::House;
use crate::rescan::Rescan;
use crate::steps;
use crate::steps::document::WRITTEN;
use crate::steps::form::CopyMade;
use crate::store::DocumentRow;

/// What an id names.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// A document.
    Document(Box<DocumentRow>),
    /// An arrival.
    Arrival(ArrivalId),
    /// An aggregation.
    Aggregation(AggregationId),
    /// A Pdv.
    Pdv(PdvId),
}

/// Finds what `id` names: a whole id, or the beginning of one document's id that fits no other.
pub async fn find(house: &House, id: &str) -> Result<Found> {
    let (ente, store) = (&house.ente_id, &house.store);
    if let Some(row) = store.document(ente, &DocumentId(id.to_owned())).await? {
        return Ok(Found::Document(Box::new(row)));
    }
    if store.arrival(ente, &ArrivalId(id.to_owned())).await?.is_some() {
        return Ok(Found::Arrival(ArrivalId(id.to_owned())));
    }
    if store.aggregation(ente, &AggregationId(id.to_owned())).await?.is_some() {
        return Ok(Found::Aggregation(AggregationId(id.to_owned())));
    }
    if store.pdv(ente, &PdvId(id.to_owned())).await?.is_some() {
        return Ok(Found::Pdv(PdvId(id.to_owned())));
    }
    let mut fitting = store.documents(ente, None).await?.into_iter().filter(|row| row.document.id.0.starts_with(id));
    match (fitting.next(), fitting.next()) {
        (Some(row), None) if id.len() >= 8 => Ok(Found::Document(Box::new(row))),
        _ => Err(Error::new(Kind::Usage, "id-unknown").with("id", id)),
    }
}

/// Everything known of what `id` names.
pub async fn show(house: &House, id: &str, lang: Lang) -> Result<Value> {
    match find(house, id).await? {
        Found::Document(row) => document_json(house, &row, lang).await,
        Found::Arrival(id) => arrival_json(house, &id, lang).await,
        Found::Aggregation(id) => {
            let row = house.store.aggregation(&house.ente_id, &id).await?;
            let mut value = serde_json::to_value(&row).map_err(|e| Error::bug("an aggregation as JSON").because(e))?;
            if let Some(row) = row {
                value["procedimento"] = procedimenti::shown(house, &row).await?;
            }
            Ok(value)
        }
        Found::Pdv(id) => pdv_json(house, &id).await,
    }
}

/// The documents that an arrival has to do with: those that came out of it, or the one that it is a new sheet of.
pub async fn documents_of(house: &House, id: &ArrivalId) -> Result<Vec<DocumentRow>> {
    let mut documents = house.store.documents_of(&house.ente_id, id).await?;
    if let Some(place) = steps::rescan::place_of(house, id).await? {
        documents.extend(house.store.document(&house.ente_id, &place.document).await?);
    }
    Ok(documents)
}

/// A document as the contract shows it.
pub async fn document_json(house: &House, row: &DocumentRow, lang: Lang) -> Result<Value> {
    let id = row.document.id.as_str();
    let components: Vec<Component> = fact_or_default(house, id, "components").await?;
    let copies: Vec<Copy> = fact_or_default(house, id, "copies").await?;
    let fields: Fields = fact_or_default(house, id, "fields").await?;
    let filing: Option<Filing> = fact_or_default(house, id, "filing").await?;
    let made: CopyMade = fact_or_default(house, id, steps::form::MADE).await?;
    let rescans = steps::sheets::rescans(house, &row.document.id).await?;
    let stated: crate::stated::Stated = fact_or_default(house, id, crate::stated::FACT).await?;
    let tied = ties::correspondence(house, &row.document.id).await?;
    let envelope: Option<Envelope> = steps::fact(house, id, envelope::FACT).await?;
    let fattura: Option<Fattura> = steps::fact(house, id, crate::fattura::FACT).await?;
    let batch: Option<Record> = steps::fact(house, id, batch::FACT).await?;
    let part: Option<Part> = steps::fact(house, id, part::FACT).await?;
    let separator = steps::division::separator_of(house, &row.document.id).await?;
    let (pages, text) = pages_json(house, &row.document.id).await?;
    let arrival = house.store.arrival(&house.ente_id, &row.document.arrival).await?;
    let lotto = super::lot_of(house, &row.document.arrival).await?;
    let source = arrival.as_ref().map(|a| {
        json!({"arrival": a.id, "door": a.door, "name": a.name.shown(), "sha256": a.sha256, "admitted_at": a.admitted_at,
            "lotto": lotto})
    });
    Ok(json!({
        "id": row.document.id, "state": row.document.state, "name": row.document.name.shown(), "version": row.document.version,
        "source": source,
        "components": components.iter().map(component_json).collect::<Vec<_>>(),
        "copies": copies, "copy": copy_json(&made, lang), "rescans": rescans_json(&rescans, &components),
        "pages": pages, "text": text,
        "fields": fields_json(&fields, filing.as_ref()),
        "filing": filing.as_ref().map(|f| filing_json(f, row, lang)),
        "riservato": filing.as_ref().map(|f| json!({"value": f.riservato, "origin": f.riservato_origin.as_ref().unwrap_or(&f.tipo.origin)})),
        "holds": row.holds.iter().map(|h| json!({
            "code": h.message.code(), "why": h.message.text(lang), "field": h.field, "page": h.page})).collect::<Vec<_>>(),
        "pdv": row.pdv, "stated": stated,
        "envelope": envelope, "messaggio": tied.messaggio, "corrispondenza": tied.corrispondenza, "fattura": fattura,
        "batch": batch, "part": part, "separator": separator,
        "also_in": ties::elsewhere(house, &row.document, &components).await?,
    }))
}

fn component_json(component: &Component) -> Value {
    json!({
        "role": component.role, "name": component.name.shown(), "sha256": component.sha256, "puid": component.format.puid,
        "mime": component.format.mime, "bytes": component.bytes, "pages": component.pages, "form": component.form,
        "verdict": component.format.verdict, "rule": component.format.rule, "claims": component.format.claims,
    })
}

/// What became of the searchable copy: why there is none by rule, and which pages are no image of the original's bytes.
fn copy_json(made: &CopyMade, lang: Lang) -> Value {
    let report = made.report.as_ref();
    json!({
        "left_alone": made.left_alone.as_ref().map(|why| why.text(lang)),
        "rasterised": report.map(|r| &r.rasterised), "reencoded": report.map(|r| &r.reencoded),
    })
}

/// Which page was replaced by which arrival: the old sheet and every earlier one are named too, oldest first.
fn rescans_json(rescans: &[Rescan], components: &[Component]) -> Value {
    let first = components.iter().find(|component| component.role == Role::Principale);
    let one = |rescan: &Rescan| {
        let old = first.map(|component| json!({"sha256": component.sha256, "page": rescan.page}));
        let sheets = rescan.sheets.iter().map(|sheet| {
            json!({"arrival": sheet.arrival, "name": sheet.name.shown(), "sha256": sheet.sha256, "page": 1, "at": sheet.at,
                "operator": sheet.operator, "asked": sheet.asked})
        });
        let mut line: Vec<Value> = old.into_iter().chain(sheets).collect();
        let by = if line.len() > 1 { line.pop() } else { None };
        json!({"page": rescan.page, "expected": rescan.expected, "replaced": if by.is_some() { line } else { Vec::new() }, "by": by})
    };
    rescans.iter().map(one).collect()
}

/// The pages and their text, some at a time: words and boxes weigh much more than what is shown of them.
async fn pages_json(house: &House, id: &DocumentId) -> Result<(Vec<Value>, String)> {
    let (mut pages, mut texts, mut next) = (Vec::new(), Vec::new(), 0);
    loop {
        let some = steps::leaves::more(house, id, next).await?;
        let Some(last) = some.last() else { break };
        next = last.page.survey.n.saturating_add(1);
        pages.extend(some.iter().map(page_json));
        texts.extend(some.iter().map(|read| read.text.plain()));
    }
    if pages.is_empty() {
        // A file without pages (an uploaded letter) has text all the same.
        let written: Vec<PageText> = steps::facts(house, id.as_str(), WRITTEN).await?;
        texts.extend(written.iter().map(PageText::plain));
    }
    Ok((pages, texts.join("\u{c}")))
}

fn page_json(read: &ReadPage) -> Value {
    let page = &read.page;
    json!({
        "n": page.survey.n, "dpi": page.dpi_used, "rotation": page.rotation, "skew_deg": page.skew_deg, "blank": page.blank,
        "mean_confidence": page.mean_confidence, "quality": page.quality, "source": page.survey.source,
        "width": page.survey.width, "height": page.survey.height, "compression": page.survey.compression,
        "steps": page.steps, "origin": read.text.origin,
    })
}

/// The fields with the tipo among them, as the contract has it, and the fields that were not found as empty objects.
fn fields_json(fields: &Fields, filing: Option<&Filing>) -> Value {
    let mut all = Map::new();
    if let Some(filing) = filing.filter(|filing| !filing.tipo.value.is_empty()) {
        all.insert("tipo".to_owned(), json!(filing.tipo));
    }
    for name in ["oggetto", "protocollo", "data", "mittente", "destinatario"] {
        all.insert(name.to_owned(), json!({}));
    }
    if let Value::Object(found) = json!(fields) {
        all.extend(found);
    }
    Value::Object(all)
}

fn filing_json(filing: &Filing, row: &DocumentRow, lang: Lang) -> Value {
    json!({
        "voce": filing.voce.value,
        "aggregazione": {"tipo": filing.aggregazione.tipo.literal(), "id": row.aggregazione, "oggetto": filing.aggregazione.oggetto},
        "confidence": filing.confidence,
        "reasons": filing.reasons.iter().map(|m| m.sentence(lang)).collect::<Vec<_>>(),
        "alternatives": filing.alternatives,
        "tempo_di_conservazione": filing.tempo_di_conservazione,
    })
}

async fn arrival_json(house: &House, id: &ArrivalId, lang: Lang) -> Result<Value> {
    let Some(arrival) = house.store.arrival(&house.ente_id, id).await? else {
        return Err(Error::new(Kind::Usage, "id-unknown").with("id", id));
    };
    let documents: Vec<DocumentId> = documents_of(house, id).await?.into_iter().map(|row| row.document.id).collect();
    let format: Option<crate::document::Format> = fact_or_default(house, id.as_str(), "format").await?;
    let given: Vec<Given> = steps::facts(house, id.as_str(), given::FACT).await?;
    let folder: Option<FileName> = fact_or_default(house, id.as_str(), crate::acquire::FOLDER).await?;
    let files = steps::stack::stack_of(house, id.as_str()).await?.map(|stack| stack.files);
    Ok(json!({
        "id": arrival.id, "door": arrival.door, "name": arrival.name.shown(), "sha256": arrival.sha256, "bytes": arrival.bytes,
        "state": arrival.state, "admitted_at": arrival.admitted_at, "duplicate_of": arrival.duplicate_of,
        "reason": arrival.reason.as_ref().map(|m| m.text(lang)), "format": format, "documents": documents,
        "given": given, "folder": folder.map(|folder| folder.shown()), "files": files,
    }))
}

async fn pdv_json(house: &House, id: &PdvId) -> Result<Value> {
    let Some((pdv, documents)) = house.store.pdv(&house.ente_id, id).await? else {
        return Err(Error::new(Kind::Usage, "id-unknown").with("id", id));
    };
    Ok(json!({
        "id": pdv.id, "state": pdv.state, "profile": pdv.profile, "aggregazione": pdv.aggregazione, "planned_at": pdv.planned_at,
        "path": pdv.path, "content_sha256": pdv.sha256, "bytes": pdv.bytes, "documents": documents,
    }))
}

/// A fact that may not be there yet.
pub(crate) async fn fact_or_default<T: serde::de::DeserializeOwned + Default>(
    house: &House,
    owner: &str,
    kind: &str,
) -> Result<T> {
    match house.store.fact(&house.ente_id, owner, kind).await? {
        None => Ok(T::default()),
        Some(body) => serde_json::from_str(&body).map_err(|e| Error::bug(format_args!("fact {kind} unreadable")).because(e)),
    }
}
