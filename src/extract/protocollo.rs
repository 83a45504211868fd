//! Which registration is ours? Stamps and lines of protocol, told apart from the sender's and from citations; repertories.
//!
//! Ours is the one beside our name or IPA code, or under our own letterhead; one that a sentence cites is a reference.

use jiff::civil::Date;

use super::dates;
use super::parties::Stage;
use super::registration::{self, Printed};
use super::rows::{Pattern, Place, Row, Rows};
use crate::ente::Ente;
use crate::fields::{Doubtful, Fields, Protocollo, Reading, Repertorio, Verso};

static CITING: Pattern = Pattern::new(
    r"(\bnota|\bistanza|\brichiesta|\bdomanda|\blettera|riferimento|\brif\.?|\bvs\.?|vostr[ao]|\bv/s|comunicazione|acquisit[aeio]|assunt[aeio]|pervenut[aeio]|registrat[aeio]|presentat[aeio]|agli atti|\bal|\bin data|\bcon|numero|inp[sx]|inail|segnalazione|ricevut[aeio]|verbale|delibera\w*|determina\w*|contratto|visto|vista)[\s.,:(]*(?:di|in|al|con|ns\.?|del|della|a|n\.)?\s*$",
);
static STAMP: Pattern = Pattern::new(
    r"\b(protocollo|prot\b|arrivo|partenza|ingresso|entrata|uscita|ufficio protocollo|registro ufficiale|ricevuto|segnatura|\d{4}\W{1,4}interno\b)",
);
pub(super) static UNREAD: Pattern = Pattern::new(
    r"(protocollo generale|ufficio protocollo|registro ufficiale|^\W*protocollo\W*$|^\W*protocollo\s+(?:in\s+)?(?:arrivo|partenza|interno|ingresso|entrata|uscita)\W*$|\d{4}\W{1,4}(?:arrivo|partenza|interno|ingresso|uscita)\b|^\W*(?:arrivo|partenza)\W*$)",
);
pub(super) static FOREIGN: Pattern = Pattern::new(
    r"\b(regione|provincia|ministero|prefettura|questura|procura|tribunale|a\.?s\.?l\b|a\.?t\.?s\b|azienda|inps|inpx|inail|agenzia|universita|consorzio|camera di commercio|arpa\w?|istituto|ordine degli|unione dei comuni|citta metropolitana|comune di|s\.p\.a|s\.r\.l|studio|associazione)",
);
static ACT: Pattern = Pattern::new(
    r"^\W*(?:copia\s+(?:di\s+)?)?(?:verbale\s+(?:di\s+)?)?(?:registro\s+(?:generale\s+)?(?:delle\s+)?)?(deliberazion[ei]|delibera|determinazion[ei]|determina|ordinanz[ae]|decreto|repertorio|rep\.|contratto\s+rep)",
);
/// A law that an act cites by its number is no registration of ours: a decree of the State, a row in brackets, what names a source.
static CITED: Pattern = Pattern::new(
    r"^\W{0,3}\(|\bdecret[oi]\W+(?:legge|legislativ|ministerial|interministerial|presidenzial|direttorial|rettoral|prefettizi|del\s+(?:presidente\s+(?:della\s+repubblica|del\s+consiglio)|ministro))|\banac\b",
);
static LAWFUL: Pattern =
    Pattern::new(r"\b(?:d\.?\s?lgs|d\.?\s?p\.?\s?r\b|d\.?\s?m\b|d\.?\s?l\b|legge|l\.\s?r\b|regolamento\s+(?:ue|ce|europeo))");
static LAST_WORD: Pattern = Pattern::new(r"[\-/|]\s{0,2}(?:in\s+)?(arrivo|partenza|ingresso|entrata|uscita|interno)\W{0,3}$");
static NUMBERED: Pattern = Pattern::new(
    r"(?:\b(?:numero|num|nr|no|n)[\s.:,]{0,3}|\brep(?:ertorio|\.)\s*(?:n\.?)?\s*|reg(?:istro|\.)?\s*gen(?:erale|\.)?\s*(?:n\.?)?\s*)(\d{1,7})(?:\s?/\s?((?:19|20)\d{2}))?\b",
);

/// A registration with whose it is.
struct Found {
    reading: Reading<Protocollo>,
    /// > 0 ours, < 0 another's, 0 unknown.
    ours: i32,
}

/// Reads our registration, those of others and the registration in a repertorio.
pub(super) fn read(rows: &Rows, ente: &Ente, stage: &Stage, fields: &mut Fields) {
    let mut found: Vec<Found> = Vec::new();
    for (at, row) in rows.rows.iter().enumerate() {
        for printed in registration::printed(&row.fold) {
            match consider(rows, ente, stage, &printed, at) {
                Ok(Some(one)) => found.push(one),
                Ok(None) => {}
                Err(doubt) => fields.doubtful.push(doubt),
            }
        }
    }
    found.sort_by(|a, b| b.ours.cmp(&a.ours).then(b.reading.confidence.total_cmp(&a.reading.confidence)));
    for one in found {
        keep(one, fields);
    }
    unread(rows, fields);
    fields.repertorio = repertorio(rows, stage);
}

/// A stamp whose number could not be read is said: a page that bears one is not a page without registration.
fn unread(rows: &Rows, fields: &mut Fields) {
    if fields.protocollo.is_some() || fields.doubtful.iter().any(|d| d.field == "protocollo") {
        return;
    }
    let is_stamp = |row: &Row| (row.pieces.len() <= 7 && UNREAD.is_match(&row.fold)) || bears_number(row);
    // What was read whole, but is another office's, is not unread: that ours is missing is said of it.
    let others: Vec<&str> = fields.protocolli_altri.iter().map(|other| other.value.numero.trim_start_matches('0')).collect();
    let is_others =
        |row: &Row| registration::printed(&row.fold).iter().any(|p| others.contains(&p.digits.trim_start_matches('0')));
    let seen = rows.rows.iter().enumerate().find(|(_, row)| is_stamp(row) && !is_others(row));
    if let Some((at, row)) = seen {
        let reading = rows.reading((), &[Place { row: at, span: 0..row.fold.len() }], "stamp-unread", 1.0);
        let (page, rect) = (reading.page, reading.rect);
        fields.doubtful.push(Doubtful { field: "protocollo".into(), raw: row.text(), check: "stamp-unread".into(), page, rect });
    }
}

/// True of a row that says nothing but a register's number with its zeros and its year: what is left of a stamp over text.
fn bears_number(row: &Row) -> bool {
    let is_registers =
        |p: &Printed| p.digits.len() >= 6 && p.digits.starts_with('0') && p.anno.is_some() && p.before.trim().len() <= 3;
    row.pieces.len() <= 4 && registration::printed(&row.fold).iter().any(is_registers)
}

/// The best of ours becomes the registration; another number of ours is a conflict that a person settles.
fn keep(one: Found, fields: &mut Fields) {
    let value = &one.reading.value;
    if one.ours < 0 {
        fields.protocolli_altri.push(one.reading);
        return;
    }
    let Some(known) = &mut fields.protocollo else {
        if one.ours > 0 {
            fields.protocollo = Some(one.reading);
        } else {
            fields.protocolli_altri.push(one.reading);
        }
        return;
    };
    let same = known.value.numero == value.numero && known.value.anno == value.anno;
    if same {
        known.value.data = known.value.data.or(value.data);
    } else if one.ours > 1 {
        let raw = format!("{}/{}", value.numero, value.anno);
        fields.doubtful.push(Doubtful {
            field: "protocollo".into(),
            raw,
            check: "conflict".into(),
            page: one.reading.page,
            rect: one.reading.rect,
        });
    } else {
        fields.protocolli_altri.push(one.reading);
    }
}

/// What the rows around a number say about it.
struct Surroundings {
    rows: Vec<usize>,
    stamp: bool,
    own: bool,
    foreign: bool,
}

fn surroundings(rows: &Rows, stage: &Stage, at: usize) -> Surroundings {
    let short = |i: &usize| rows.rows.get(*i).is_some_and(|r| r.pieces.len() <= 9);
    let near: Vec<usize> = rows.around(at, 3.6).into_iter().filter(short).collect();
    let all = || near.iter().copied().chain([at]);
    let matching = |pattern: &Pattern, i: usize| rows.rows.get(i).is_some_and(|r| pattern.is_match(&r.fold));
    let own = all().any(|i| stage.own.contains(&i));
    let foreign = all().any(|i| !stage.own.contains(&i) && matching(&FOREIGN, i) && !stage.is_addressed(rows, i));
    Surroundings { stamp: all().any(|i| matching(&STAMP, i)), own, foreign, rows: near }
}

fn consider(rows: &Rows, ente: &Ente, stage: &Stage, printed: &Printed, at: usize) -> Result<Option<Found>, Doubtful> {
    let Some(row) = rows.rows.get(at) else { return Ok(None) };
    let around = surroundings(rows, stage, at);
    let code = ente.codice_ipa.to_ascii_lowercase();
    let says_code =
        row.fold.contains(&code) || around.rows.iter().any(|&i| rows.rows.get(i).is_some_and(|r| r.fold.contains(&code)));
    let above = rows.before(at).next().map_or("", |r| r.fold.as_str());
    let context = if printed.before.trim().is_empty() { above } else { printed.before.as_str() };
    let cited = !(printed.before.trim().is_empty() && row.pieces.len() <= 9) && CITING.is_match(context);
    // A stamp over text ends a row that began with other words: what counts is what stands from its number on.
    let rest = row.pieces.iter().filter(|p| p.span.end > printed.span.start).count();
    let overlaid = row.pieces.len() > 9 && printed.anno.is_some() && printed.digits.len() >= 6;
    let compact = row.pieces.len() <= 9 || (overlaid && rest <= 7);
    let bare = around.stamp && rest <= 6;
    if (!printed.labelled && !bare) || (cited && !says_code) {
        return Ok(None);
    }
    // A short bare number is an invoice's, a practice's: a register's number bears its zeros, or stands alone with its year.
    let worded = printed.before.split(|c: char| !c.is_ascii_alphabetic()).any(|word| word.len() >= 3);
    if !printed.labelled && printed.digits.len() < 6 && (printed.anno.is_none() || worded) {
        return Ok(None);
    }
    let heading = stage.is_heading(rows, at);
    let stamp = around.stamp && compact && (around.own || says_code || verso_near(rows, &around, at).is_some());
    if !stamp && !heading && !says_code {
        return Ok(None);
    }
    let (data, place) = date_near(rows, &around, printed, at, stamp);
    let mut places = vec![Place { row: at, span: printed.span.clone() }];
    places.extend(place);
    let doubt = |check: &str| {
        let reading = rows.reading((), &places, check, 1.0);
        Doubtful {
            field: "protocollo".into(),
            raw: printed.digits.clone(),
            check: check.into(),
            page: reading.page,
            rect: reading.rect,
        }
    };
    if !printed.is_whole {
        return Err(doubt("number"));
    }
    let Some(numero) = registration::numero(&printed.digits) else { return Err(doubt("length")) };
    let Some(anno) = printed.anno.or(data.map(Date::year)) else { return if stamp { Err(doubt("year")) } else { Ok(None) } };
    if data.is_some_and(|data| data.year() != anno) {
        return Err(doubt("year-date"));
    }
    let own_here = around.own || says_code || (heading && stage.letterhead_own && !around.foreign);
    let said = printed.verso.or_else(|| {
        if stamp { verso_near(rows, &around, at) } else { registration::verso(row.fold.get(printed.span.end..).unwrap_or("")) }
    });
    let ours = match (own_here, around.foreign, said) {
        (true, _, _) if says_code || stamp || !around.foreign => 3,
        (true, _, _) => 2,
        (false, false, Some(Verso::E)) => 1,
        (false, false, Some(_)) if stamp && stage.letterhead_own => 1,
        (false, true, _) | (false, _, Some(Verso::U)) => -2,
        _ if stage.letterhead_foreign => -1,
        _ => 0,
    };
    let verso = said.or(if ours > 0 { stage.verso() } else { None });
    let strength = if printed.labelled || stamp { 1.0 } else { 0.8 };
    let rule = if stamp { "protocollo-timbro" } else { "protocollo-testo" };
    let mut reading = rows.reading(Protocollo { numero, anno, data, verso }, &places, rule, strength);
    reading.confidence = rows.figures(&places).map_or(reading.confidence, |figures| figures * strength);
    Ok(Some(Found { reading, ours }))
}

fn verso_near(rows: &Rows, around: &Surroundings, at: usize) -> Option<Verso> {
    let here = rows.rows.get(at).and_then(|r| registration::verso(&r.fold));
    let near = || around.rows.iter().filter_map(|&i| rows.rows.get(i));
    let short = || near().filter(|r| r.pieces.len() <= 6).find_map(|r| registration::verso(&r.fold));
    // A stamp beside a letterhead shares its rows: there the direction is the last word.
    let last = || near().find_map(|r| LAST_WORD.captures(&r.fold).and_then(|c| registration::verso(c.get(1)?.as_str())));
    here.or_else(short).or_else(last)
}

/// The date of a registration: in its row, else in the row below, else (of a stamp) in the nearest row of the stamp.
fn date_near(rows: &Rows, around: &Surroundings, printed: &Printed, at: usize, stamp: bool) -> (Option<Date>, Option<Place>) {
    if printed.data.is_some() {
        return (printed.data, None);
    }
    // Some stamps print the day first: `14.02.2023 - n. 2023/0001877`.
    let before = dates::found(&printed.before).into_iter().next_back();
    if let Some((span, date)) = before.filter(|(span, _)| stamp && printed.before.len() - span.end <= 12) {
        return (Some(date), Some(Place { row: at, span }));
    }
    let mut order: Vec<usize> = around.rows.clone();
    order.sort_by_key(|i| (*i < at, i.abs_diff(at)));
    for i in order {
        let Some(row) = rows.rows.get(i).filter(|r| r.pieces.len() <= 6) else { continue };
        let said = row.fold.trim_start().starts_with("del ") || row.fold.contains("data");
        if !stamp && !said {
            continue;
        }
        if let Some((_, date)) = dates::found(&row.fold).into_iter().next() {
            // The whole row: a stamp's direction stands beside its date, and both are read again together.
            return (Some(date), Some(Place { row: i, span: 0..row.fold.len() }));
        }
    }
    (None, None)
}

/// The registration in a repertorio, from the heading of an act.
fn repertorio(rows: &Rows, stage: &Stage) -> Option<Reading<Repertorio>> {
    let (at, row) =
        rows.rows.iter().enumerate().find(|(i, r)| {
            stage.is_heading(rows, *i) && r.pieces.len() <= 12 && ACT.is_match(&r.fold) && !CITED.is_match(&r.fold)
        })?;
    let word = ACT.captures(&row.fold)?.get(1)?.as_str().to_owned();
    let near: Vec<usize> = [at, at + 1, at + 2]
        .into_iter()
        .filter(|&i| {
            let is_near = |r: &super::rows::Row| r.pieces.len() <= 9 && !CITED.is_match(&r.fold) && !LAWFUL.is_match(&r.fold);
            rows.rows.get(i).is_some_and(|r| r.page == row.page && (i == at || is_near(r)))
        })
        .collect();
    let text = |i: usize| rows.rows.get(i).map_or("", |r| r.fold.as_str());
    let whole: String = near.iter().map(|&i| text(i)).collect::<Vec<_>>().join(" ");
    let (line, number, year) = near.iter().find_map(|&i| {
        let fold = text(i);
        if fold.contains("prot") {
            return None;
        }
        NUMBERED
            .captures(fold)
            .and_then(|c| Some((i, c.get(1)?.as_str().to_owned(), c.get(2).and_then(|y| y.as_str().parse::<i16>().ok()))))
    })?;
    let written = || {
        rows.rows.iter().take(60).collect::<Vec<_>>().windows(2).find_map(|pair| {
            let both: String = pair.iter().map(|r| r.fold.as_str()).collect::<Vec<_>>().join(" ");
            dates::in_words(&both).map(|(_, date)| date)
        })
    };
    let data = near.iter().find_map(|&i| dates::found(text(i)).into_iter().next().map(|(_, date)| date)).or_else(written);
    let anno = year.or(data.map(Date::year))?;
    let registro = if word.starts_with("deliber") {
        if whole.contains("consigli") { "delibera_consiglio" } else { "delibera_giunta" }
    } else if word.starts_with("determin") {
        "determina"
    } else if word.starts_with("ordinanz") {
        "ordinanza"
    } else if word.starts_with("decreto") {
        "decreto_sindacale"
    } else {
        "contratto"
    };
    let value = Repertorio { numero: number, anno, data, registro: registro.to_owned() };
    let span = 0..rows.rows.get(line)?.fold.len();
    Some(rows.reading(value, &[Place { row: line, span }], "repertorio", 0.95))
}
