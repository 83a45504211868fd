//! `registro`: entries of the protocol register are taken in, shown, and given out; the register of a day becomes a document.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use serde::Serialize;

use super::show::documents_of;
use crate::clock::date_of_law;
use crate::digest::Digest;
use crate::document::{DocumentId, DocumentState};
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::given::VALUE_BYTES_MAX;
use crate::messages::Message;
use crate::pipeline::House;
use crate::registro::{
    COLUMNS, Contrasto, ContrastoKind, DAY, Estratto, Giornata, Made, OpenContrasto, Registrazione, Riga, TipoVariazione,
    day_owner, parse_csv, parse_xml,
};
use crate::steps::{self, registro};
use crate::store::Change;
use crate::{transcribe, worker};

/// A file of entries to be taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct RegistroOrder {
    /// Name of the file.
    pub name: String,
    /// Its bytes, at most [`crate::registro::FILE_BYTES_MAX`].
    pub bytes: Vec<u8>,
    /// Nothing is stored.
    pub dry_run: bool,
    /// Who imports it.
    pub operator: String,
}

/// What came of a file.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct RegistroImported {
    /// What is wrong; where there is anything, nothing was stored.
    pub faults: Vec<Message>,
    /// Registrations that are new.
    pub registrazioni: usize,
    /// Changes that are new.
    pub variazioni: usize,
    /// Lines that were there already, just so.
    pub known: usize,
    /// Lines that contradict what is there, which stays; a person must look at them.
    pub contrasti: Vec<OpenContrasto>,
}

/// A day as `registro show` tells it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegistroDay {
    /// What it says.
    #[serde(flatten)]
    pub giornata: Giornata,
    /// When it must have gone to conservation.
    pub due: Option<Date>,
    /// What was made of it.
    pub made: Option<Made>,
    /// Its document, and where that stands.
    pub document: Option<(DocumentId, DocumentState)>,
    /// What contradicts it and waits for a person.
    pub contrasti: Vec<OpenContrasto>,
}

/// Takes a file of entries in, whole or not at all. The same again changes nothing; what contradicts an earlier file is kept beside it and
/// told, and never overwrites it.
pub async fn registro_import(house: &House, order: &RegistroOrder) -> Result<RegistroImported> {
    let today = date_of_law(house.clock.now(), &house.ente.zona);
    let text = transcribe::decoded(&order.bytes);
    let own = (house.ente.codice_ipa.as_str(), house.ente.aoo.registro.as_str());
    let is_xml = text.trim_start_matches('\u{feff}').trim_start().starts_with('<');
    let read = if is_xml { parse_xml(&crate::xml::tree::decoded(&order.bytes), own, today) } else { parse_csv(&text, today) };
    match read {
        Ok(estratto) => steps::beside_others(async || imported(house, order, &estratto).await).await,
        Err(faults) => Ok(RegistroImported { faults, ..RegistroImported::default() }),
    }
}

async fn imported(house: &House, order: &RegistroOrder, estratto: &Estratto) -> Result<RegistroImported> {
    let registro = house.ente.aoo.registro.as_str();
    let mut weighing =
        Weighing { house, order, registro, made: BTreeMap::new(), told: RegistroImported::default(), lines: Vec::new() };
    for year in estratto.registrazioni.chunk_by(|a, b| a.anno == b.anno) {
        weighing.registrazioni(year).await?;
    }
    weighing.variazioni(estratto).await?;
    let Weighing { made, mut told, lines, .. } = weighing;
    let mine: BTreeSet<String> = told.contrasti.iter().map(|one| one.id.clone()).collect();
    if !order.dry_run {
        let still = |day: &Date| Change::RequireFact {
            owner: day_owner(&house.ente_id, registro, *day),
            kind: DAY.to_owned(),
            seen: None,
        };
        let mut changes: Vec<Change> = made.iter().filter(|(_, is_made)| !**is_made).map(|(day, _)| still(day)).collect();
        changes.extend(lines);
        changes.push(steps::put(&house.ente_id.0, registro::LAST_IMPORT, 0, &house.clock.now())?);
        let detail = [
            ("sha256", Digest::of(&order.bytes).hex()),
            ("entries", told.registrazioni.to_string()),
            ("changes", told.variazioni.to_string()),
            ("known", told.known.to_string()),
            ("contradictions", told.contrasti.len().to_string()),
        ];
        changes.push(Change::Journal(Event {
            at: house.clock.now(),
            kind: "registro-imported".to_owned(),
            subject: Digest::id("rgf", &[&order.bytes]),
            outcome: if told.contrasti.is_empty() { "success" } else { "hold" }.to_owned(),
            agent: format!("operator {}", order.operator),
            detail: detail.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        }));
        crate::drill::point("registro.before-import");
        house.store.apply(&house.ente_id, None, &changes).await?;
        crate::drill::point("registro.imported");
        // What a person has settled before is no news.
        let open = house.store.contrasti(&house.ente_id, registro, None).await?;
        told.contrasti = open.into_iter().filter(|one| mine.contains(&one.id)).collect();
    }
    Ok(told)
}

/// A file held against what is there.
struct Weighing<'a> {
    house: &'a House,
    order: &'a RegistroOrder,
    registro: &'a str,
    /// The days that were looked at, and whether their registers were made.
    made: BTreeMap<Date, bool>,
    told: RegistroImported,
    lines: Vec<Change>,
}

impl Weighing<'_> {
    async fn registrazioni(&mut self, year: &[Registrazione]) -> Result<()> {
        let (Some(first), Some(last)) = (year.first(), year.last()) else { return Ok(()) };
        let which = (self.registro, first.anno);
        let known = self.house.store.registrazioni(&self.house.ente_id, which, (first.numero, last.numero)).await?;
        for one in year {
            let at = known.partition_point(|other| other.numero < one.numero);
            let (before, after) = (at.checked_sub(1).and_then(|at| known.get(at)), known.get(at));
            if let Some(same) = after.filter(|other| other.numero == one.numero) {
                if same == one {
                    self.told.known += 1;
                } else {
                    self.against(ContrastoKind::Diverso, Riga::Registrazione(one.clone()))?;
                }
                continue;
            }
            let is_turned = before.is_some_and(|other| other.data > one.data) || after.is_some_and(|other| other.data < one.data);
            if self.is_made(one.data).await? {
                self.against(ContrastoKind::Tardivo, Riga::Registrazione(one.clone()))?;
            } else if is_turned {
                self.against(ContrastoKind::Retrodatato, Riga::Registrazione(one.clone()))?;
            } else {
                self.told.registrazioni += 1;
                let registro = self.registro.to_owned();
                self.lines.push(Change::AddRegistrazione { registro, registrazione: Box::new(one.clone()) });
            }
        }
        Ok(())
    }

    async fn variazioni(&mut self, estratto: &Estratto) -> Result<()> {
        for day in estratto.variazioni.chunk_by(|a, b| a.data == b.data) {
            let Some(first) = day.first() else { continue };
            let which = (self.registro, first.data);
            let known = self.house.store.variazioni_of(&self.house.ente_id, which, crate::registro::LINES_MAX).await?;
            for one in day {
                if known.contains(one) {
                    self.told.known += 1;
                } else if self.is_made(one.data).await? {
                    self.against(ContrastoKind::Tardivo, Riga::Variazione(one.clone()))?;
                } else {
                    self.told.variazioni += 1;
                    let registro = self.registro.to_owned();
                    self.lines.push(Change::AddVariazione { registro, variazione: Box::new(one.clone()) });
                }
            }
        }
        Ok(())
    }

    async fn is_made(&mut self, day: Date) -> Result<bool> {
        if let Some(is_made) = self.made.get(&day) {
            return Ok(*is_made);
        }
        let owner = day_owner(&self.house.ente_id, self.registro, day);
        let is_made = self.house.store.fact(&self.house.ente_id, &owner, DAY).await?.is_some();
        self.made.insert(day, is_made);
        Ok(is_made)
    }

    fn against(&mut self, kind: ContrastoKind, nuova: Riga) -> Result<()> {
        let origine = (self.order.name.clone(), Digest::of(&self.order.bytes));
        let contrasto = Contrasto { kind, origine, at: self.house.clock.now(), nuova };
        self.told.contrasti.push(OpenContrasto { id: contrasto.nuova.id()?, contrasto: contrasto.clone() });
        let registro = self.registro.to_owned();
        self.lines.push(Change::AddContrasto { registro, contrasto: Box::new(contrasto) });
        Ok(())
    }
}

/// All days of the register, oldest first, without their entries' texts being told apart: for a list.
pub async fn registro_days(house: &House) -> Result<Vec<RegistroDay>> {
    let days = house.store.registro_days(&house.ente_id, &house.ente.aoo.registro).await?;
    let mut all = Vec::with_capacity(days.len());
    for day in days {
        all.push(registro_day(house, day).await?);
    }
    Ok(all)
}

/// One day of the register.
pub async fn registro_day(house: &House, day: Date) -> Result<RegistroDay> {
    let registro::Standing { giornata, due, made, contrasti } = registro::standing(house, day).await?;
    let document = match &made {
        Some(made) => {
            documents_of(house, &made.arrival).await?.into_iter().next().map(|row| (row.document.id, row.document.state))
        }
        None => None,
    };
    Ok(RegistroDay { giornata, due, made, document, contrasti })
}

/// Makes the documents of these days, or of all that are over and not made, and carries them to rest. Beside each day the reason why it was
/// not made, where it was not.
pub async fn registro_make(
    house: &Arc<House>,
    days: &[Date],
    operator: &str,
) -> Result<Vec<(Date, std::result::Result<RegistroDay, Error>)>> {
    let by = format!("operator {operator}");
    let days = if days.is_empty() {
        registro::pending(house).await?.into_iter().map(|standing| standing.giornata.giorno).collect()
    } else {
        days.to_vec()
    };
    let mut made = Vec::new();
    for day in days {
        match registro::make(house, day, &by).await {
            Ok(_) => {
                house.meter.expect_documents(1);
                made.push((day, None));
            }
            Err(error) if matches!(error.kind(), Kind::Hold | Kind::Usage | Kind::Refuse) => made.push((day, Some(error))),
            Err(error) => return Err(error),
        }
    }
    worker::work_to_rest(house, house.config.ocr.children_used() + 1).await?;
    let mut told = Vec::with_capacity(made.len());
    for (day, error) in made {
        told.push((
            day,
            match error {
                Some(error) => Err(error),
                None => Ok(registro_day(house, day).await?),
            },
        ));
    }
    Ok(told)
}

/// A person has looked at a contradiction: what is there stays, and the day may be made. The line stays on record with the reason.
pub async fn registro_settle(house: &House, id: &str, (reason, operator): (&str, &str)) -> Result<()> {
    let reason = reason.trim();
    if reason.is_empty() || reason.len() > VALUE_BYTES_MAX || reason.chars().any(char::is_control) {
        return Err(Error::new(Kind::Usage, "reason-wrong").with("max", VALUE_BYTES_MAX));
    }
    let registro = house.ente.aoo.registro.clone();
    let open = house.store.contrasti(&house.ente_id, &registro, None).await?;
    if !open.iter().any(|one| one.id == id) {
        return Err(Error::new(Kind::Usage, "id-unknown").with("id", id));
    }
    let settled = serde_json::json!({"at": house.clock.now(), "by": operator, "reason": reason}).to_string();
    let event = Event {
        at: house.clock.now(),
        kind: "registro-settled".to_owned(),
        subject: id.to_owned(),
        outcome: "success".to_owned(),
        agent: format!("operator {operator}"),
        detail: BTreeMap::from([("reason".to_owned(), house.store.keyed(&house.ente_id, reason).await?)]),
    };
    let changes = [Change::SettleContrasto { registro, id: id.to_owned(), settled }, Change::Journal(event)];
    house.store.apply(&house.ente_id, None, &changes).await
}

/// The entries of some days as a table that `import` takes.
pub async fn registro_export(house: &House, (from, to): (Option<Date>, Option<Date>)) -> Result<String> {
    let failed = |e: csv::Error| Error::bug("the register as CSV").because(e);
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(COLUMNS).map_err(failed)?;
    for day in house.store.registro_days(&house.ente_id, &house.ente.aoo.registro).await? {
        if from.is_some_and(|from| day < from) || to.is_some_and(|to| day > to) {
            continue;
        }
        let day = registro::standing(house, day).await?.giornata;
        for row in rows(&day) {
            out.write_record(&row).map_err(failed)?;
        }
    }
    let bytes = out.into_inner().map_err(|e| Error::bug("the register as CSV").because(e.into_error()))?;
    String::from_utf8(bytes).map_err(|e| Error::bug("the register as CSV").because(e))
}

fn rows(day: &Giornata) -> Vec<Vec<String>> {
    let hour = |ora: Option<jiff::civil::Time>| ora.map(|ora| ora.strftime("%H:%M:%S").to_string()).unwrap_or_default();
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut rows: Vec<Vec<String>> = Vec::with_capacity(day.registrazioni.len() + day.variazioni.len());
    for one in &day.registrazioni {
        let mut row = vec!["registrazione".to_owned(), crate::registro::numero(one.numero), one.anno.to_string()];
        row.extend([one.data.to_string(), hour(one.ora), crate::registro::flusso(one.verso).to_owned(), or_empty(&one.mittente)]);
        row.extend([one.destinatari.join(" | "), one.oggetto.clone(), or_empty(&one.protocollo_mittente)]);
        row.extend([one.impronta.map(|impronta| impronta.hex()).unwrap_or_default(), or_empty(&one.voce)]);
        row.push(if one.riservato { "si" } else { "" }.to_owned());
        row.resize(COLUMNS.len(), String::new());
        rows.push(row);
    }
    for one in &day.variazioni {
        let mut row = vec![one.tipo.word().to_owned(), crate::registro::numero(one.numero), one.anno.to_string()];
        row.extend([one.data.to_string(), hour(one.ora)]);
        row.resize(COLUMNS.len() - 5, String::new());
        row.extend([or_empty(&one.campo), or_empty(&one.prima), or_empty(&one.dopo), one.operatore.clone()]);
        row.push(or_empty(&one.provvedimento));
        rows.push(row);
    }
    rows
}

impl RegistroDay {
    /// True if it has gone its way: made, and no person is needed.
    pub fn is_well(&self) -> bool {
        let is_good =
            |state: DocumentState| !matches!(state, DocumentState::Held | DocumentState::Refused | DocumentState::Duplicate);
        self.contrasti.is_empty() && self.document.as_ref().is_none_or(|(_, state)| is_good(*state))
    }

    /// How many annulments and changes it has.
    pub fn changes(&self) -> (usize, usize) {
        (self.giornata.count(TipoVariazione::Annullamento), self.giornata.count(TipoVariazione::Modifica))
    }
}
