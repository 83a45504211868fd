//! `separators`: which separator sheets does an office print for its next batch? What was asked, checked against ente and profiles.

use std::path::{Path, PathBuf};

use crate::clock::date_of_law;
use crate::error::{Error, Kind, Result};
use crate::pipeline::House;
use crate::separator::{self, COUNT_MAX, CodeKind, Numero, Separator, TEXT_BYTES_MAX};
use crate::steps::{overlay, tables};

/// What a person asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// The profile of the inbox that the batch will come in by.
    pub profile: String,
    /// How many.
    pub count: u32,
    /// A set of its own, with numbers; else sheets that are used over and over.
    pub is_set: bool,
    /// Name of the lot; without one a set is named after the moment.
    pub lotto: Option<String>,
    /// What all of them say.
    pub each: Told,
    /// What each of them says instead, in a list (CSV): its name and its bytes, at most `TABLE_BYTES_MAX`.
    pub list: Option<(PathBuf, Vec<u8>)>,
    /// Who prepares the batch.
    pub operator: String,
}

/// What a sheet may say of its document, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Told {
    /// Sheets that it has.
    pub fogli: Option<u32>,
    /// Voce of the Titolario.
    pub voce: Option<String>,
    /// What ties it to its fascicolo.
    pub fascicolo: Option<String>,
    /// Its registration, `4512/2024`.
    pub protocollo: Option<String>,
}

/// The separators to be printed.
///
/// # Errors
///
/// Usage: a profile that looks for no QR codes, a voce that is none, a count or a text beyond its ceiling, a list that cannot be read.
pub async fn separators(house: &House, asked: &Asked) -> Result<Vec<Separator>> {
    let wrong = |code| Error::new(Kind::Usage, code);
    let is_known =
        |inbox: &&crate::inbox::Inbox| inbox.profile == asked.profile && inbox.separators.codes.contains(&CodeKind::Qr);
    if house.config.inbox.iter().find(is_known).is_none() {
        return Err(wrong("separators-profile").with("profile", &asked.profile));
    }
    let told = match &asked.list {
        Some((name, bytes)) => listed(name, bytes, &asked.each)?,
        None => vec![asked.each.clone(); asked.count as usize],
    };
    let is_counted = |told: &Told| told.fogli.is_none_or(|fogli| (1..=COUNT_MAX).contains(&fogli));
    if told.is_empty() || told.len() > COUNT_MAX as usize || !told.iter().all(is_counted) {
        return Err(wrong("separators-count").with("max", COUNT_MAX));
    }
    let now = house.clock.now();
    let lotto = asked.lotto.clone().or_else(|| asked.is_set.then(|| now.strftime("%Y%m%d-%H%M%S").to_string()));
    let of = told.len() as u32;
    let tables = tables::tables(house).await?;
    let titolario = tables.titolario(date_of_law(now, &house.ente.zona));
    let mut separators = Vec::with_capacity(told.len());
    for (told, n) in told.into_iter().zip(1..) {
        for (field, value) in [("voce", &told.voce), ("fascicolo", &told.fascicolo)] {
            value.as_ref().map_or(Ok(()), |value| overlay::check(field, value, titolario))?;
        }
        let protocollo = match &told.protocollo {
            None => None,
            Some(typed) if of > 1 && asked.list.is_none() => {
                // Two documents cannot have one registration.
                return Err(wrong("usage-wrong").with("what", format_args!("--protocollo {typed} --count {of}")));
            }
            Some(typed) => {
                let known = separator::protocollo(typed);
                Some(known.ok_or_else(|| wrong("usage-wrong").with("what", format_args!("--protocollo {typed} (4512/2024)")))?)
            }
        };
        let separator = Separator {
            ente: house.ente.codice_ipa.clone(),
            profilo: asked.profile.clone(),
            lotto: lotto.clone(),
            numero: asked.is_set.then_some(Numero { n, of }),
            fogli: told.fogli,
            voce: told.voce,
            fascicolo: told.fascicolo,
            protocollo,
            operatore: Some(asked.operator.clone()),
        };
        let bytes = separator.text().len();
        if bytes > TEXT_BYTES_MAX {
            return Err(wrong("separators-long").with("n", n).with("bytes", bytes).with("max", TEXT_BYTES_MAX));
        }
        separators.push(separator);
    }
    Ok(separators)
}

/// The lines of a list; what a line leaves open, `each` says.
fn listed(list: &Path, bytes: &[u8], each: &Told) -> Result<Vec<Told>> {
    let wrong = |line: u64, what: String| {
        Error::new(Kind::Usage, "separators-list").with("file", list.display()).with("line", line).with("what", what)
    };
    let unread = |error: csv::Error| wrong(error.position().map_or(1, csv::Position::line), error.to_string());
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let mut all = Vec::new();
    for line in reader.deserialize() {
        let own: Told = line.map_err(unread)?;
        if all.len() >= COUNT_MAX as usize {
            return Err(Error::new(Kind::Usage, "separators-count").with("max", COUNT_MAX));
        }
        all.push(Told {
            fogli: own.fogli.or(each.fogli),
            voce: own.voce.or_else(|| each.voce.clone()),
            fascicolo: own.fascicolo.or_else(|| each.fascicolo.clone()),
            protocollo: own.protocollo.or_else(|| each.protocollo.clone()),
        });
    }
    Ok(all)
}
