//! What does the ente state of it that no page says? Further roles, assignments, the emergency register, the document it belongs to.
//!
//! All of it is optional in Allegato 5 and none of it is ever guessed: it is written where somebody stated it, and what cannot be
//! written as the norm wants is a finding like any other.

use jiff::civil::Time;

use super::compose::{Findings, NAME_CHARS_MAX};
use super::parties::{person, subject};
use super::soggetto::{Ipa, Ruolo, Soggetto, Ufficio};
use super::{Dossier, Tipo};
use crate::ente::Ente;
use crate::messages::Message;
use crate::stated::{Amministrazione, Assegnazione, Parte, RuoloUlteriore, ULTERIORI_MAX, Ulteriore, UlterioriAggregazione};

/// The element of a role, which is its literal too but for the one that registers.
fn element(ruolo: RuoloUlteriore) -> (&'static str, &'static str) {
    match ruolo {
        RuoloUlteriore::Assegnatario => ("Assegnatario", "Assegnatario"),
        RuoloUlteriore::Destinatario => ("Destinatario", "Destinatario"),
        RuoloUlteriore::Mittente => ("Mittente", "Mittente"),
        RuoloUlteriore::Autore => ("Autore", "Autore"),
        RuoloUlteriore::Registrante => ("SoggettoCheEffettuaLaRegistrazione", "Soggetto Che Effettua La Registrazione"),
        RuoloUlteriore::Altro => ("Altro", "Altro"),
    }
}

/// The further roles of a document.
pub(super) fn roles(dossier: &Dossier<'_>, tipo: Tipo, findings: &mut Findings) -> Vec<Ruolo> {
    let stated = &dossier.ulteriori.soggetti;
    ensure_few(stated.len(), "Soggetti", findings);
    stated.iter().take(ULTERIORI_MAX).filter_map(|one| role(dossier.ente, one, tipo, findings)).collect()
}

fn role(ente: &Ente, one: &Ulteriore, tipo: Tipo, findings: &mut Findings) -> Option<Ruolo> {
    let (element, literal) = element(one.ruolo);
    let place = format!("Soggetti/Ruolo/{element}");
    let is_only_informatico = matches!(one.ruolo, RuoloUlteriore::Registrante | RuoloUlteriore::Altro);
    if is_only_informatico && tipo == Tipo::Amministrativo {
        findings.error(&place, "A5 Soggetti", Message::new("describe-role-not-here").with("role", literal));
        return None;
    }
    let soggetto = if one.ruolo == RuoloUlteriore::Assegnatario {
        assignee(ente, &one.parte, (element, tipo), findings)?
    } else {
        part(ente, &one.parte, (element, tipo == Tipo::Amministrativo), findings)?
    };
    if one.ruolo == RuoloUlteriore::Registrante && !matches!(soggetto, Soggetto::Pf(_) | Soggetto::Pg { .. }) {
        findings.error(&place, "A5 Soggetti", Message::new("describe-role-subject").with("role", literal));
        return None;
    }
    Some(Ruolo::new(element, literal, soggetto))
}

/// Whoever has it in hand is an office of the ente, and perhaps a person in it.
fn assignee(ente: &Ente, parte: &Parte, (role, tipo): (&str, Tipo), findings: &mut Findings) -> Option<Soggetto> {
    let Parte::Ufficio { uor, persona } = parte else {
        let message = Message::new("describe-assignee-office").with("office", "—");
        findings.error(&format!("Soggetti/Ruolo/{role}/AS"), "A5 Soggetti, G-07", message);
        return None;
    };
    let ufficio = office(ente, uor, &format!("Soggetti/Ruolo/{role}/AS"), findings)?;
    let persona = match persona {
        Some(persona) => Some(person(persona, role, findings)?),
        None => None,
    };
    Some(Soggetto::As { persona, ufficio, has_codes: tipo == Tipo::Amministrativo })
}

/// An office of the ente by its code; one that is not there is an error.
fn office(ente: &Ente, code: &str, place: &str, findings: &mut Findings) -> Option<Ufficio> {
    let ufficio = Ufficio::of(ente, Some(code));
    if ufficio.uor.is_none() {
        let message = Message::new("describe-assignee-office").with("office", if code.trim().is_empty() { "—" } else { code });
        findings.error(place, "A5 Soggetti, G-07", message);
        return None;
    }
    Some(ufficio)
}

/// A subject as the norm wants it; `is_strict` where AOO and address are mandatory (norms 2.4).
pub(super) fn part(ente: &Ente, parte: &Parte, (role, is_strict): (&str, bool), findings: &mut Findings) -> Option<Soggetto> {
    match parte {
        Parte::Nominata(named) => subject(ente, named, role, findings),
        Parte::Ufficio { uor, .. } => office(ente, uor, &format!("Soggetti/Ruolo/{role}/PAI"), findings).map(Soggetto::Pai),
        Parte::Amministrazione(pai) => administration(pai, (role, is_strict), findings),
        Parte::Estera { denominazione, ufficio, indirizzo } => {
            let place = format!("Soggetti/Ruolo/{role}/PAE");
            let text = |text: &str, findings: &mut Findings| findings.bounded(&place, text, NAME_CHARS_MAX);
            let denominazione = text(denominazione, findings);
            let ufficio = ufficio.as_deref().map(|name| text(name, findings)).filter(|name| !name.is_empty());
            let indirizzo = indirizzo.as_deref().map(|name| text(name, findings)).filter(|name| !name.is_empty());
            if denominazione.is_empty() || (is_strict && indirizzo.is_none()) {
                findings.error(&place, "A5 Soggetti", Message::new("describe-estera-incomplete").with("role", role));
                return None;
            }
            Some(Soggetto::Pae { denominazione, ufficio, indirizzo })
        }
    }
}

fn administration(pai: &Amministrazione, (role, is_strict): (&str, bool), findings: &mut Findings) -> Option<Soggetto> {
    let place = format!("Soggetti/Ruolo/{role}/PAI");
    let mut ipa = |(name, code): &(String, String)| {
        let denominazione = findings.bounded(&place, name, NAME_CHARS_MAX);
        let codice = findings.bounded(&place, code, NAME_CHARS_MAX);
        (!denominazione.is_empty() && !codice.is_empty()).then_some(Ipa { denominazione, codice })
    };
    let (amministrazione, aoo, uor) = (ipa(&pai.ipa), pai.aoo.as_ref().map(&mut ipa), pai.uor.as_ref().map(&mut ipa));
    let pec = pai.indirizzo.as_deref().map(|text| findings.bounded(&place, text, NAME_CHARS_MAX)).filter(|text| !text.is_empty());
    let is_incomplete = aoo == Some(None) || uor == Some(None) || (is_strict && (aoo.is_none() || pec.is_none()));
    let Some(amministrazione) = amministrazione.filter(|_| !is_incomplete) else {
        findings.error(&place, "A5 Soggetti", Message::new("describe-pai-incomplete").with("role", role));
        return None;
    };
    Some(Soggetto::Pai(Ufficio { amministrazione, aoo: aoo.flatten(), uor: uor.flatten(), pec }))
}

fn ensure_few(count: usize, place: &str, findings: &mut Findings) {
    if count > ULTERIORI_MAX {
        let message = Message::new("describe-too-many").with("count", count).with("max", ULTERIORI_MAX);
        findings.error(place, "A5 Soggetti", message);
    }
}

/// The further roles of an aggregation; whoever it is assigned to is among them (norms 2.5).
pub(super) fn of_aggregation(ente: &Ente, stated: &UlterioriAggregazione, findings: &mut Findings) -> Vec<Ruolo> {
    let mut roles = Vec::new();
    ensure_few(stated.partecipanti.len().max(stated.assegnazioni.len()), "Soggetti", findings);
    for parte in stated.partecipanti.iter().take(ULTERIORI_MAX) {
        let role = "AmministrazionePartecipante";
        let soggetto = part(ente, parte, (role, true), findings);
        match soggetto {
            Some(soggetto @ (Soggetto::Pai(_) | Soggetto::Pae { .. })) => {
                roles.push(Ruolo::new(role, "Amministrazione Partecipante", soggetto));
            }
            Some(_) => {
                let message = Message::new("describe-role-subject").with("role", "Amministrazione Partecipante");
                findings.error(&format!("Soggetti/Ruolo/{role}"), "A5 Soggetti", message);
            }
            None => {}
        }
    }
    for assigned in assignments(ente, stated, findings) {
        let role = Ruolo::new("Assegnatario", "Assegnatario", assigned.soggetto);
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    roles
}

/// An assignment as it is written.
pub(super) struct Assegnata<'a> {
    pub(super) soggetto: Soggetto,
    pub(super) assegnazione: &'a Assegnazione,
}

/// The assignments of an aggregation; what is wrong with one is a finding.
pub(super) fn assignments<'a>(ente: &Ente, stated: &'a UlterioriAggregazione, findings: &mut Findings) -> Vec<Assegnata<'a>> {
    let mut written = Vec::new();
    for assegnazione in stated.assegnazioni.iter().take(ULTERIORI_MAX) {
        let Assegnazione { uor, persona, inizio, fine, .. } = assegnazione;
        if fine.is_some_and(|fine| (fine.0, fine.1.unwrap_or(Time::MAX)) < (inizio.0, inizio.1.unwrap_or(Time::MIN))) {
            let message = Message::new("describe-assignment-ends-early").with("date", inizio.0);
            findings.error("Assegnazione/TipoAssegnazione", "A5 Assegnazione, G-07", message);
        }
        let parte = Parte::Ufficio { uor: uor.clone(), persona: persona.clone() };
        let soggetto = assignee(ente, &parte, ("Assegnatario", Tipo::Amministrativo), findings);
        written.extend(soggetto.map(|soggetto| Assegnata { soggetto, assegnazione }));
    }
    written
}
