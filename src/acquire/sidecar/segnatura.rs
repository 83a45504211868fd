//! A Segnatura of Allegato 6 (`SegnaturaInformatica`, version 3): the registration of whoever sent the document, its parties,
//! and the digest of the primary document. Class and fascicolo are taken only from the ente's own: another's titolario is not ours.

use super::own::numero;
use super::tree::Element;
use crate::arrival::EnteId;
use crate::digest::Digest;
use crate::fields::{Party, PartyKind, Verso};
use crate::given::{Given, Registrazione, VALUE_BYTES_MAX};
use crate::messages::Message;

/// The root.
pub(super) const ROOT: &str = "SegnaturaInformatica";
/// Its namespace.
pub(super) const SPACE: &str = "http://www.agid.gov.it/protocollo/";

/// What the Segnatura says to `ente`.
pub(super) fn given(root: &Element, name: &str, ente: &EnteId) -> Given {
    let mut given = Given { origin: format!("segnatura {name}"), ..Given::default() };
    let fault = |key: &str| Message::new("sidecar-value").with("name", name).with("key", key);
    let text = |path: &[&str]| root.text_at(path).filter(|text| text.len() <= VALUE_BYTES_MAX).map(one_line);
    given.oggetto = text(&["Intestazione", "Oggetto"]);
    given.registrazione = registrazione(root);
    if given.registrazione.is_none() {
        given.faults.push(fault("Identificatore"));
    }
    let is_ours = given.registrazione.as_ref().and_then(|r| r.amministrazione.as_deref()) == Some(ente.as_str());
    if is_ours {
        given.voce = root.at(&["Intestazione", "Classifica"]).and_then(voce);
        given.fascicolo = text(&["Intestazione", "Fascicolo", "CodiceFascicolo"]);
    }
    given.impronta = impronta(root);
    given.riservato = text(&["Intestazione", "Riservato"]).map(|word| matches!(word.as_str(), "true" | "1"));
    let party_at = |word| root.at(&["Descrizione", word]).and_then(|subject| party(subject, ente));
    (given.mittente, given.destinatario) = (party_at("Mittente"), party_at("Destinatario"));
    if is_ours && let Some(registrazione) = &mut given.registrazione {
        let is_ente = |party: &Option<Party>| party.as_ref().is_some_and(|party| party.kind == PartyKind::Ente);
        registrazione.verso = match (is_ente(&given.mittente), is_ente(&given.destinatario)) {
            (true, true) => Some(Verso::I),
            (true, false) => Some(Verso::U),
            (false, _) => Some(Verso::E),
        };
    }
    given
}

/// The digest of the primary document, where the Segnatura gives it by SHA-256.
fn impronta(root: &Element) -> Option<Digest> {
    use base64::Engine as _;
    let impronta = root.at(&["Descrizione", "DocumentoPrimario", "Impronta"])?;
    let algorithm = impronta.attributes.iter().find(|(key, _)| key == "algoritmo").map_or("SHA-256", |(_, value)| value.as_str());
    let bytes = base64::engine::general_purpose::STANDARD.decode(&impronta.text).ok()?;
    let digit = |half: u8| char::from_digit(u32::from(half), 16);
    let hex: String = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).flatten().collect();
    if algorithm.eq_ignore_ascii_case("SHA-256") { Digest::parse(&hex) } else { None }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn registrazione(root: &Element) -> Option<Registrazione> {
    let id = root.at(&["Intestazione", "Identificatore"])?;
    let data: jiff::civil::Date = id.text_at(&["DataRegistrazione"])?.get(..10)?.parse().ok()?;
    Some(Registrazione {
        amministrazione: Some(id.text_at(&["CodiceAmministrazione"])?.to_lowercase()),
        numero: numero(id.text_at(&["NumeroRegistrazione"])?)?,
        anno: data.year(),
        data: Some(data),
        verso: None,
    })
}

/// The class as `VI.3`: of `Titolo VI.Classe 3`, `06.03`, or one element a level, what names the level is left out.
fn voce(classifica: &Element) -> Option<String> {
    let levels: Vec<String> = if let Some(flat) = classifica.text_at(&["CodiceFlat"]) {
        flat.split('.').map(str::to_owned).collect()
    } else {
        let first = classifica.child("CodicePath")?;
        let levels = std::iter::successors(Some(first), |level| level.child("SubLivello"));
        levels.filter_map(|level| level.text_at(&["Livello"]).map(str::to_owned)).collect()
    };
    let mut parts = Vec::new();
    for (n, level) in levels.iter().enumerate() {
        let code = level.split_whitespace().next_back()?;
        parts.push(match code.parse::<u32>() {
            Ok(number) if n == 0 => roman(number)?,
            Ok(number) => number.to_string(),
            Err(_) => code.to_uppercase(),
        });
    }
    (!parts.is_empty()).then(|| parts.join("."))
}

/// A titolo's number: plans have some twenty.
fn roman(number: u32) -> Option<String> {
    const UNITS: [&str; 10] = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"];
    let tens = usize::try_from(number / 10).ok().filter(|tens| *tens < 4)?;
    (number > 0).then(|| format!("{}{}", "X".repeat(tens), UNITS[(number % 10) as usize]))
}

fn party(subject: &Element, ente: &EnteId) -> Option<Party> {
    let telematic = |contacts: &str, of: &Element| of.text_at(&[contacts, "IndirizzoTelematico"]).map(str::to_owned);
    if let Some(body) = subject.child("Amministrazione") {
        let code = body.text_at(&["CodiceIPAAmministrazione"]).unwrap_or_default().to_lowercase();
        let office = body.text_at(&["CodiceIPAUO"]);
        return Some(Party {
            nome: one_line(body.text_at(&["DenominazioneAmministrazione"]).or(office)?),
            kind: if code == ente.as_str() { PartyKind::Ente } else { PartyKind::Amministrazione },
            codice: body.text_at(&["CFAmministrazione"]).map(str::to_owned),
            indirizzo_digitale: telematic("ContattiAOO", body).or_else(|| telematic("ContattiAmministrazione", body)),
        });
    }
    if let Some(firm) = subject.child("PersonaGiuridica") {
        return Some(Party {
            nome: one_line(firm.text_at(&["Denominazione"])?),
            kind: PartyKind::PersonaGiuridica,
            codice: firm.text_at(&["PIVAoCF"]).map(str::to_owned),
            indirizzo_digitale: telematic("ContattiPersonaGiuridica", firm),
        });
    }
    if let Some(person) = subject.child("PersonaFisica") {
        return Some(Party {
            nome: one_line(&format!("{} {}", person.text_at(&["Nome"])?, person.text_at(&["Cognome"])?)),
            kind: PartyKind::PersonaFisica,
            codice: person.text_at(&["CodiceFiscale"]).map(str::to_owned),
            indirizzo_digitale: telematic("Contatti", person),
        });
    }
    let abroad = subject.child("AmministrazioneEstera")?;
    Some(Party {
        nome: one_line(abroad.text_at(&["DenominazioneAmministrazione"])?),
        kind: PartyKind::Unknown,
        codice: None,
        indirizzo_digitale: telematic("ContattiAmministrazione", abroad),
    })
}
