//! The register of a day: what it says, and how it becomes a document of the archive. Its PDF/A and its XML are blobs before any row speaks
//! of them; arrival, facts, first job and journal lines are one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use super::{beside_others, blocking, fact, open, put};
use crate::arrival::{Arrival, ArrivalState, FileName};
use crate::blobs::StoredBlob;
use crate::calendar::Calendario;
use crate::clock::date_of_law;
use crate::copy::{self, Listing, ListingTable, PdfaLevel};
use crate::describe::{self, RegistroDossier};
use crate::document::{Component, Document, Form, Role};
use crate::drill;
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::fields::{Party, PartyKind, Repertorio};
use crate::given::{self, Given};
use crate::identify;
use crate::messages::{Lang, Message, label};
use crate::pipeline::{AGENT, House, Outcome, Step, job};
use crate::registro::{
    self, COUNT, DAY, DAY_MAX, FACT, Giornata, LACUNE_MAX, Made, OpenContrasto, Registrazione, TIPO, TipoVariazione, Variazione,
    day_owner, flusso, numero, year_owner,
};
use crate::store::Change;

/// The door by which the register of a day comes in.
const DOOR: &str = "registro";

/// Fact kind of an ente: when entries of its register were last taken in.
pub(crate) const LAST_IMPORT: &str = "registro-import";

/// A day of the register, and how it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    /// What it says.
    pub(crate) giornata: Giornata,
    /// The working day by whose end it must have gone to conservation (rule D-01).
    pub(crate) due: Option<Date>,
    /// What was made of it.
    pub(crate) made: Option<Made>,
    /// What contradicts it and nobody has looked at.
    pub(crate) contrasti: Vec<OpenContrasto>,
}

/// The day of the register that an arrival or a document is; none of any other.
pub(crate) async fn made_of(house: &House, owner: &str) -> Result<Option<Made>> {
    fact(house, owner, FACT).await
}

/// The arrival becomes one document: the PDF/A, and beside it the same as data.
pub(super) async fn opened(house: &Arc<House>, (arrival, whole): (&Arrival, Vec<Component>), made: &Made) -> Result<Outcome> {
    let (sha256, bytes, name) = made.xml.clone();
    let name = FileName::new(name);
    let (worker, ente, of) = (Arc::clone(house), arrival.ente.clone(), name.clone());
    let format = blocking(move || {
        let path = worker.blobs.path(&ente, &sha256);
        let mut file = std::fs::File::open(&path).map_err(|e| Error::disk("open blob", &path, e))?;
        identify::format(&mut file, bytes, &of, &worker.config.limits)
    })
    .await?;
    let data = Component { role: Role::Allegato, n: 1, name, sha256, bytes, format, form: Form::AsArrived, pages: 0 };
    let components = whole.into_iter().chain([data]).collect();
    let mut outcome = open::closed(house, arrival, components).await?;
    outcome.changes.push(put(Document::of_arrival(arrival, 1).id.as_str(), FACT, 0, made)?);
    Ok(outcome)
}

/// How a day stands.
pub(crate) async fn standing(house: &House, day: Date) -> Result<Standing> {
    let (ente, registro) = (&house.ente_id, house.ente.aoo.registro.as_str());
    let entries = house.store.registrazioni_of(ente, (registro, day), DAY_MAX + 1).await?;
    let changes = house.store.variazioni_of(ente, (registro, day), DAY_MAX + 1).await?;
    if entries.len() > DAY_MAX || changes.len() > DAY_MAX {
        return Err(Error::refuse("registro-day-long").with("day", day).with("max", DAY_MAX));
    }
    let before = house.store.last_numero(ente, (registro, day)).await?;
    let mut changes = changes;
    changes.sort_by_key(|one| (one.ora, one.anno, one.numero));
    Ok(Standing {
        giornata: Giornata::new(day, (entries, changes), before),
        due: Calendario::of(&house.ente).next_working_day(day),
        made: fact(house, &day_owner(ente, registro, day), DAY).await?,
        contrasti: house.store.contrasti(ente, registro, Some(day)).await?,
    })
}

/// Makes the document of a day that is over; what was made already is what it gives back. `by` is who or what asks.
///
/// # Errors
/// Usage: a day that is not over, or on which nothing happened. Hold: a day with contradictions that nobody has looked at.
pub(crate) async fn make(house: &Arc<House>, day: Date, by: &str) -> Result<Made> {
    beside_others(async || made(house, day, by).await).await
}

async fn made(house: &Arc<House>, day: Date, by: &str) -> Result<Made> {
    let standing = standing(house, day).await?;
    if let Some(made) = standing.made {
        return Ok(made);
    }
    let now = house.clock.now();
    if day >= date_of_law(now, &house.ente.zona) {
        return Err(Error::new(Kind::Usage, "registro-day-not-over").with("day", day));
    }
    if !standing.contrasti.is_empty() {
        return Err(Error::hold("registro-day-contrasti").with("day", day).with("count", standing.contrasti.len()));
    }
    if standing.giornata.is_empty() {
        return Err(Error::new(Kind::Usage, "registro-day-empty").with("day", day));
    }
    let registro = house.ente.aoo.registro.clone();
    let counted = (year_owner(&house.ente_id, &registro, day.year()), COUNT.to_owned());
    let seen = house.store.fact(&house.ente_id, &counted.0, COUNT).await?;
    let progressivo = 1 + seen.as_deref().and_then(|body| body.parse::<u32>().ok()).unwrap_or(0);
    let papers = Papers { giornata: standing.giornata, progressivo, at: now, by: by.to_owned() };
    let (worker, paper) = (Arc::clone(house), papers.clone());
    let (pdf, xml) = blocking(move || paper.kept(&worker)).await?;
    drill::point("registro.blobs-durable");
    let name = papers.name(&house.ente.codice_ipa);
    let arrival = arrival(house, &papers, (&pdf, FileName::new(format!("{name}.pdf"))));
    let made = Made {
        registro: registro.clone(),
        giorno: day,
        progressivo,
        at: now,
        by: by.to_owned(),
        arrival: arrival.id.clone(),
        xml: (xml.sha256, xml.bytes, format!("{name}.xml")),
    };
    let owner = day_owner(&house.ente_id, &registro, day);
    let id = arrival.id.0.clone();
    let given = given(house, &papers);
    let mut changes = vec![
        Change::RequireFact { owner: owner.clone(), kind: DAY.to_owned(), seen: None },
        Change::RequireFact { owner: counted.0.clone(), kind: counted.1, seen },
        Change::AddBlob { sha256: pdf.sha256, bytes: pdf.bytes },
        Change::AddBlob { sha256: xml.sha256, bytes: xml.bytes },
        Change::AddArrival(Box::new(arrival.clone())),
        put(&owner, DAY, 0, &made)?,
        put(&counted.0, COUNT, 0, &progressivo)?,
        put(&id, FACT, 0, &made)?,
        put(&id, given::FACT, given::SIDECAR, &given)?,
        job(Step::Identify, id),
    ];
    changes.extend(lines(&arrival, (&owner, &papers)));
    drill::point("registro.before-record");
    house.store.apply(&house.ente_id, None, &changes).await?;
    drill::point("registro.recorded");
    Ok(made)
}

fn arrival(house: &House, papers: &Papers, (pdf, name): (&StoredBlob, FileName)) -> Arrival {
    let id = Arrival::derive_id(&house.ente_id, DOOR.as_bytes(), &name, pdf.bytes, 0, &pdf.sha256);
    Arrival {
        id,
        ente: house.ente_id.clone(),
        door: DOOR.to_owned(),
        name,
        bytes: pdf.bytes,
        mtime_ns: 0,
        sha256: pdf.sha256,
        admitted_at: papers.at,
        state: ArrivalState::Working,
        duplicate_of: None,
        reason: None,
    }
}

/// The journal lines: the arrival, and the day.
fn lines(arrival: &Arrival, (owner, papers): (&str, &Papers)) -> [Change; 2] {
    let event = |kind: &str, subject: &str, agent: &str, detail: BTreeMap<String, String>| {
        let (at, outcome) = (papers.at, "success".to_owned());
        let (kind, subject, agent) = (kind.to_owned(), subject.to_owned(), agent.to_owned());
        Change::Journal(Event { at, kind, subject, outcome, agent, detail })
    };
    let told = |pairs: &[(&str, String)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let day = &papers.giornata;
    let admitted = [("bytes", arrival.bytes.to_string()), ("door", arrival.door.clone()), ("sha256", arrival.sha256.hex())];
    let made = [
        ("arrival", arrival.id.0.clone()),
        ("day", day.giorno.to_string()),
        ("number", papers.progressivo.to_string()),
        ("entries", day.registrazioni.len().to_string()),
        ("changes", day.variazioni.len().to_string()),
        ("gaps", day.lacune.len().to_string()),
    ];
    [event("admitted", arrival.id.as_str(), AGENT, told(&admitted)), event("registro-made", owner, &papers.by, told(&made))]
}

/// What is known of the document: it is data, not a reading.
fn given(house: &House, papers: &Papers) -> Given {
    let (ente, day) = (&house.ente, &papers.giornata);
    let number = |number: Option<u64>| number.map_or_else(|| "—".to_owned(), numero);
    let oggetto = Message::new("registro-oggetto")
        .with("day", day.giorno.strftime("%d/%m/%Y"))
        .with("first", number(day.first()))
        .with("last", number(day.last()))
        .with("count", day.registrazioni.len());
    Given {
        origin: format!("registro {}", ente.aoo.registro),
        oggetto: Some(oggetto.sentence(Lang::It)),
        tipo: Some(TIPO.to_owned()),
        riservato: day.is_riservato().then_some(true),
        data: Some(day.giorno),
        repertorio: Some(Repertorio {
            numero: papers.progressivo.to_string(),
            anno: day.giorno.year(),
            data: Some(day.giorno),
            registro: TIPO.to_owned(),
        }),
        mittente: Some(Party {
            nome: ente.denominazione.clone(),
            kind: PartyKind::Ente,
            codice: ente.codice_fiscale.clone(),
            indirizzo_digitale: Some(ente.aoo.pec.clone()),
        }),
        ..Given::default()
    }
}

/// All that PDF/A and XML of a day are made of.
#[derive(Debug, Clone)]
struct Papers {
    giornata: Giornata,
    progressivo: u32,
    at: jiff::Timestamp,
    by: String,
}

impl Papers {
    /// Name of both files, without their ends, as practice has it: administration, day, number.
    fn name(&self, ipa: &str) -> String {
        format!("{ipa}-registro-{}-{:03}", self.giornata.giorno.strftime("%Y%m%d"), self.progressivo)
    }

    /// Writes both and makes them durable.
    fn kept(&self, house: &House) -> Result<(StoredBlob, StoredBlob)> {
        let dossier = RegistroDossier {
            ente: &house.ente,
            giornata: &self.giornata,
            progressivo: self.progressivo,
            at: self.at,
            by: &self.by,
        };
        let xml = describe::registro(&dossier)?;
        let mut pdf = Vec::new();
        copy::listing(&self.listing(house)?, &mut pdf)?;
        let keep = |bytes: &[u8]| {
            let mut source = bytes;
            house.blobs.put(&house.ente_id, &mut source, house.config.limits.file_bytes_max, None)
        };
        Ok((keep(&pdf)?, keep(xml.as_bytes())?))
    }

    /// What stands on paper.
    fn listing(&self, house: &House) -> Result<Listing> {
        let (ente, day) = (&house.ente, &self.giornata);
        let said = |code: &str| label(code, Lang::It);
        let number = |number: Option<u64>| number.map_or_else(|| "—".to_owned(), numero);
        let gestione = &ente.responsabili.gestione_documentale;
        let responsabile = ente.responsabili.protocollo.as_ref().unwrap_or(gestione);
        let zone = jiff::tz::TimeZone::get(&ente.zona).unwrap_or(jiff::tz::TimeZone::UTC);
        let made = self.at.to_zoned(zone).strftime("%d/%m/%Y %H:%M:%S %:z").to_string();
        let lacune: Vec<String> = day.lacune.iter().take(LACUNE_MAX).map(|gap| range(gap.da, gap.a)).collect();
        let more = day.lacune.len().saturating_sub(LACUNE_MAX);
        let lacune = if lacune.is_empty() { said("registro-none") } else { lacune.join(", ") };
        let lacune = if more > 0 { format!("{lacune} (+{more})") } else { lacune };
        let facts = [
            ("registro-register", format!("{} — {}", ente.aoo.registro, ente.aoo.denominazione)),
            ("registro-number", format!("{}/{}", self.progressivo, day.giorno.year())),
            ("registro-first", number(day.first())),
            ("registro-last", number(day.last())),
            ("registro-count", day.registrazioni.len().to_string()),
            ("registro-gaps", lacune),
            ("registro-annulled", day.count(TipoVariazione::Annullamento).to_string()),
            ("registro-changed", day.count(TipoVariazione::Modifica).to_string()),
            ("registro-responsible", format!("{} {}", responsabile.nome, responsabile.cognome)),
            ("registro-made-at", made),
        ];
        let level = &house.config.copy.level;
        let giorno = day.giorno.strftime("%d/%m/%Y").to_string();
        let title = Message::new("registro-title").with("day", &giorno).sentence(Lang::It);
        Ok(Listing {
            about: vec![format!("{} ({})", ente.denominazione, ente.codice_ipa), said("registro-about")],
            facts: facts.into_iter().map(|(code, value)| (said(code), value)).collect(),
            tables: vec![entries(day), changes(day)],
            foot: format!("{} — {title} — {}", ente.denominazione, format_args!("{} {{n}} / {{of}}", said("listing-page"))),
            title,
            level: PdfaLevel::parse(level).ok_or_else(|| Error::bug("level of PDF/A"))?,
            instant: self.at,
        })
    }
}

fn range(from: u64, to: u64) -> String {
    if from == to { numero(from) } else { format!("{}–{}", numero(from), numero(to)) }
}

fn entries(day: &Giornata) -> ListingTable {
    let said = |code: &str| label(code, Lang::It);
    let row = |one: &Registrazione| {
        let mut parties: Vec<&str> = one.mittente.as_deref().into_iter().collect();
        parties.extend(one.destinatari.iter().map(String::as_str));
        let mut notes: Vec<String> = Vec::new();
        notes.extend(day.annulled(one).map(|_| said("registro-is-annulled")));
        notes.extend(one.riservato.then(|| said("registro-is-riservato")));
        notes.extend(one.voce.clone());
        notes.extend(one.protocollo_mittente.as_ref().map(|of| format!("{} {of}", said("registro-of-sender"))));
        let hour = one.ora.map(|ora| ora.strftime("%H:%M").to_string()).unwrap_or_default();
        vec![numero(one.numero), hour, flusso(one.verso).to_owned(), parties.join("\n"), one.oggetto.clone(), notes.join("\n")]
    };
    let columns = [
        ("registro-numero-head", 8.0),
        ("registro-hour", 5.0),
        ("registro-flow", 7.0),
        ("registro-parties", 30.0),
        ("registro-oggetto-head", 48.0),
        ("registro-notes", 18.0),
    ];
    ListingTable {
        title: said("registro-entries"),
        columns: columns.into_iter().map(|(code, share)| (said(code), share)).collect(),
        rows: day.registrazioni.iter().map(row).collect(),
        empty: said("registro-none"),
    }
}

fn changes(day: &Giornata) -> ListingTable {
    let said = |code: &str| label(code, Lang::It);
    let row = |one: &Variazione| {
        let hour = one.ora.map(|ora| ora.strftime("%H:%M").to_string()).unwrap_or_default();
        let values = match (&one.prima, &one.dopo) {
            (None, None) => String::new(),
            (prima, dopo) => format!("«{}» → «{}»", prima.as_deref().unwrap_or_default(), dopo.as_deref().unwrap_or_default())
                .replace('→', "-"),
        };
        let campo = one.campo.clone().unwrap_or_else(|| said("registro-whole"));
        vec![
            format!("{}/{}", numero(one.numero), one.anno),
            hour,
            one.tipo.word().to_owned(),
            campo,
            values,
            one.operatore.clone(),
            one.provvedimento.clone().unwrap_or_default(),
        ]
    };
    let columns = [
        ("registro-numero-head", 12.0),
        ("registro-hour", 5.0),
        ("registro-change", 12.0),
        ("registro-field", 18.0),
        ("registro-values", 34.0),
        ("registro-operator", 14.0),
        ("registro-act", 21.0),
    ];
    ListingTable {
        title: said("registro-changes"),
        columns: columns.into_iter().map(|(code, share)| (said(code), share)).collect(),
        rows: day.variazioni.iter().map(row).collect(),
        empty: said("registro-none"),
    }
}

/// The days that are over, have something to say and were not made, oldest first, with how each stands.
pub(crate) async fn pending(house: &House) -> Result<Vec<Standing>> {
    let registro = house.ente.aoo.registro.as_str();
    let today = date_of_law(house.clock.now(), &house.ente.zona);
    let mut all = Vec::new();
    for day in house.store.registro_days(&house.ente_id, registro).await? {
        let owner = registro::day_owner(&house.ente_id, registro, day);
        if day < today && house.store.fact(&house.ente_id, &owner, DAY).await?.is_none() {
            all.push(standing(house, day).await?);
        }
    }
    Ok(all)
}
