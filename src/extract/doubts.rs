//! What must a person look at? Fields without a check digit that no second reading confirmed, and what is missing.

use super::letterhead;
use super::rows::is_digital;
use super::second::is_data;
use super::spelling;
use crate::document::Hold;
use crate::ente::Ente;
use crate::fields::{Fields, Party, Reading, Verso};
use crate::messages::Message;

/// The holds of the fields, by invariant 11 and the thresholds of the ente.
///
/// Call it after [`super::confirm`], and after an oggetto was composed where no page states one: without any oggetto
/// the document is held. A document registered in a repertorio needs no protocollo (rule G-08).
pub fn doubts(fields: &Fields, ente: &Ente) -> Vec<Hold> {
    let mut holds = Vec::new();
    let threshold = ente.soglie.lettura;
    protocollo(fields, threshold, &mut holds);
    match &fields.oggetto {
        None => holds.push(Hold::new(Message::new("oggetto-missing")).on_field("oggetto")),
        Some(reading) => holds.extend(oggetto(reading, fields, threshold)),
    }
    mittente(fields, threshold, &mut holds);
    holds
}

/// An oggetto that no second reading confirms, or in which words may be misspelt.
fn oggetto(reading: &Reading<String>, fields: &Fields, threshold: f32) -> Option<Hold> {
    let held = |message: Message| on(Hold::new(message.with("value", short(&reading.value))), "oggetto", reading.page);
    if unconfirmed(reading, threshold).is_some() {
        return Some(held(Message::new("oggetto-unconfirmed")));
    }
    let doubtful = fields.doubtful.iter().filter(|d| d.field == "oggetto" && d.check == spelling::CHECK);
    let words: Vec<&str> = doubtful.map(|d| d.raw.as_str()).collect();
    let is_held = !words.is_empty() && !is_data(reading);
    is_held.then(|| held(Message::new("oggetto-words").with("words", short(&words.join(", ")))))
}

pub(super) fn on(hold: Hold, field: &str, page: Option<u32>) -> Hold {
    let hold = hold.on_field(field);
    page.map_or(hold.clone(), |page| hold.on_page(page))
}

/// The reason why a reading is not yet metadata; none if it is data, or two readings agree above the threshold.
pub(super) fn unconfirmed<T>(reading: &Reading<T>, threshold: f32) -> Option<&'static str> {
    if is_data(reading) {
        return None;
    }
    match &reading.second {
        None => Some("none"),
        Some(second) if !second.agrees => Some("differs"),
        Some(second) if second.confidence < threshold || reading.confidence < threshold => Some("weak"),
        Some(_) => None,
    }
}

fn protocollo(fields: &Fields, threshold: f32, holds: &mut Vec<Hold>) {
    let conflicts = fields.doubtful.iter().filter(|d| d.field == "protocollo" && d.check == "conflict");
    match &fields.protocollo {
        None => {
            if let Some(seen) = fields.doubtful.iter().find(|d| d.field == "protocollo") {
                holds.push(on(Hold::new(Message::new("protocollo-unreadable")), "protocollo", seen.page));
            } else if fields.repertorio.is_none() {
                holds.push(Hold::new(Message::new("protocollo-missing")).on_field("protocollo"));
            }
        }
        Some(reading) => {
            let shown = format!("{}/{}", reading.value.numero, reading.value.anno);
            for other in conflicts {
                let message = Message::new("protocollo-conflict").with("first", &shown).with("second", &other.raw);
                holds.push(on(Hold::new(message), "protocollo", other.page));
            }
            if unconfirmed(reading, threshold).is_some() {
                let second = reading.second.as_ref().map_or("-", |s| s.raw.as_str());
                let message = Message::new("protocollo-unconfirmed").with("value", shown).with("second", short(second));
                holds.push(on(Hold::new(message), "protocollo", reading.page));
            }
            // What a person or the office's data say without a direction is theirs to say.
            if reading.value.verso.is_none() && (!is_data(reading) || is_digital(&reading.origin)) {
                let message =
                    Message::new("protocollo-verso").with("value", format!("{}/{}", reading.value.numero, reading.value.anno));
                holds.push(on(Hold::new(message), "protocollo", reading.page));
            }
        }
    }
}

/// Allegato 5 asks for an author or a sender: of what we send it is the ente, of what arrives it must be read.
fn mittente(fields: &Fields, threshold: f32, holds: &mut Vec<Hold>) {
    let arrives = fields.protocollo.as_ref().is_none_or(|p| p.value.verso.is_none_or(|v| v == Verso::E));
    match &fields.mittente {
        None if arrives => holds.push(Hold::new(Message::new("mittente-missing")).on_field("mittente")),
        Some(reading) if unconfirmed(reading, threshold).is_some() || is_stamped(reading, fields) => {
            holds.push(on(
                Hold::new(Message::new("mittente-unconfirmed").with("value", short(&reading.value.nome))),
                "mittente",
                reading.page,
            ));
        }
        None | Some(_) => {}
    }
}

/// True of a sender read from a letterhead that may be a stamp's, in whatever text: exact characters do not tell whose they are.
fn is_stamped(reading: &Reading<Party>, fields: &Fields) -> bool {
    let is_unsure = fields.doubtful.iter().any(|d| d.field == "mittente" && d.check == letterhead::CHECK);
    is_unsure && reading.origin.starts_with("rule mittente-intestazione")
}

/// At most 120 characters in one line, for a sentence.
pub(super) fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 120 { line.chars().take(119).chain(['…']).collect() } else { line }
}
