//! Is it registered, where, in which direction? Registration data (norms 2.2), their checks, and the segnatura.

use jiff::civil::{Date, Time};

use super::compose::Findings;
use super::{Dossier, Literals, Tipo};
use crate::aggregation::TipoAggregazione;
use crate::clock::date_of_law;
use crate::digest::Digest;
use crate::fields::{PartyKind, Protocollo, Repertorio, Verso};
use crate::messages::Message;
use crate::xml::Xml;

/// The registration of a document: exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Registrazione {
    pub flusso: Verso,
    pub registro: Registro,
    /// Hour of the registration, where it was stated.
    pub ora: Option<Time>,
}

/// The register, with number and date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Registro {
    Nessuno { data: Date, numero: String },
    Protocollo { data: Date, numero: String, codice: String },
    Repertorio { data: Date, numero: String, codice: String },
}

/// Which registration counts. A document may bear both numbers; one is described (G-08): of the serie of a repertory the
/// repertory's, else the protocol's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chosen<'a> {
    Protocollo(&'a Protocollo),
    Repertorio(&'a Repertorio),
    Nessuno,
}

impl<'a> Chosen<'a> {
    pub(super) fn of(dossier: &Dossier<'a>) -> Self {
        let protocollo = dossier.fields.protocollo.as_ref().map(|reading| &reading.value);
        let repertorio = dossier.fields.repertorio.as_ref().map(|reading| &reading.value);
        let is_serie = dossier.aggregation.key.tipo == TipoAggregazione::SerieDocumentale;
        match (protocollo, repertorio) {
            (Some(_), Some(repertorio)) if is_serie => Self::Repertorio(repertorio),
            (Some(protocollo), _) => Self::Protocollo(protocollo),
            (None, Some(repertorio)) => Self::Repertorio(repertorio),
            (None, None) => Self::Nessuno,
        }
    }

    pub(super) fn tipo(self) -> Tipo {
        if matches!(self, Self::Nessuno) { Tipo::Informatico } else { Tipo::Amministrativo }
    }
}

/// The segnatura of a protocolled document: administration, AOO, register, number, date (rule N-05).
pub(super) fn segnatura(dossier: &Dossier<'_>) -> Option<String> {
    let protocollo = &dossier.fields.protocollo.as_ref()?.value;
    let (ente, data) = (dossier.ente, protocollo.data?);
    Some(format!("{}|{}|{}|{}|{data}", ente.codice_ipa, ente.aoo.codice, ente.aoo.registro, protocollo.numero))
}

/// The registration of the document, or findings that say why there is none.
pub(super) fn registration(dossier: &Dossier<'_>, chosen: Chosen<'_>, findings: &mut Findings) -> Option<Registrazione> {
    let registro = match chosen {
        Chosen::Protocollo(protocollo) => protocol(dossier, protocollo, findings),
        Chosen::Repertorio(repertorio) => repertory(dossier, repertorio, findings),
        Chosen::Nessuno => Some(unregistered(dossier, findings)),
    };
    let flusso = direction(dossier, chosen, findings);
    Some(Registrazione { flusso: flusso?, registro: registro?, ora: dossier.ulteriori.ora })
}

const PROTOCOL: &str = "DatiDiRegistrazione/TipoRegistro/ProtocolloOrdinario_ProtocolloEmergenza";
const REPERTORY: &str = "DatiDiRegistrazione/TipoRegistro/Repertorio_Registro";

fn protocol(dossier: &Dossier<'_>, protocollo: &Protocollo, findings: &mut Findings) -> Option<Registro> {
    let number = &protocollo.numero;
    let is_number = number.len() >= 7 && number.len() <= 32 && number.bytes().all(|b| b.is_ascii_digit());
    if !is_number {
        let message = Message::new("describe-protocollo-number").with("number", number);
        findings.error(&format!("{PROTOCOL}/NumeroProtocolloDocumento"), "A5 DatiDiRegistrazione, N-01", message);
    }
    let codice = &dossier.ente.aoo.registro;
    if !is_register_code(codice) {
        let message = Message::new("describe-register-code").with("code", codice);
        findings.error(&format!("{PROTOCOL}/CodiceRegistro"), "A5 DatiDiRegistrazione, N-01", message);
    }
    let place = format!("{PROTOCOL}/DataProtocollazioneDocumento");
    let Some(data) = protocollo.data else {
        let message = Message::new("describe-protocollo-undated").with("number", number);
        findings.error(&place, "A5 DatiDiRegistrazione", message);
        return None;
    };
    if data.year() != protocollo.anno {
        findings.error(&place, "N-01", year_differs(protocollo.anno, data));
        return None;
    }
    (is_number && is_register_code(codice)).then(|| Registro::Protocollo { data, numero: number.clone(), codice: codice.clone() })
}

fn repertory(dossier: &Dossier<'_>, repertorio: &Repertorio, findings: &mut Findings) -> Option<Registro> {
    let place = format!("{REPERTORY}/DataRegistrazioneDocumento");
    let of_document = dossier.fields.data.as_ref().map(|reading| reading.value).filter(|d| d.year() == repertorio.anno);
    let data = match (repertorio.data, of_document) {
        (Some(data), _) if data.year() != repertorio.anno => {
            findings.error(&place, "A5 DatiDiRegistrazione", year_differs(repertorio.anno, data));
            return None;
        }
        (Some(data), _) => data,
        (None, Some(data)) => {
            findings.warning(&place, "A5 DatiDiRegistrazione", Message::new("describe-repertorio-date-taken").with("date", data));
            data
        }
        (None, None) => {
            let message = Message::new("describe-repertorio-undated").with("number", &repertorio.numero);
            findings.error(&place, "A5 DatiDiRegistrazione", message);
            return None;
        }
    };
    if repertorio.numero.trim().is_empty() {
        let place = format!("{REPERTORY}/NumeroRegistrazioneDocumento");
        findings.error(&place, "A5 DatiDiRegistrazione", Message::new("describe-repertorio-number"));
        return None;
    }
    let numero = format!("{}/{}", repertorio.numero.trim(), repertorio.anno);
    Some(Registro::Repertorio { data, numero, codice: register_code(&repertorio.registro) })
}

fn year_differs(anno: i16, data: Date) -> Message {
    Message::new("describe-registration-year").with("year", anno).with("date", data)
}

fn unregistered(dossier: &Dossier<'_>, findings: &mut Findings) -> Registro {
    let data = dossier.fields.data.as_ref().map_or_else(
        || {
            let data = date_of_law(dossier.document.formed_at, &dossier.ente.zona);
            let message = Message::new("describe-date-taken").with("date", data);
            findings.note("DatiDiRegistrazione/TipoRegistro/Nessuno/DataDocumento", "A5 DatiDiRegistrazione", message);
            data
        },
        |reading| reading.value,
    );
    Registro::Nessuno { data, numero: dossier.document.id.to_string() }
}

/// The direction: as registered, else what the parties tell. A registered document whose direction nothing tells is in doubt.
pub(super) fn direction(dossier: &Dossier<'_>, chosen: Chosen<'_>, findings: &mut Findings) -> Option<Verso> {
    const PLACE: &str = "DatiDiRegistrazione/TipologiaDiFlusso";
    let registered = match chosen {
        Chosen::Protocollo(protocollo) => protocollo.verso,
        Chosen::Repertorio(_) | Chosen::Nessuno => None,
    };
    if registered.is_some() {
        return registered;
    }
    let kind = |party: &Option<crate::fields::Reading<crate::fields::Party>>| party.as_ref().map(|reading| reading.value.kind);
    let (from, to) = (kind(&dossier.fields.mittente), kind(&dossier.fields.destinatario));
    let is_ours = |kind: Option<PartyKind>| kind == Some(PartyKind::Ente);
    let told = match (from, to) {
        _ if is_ours(from) && is_ours(to) => Some(Verso::I),
        (Some(_), _) if is_ours(from) && to.is_some() => Some(Verso::U),
        _ if is_ours(to) => Some(Verso::E),
        (Some(_), _) if !is_ours(from) => Some(Verso::E),
        _ => None,
    };
    match (told, chosen) {
        (Some(verso), Chosen::Protocollo(_)) => {
            findings.warning(PLACE, "N-13", Message::new("describe-flow-inferred").with("flow", letter(verso)));
            Some(verso)
        }
        (None, Chosen::Protocollo(_)) => {
            findings.error(PLACE, "A5 DatiDiRegistrazione, N-13", Message::new("describe-flow-unknown"));
            None
        }
        // An act of the ente's own registers is formed inside it unless its parties say otherwise.
        (told, _) => Some(told.unwrap_or(Verso::I)),
    }
}

pub(super) fn letter(verso: Verso) -> &'static str {
    match verso {
        Verso::E => "E",
        Verso::U => "U",
        Verso::I => "I",
    }
}

/// True of a code of a register as the norm has it, `[A-Za-z0-9_.-]{1,16}` (N-01).
pub(super) fn is_register_code(code: &str) -> bool {
    (1..=16).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// The code of a repertory: its tipo code, cut to sixteen characters with a digest's tail where it is longer, so that two
/// repertories never share one.
fn register_code(registro: &str) -> String {
    if is_register_code(registro) {
        return registro.to_owned();
    }
    let plain: String = registro.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(9).collect();
    Digest::id(&plain, &[registro.as_bytes()])
        .chars()
        .take(plain.len() + 7)
        .collect::<String>()
        .trim_start_matches('-')
        .to_owned()
}

impl Registrazione {
    pub(super) fn write(&self, xml: &mut Xml, literals: &Literals) {
        xml.group("DatiDiRegistrazione", |xml| {
            xml.leaf("TipologiaDiFlusso", letter(self.flusso));
            let ora = self.ora.map(|ora| ora.to_string());
            xml.group("TipoRegistro", |xml| self.registro.write(xml, ora.as_deref(), literals));
        });
    }
}

impl Registro {
    fn write(&self, xml: &mut Xml, ora: Option<&str>, literals: &Literals) {
        match self {
            Self::Nessuno { data, numero } => xml.group("Nessuno", |xml| {
                xml.leaf("TipoRegistro", "Nessuno");
                xml.leaf("DataDocumento", &data.to_string());
                xml.leaf_if("OraDocumento", ora);
                xml.leaf("NumeroDocumento", numero);
            }),
            Self::Protocollo { data, numero, codice } => xml.group("ProtocolloOrdinario_ProtocolloEmergenza", |xml| {
                xml.leaf("TipoRegistro", &literals.protocollo);
                xml.leaf("DataProtocollazioneDocumento", &data.to_string());
                xml.leaf_if("OraProtocollazioneDocumento", ora);
                xml.leaf("NumeroProtocolloDocumento", numero);
                xml.leaf("CodiceRegistro", codice);
            }),
            Self::Repertorio { data, numero, codice } => xml.group("Repertorio_Registro", |xml| {
                xml.leaf("TipoRegistro", &literals.repertorio);
                xml.leaf("DataRegistrazioneDocumento", &data.to_string());
                xml.leaf_if("OraRegistrazioneDocumento", ora);
                xml.leaf("NumeroRegistrazioneDocumento", numero);
                xml.leaf("CodiceRegistro", codice);
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_code_of_sixteen_characters_passes_and_one_of_seventeen_does_not() {
        assert!(is_register_code("delibera_giunta1"));
        assert!(!is_register_code("delibera_giunta12"));
        assert!(!is_register_code(""));
        assert!(!is_register_code("a b"));
    }

    #[test]
    fn a_long_repertory_gets_a_legal_code_of_its_own() {
        assert_eq!(register_code("delibera_giunta"), "delibera_giunta");
        let codes = ["concessione_cimiteriale", "concessione_suolo_pubblico", "àèì", ""].map(register_code);
        assert!(codes.iter().all(|code| is_register_code(code)), "{codes:?}");
        assert_ne!(codes[0], codes[1]);
    }
}
