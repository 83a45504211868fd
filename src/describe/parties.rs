//! Who made it, who sent it, who took it in? The roles of a document, from the ente's data and what was read.

use super::compose::{Findings, NAME_CHARS_MAX};
use super::nome::split;
use super::soggetto::{PersonaFisica, Ruolo, Soggetto, Ufficio, is_codice_ente, is_codice_fiscale};
use super::{Dossier, RuoloUlteriore, Tipo, Ulteriore};
use crate::ente::{Ente, Persona};
use crate::fields::{Party, PartyKind, Verso};
use crate::messages::Message;

/// The producing software, as `Produttore` names it.
const SISTEMA: &str = concat!("Conserva ", env!("CARGO_PKG_VERSION"));

/// The roles of a document. At least its author or its sender is among them, or a finding says that nobody is.
pub(super) fn soggetti(dossier: &Dossier<'_>, tipo: Tipo, flusso: Option<Verso>, findings: &mut Findings) -> Vec<Ruolo> {
    let (ente, fields, literals) = (dossier.ente, dossier.fields, dossier.literals);
    let mut roles = Vec::new();
    ensure_ente(ente, findings);
    if tipo == Tipo::Amministrativo {
        roles.push(Ruolo::new(
            "AmministrazioneCheEffettuaLaRegistrazione",
            &literals.registra,
            Soggetto::Pai(Ufficio::of(ente, None)),
        ));
    }
    roles.extend(author(dossier, flusso, findings));
    for (role, party) in [("Mittente", &fields.mittente), ("Destinatario", &fields.destinatario)] {
        if let Some(reading) = party {
            roles.extend(subject(ente, &reading.value, role, findings).map(|soggetto| Ruolo::new(role, role, soggetto)));
        }
    }
    let gestione = &ente.responsabili.gestione_documentale;
    let people = [
        ("Operatore", "Operatore", dossier.operatore),
        ("ResponsabileGestioneDocumentale", literals.gestione.as_str(), Some(gestione)),
        ("ResponsabileServizioProtocollo", literals.servizio_protocollo.as_str(), ente.responsabili.protocollo.as_ref()),
    ];
    for (role, literal, persona) in people {
        if let Some(persona) = persona {
            roles.extend(person(persona, role, findings).map(|pf| Ruolo::new(role, literal, Soggetto::Pf(pf))));
        }
    }
    roles.push(Ruolo::new("Produttore", "Produttore", Soggetto::Sw(SISTEMA.to_owned())));
    if tipo == Tipo::Amministrativo {
        roles.extend(dossier.rup.and_then(|rup| responsible(ente, rup, findings)));
    }
    roles.extend(super::ulteriori::roles(dossier, tipo, findings));
    roles
}

/// The RUP with his office, which the norm asks for.
pub(super) fn responsible(ente: &Ente, rup: &Persona, findings: &mut Findings) -> Option<Ruolo> {
    let ufficio = Ufficio::of(ente, rup.uor.as_deref());
    let pf = person(rup, "RUP", findings);
    if ufficio.uor.is_none() {
        findings.error("Soggetti/Ruolo/RUP/RUP/IPAUOR", "A5 Soggetti, G-06", Message::new("describe-rup-office"));
        return None;
    }
    Some(Ruolo::new("RUP", "RUP", Soggetto::Rup(pf?, ufficio)))
}

/// The ente can be named as the norm wants: codes, names and a certified address.
pub(super) fn ensure_ente(ente: &Ente, findings: &mut Findings) {
    let wanted = [
        ("codice_ipa", &ente.codice_ipa),
        ("denominazione", &ente.denominazione),
        ("aoo.codice", &ente.aoo.codice),
        ("aoo.denominazione", &ente.aoo.denominazione),
        ("aoo.pec", &ente.aoo.pec),
    ];
    for (key, _) in wanted.iter().filter(|(_, value)| value.trim().is_empty()) {
        findings.error("Soggetti", "A5 Soggetti", Message::new("describe-ente-incomplete").with("key", key));
    }
}

/// A document that the ente sends or keeps inside is its own; one that came in has its sender as author.
fn author(dossier: &Dossier<'_>, flusso: Option<Verso>, findings: &mut Findings) -> Option<Ruolo> {
    let stated = |one: &Ulteriore| matches!(one.ruolo, RuoloUlteriore::Mittente | RuoloUlteriore::Autore);
    let has_sender = dossier.fields.mittente.is_some() || dossier.ulteriori.soggetti.iter().any(stated);
    match flusso {
        Some(Verso::U | Verso::I) if !has_sender => {
            Some(Ruolo::new("Autore", "Autore", Soggetto::Pai(Ufficio::of(dossier.ente, None))))
        }
        _ if has_sender => None,
        _ => {
            findings.error("Soggetti", "A5 Soggetti, G-10", Message::new("describe-no-author"));
            None
        }
    }
}

/// The subject of a party as read.
pub(super) fn subject(ente: &Ente, party: &Party, role: &str, findings: &mut Findings) -> Option<Soggetto> {
    let place = format!("Soggetti/Ruolo/{role}");
    let name = findings.bounded(&place, &party.nome, NAME_CHARS_MAX);
    if name.is_empty() {
        findings.error(&place, "A5 Soggetti", Message::new("describe-party-nameless").with("role", role));
        return None;
    }
    let code = party.codice.as_deref().map(|code| code.trim().to_uppercase());
    if code.as_deref().is_some_and(|code| !is_codice_fiscale(code) && !is_codice_ente(code)) {
        let message = Message::new("describe-code-dropped").with("role", role);
        findings.warning(&place, "A5 Soggetti", message);
    }
    let indirizzo =
        party.indirizzo_digitale.as_deref().map(|a| findings.bounded(&place, a, NAME_CHARS_MAX)).filter(|a| !a.is_empty());
    match party.kind {
        PartyKind::Ente => return Some(Soggetto::Pai(Ufficio::of(ente, office_named(ente, &name)))),
        PartyKind::PersonaFisica => {
            let codice_fiscale = code.filter(|code| is_codice_fiscale(code));
            let Some((cognome, given)) = split(&name, codice_fiscale.as_deref()) else {
                findings.error(
                    &format!("{place}/PF/Nome"),
                    "A5 Soggetti",
                    Message::new("describe-name-incomplete").with("role", role),
                );
                return None;
            };
            return Some(Soggetto::Pf(PersonaFisica { cognome, nome: given, codice_fiscale, indirizzo }));
        }
        PartyKind::Amministrazione => {
            findings.note(&format!("{place}/PG"), "A5 Soggetti", Message::new("describe-pa-without-ipa").with("role", role));
        }
        PartyKind::Unknown => {
            findings.note(&format!("{place}/PG"), "A5 Soggetti", Message::new("describe-party-unknown").with("role", role));
        }
        PartyKind::PersonaGiuridica => {}
    }
    Some(Soggetto::Pg { denominazione: name, codice: code.filter(|code| is_codice_ente(code)), indirizzo })
}

/// The office of the ente that a name as read speaks of.
fn office_named<'a>(ente: &'a Ente, name: &str) -> Option<&'a str> {
    let name = name.to_lowercase();
    let is_named =
        |uor: &&crate::ente::Uor| !uor.denominazione.trim().is_empty() && name.contains(&uor.denominazione.to_lowercase());
    ente.uor.iter().filter(is_named).max_by_key(|uor| uor.denominazione.len()).map(|uor| uor.codice.as_str())
}

pub(super) fn person(persona: &Persona, role: &str, findings: &mut Findings) -> Option<PersonaFisica> {
    let place = format!("Soggetti/Ruolo/{role}/PF");
    let pf = PersonaFisica::from(persona);
    if pf.codice_fiscale.is_none() && persona.codice_fiscale.as_deref().is_some_and(|code| !code.trim().is_empty()) {
        let message = Message::new("describe-code-dropped").with("role", role);
        findings.warning(&format!("{place}/CodiceFiscale"), "A5 Soggetti", message);
    }
    if pf.cognome.is_empty() || pf.nome.is_empty() {
        findings.error(&place, "A5 Soggetti", Message::new("describe-person-nameless").with("role", role));
        return None;
    }
    Some(pf)
}
