//! What is it about, where no page says so? An oggetto composed of the type and of checked facts, and marked as composed.

use super::tipi::knowledge;
use crate::fields::{Fields, PartyKind, Reading};
use crate::filing::Filing;

/// An oggetto of tipo and checked facts, origin `composed`; none where a page states one (or several options of which none is
/// surely crossed) or the type itself is in doubt.
///
/// Facts used: number and date of the repertorio, the name of the sender where two readings agree (not of reserved types),
/// a partita IVA whose check holds, a reference to a practice. No codice fiscale: an oggetto is shown in registers.
pub fn composed_oggetto(filing: &Filing, fields: &Fields) -> Option<Reading<String>> {
    // A page that states several to choose from states one: none is composed beside it.
    let is_stated = fields.doubtful.iter().any(|d| d.field == "oggetto" && d.check == "options");
    if fields.oggetto.is_some() || is_stated || !filing.doubts.is_empty() {
        return None;
    }
    let tipo = knowledge().tipi.iter().find(|t| t.code == filing.tipo.value)?;
    let mut text = tipo.nome.clone();
    if let Some(act) = fields.repertorio.as_ref().map(|r| &r.value) {
        text = format!("{text} n. {}/{}", act.numero, act.anno);
    }
    if let Some(practice) = fields.riferimenti.iter().find(|r| !r.value.starts_with("prot.")) {
        match practice.value.strip_prefix(&tipo.nome.to_lowercase()) {
            Some(number) => text = format!("{text} n.{number}"),
            None => text = format!("{text}, {}", practice.value),
        }
    }
    let confirmed = |p: &&Reading<crate::fields::Party>| p.second.as_ref().is_some_and(|s| s.agrees);
    let sender = fields.mittente.as_ref().filter(confirmed).filter(|_| !filing.riservato);
    if let Some(sender) = sender.filter(|p| p.value.kind != PartyKind::Ente) {
        text = format!("{text} - {}", sender.value.nome);
    } else if let Some(number) = fields.partite_iva.first() {
        text = format!("{text} - partita IVA {}", number.value);
    }
    Some(Reading {
        value: text,
        confidence: filing.tipo.confidence,
        origin: "composed".into(),
        page: None,
        rect: None,
        second: None,
    })
}
