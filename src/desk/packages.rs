//! `package`: plans what is ready, shows the plan or builds it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::procedimenti::{self, Course};
use super::show::fact_or_default;
use crate::aggregation::{Aggregation, AggregationId};
use crate::describe::{self, AggregationDossier, Member};
use crate::digest::Digest;
use crate::document::{Component, Copy, DocumentId, DocumentState};
use crate::error::{Error, Result};
use crate::event::{Event, JournalHead};
use crate::filing::Filing;
use crate::messages::{Lang, Message};
use crate::package::{self, DescribeAggregation, Division, Parcel, PlanOrder, Share};
pub use crate::package::{Plan, Profile};
use crate::pdv::{Pdv, PdvId, PdvState};
use crate::pipeline::{self, AGENT, House, Step};
use crate::stated::{self, Stated, UlterioriAggregazione};
use crate::steps;
use crate::steps::metadata::Metadata;
use crate::steps::tables::{Tables, tables};
use crate::store::{Change, DocumentRow};
use crate::worker;

/// What to package.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// Every ready document that is in no Pdv.
    Ready,
    /// The ready documents of one aggregation.
    Aggregation(AggregationId),
    /// These documents.
    Documents(Vec<DocumentId>),
    /// The documents of one Pdv, for a reader.
    Pdv(PdvId),
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
    /// Digest of its content: SHA-256 of what `sha256sum` prints of its files in their order.
    pub content_sha256: Digest,
    /// Size of the file.
    pub bytes: u64,
    /// How many documents it holds.
    pub documents: usize,
}

/// Shows each plan that `package` would build, as the dry run does.
pub async fn preview(house: &House, selection: &Selection, profile: Profile, show: &mut dyn FnMut(&Plan)) -> Result<()> {
    each_plan(house, selection, profile, async |plan| {
        show(&plan);
        Ok(())
    })
    .await
}

/// Plans what is selected, stores the plans with their jobs in one transaction each, and works until they are built.
/// Plans of an earlier run that was stopped are built too.
pub async fn package(house: &Arc<House>, selection: &Selection, profile: Profile) -> Result<Vec<Packaged>> {
    each_plan(house, selection, profile, async |plan| {
        house.store.apply(&house.ente_id, None, &planned(house, &plan)?).await?;
        crate::drill::point("desk.planned");
        Ok(())
    })
    .await?;
    let waiting = house.store.pdvs_in(&house.ente_id, PdvState::Planned).await?;
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

/// Plans what is selected and leaves the building to whoever carries; how many were planned.
pub(super) async fn plan(house: &Arc<House>, selection: &Selection, profile: Profile) -> Result<usize> {
    let mut count = 0;
    each_plan(house, selection, profile, async |plan| {
        count += 1;
        house.store.apply(&house.ente_id, None, &planned(house, &plan)?).await
    })
    .await?;
    Ok(count)
}

async fn outcome(house: &House, id: &PdvId) -> Result<Packaged> {
    let found = house.store.pdv(&house.ente_id, id).await?;
    let (pdv, documents) = found.ok_or_else(|| Error::bug(format_args!("no pdv {id}")))?;
    let (Some(path), Some(content_sha256), Some(bytes)) = (pdv.path, pdv.sha256, pdv.bytes) else {
        let why: Option<Message> = fact_or_default(house, id.as_str(), "build-error").await?;
        let why = why.map(|m| m.text(Lang::It)).unwrap_or_default();
        return Err(Error::new(crate::error::Kind::Store, "pdv-not-built").with("id", id).with("why", why));
    };
    let path = house.layout.root().join(path);
    Ok(Packaged { id: pdv.id, path, aggregazione: pdv.aggregazione, content_sha256, bytes, documents: documents.len() })
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

/// What all plans of one run have in common.
struct Run {
    profile: Profile,
    instant: jiff::Timestamp,
    journal: JournalHead,
}

impl Run {
    async fn begin(house: &House, profile: Profile) -> Result<Self> {
        Ok(Self { profile, instant: house.clock.now(), journal: house.store.journal_head(&house.ente_id).await? })
    }

    fn order<'a>(&self, house: &'a House, describe_aggregation: &'a DescribeAggregation<'a>) -> PlanOrder<'a> {
        PlanOrder {
            profile: self.profile,
            ente: &house.ente,
            instant: self.instant,
            journal: self.journal.clone(),
            version: env!("CARGO_PKG_VERSION"),
            describe_aggregation,
            limits: &house.config.limits,
            versatore: house.config.sacer.as_ref(),
        }
    }
}

/// Gives every plan of the selection to `take`, one after another: memory holds the documents of one package, however many there are.
async fn each_plan(
    house: &House,
    selection: &Selection,
    profile: Profile,
    mut take: impl AsyncFnMut(Plan) -> Result<()>,
) -> Result<()> {
    let mut chosen: BTreeMap<AggregationId, Vec<DocumentRow>> = BTreeMap::new();
    for row in house.store.documents(&house.ente_id, Some(DocumentState::Ready)).await? {
        if row.pdv.is_none() && selection.takes(&row) {
            let id = row.aggregazione.clone().ok_or_else(|| Error::bug("a described document that is not filed"))?;
            chosen.entry(id).or_default().push(row);
        }
    }
    let run = Run::begin(house, profile).await?;
    let mut aggregations = Vec::new();
    for rows in chosen.values() {
        aggregations.push(steps::metadata::need_aggregation(house, &rows[0]).await?);
    }
    let tables = tables(house).await?;
    let courses = procedimenti::courses(house, &aggregations, &tables).await?;
    for (aggregation, rows) in aggregations.iter().zip(chosen.into_values()) {
        let mut papers = Papers::of(house, &rows).await?;
        let undescribed = |_: &Aggregation, _: &[DocumentId]| Err(Error::bug("an aggregation is described part by part"));
        let order = run.order(house, &undescribed);
        let division = Division::of(&order, &aggregation.id, std::mem::take(&mut papers.shares));
        let rows: BTreeMap<&DocumentId, &DocumentRow> = rows.iter().map(|row| (&row.document.id, row)).collect();
        for (n, ids) in division.parts().iter().enumerate() {
            let part: Vec<(Parcel, Option<Listed>)> = papers.part(house, (ids, &rows)).await?;
            let (parcels, listed): (Vec<Parcel>, Vec<Option<Listed>>) = part.into_iter().unzip();
            let known = Known::of(listed, courses.get(&aggregation.id), &tables);
            let plan = {
                let describe = |aggregation: &Aggregation, ids: &[DocumentId]| known.describe(house, aggregation, ids);
                division.plan(&run.order(house, &describe), n, &parcels.iter().collect::<Vec<_>>())?
            };
            take(plan).await?;
        }
    }
    Ok(())
}

impl Selection {
    fn takes(&self, row: &DocumentRow) -> bool {
        match self {
            Self::Ready => true,
            Self::Aggregation(id) => row.aggregazione.as_ref() == Some(id),
            Self::Documents(ids) => ids.contains(&row.document.id),
            Self::Pdv(id) => row.pdv.as_ref() == Some(id),
        }
    }
}

/// Most documents of an aggregation that are kept in memory while it is divided; more are read again, part by part.
const KEPT_MAX: usize = 2_000;

/// The documents of an aggregation: what each adds to a package, and the documents themselves where they are few.
struct Papers {
    shares: Vec<Share>,
    kept: BTreeMap<DocumentId, (Parcel, Option<Listed>)>,
}

impl Papers {
    async fn of(house: &House, rows: &[DocumentRow]) -> Result<Self> {
        let mut papers = Self { shares: Vec::with_capacity(rows.len()), kept: BTreeMap::new() };
        for row in rows {
            let (parcel, listed) = parcel(house, row).await?;
            papers.shares.push(Share::ensured(&parcel, &house.config.limits)?);
            if rows.len() <= KEPT_MAX {
                papers.kept.insert(row.document.id.clone(), (parcel, listed));
            }
        }
        Ok(papers)
    }

    /// The documents of one part, in order.
    async fn part(
        &mut self,
        house: &House,
        (ids, rows): (&[DocumentId], &BTreeMap<&DocumentId, &DocumentRow>),
    ) -> Result<Vec<(Parcel, Option<Listed>)>> {
        let mut part = Vec::with_capacity(ids.len());
        for id in ids {
            let one = match self.kept.remove(id) {
                Some(kept) => kept,
                None => parcel(house, rows[id]).await?,
            };
            part.push(one);
        }
        Ok(part)
    }
}

/// The plans of packages for a reader, over documents that are ready or were sent before.
pub(super) async fn plans_for_reader(house: &House, selection: &Selection) -> Result<Vec<Plan>> {
    let (mut parcels, mut all) = (Vec::new(), Vec::new());
    for row in house.store.documents(&house.ente_id, None).await? {
        let is_settled = matches!(
            row.document.state,
            DocumentState::Ready | DocumentState::Packaged | DocumentState::Delivered | DocumentState::Preserved
        );
        if is_settled && selection.takes(&row) {
            let (parcel, listed) = parcel(house, &row).await?;
            parcels.push(parcel);
            all.push(listed);
        }
    }
    let aggregations: BTreeMap<&AggregationId, &Aggregation> = parcels
        .iter()
        .filter_map(|parcel| parcel.aggregation.as_ref())
        .map(|aggregation| (&aggregation.id, aggregation))
        .collect();
    let aggregations: Vec<Aggregation> = aggregations.into_values().cloned().collect();
    let tables = tables(house).await?;
    let courses = procedimenti::courses(house, &aggregations, &tables).await?;
    let known = Known::of(all, None, &tables);
    let describe =
        |aggregation: &Aggregation, ids: &[DocumentId]| known.described(house, (aggregation, courses.get(&aggregation.id)), ids);
    let run = Run::begin(house, Profile::Pdd).await?;
    package::plan(&run.order(house, &describe), &parcels)
}

/// A document as the aggregation's metadata cite it, with the retention of its filing.
struct Listed {
    member: Member,
    years: Option<u32>,
    /// What was stated of the aggregation with this document.
    stated: Option<UlterioriAggregazione>,
}

/// What the description of an aggregation is made of, beside the aggregation itself.
struct Known<'a> {
    listed: BTreeMap<DocumentId, Listed>,
    course: Option<&'a Course>,
    tables: &'a Tables,
}

impl<'a> Known<'a> {
    fn of(listed: Vec<Option<Listed>>, course: Option<&'a Course>, tables: &'a Tables) -> Self {
        let listed = listed.into_iter().flatten().map(|listed| (listed.member.id.clone(), listed)).collect();
        Self { listed, course, tables }
    }

    fn describe(&self, house: &House, aggregation: &Aggregation, ids: &[DocumentId]) -> Result<String> {
        self.described(house, (aggregation, self.course), ids)
    }

    fn described(
        &self,
        house: &House,
        (aggregation, course): (&Aggregation, Option<&Course>),
        ids: &[DocumentId],
    ) -> Result<String> {
        let chosen: Vec<&Listed> = ids.iter().filter_map(|id| self.listed.get(id)).collect();
        let documents: Vec<Member> = chosen.iter().map(|l| l.member.clone()).collect();
        // Each statement is whole; the last document's counts.
        let nothing = UlterioriAggregazione::default();
        let stated = chosen.iter().rev().find_map(|listed| listed.stated.as_ref()).unwrap_or(&nothing);
        let described = describe::aggregation(&AggregationDossier {
            ente: &house.ente,
            aggregation,
            documents: &documents,
            titolario: self.tables.voce(&aggregation.key.voce, aggregation.data_apertura),
            tempo_di_conservazione: chosen.iter().filter_map(|l| l.years).max(),
            rup: stated.rup.as_ref().or_else(|| course.and_then(|course| course.rup.as_ref())),
            intestatario: stated.intestatario.as_ref(),
            procedimento: stated.procedimento.as_ref().or_else(|| course.and_then(|course| course.procedimento.as_ref())),
            posizione_fisica: stated.posizione_fisica.as_deref(),
            ulteriori: stated,
        })?;
        match described.findings.iter().find(|f| f.severity == crate::finding::Severity::Error) {
            Some(finding) => {
                Err(Error::hold("aggregation-breach").with("id", &aggregation.id).with("why", finding.message.text(Lang::It)))
            }
            None => Ok(described.xml),
        }
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
    let stated: Stated = fact_or_default(house, id, stated::FACT).await?;
    let stated = stated.aggregazione.map(|statement| statement.value);
    let parcel =
        Parcel { document: row.document.clone(), aggregation: Some(aggregation), components, copies, metadata: xml, events };
    Ok((parcel, member.map(|member| Listed { member, years, stated })))
}
