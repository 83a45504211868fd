//! What does a Segnatura say? That of Allegato 6 (`SegnaturaInformatica`, version 3) and that of the circolari 28/2001 and 60/2013:
//! the registration of whoever sent the document, its parties, which file is the document and which are its attachments, and in the
//! newer form its digest. Class and fascicolo are taken only from the ente's own: another's titolario is not ours.

use crate::arrival::EnteId;
use crate::digest::Digest;
use crate::fields::{Party, PartyKind, Verso};
use crate::given::{Given, Registrazione, VALUE_BYTES_MAX, numero};
use crate::messages::Message;
use crate::xml::tree::Element;

/// The root of Allegato 6.
const ROOT: &str = "SegnaturaInformatica";
/// Its namespace; senders use that of the messages by PEC (`…/pec/`) too.
const SPACE: &str = "http://www.agid.gov.it/protocollo/";
/// The root of the circolari 28/2001 and 60/2013, which had no namespace at first.
const ROOT_2013: &str = "Segnatura";

/// A Segnatura that came with the files that it speaks of.
#[derive(Debug, Clone, PartialEq)]
pub struct Segnatura {
    /// What it says of the document.
    pub given: Given,
    /// Name of the file of the primary document; none where the text of the message is the document.
    pub principale: Option<String>,
    /// Names of the files of the attachments, in order.
    pub allegati: Vec<String>,
}

/// True of the root of a Segnatura of Allegato 6.
pub fn is_informatica(root: &Element) -> bool {
    root.name == ROOT && root.spaces.iter().any(|space| space.starts_with(SPACE))
}

/// The Segnatura whose root this is, in either form, as it speaks to `ente`; none of anything else.
pub fn read(root: &Element, name: &str, ente: &EnteId) -> Option<Segnatura> {
    let names = |at: Option<&Element>, word: &str, attribute: &str| -> Vec<String> {
        let files = at.into_iter().flat_map(|at| at.all(word).collect::<Vec<_>>());
        files.filter_map(|file| file.attribute(attribute).map(str::to_owned)).collect()
    };
    let descrizione = root.child("Descrizione");
    if is_informatica(root) {
        return Some(Segnatura {
            given: given(root, name, ente),
            principale: names(descrizione, "DocumentoPrimario", "nomeFile").into_iter().next(),
            allegati: names(descrizione, "Allegato", "nomeFile"),
        });
    }
    (root.name == ROOT_2013 && root.at(&["Intestazione", "Identificatore"]).is_some()).then(|| Segnatura {
        given: given_2013(root, name, ente),
        principale: names(descrizione, "Documento", "nome").into_iter().next(),
        allegati: names(descrizione.and_then(|at| at.child("Allegati")), "Documento", "nome"),
    })
}

/// What a Segnatura of Allegato 6 says to `ente`.
pub fn given(root: &Element, name: &str, ente: &EnteId) -> Given {
    let text = |path: &[&str]| root.text_at(path).filter(|text| text.len() <= VALUE_BYTES_MAX).map(one_line);
    let party_at = |word| root.at(&["Descrizione", word]).and_then(|subject| party(subject, ente));
    let fascicolo = text(&["Intestazione", "Fascicolo", "CodiceFascicolo"]);
    let voce = root.at(&["Intestazione", "Classifica"]).and_then(voce);
    let parties = (party_at("Mittente"), party_at("Destinatario"));
    let given = Given {
        riservato: text(&["Intestazione", "Riservato"]).map(|word| matches!(word.as_str(), "true" | "1")),
        ..stamped(root, name)
    };
    settled(Given { impronta: impronta(root), ..given }, (voce, fascicolo), parties, ente)
}

/// What a Segnatura of 2013 says to `ente`: other names for the parties, the class as a list of levels, no digest by SHA-256.
fn given_2013(root: &Element, name: &str, ente: &EnteId) -> Given {
    let origine = root.at(&["Intestazione", "Origine"]);
    let address = |of: &Element| of.text_at(&["IndirizzoTelematico"]).map(str::to_owned);
    let mittente = origine.and_then(|at| party_2013(at.child("Mittente")?, ente)).map(|party| Party {
        indirizzo_digitale: party.indirizzo_digitale.clone().or_else(|| origine.and_then(address)),
        ..party
    });
    let destinatario = root.at(&["Intestazione", "Destinazione"]).and_then(|at| {
        let party = party_2013(at.child("Destinatario")?, ente)?;
        Some(Party { indirizzo_digitale: party.indirizzo_digitale.clone().or_else(|| address(at)), ..party })
    });
    let voce = root.at(&["Intestazione", "Classifica"]).and_then(|classifica| {
        let levels: Vec<String> = classifica.all("Livello").map(|level| level.text.clone()).collect();
        written(&levels)
    });
    settled(stamped(root, name), (voce, None), (mittente, destinatario), ente)
}

/// Oggetto and registration, which both forms have at the same places.
fn stamped(root: &Element, name: &str) -> Given {
    let mut given = Given { origin: format!("segnatura {name}"), ..Given::default() };
    given.oggetto = root.text_at(&["Intestazione", "Oggetto"]).filter(|text| text.len() <= VALUE_BYTES_MAX).map(one_line);
    given.registrazione = registrazione(root);
    if given.registrazione.is_none() {
        given.faults.push(Message::new("sidecar-value").with("name", name).with("key", "Identificatore"));
    }
    given
}

/// Parties are anybody's; class and fascicolo count where the registration is ours, whose direction the parties tell.
fn settled(
    mut given: Given,
    (voce, fascicolo): (Option<String>, Option<String>),
    (mittente, destinatario): (Option<Party>, Option<Party>),
    ente: &EnteId,
) -> Given {
    (given.mittente, given.destinatario) = (mittente, destinatario);
    if let Some(registrazione) = given.registrazione.as_mut().filter(|r| r.amministrazione.as_deref() == Some(ente.as_str())) {
        (given.voce, given.fascicolo) = (voce, fascicolo);
        let is_ente = |party: &Option<Party>| party.as_ref().is_some_and(|party| party.kind == PartyKind::Ente);
        registrazione.verso = match (is_ente(&given.mittente), is_ente(&given.destinatario)) {
            (true, true) => Some(Verso::I),
            (true, false) => Some(Verso::U),
            (false, _) => Some(Verso::E),
        };
    }
    given
}

/// A party of 2013: an administration, a firm, a person.
fn party_2013(subject: &Element, ente: &EnteId) -> Option<Party> {
    let telematic = subject.text_at(&["IndirizzoTelematico"]).map(str::to_owned);
    if let Some(body) = subject.child("Amministrazione") {
        let code = body.text_at(&["CodiceAmministrazione"]).unwrap_or_default().to_lowercase();
        return Some(Party {
            nome: one_line(body.text_at(&["Denominazione"])?),
            kind: if code == ente.as_str() { PartyKind::Ente } else { PartyKind::Amministrazione },
            codice: None,
            indirizzo_digitale: telematic.or_else(|| body.text_at(&["IndirizzoTelematico"]).map(str::to_owned)),
        });
    }
    if let Some(nome) = subject.text_at(&["Denominazione"]) {
        let kind = PartyKind::PersonaGiuridica;
        return Some(Party { nome: one_line(nome), kind, codice: None, indirizzo_digitale: telematic });
    }
    let person = subject.child("Persona")?;
    let both = [person.text_at(&["Nome"]), person.text_at(&["Cognome"])];
    let named = || Some(both.into_iter().flatten().collect::<Vec<_>>().join(" ")).filter(|nome| !nome.is_empty());
    Some(Party {
        nome: one_line(&person.text_at(&["Denominazione"]).map(str::to_owned).or_else(named)?),
        kind: PartyKind::PersonaFisica,
        codice: person.text_at(&["CodiceFiscale"]).map(str::to_owned),
        indirizzo_digitale: telematic,
    })
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
    written(&levels)
}

/// A voce of its levels.
fn written(levels: &[String]) -> Option<String> {
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
