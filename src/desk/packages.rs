//! `package`: plans what is ready, shows the plan or builds it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::show::fact_or_default;
use crate::aggregation::{Aggregation, AggregationId, TipoFascicolo};
use crate::describe::{self, AggregationDossier, Member, Passo, Procedimento};
use crate::digest::Digest;
use crate::document::{Component, Copy, DocumentId, DocumentState};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::fields::Fields;
use crate::filing::Filing;
use crate::messages::{Lang, Message};
pub use crate::package::Profile;
use crate::package::{self, Parcel, Plan, PlanOrder};
use crate::pdv::{Pdv, PdvId, PdvState};
use crate::pipeline::{self, AGENT, House, Step};
use crate::steps;
use crate::steps::metadata::Metadata;
use crate::store::{Change, DocumentRow};
use crate::worker;

/// What to package.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// Every ready document that is in no Pdv.
    Ready,
    /// The ready documents of one aggregation.
    Aggregation(AggregationId),
}

/// A package as it was built.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Packaged {
    /// Its id.
    pub id: PdvId,
    /// The file.
    pub path: PathBuf,
    /// Its aggregation.
    pub aggregazione: AggregationId,
    /// Digest of the file.
    pub sha256: Digest,
    /// Size of the file.
    pub bytes: u64,
    /// How many documents it holds.
    pub documents: usize,
}

/// The plans that `package` would build, as the dry run shows them.
pub async fn preview(house: &House, selection: &Selection, profile: Profile) -> Result<Vec<Plan>> {
    plans(house, selection, profile).await
}

/// Plans what is selected, stores the plans with their jobs in one transaction each, and works until they are built.
/// Plans of an earlier run that was stopped are built too.
pub async fn package(house: &Arc<House>, selection: &Selection, profile: Profile) -> Result<Vec<Packaged>> {
    for plan in plans(house, selection, profile).await? {
        house.store.apply(&house.ente_id, None, &planned(house, &plan)?).await?;
        crate::drill::point("desk.planned");
    }
    let waiting: Vec<PdvId> = in_state(house, PdvState::Planned).await?.into_iter().map(|pdv| pdv.id).collect();
    let jobs: Vec<Change> = waiting.iter().map(|id| pipeline::job(Step::Build, id.0.clone())).collect();
    house.store.apply(&house.ente_id, None, &jobs).await?;
    house.meter.expect_documents(waiting.len() as u64);
    worker::work_to_rest(house, house.config.ocr.children_used()).await?;
    let mut built = Vec::new();
    for id in waiting {
        built.push(outcome(house, &id).await?);
    }
    Ok(built)
}

async fn in_state(house: &House, state: PdvState) -> Result<Vec<Pdv>> {
    let all = house.store.pdvs(&house.ente_id).await?;
    Ok(all.into_iter().map(|(pdv, _)| pdv).filter(|pdv| pdv.state == state).collect())
}

async fn outcome(house: &House, id: &PdvId) -> Result<Packaged> {
    let found = house.store.pdv(&house.ente_id, id).await?;
    let (pdv, documents) = found.ok_or_else(|| Error::bug(format_args!("no pdv {id}")))?;
    let (Some(path), Some(sha256), Some(bytes)) = (pdv.path, pdv.sha256, pdv.bytes) else {
        let why: Option<Message> = fact_or_default(house, id.as_str(), "build-error").await?;
        let why = why.map(|m| m.text(Lang::It)).unwrap_or_default();
        return Err(Error::new(crate::error::Kind::Store, "pdv-not-built").with("id", id).with("why", why));
    };
    let path = house.layout.root().join(path);
    Ok(Packaged { id: pdv.id, path, aggregazione: pdv.aggregazione, sha256, bytes, documents: documents.len() })
}

/// The transaction that fixes a plan: the Pdv, its documents, its job, its journal line.
fn planned(house: &House, plan: &Plan) -> Result<Vec<Change>> {
    let body = serde_json::to_string(plan).map_err(|e| Error::bug("a plan unwritable").because(e))?;
    let pdv = Pdv {
        id: plan.id.clone(),
        ente: house.ente_id.clone(),
        aggregazione: plan.aggregation.id.clone(),
        profile: plan.profile.to_string(),
        state: PdvState::Planned,
        planned_at: plan.instant,
        plan: body,
        path: None,
        sha256: None,
        bytes: None,
    };
    let documents = plan.documents.iter().map(|d| d.id.clone()).collect();
    let event = Event {
        at: plan.instant,
        kind: "planned".to_owned(),
        subject: plan.id.0.clone(),
        outcome: "success".to_owned(),
        agent: AGENT.to_owned(),
        detail: [("documents".to_owned(), plan.documents.len().to_string())].into(),
    };
    Ok(vec![
        Change::AddPdv { pdv: Box::new(pdv), documents },
        pipeline::job(Step::Build, plan.id.0.clone()),
        Change::Journal(event),
    ])
}

async fn plans(house: &House, selection: &Selection, profile: Profile) -> Result<Vec<Plan>> {
    let mut parcels = Vec::new();
    let mut listed = Vec::new();
    for row in house.store.documents(&house.ente_id, Some(DocumentState::Ready)).await? {
        let is_wanted = match selection {
            Selection::Ready => true,
            Selection::Aggregation(id) => row.aggregazione.as_ref() == Some(id),
        };
        if row.pdv.is_some() || !is_wanted {
            continue;
        }
        let (parcel, member) = parcel(house, &row).await?;
        parcels.push(parcel);
        listed.extend(member);
    }
    if parcels.is_empty() {
        return Ok(Vec::new());
    }
    let known = Known { listed, procedimenti: procedimenti(house, &parcels).await? };
    let describe_aggregation = |aggregation: &Aggregation, ids: &[DocumentId]| describe(house, aggregation, ids, &known);
    package::plan(&PlanOrder {
        profile,
        ente: &house.ente,
        instant: house.clock.now(),
        journal: house.store.journal_head(&house.ente_id).await?,
        version: env!("CARGO_PKG_VERSION"),
        documents: parcels,
        describe_aggregation: &describe_aggregation,
        limits: &house.config.limits,
        versatore: house.config.sacer.as_ref(),
    })
}

/// A document as the aggregation's metadata cite it, with the retention of its filing.
struct Listed {
    member: Member,
    years: Option<u32>,
}

/// What the descriptions of the aggregations are made of, beside the aggregations themselves.
struct Known {
    listed: Vec<Listed>,
    procedimenti: BTreeMap<AggregationId, Procedimento>,
}

/// The procedimenti that the documents of the parcels' fascicoli prove; those packaged earlier prove as well.
async fn procedimenti(house: &House, parcels: &[Parcel]) -> Result<BTreeMap<AggregationId, Procedimento>> {
    let asked = parcels.iter().filter_map(|parcel| parcel.aggregation.as_ref());
    let asked: BTreeMap<&AggregationId, &Aggregation> =
        asked.filter(|a| a.key.fascicolo == Some(TipoFascicolo::Procedimento)).map(|a| (&a.id, a)).collect();
    let mut found = BTreeMap::new();
    if asked.is_empty() {
        return Ok(found);
    }
    let mut papers: BTreeMap<&AggregationId, Vec<(DocumentId, String, Fields)>> = BTreeMap::new();
    for row in house.store.documents(&house.ente_id, None).await? {
        let is_settled = matches!(row.document.state, DocumentState::Ready | DocumentState::Packaged);
        let of = row.aggregazione.as_ref().and_then(|id| asked.get_key_value(id)).filter(|_| is_settled);
        let Some((id, _)) = of else { continue };
        let document = row.document.id.as_str();
        let filing: Option<Filing> = fact_or_default(house, document, "filing").await?;
        let fields: Fields = fact_or_default(house, document, "fields").await?;
        let tipo = filing.map(|filing| filing.tipo.value).unwrap_or_default();
        papers.entry(id).or_default().push((row.document.id.clone(), tipo, fields));
    }
    for (id, papers) in papers {
        let passi: Vec<Passo<'_>> = papers
            .iter()
            .map(|(id, tipo, fields)| Passo { id, tipo: (tipo, crate::classify::tipo_name(tipo).unwrap_or_default()), fields })
            .collect();
        let key = &asked[id].key;
        let materia = house.titolario.nome(&key.voce).unwrap_or_default();
        found.extend(describe::procedimento(materia, &key.thread, &passi).map(|procedimento| (id.clone(), procedimento)));
    }
    Ok(found)
}

fn describe(house: &House, aggregation: &Aggregation, ids: &[DocumentId], known: &Known) -> Result<String> {
    let listed = &known.listed;
    let chosen: Vec<&Listed> = ids.iter().filter_map(|id| listed.iter().find(|l| l.member.id == *id)).collect();
    let documents: Vec<Member> = chosen.iter().map(|l| l.member.clone()).collect();
    let described = describe::aggregation(&AggregationDossier {
        ente: &house.ente,
        aggregation,
        documents: &documents,
        titolario: describe::Titolario {
            descrizione: house.titolario.nome(&aggregation.key.voce).unwrap_or_default(),
            piano: None,
        },
        tempo_di_conservazione: chosen.iter().filter_map(|l| l.years).max(),
        rup: None,
        intestatario: None,
        procedimento: known.procedimenti.get(&aggregation.id),
        posizione_fisica: None,
    })?;
    match described.findings.iter().find(|f| f.severity == crate::finding::Severity::Error) {
        Some(finding) => {
            Err(Error::hold("aggregation-breach").with("id", &aggregation.id).with("why", finding.message.text(Lang::It)))
        }
        None => Ok(described.xml),
    }
}

async fn parcel(house: &House, row: &DocumentRow) -> Result<(Parcel, Option<Listed>)> {
    let id = row.document.id.as_str();
    let metadata: Option<Metadata> = fact_or_default(house, id, "metadata").await?;
    let filing: Option<Filing> = fact_or_default(house, id, "filing").await?;
    let components: Vec<Component> = fact_or_default(house, id, "components").await?;
    let copies: Vec<Copy> = fact_or_default(house, id, "copies").await?;
    let aggregation = steps::metadata::need_aggregation(house, row).await?;
    let mut events = house.store.events_of(&house.ente_id, row.document.arrival.as_str()).await?;
    for sheet in steps::sheets::rescans(house, &row.document.id).await?.iter().flat_map(|rescan| &rescan.sheets) {
        events.extend(house.store.events_of(&house.ente_id, sheet.arrival.as_str()).await?);
    }
    events.extend(house.store.events_of(&house.ente_id, id).await?);
    let (xml, member) = metadata.map_or((None, None), |m| (Some(m.xml), m.member));
    let years = filing.and_then(|f| f.tempo_di_conservazione);
    let parcel =
        Parcel { document: row.document.clone(), aggregation: Some(aggregation), components, copies, metadata: xml, events };
    Ok((parcel, member.map(|member| Listed { member, years })))
}
