//! Who writes to whom, and when? Letterhead, addressee, undersigned, form fields, signature block, date of the document.

use super::acts;
use super::addressee;
use super::dates;
use super::letterhead::{self, Letterhead};
use super::names;
use super::organs;
use super::registration;
use super::roles;
use super::rows::{Pattern, Place, Row, Rows, distance, fold, has_word_like};
use crate::ente::Ente;
use crate::fields::{Doubtful, Fields, Party, PartyKind, Reading, Verso};

pub(super) static BODY: Pattern = Pattern::new(
    r"^\W{0,3}(?:il/la|il|la|lo|io|i|l')?\W{0,2}(?:sottoscritt|premess[oe]|vist[oaie]\b|richiamat|considerat|l'anno|con la presente|si trasmette|si comunica|in riferimento|in relazione|facendo seguito|a seguito|con riferimento|si invia|si chiede|chiede\b|dichiara\b)",
);
pub(super) static OGGETTO: Pattern = Pattern::new(r"^\W{0,3}o[gq]+etto\b|^\W{0,3}ogg\s?[.:]");
pub(super) static STAMP_ROW: Pattern = Pattern::new(
    r"(protocollo gen|registro ufficiale|protocollo (?:in|interno)\b|\barrivo\b|\bpartenza\b|\bingresso\b|^\W*(?:entrata|uscita)\W*$|ufficio protocollo|(?:^|[^'\w])interno\W*$)",
);
/// A row of our name that goes on with a word of the protocol is a stamp's.
static STAMPED: Pattern = Pattern::new(r"\w{3}\W{1,4}(?:prot\b|protocollo|arrivo\b|in arrivo)");
pub(super) static STREET: Pattern = Pattern::new(
    r"^\W*(?:via|viale|piazza|piazzale|p\.zza|corso|vicolo|largo|strada|localita|fraz|c\.so|tel|fax|pec|e-?mail|www|c\.?f\.?|p\.? ?iva|partita|cap|borgata|contrada|frazione)\b|\b\d{5}\b",
);
static OFFICE: Pattern = Pattern::new(
    r"(responsabil[ei]\b|segretari[oa] (?:comunale|generale)|ufficio|settore|servizio|sportello unico|loro sedi|^sede$|dipendenti|assessor[ei]|consiglier[ei]|sindaco|comando di polizia|polizia (?:locale|municipale)|giunta|dirigent[ei]|albo pretorio|ragioneria|r\.?s\.?u\b)",
);
static PLACE_DATE: Pattern = Pattern::new(r"^[^\d]{2,40}[,.]?\s+(?:li'?|addi'?|il)?\W{0,3}$");
static DATE_LABEL: Pattern = Pattern::new(r"^\W{0,3}(?:data|li'?|addi'?)\W{0,3}$");

/// What the first page shows before its text begins.
#[expect(clippy::struct_excessive_bools, reason = "independent facts of one page, none excludes another")]
pub(super) struct Stage {
    /// Rows that begin with our name and do not address us.
    pub(super) own: Vec<usize>,
    /// True if our name is the letterhead.
    pub(super) letterhead_own: bool,
    /// True if another's name is.
    pub(super) letterhead_foreign: bool,
    letterhead: Option<Letterhead>,
    /// Another's name in the head of a page that bears ours too: the sender's, if the paper was registered as arrived.
    other_head: Option<Letterhead>,
    /// One that a stamp stands at, where there is no other.
    stamped_head: Option<Letterhead>,
    /// Rows and name of the addressee.
    addressee: Option<addressee::Addressee>,
    to_own: bool,
    is_act: bool,
    act: Option<acts::Act>,
    first_page: u32,
    body: usize,
}

/// Looks at the first page with text.
pub(super) fn stage(rows: &Rows, ente: &Ente) -> Stage {
    let first_page = rows.rows.first().map_or(1, |r| r.page);
    let on_first = |r: &Row| r.page == first_page;
    let body =
        rows.rows.iter().position(|r| !on_first(r) || (r.at > 1 && BODY.is_match(&r.fold))).unwrap_or(rows.rows.len()).min(30);
    let names_us: Vec<usize> =
        (0..rows.rows.len()).filter(|&i| rows.rows.get(i).is_some_and(|r| begins_with_us(&r.fold, ente))).collect();
    let own: Vec<usize> = names_us.into_iter().filter(|&i| !addressed(rows, i)).collect();
    let letterhead_own = own.iter().any(|&i| {
        rows.rows.get(i).is_some_and(|r| on_first(r) && r.at < 12 && !r.is_stamps && !STAMPED.is_match(&r.fold))
            && i < body
            && !in_stamp(rows, i)
            && heads(rows, ente, i)
    });
    let addressee = addressee::addressee(rows, ente, (first_page, body));
    let is_office = |name: &str| OFFICE.is_match(&fold(name));
    let to_own = addressee.as_ref().is_some_and(|(_, name)| {
        mentions_us(&fold(name), ente)
            || (letterhead_own && is_office(name))
            || addressee::of_ours(name, ente, is_office(name)).is_some()
    });
    // A paper that names us as addressee and bears another's letterhead is another's: our name above it is a stamp's.
    let names_us = addressee.as_ref().is_some_and(|(_, name)| mentions_us(&fold(name), ente));
    let head = || letterhead::letterhead(rows, ente, first_page, body);
    let letterhead = if letterhead_own && !names_us { None } else { head() };
    let other_head = if letterhead_own && letterhead.is_none() { head() } else { None };
    let is_headless = letterhead.is_none() && other_head.is_none();
    let stamped_head = if is_headless { letterhead::stamped(rows, ente, first_page, body) } else { None };
    // Nor is it a letterhead where nothing but a registration stands around it and we are the addressee.
    let beside_number = |i: &usize| {
        rows.around(*i, 1.6)
            .iter()
            .filter_map(|&n| rows.rows.get(n))
            .any(|r| registration::printed(&r.fold).iter().any(|p| p.labelled))
    };
    let letterhead_own = letterhead_own && letterhead.is_none() && !(names_us && own.iter().all(beside_number));
    let is_act = rows.rows.iter().take(body).any(|r| {
        ["deliberazione", "determinazione", "ordinanza", "decreto", "determina", "repertorio", "convenzione"]
            .iter()
            .any(|w| has_word_like(&r.fold, w))
            && r.is_capitals()
    });
    Stage {
        own,
        letterhead_own,
        letterhead_foreign: letterhead.is_some(),
        letterhead,
        other_head,
        stamped_head,
        addressee,
        to_own,
        is_act,
        act: acts::kind(rows, body.max(8)),
        first_page,
        body,
    }
}

impl Stage {
    /// True of a row that stands among the heads of the first page, before its text.
    pub(super) fn is_heading(&self, rows: &Rows, at: usize) -> bool {
        rows.rows.get(at).is_some_and(|r| r.page == self.first_page) && at < self.body.max(1)
    }

    /// True of a row that addresses somebody.
    pub(super) fn is_addressed(&self, rows: &Rows, at: usize) -> bool {
        self.addressee.as_ref().is_some_and(|(taken, _)| taken.contains(&at)) || addressed(rows, at)
    }

    /// The direction that the parties imply, where no stamp says it; none of a paper of ours that addresses nobody and is
    /// no act of the register: a verbale or a certificate goes out or stays, and its head does not tell.
    pub(super) fn verso(&self) -> Option<Verso> {
        match (self.letterhead_own, self.to_own, self.is_act, self.addressee.is_some()) {
            (false, ..) => Some(Verso::E),
            (true, true, ..) | (true, _, true, false) => Some(Verso::I),
            (true, _, _, true) => Some(Verso::U),
            (true, _, false, false) => None,
        }
    }
}

/// True if the row begins with the name of the ente, but for one letter in eight; `Comune di` and `Città di` are the same, and
/// before a word of the protocol the place alone is enough (`Valdombra - Protocollo`).
pub(super) fn begins_with_us(row: &str, ente: &Ente) -> bool {
    let name = fold(&ente.denominazione);
    let bare = row.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let begins = |name: &str| {
        let head = bare.get(..name.len().min(bare.len())).unwrap_or("");
        let limit = name.len() / 8;
        !name.is_empty() && distance(head, name, limit) <= limit
    };
    let place = KINDS.iter().find_map(|kind| name.strip_prefix(kind));
    begins(&name)
        || place.is_some_and(|place| {
            let stamped = bare.get(place.len()..).is_some_and(|rest| rest.contains("prot"));
            KINDS.iter().any(|kind| begins(&format!("{kind}{place}"))) || (place.len() >= 5 && stamped && begins(place))
        })
}

/// What a comune calls itself.
const KINDS: [&str; 3] = ["comune di ", "citta di ", "municipio di "];

pub(super) fn mentions_us(text: &str, ente: &Ente) -> bool {
    let name = fold(&ente.denominazione);
    let place = name.strip_prefix("comune di ").or_else(|| name.strip_prefix("citta di ")).unwrap_or(&name);
    text.contains(&name)
        || (place.len() >= 4
            && ["comune", "citta di", "municipio", "sindaco"].iter().any(|word| text.contains(word))
            && has_word_like(text, place.split(' ').next_back().unwrap_or(place)))
}

/// True if the row, or one of the three above it in its column, begins like an address (`Al`, `Spett.le`).
pub(super) fn addressed(rows: &Rows, at: usize) -> bool {
    let Some(row) = rows.rows.get(at) else { return false };
    if addressee::begins(row) || row.fold.starts_with("del ") || row.fold.starts_with("per il tramite") {
        return true;
    }
    let above = |r: &&Row| {
        let overlap = (r.upright.x + r.upright.w).min(row.upright.x + row.upright.w) > r.upright.x.max(row.upright.x);
        overlap && row.upright.y.saturating_sub(r.upright.y + r.upright.h) < row.upright.h.max(8) * 4
    };
    rows.before(at).take(3).filter(above).take_while(|r| !OGGETTO.is_match(&r.fold)).any(addressee::begins)
}

/// True if nobody else's words stand above the row: our name under the text of another is a stamp.
fn heads(rows: &Rows, ente: &Ente, at: usize) -> bool {
    let Some(row) = rows.rows.get(at) else { return false };
    let above = rows.rows.iter().filter(|r| r.page == row.page && r.upright.y + r.upright.h <= row.upright.y);
    let says = |r: &&Row| r.fold.split(' ').filter(|w| w.len() >= 3 && w.bytes().all(|b| b.is_ascii_alphabetic())).count() >= 3;
    let another =
        |r: &&Row| !begins_with_us(&r.fold, ente) && !STAMP_ROW.is_match(&r.fold) && registration::printed(&r.fold).is_empty();
    above.filter(says).filter(another).count() < 2
}

/// True if words of a protocol stamp stand right around the row.
pub(super) fn in_stamp(rows: &Rows, at: usize) -> bool {
    rows.around(at, 1.6).iter().filter_map(|&i| rows.rows.get(i)).any(|r| r.pieces.len() <= 6 && STAMP_ROW.is_match(&r.fold))
}

/// Reads mittente, destinatario and the date of the document.
pub(super) fn read(rows: &Rows, ente: &Ente, stage: &Stage, fields: &mut Fields) {
    fields.data = data(rows, fields);
    let registered = fields.protocollo.as_ref().and_then(|p| p.value.verso);
    let verso = registered.or_else(|| stage.verso());
    fields.destinatario = destinatario(rows, ente, stage, registered);
    // Of what arrives we are not the sender, whatever stands where senders stand.
    let from_outside = |reading: &Reading<Party>| !mentions_us(&fold(&reading.value.nome), ente);
    fields.mittente = if verso == Some(Verso::E) {
        sender(rows, stage, fields).filter(from_outside)
    } else {
        Some(speaking(rows, ente, stage))
    };
    if let Some(mittente) = &mut fields.mittente {
        beside(rows, mittente, (&fields.codici_fiscali, &fields.partite_iva));
    }
}

/// Whom it is for: whom it addresses; else of what arrived we, of an act whom the law or its text says, of another paper of ours
/// the one whom it concerns.
fn destinatario(rows: &Rows, ente: &Ente, stage: &Stage, registered: Option<Verso>) -> Option<Reading<Party>> {
    if let Some((taken, name)) = &stage.addressee {
        let span = |i: &usize| rows.rows.get(*i).map(|r| Place { row: *i, span: 0..r.fold.len() });
        let places: Vec<Place> = taken.iter().filter_map(span).collect();
        let own = addressee::of_ours(name, ente, OFFICE.is_match(&fold(name)));
        let kind = if stage.to_own { PartyKind::Ente } else { names::kind(name) };
        return Some(rows.reading(party(own.unwrap_or_else(|| name.clone()), kind), &places, "destinatario", 0.9));
    }
    let is_ours = match registered {
        Some(verso) => verso != Verso::E,
        None => stage.letterhead_own,
    };
    match stage.act.filter(|_| is_ours) {
        Some(act) => {
            let (places, name) = acts::recipient(rows, ente, act)?;
            let kind = if act == acts::Act::Published { PartyKind::Ente } else { names::kind(&name) };
            return Some(rows.reading(party(name, kind), &places, "destinatario-atto", 0.8));
        }
        // What was registered as arrived was addressed to us, whether it says so or not; so was another's paper that names us.
        None if registered == Some(Verso::E) || (registered.is_none() && !is_ours && names_ours(rows, ente)) => {
            return Some(ourselves(ente));
        }
        None => {}
    }
    let found = addressee::block(rows, stage.first_page, rows.rows.len()).or_else(|| roles::concerned(rows));
    let (places, name) = found.filter(|_| is_ours && !stage.is_act)?;
    let kind = names::kind(&name);
    Some(rows.reading(party(name, kind), &places, "destinatario-nel-testo", 0.8))
}

/// True if the text of the first rows speaks of us.
fn names_ours(rows: &Rows, ente: &Ente) -> bool {
    rows.rows.iter().take(60).any(|r| mentions_us(&r.fold, ente))
}

/// We as sender, with the organ or office that speaks, where known words name it.
fn speaking(rows: &Rows, ente: &Ente, stage: &Stage) -> Reading<Party> {
    let mut own = ourselves(ente);
    if let Some(organ) = organs::speaking(rows, stage.first_page).filter(|_| stage.act != Some(acts::Act::Contratto)) {
        own.value.nome = format!("{} - {organ}", own.value.nome);
    }
    own
}

fn party(nome: String, kind: PartyKind) -> Party {
    Party { nome, kind, codice: None, indirizzo_digitale: None }
}

/// The ente as sender: data of the ente, not a reading.
fn ourselves(ente: &Ente) -> Reading<Party> {
    let value = Party {
        nome: ente.denominazione.clone(),
        kind: PartyKind::Ente,
        codice: ente.codice_fiscale.clone(),
        indirizzo_digitale: Some(ente.aoo.pec.clone()),
    };
    Reading { value, confidence: 1.0, origin: "ente".into(), page: None, rect: None, second: None }
}

fn sender(rows: &Rows, stage: &Stage, fields: &mut Fields) -> Option<Reading<Party>> {
    let issuer = names::issuer(rows, stage.body).or_else(|| names::defender(rows));
    let undersigned = names::undersigned(rows);
    let stamped = stage.stamped_head.as_ref().filter(|_| undersigned.is_none());
    let head = stage.letterhead.as_ref().or(stage.other_head.as_ref()).or(stamped);
    if let Some(head) = head.filter(|_| issuer.is_none()) {
        let value = party(head.name.clone(), names::kind(&head.name));
        let reading = rows.reading(value, std::slice::from_ref(&head.place), "mittente-intestazione", 0.9);
        if head.is_unsure {
            let (raw, check) = (rows.rows.get(head.place.row)?.text(), letterhead::CHECK.into());
            fields.doubtful.push(Doubtful { field: "mittente".into(), raw, check, page: reading.page, rect: reading.rect });
        }
        return Some(reading);
    }
    let block = || addressee::block(rows, stage.first_page, stage.body);
    issuer.or(undersigned).or_else(block).or_else(|| names::form(rows)).or_else(|| names::signature(rows)).map(|(place, name)| {
        let kind = names::kind(&name);
        let mut reading = rows.reading(party(name, kind), &place, "mittente", 0.95);
        if fields.destinatario.as_ref().is_some_and(|d| d.value.nome == reading.value.nome) {
            reading.confidence *= 0.5;
        }
        reading
    })
}

/// Gives the party the checked code that agrees with its name, or (of a firm) the first number read.
fn beside(rows: &Rows, party: &mut Reading<Party>, (persons, firms): (&[Reading<String>], &[Reading<String>])) {
    match party.value.kind {
        PartyKind::PersonaFisica | PartyKind::Unknown => {
            party.value.codice =
                persons.iter().find(|code| names::agrees(&party.value.nome, &code.value)).map(|code| code.value.clone());
            if party.value.codice.is_some() {
                // A code whose check letter holds speaks for six letters of the name.
                party.confidence = party.confidence.max(0.75);
                party.origin.push_str(" + codice fiscale");
            }
        }
        PartyKind::PersonaGiuridica => {
            let own = firms.iter().find(|code| is_near(rows, party, code));
            party.value.codice = own.map(|code| code.value.clone());
        }
        PartyKind::Amministrazione | PartyKind::Ente => {}
    }
}

/// Rows of a letterhead between a firm's name and its number.
const NEAR_ROWS: usize = 8;

/// True of a number that stands in the row of a firm's name, close under it, or at the foot of its page, where firms print theirs: further
/// down the text may speak of another firm. True as well where nothing tells where the name or the number stands.
fn is_near(rows: &Rows, party: &Reading<Party>, code: &Reading<String>) -> bool {
    if party.page != code.page {
        return party.page.is_none() || code.page.is_none();
    }
    let (name, number) = (fold(&party.value.nome), code.value.to_ascii_lowercase());
    let of_page = || rows.rows.iter().filter(|row| Some(row.page) == code.page);
    let said = of_page().filter(|row| row.fold.contains(&name));
    let bare = |row: &&Row| row.fold.chars().filter(char::is_ascii_alphanumeric).collect::<String>().contains(&number);
    let Some(stands) = of_page().find(bare) else { return true };
    let foot = of_page().map(|row| row.upright.y + row.upright.h).max().unwrap_or(0);
    let is_at_foot = stands.upright.y * 10 >= foot * 9;
    // What the text says after the oggetto is no letterhead any more.
    let has_oggetto = |from: usize| of_page().any(|row| (from..stands.at).contains(&row.at) && OGGETTO.is_match(&row.fold));
    let mut places = said.peekable();
    places.peek().is_none()
        || is_at_foot
        || places.any(|row| (row.at..=row.at + NEAR_ROWS).contains(&stands.at) && !has_oggetto(row.at))
}

/// The date of the document: in the words of an act, beside a place, after a label, or that of its repertorio.
fn data(rows: &Rows, fields: &Fields) -> Option<Reading<jiff::civil::Date>> {
    for at in 0..rows.rows.len().min(60) {
        let Some((row, next)) = rows.rows.get(at).map(|r| (r, rows.after(at).next())) else { break };
        let head = row.fold.clone() + " ";
        let both = head.clone() + next.map_or("", |r| r.fold.as_str());
        let Some((range, date)) = dates::in_words(&both).filter(|(range, _)| range.start < head.len()) else { continue };
        let mut places = vec![Place { row: at, span: range.start..row.fold.len() }];
        if range.end > head.len() && next.is_some() {
            places.push(Place { row: at + 1, span: 0..range.end - head.len() });
        }
        return Some(rows.reading(date, &places, "data-in-lettere", 0.95));
    }
    let stamp = |at: usize| in_stamp(rows, at);
    for (at, row) in rows.rows.iter().enumerate().rev() {
        if row.pieces.len() > 7 {
            continue;
        }
        let Some((range, date)) = dates::found(&row.fold).into_iter().next_back() else { continue };
        let before = row.fold.get(..range.start).unwrap_or("");
        let place = PLACE_DATE.is_match(before) && row.chars.iter().find(|c| c.is_alphabetic()).is_some_and(|c| c.is_uppercase());
        let alone = row.fold.get(range.end..).is_some_and(|tail| tail.trim().len() <= 3);
        if alone && (place && before.contains([',', '.']) || DATE_LABEL.is_match(before) || before.contains(" li ")) && !stamp(at)
        {
            return Some(rows.reading(date, &[Place { row: at, span: range }], "data-luogo", 0.9));
        }
    }
    let act = fields.repertorio.as_ref()?;
    act.value.data.map(|date| Reading {
        value: date,
        confidence: act.confidence,
        origin: act.origin.clone(),
        page: act.page,
        rect: act.rect,
        second: None,
    })
}
