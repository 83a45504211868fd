//! `scarto propose` and `scarto authorise`: what has been kept long enough is listed for the authority; its answer, whole or in part, is
//! taken in. Nothing is destroyed here (`destroy.rs`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::show::fact_or_default;
use super::vincolo::vincoli;
use crate::aggregation::{AggregationId, TipoAggregazione};
use crate::clock::date_of_law;
use crate::copy::{self, Listing, ListingTable, PdfaLevel};
use crate::digest::Digest;
use crate::document::{Component, DocumentState};
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::fields::Fields;
use crate::filing::Filing;
use crate::given::VALUE_BYTES_MAX;
use crate::messages::{Lang, Message, label};
use crate::pipeline::House;
use crate::scarto::{
    ALL, Autorizzazione, DOCUMENTS_MAX, FACT, FOR_EVER, Scarto, ScartoId, ScartoItem, ScartoState, is_held, kept_until,
};
use crate::steps::tables::{self, Tables};
use crate::steps::{self, blocking};
use crate::store::{AggregationRow, Change, DocumentRow};

/// All scarti, oldest first.
pub async fn scarti(house: &House) -> Result<Vec<Scarto>> {
    let ids: Vec<ScartoId> = fact_or_default(house, &house.ente_id.0, ALL).await?;
    let mut all = Vec::with_capacity(ids.len());
    for id in ids {
        all.push(scarto(house, &id.0).await?.0);
    }
    Ok(all)
}

/// One scarto, and its fact as it was seen.
pub(super) async fn scarto(house: &House, id: &str) -> Result<(Scarto, String)> {
    let body = house.store.fact(&house.ente_id, id, FACT).await?;
    let body = body.ok_or_else(|| Error::new(Kind::Usage, "id-unknown").with("id", id))?;
    let scarto = serde_json::from_str(&body).map_err(|e| Error::bug("a stored scarto").because(e))?;
    Ok((scarto, body))
}

/// The changes that put a scarto in the place of what was seen.
pub(super) fn changed(scarto: &Scarto, seen: Option<String>) -> Result<[Change; 2]> {
    let owner = scarto.id.0.clone();
    Ok([Change::RequireFact { owner: owner.clone(), kind: FACT.to_owned(), seen }, steps::put(&owner, FACT, 0, scarto)?])
}

/// Lists everything whose time has ended at `day` (the last day is before it) and that no vincolo, other scarto or open fascicolo keeps.
///
/// # Errors
/// Usage: a day to come, nothing to be listed.
pub async fn propose(house: &House, day: Option<Date>, operator: &str) -> Result<Scarto> {
    let today = date_of_law(house.clock.now(), &house.ente.zona);
    let day = day.unwrap_or(today);
    if day > today {
        return Err(Error::new(Kind::Usage, "scarto-future").with("day", day));
    }
    steps::beside_others(async || proposed(house, day, operator).await).await
}

async fn proposed(house: &House, day: Date, operator: &str) -> Result<Scarto> {
    let seen = house.store.fact(&house.ente_id, &house.ente_id.0, ALL).await?;
    let others = scarti(house).await?;
    let listed: BTreeSet<&str> = others
        .iter()
        .filter(|other| other.state != ScartoState::Executed)
        .flat_map(|other| other.items.iter().map(|item| item.document.as_str()))
        .collect();
    let vincoli = vincoli(house).await?;
    let tables = tables::tables(house).await?;
    let mut items = Vec::new();
    for row in house.store.aggregations(&house.ente_id).await? {
        if is_held(&vincoli, row.aggregation.id.as_str()) || row.aggregation.primario.iter().any(|id| is_held(&vincoli, &id.0)) {
            continue;
        }
        let is_fascicolo = row.aggregation.key.tipo == TipoAggregazione::Fascicolo;
        if is_fascicolo && row.aggregation.data_chiusura.is_none() {
            continue;
        }
        let (mut own, mut is_whole) = (Vec::new(), true);
        for id in &row.documents {
            let Some(document) = house.store.document(&house.ente_id, id).await? else { continue };
            let is_gone = document.document.state == DocumentState::Destroyed;
            if is_gone || listed.contains(id.as_str()) {
                continue;
            }
            match item(house, (&document, &row), (&tables, day)).await? {
                Some(item) if !is_held(&vincoli, id.as_str()) => own.push(item),
                _ => is_whole = false,
            }
        }
        // A fascicolo goes whole or stays whole; of a serie each document has its own time.
        if is_whole || !is_fascicolo {
            items.extend(own);
        }
        if items.len() > DOCUMENTS_MAX {
            items.truncate(DOCUMENTS_MAX);
            break;
        }
    }
    if items.is_empty() {
        return Err(Error::new(Kind::Usage, "scarto-nothing").with("day", day));
    }
    let now = house.clock.now();
    let parts = [house.ente_id.0.as_bytes(), &now.as_microsecond().to_be_bytes()[..], operator.as_bytes()];
    let id = ScartoId(Digest::id("sca", &parts));
    let scarto = Scarto {
        id: id.clone(),
        at: day,
        proposed_at: now,
        by: operator.to_owned(),
        state: ScartoState::Proposed,
        items,
        autorizzazione: None,
        spared: BTreeMap::new(),
        executed_at: None,
    };
    let mut ids: Vec<ScartoId> = others.into_iter().map(|other| other.id).collect();
    ids.push(id);
    let owner = house.ente_id.0.clone();
    let mut changes = vec![
        Change::RequireFact { owner: owner.clone(), kind: ALL.to_owned(), seen },
        steps::put(&owner, ALL, 0, &ids)?,
        line(house, &scarto, ("scarto-proposed", operator), [("documents", scarto.items.len().to_string())]),
    ];
    changes.extend(changed(&scarto, None)?);
    house.store.apply(&house.ente_id, None, &changes).await?;
    Ok(scarto)
}

/// The document as the list has it; none where its time has not ended, or it must stay.
async fn item(
    house: &House,
    (row, aggregation): (&DocumentRow, &AggregationRow),
    (tables, day): (&Tables, Date),
) -> Result<Option<ScartoItem>> {
    let is_at_rest = matches!(
        row.document.state,
        DocumentState::Ready | DocumentState::Packaged | DocumentState::Delivered | DocumentState::Preserved
    );
    let id = row.document.id.as_str();
    let filing: Option<Filing> = fact_or_default(house, id, "filing").await?;
    let components: Vec<Component> = fact_or_default(house, id, "components").await?;
    let (Some(filing), Some(principal), true) = (filing, components.first(), is_at_rest) else { return Ok(None) };
    let fields: Fields = fact_or_default(house, id, "fields").await?;
    let own = tables::day(house, row, &fields);
    let own = fields.repertorio.as_ref().and_then(|r| r.value.data).unwrap_or(own);
    let da = aggregation.aggregation.data_chiusura.map_or(own, |closed| closed.max(own));
    // What the metadata promised holds as well as what the plan says now: the longer of both.
    let of_plan = tables.retention(day).and_then(|plan| plan.years(&filing.voce.value, &filing.tipo.value));
    let anni = of_plan.into_iter().chain(filing.tempo_di_conservazione).max();
    let Some(fino_al) = kept_until(da, anni).filter(|last| *last < day) else { return Ok(None) };
    Ok(Some(ScartoItem {
        document: row.document.id.clone(),
        aggregazione: aggregation.aggregation.id.clone(),
        tipo: filing.tipo.value,
        voce: filing.voce.value.0,
        da,
        anni: anni.unwrap_or(FOR_EVER),
        fino_al,
        sha256: principal.sha256,
    }))
}

pub(super) fn line<const N: usize>(
    house: &House,
    scarto: &Scarto,
    (kind, operator): (&str, &str),
    detail: [(&str, String); N],
) -> Change {
    Change::Journal(Event {
        at: house.clock.now(),
        kind: kind.to_owned(),
        subject: scarto.id.0.clone(),
        outcome: "success".to_owned(),
        agent: format!("operator {operator}"),
        detail: detail.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    })
}

/// The list for the authority: as PDF/A, a line for each aggregation, and as CSV, a line for each document.
pub async fn scarto_list(house: &House, scarto: &Scarto) -> Result<(Vec<u8>, String)> {
    let failed = |e: csv::Error| Error::bug("a list as CSV").because(e);
    let mut out = csv::Writer::from_writer(Vec::new());
    let heading = ["aggregazione", "documento", "tipo", "voce", "da", "anni", "fino_al", "sha256"];
    out.write_record(heading).map_err(failed)?;
    let mut groups: BTreeMap<&AggregationId, Vec<&ScartoItem>> = BTreeMap::new();
    for item in &scarto.items {
        groups.entry(&item.aggregazione).or_default().push(item);
        let (da, anni, fino_al) = (item.da.to_string(), item.anni.to_string(), item.fino_al.to_string());
        let sha256 = item.sha256.hex();
        let row = [item.aggregazione.as_str(), item.document.as_str(), &item.tipo, &item.voce, &da, &anni, &fino_al, &sha256];
        out.write_record(row).map_err(failed)?;
    }
    let bytes = out.into_inner().map_err(|e| Error::bug("a list as CSV").because(e.into_error()))?;
    let csv = String::from_utf8(bytes).map_err(|e| Error::bug("a list as CSV").because(e))?;
    let mut rows = Vec::with_capacity(groups.len());
    for (id, items) in groups {
        let aggregation = house.store.aggregation(&house.ente_id, id).await?;
        let oggetto = aggregation.map(|row| row.aggregation.key.oggetto).unwrap_or_default();
        rows.push(row(id, &oggetto, &items));
    }
    let listing = listing(house, scarto, rows)?;
    let pdf = blocking(move || {
        let mut bytes = Vec::new();
        copy::listing(&listing, &mut bytes).map(|_| bytes)
    });
    Ok((pdf.await?, csv))
}

fn row(id: &AggregationId, oggetto: &str, items: &[&ScartoItem]) -> Vec<String> {
    let distinct = |of: fn(&ScartoItem) -> String| {
        let all: BTreeSet<String> = items.iter().map(|item| of(item)).collect();
        all.into_iter().collect::<Vec<_>>().join(", ")
    };
    let (first, last) = (items.iter().map(|item| item.da).min(), items.iter().map(|item| item.da).max());
    let years = match (first.map(Date::year), last.map(Date::year)) {
        (Some(first), Some(last)) if first != last => format!("{first}-{last}"),
        (Some(first), _) => first.to_string(),
        _ => String::new(),
    };
    vec![
        id.to_string(),
        distinct(|item| item.voce.clone()),
        distinct(|item| item.tipo.replace('_', " ")),
        oggetto.to_owned(),
        years,
        items.len().to_string(),
        distinct(|item| item.anni.to_string()),
        items.iter().map(|item| item.fino_al).max().map(|day| day.strftime("%d/%m/%Y").to_string()).unwrap_or_default(),
    ]
}

fn listing(house: &House, scarto: &Scarto, rows: Vec<Vec<String>>) -> Result<Listing> {
    let said = |code: &str| label(code, Lang::It);
    let ente = &house.ente;
    let gestione = &ente.responsabili.gestione_documentale;
    let title = Message::new("scarto-title").with("day", scarto.at.strftime("%d/%m/%Y")).sentence(Lang::It);
    let columns = [
        ("scarto-aggregation", 16.0),
        ("scarto-voce", 6.0),
        ("scarto-tipo", 18.0),
        ("scarto-oggetto", 36.0),
        ("scarto-years", 9.0),
        ("scarto-documents", 9.0),
        ("scarto-kept", 7.0),
        ("scarto-until", 10.0),
    ];
    let level = &house.config.copy.level;
    Ok(Listing {
        about: vec![format!("{} ({}) — {}", ente.denominazione, ente.codice_ipa, ente.aoo.denominazione), said("scarto-about")],
        facts: vec![
            (said("scarto-id"), scarto.id.to_string()),
            (said("scarto-proposed-at"), scarto.proposed_at.strftime("%d/%m/%Y %H:%M UTC").to_string()),
            (said("scarto-documents"), scarto.items.len().to_string()),
            (said("scarto-responsible"), format!("{} {}", gestione.nome, gestione.cognome)),
        ],
        tables: vec![ListingTable {
            title: said("scarto-table"),
            columns: columns.into_iter().map(|(code, share)| (said(code), share)).collect(),
            rows,
            empty: String::new(),
        }],
        foot: format!("{} — {title} — {}", ente.denominazione, format_args!("{} {{n}} / {{of}}", said("listing-page"))),
        title,
        level: PdfaLevel::parse(level).ok_or_else(|| Error::bug("level of PDF/A"))?,
        instant: scarto.proposed_at,
    })
}

/// The authority's answer as it comes in.
#[derive(Debug, Clone, PartialEq)]
pub struct ScartoAnswer {
    /// Its file.
    pub bytes: Vec<u8>,
    /// The act, as it names itself.
    pub atto: String,
    /// Its date.
    pub data: Date,
    /// What it does not allow: documents and aggregations by id.
    pub esclusi: Vec<String>,
    /// Who takes it in.
    pub operator: String,
}

/// Takes the authority's answer in. The same again leaves things as they are.
///
/// # Errors
/// Usage: no act, a date before the proposal's, an exception that is not on the list, an answer there already.
pub async fn authorise(house: &House, id: &str, answer: &ScartoAnswer) -> Result<Scarto> {
    let atto = answer.atto.trim();
    let today = date_of_law(house.clock.now(), &house.ente.zona);
    if atto.is_empty() || atto.len() > VALUE_BYTES_MAX || atto.chars().any(char::is_control) || answer.bytes.is_empty() {
        return Err(Error::new(Kind::Usage, "scarto-act").with("max", VALUE_BYTES_MAX));
    }
    let sha256 = Digest::of(&answer.bytes);
    let (mut scarto, seen) = scarto(house, id).await?;
    let proposed = date_of_law(scarto.proposed_at, &house.ente.zona);
    if answer.data < proposed || answer.data > today {
        return Err(Error::new(Kind::Usage, "scarto-act-date").with("day", answer.data).with("first", proposed));
    }
    let is_listed = |id: &&String| scarto.items.iter().any(|item| item.document.0 == **id || item.aggregazione.0 == **id);
    if let Some(unknown) = answer.esclusi.iter().find(|id| !is_listed(id)) {
        return Err(Error::new(Kind::Usage, "id-unknown").with("id", unknown));
    }
    if let Some(there) = &scarto.autorizzazione {
        let is_same = there.sha256 == sha256 && there.atto == atto && there.esclusi == answer.esclusi;
        return if is_same { Ok(scarto) } else { Err(Error::new(Kind::Usage, "scarto-answered").with("id", id)) };
    }
    let (blobs, ente, bytes, ceiling) =
        (house.blobs.clone(), house.ente_id.clone(), answer.bytes.clone(), house.config.limits.file_bytes_max);
    let stored = blocking(move || blobs.put(&ente, &mut bytes.as_slice(), ceiling, None)).await?;
    scarto.autorizzazione = Some(Autorizzazione {
        atto: atto.to_owned(),
        data: answer.data,
        sha256,
        esclusi: answer.esclusi.clone(),
        by: answer.operator.clone(),
        at: house.clock.now(),
    });
    scarto.state = ScartoState::Authorised;
    let granted = scarto.granted().count().to_string();
    let mut changes = vec![Change::AddBlob { sha256, bytes: stored.bytes }];
    changes.extend(changed(&scarto, Some(seen))?);
    let detail = [("sha256", sha256.hex()), ("granted", granted), ("excluded", answer.esclusi.len().to_string())];
    changes.push(line(house, &scarto, ("scarto-authorised", &answer.operator), detail));
    house.store.apply(&house.ente_id, None, &changes).await?;
    Ok(scarto)
}
