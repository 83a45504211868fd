//! Who is named, and in which role? The subjects of Allegato 5 (norms 2.4) and their XML.

use crate::ente::{Ente, Persona};
use crate::xml::Xml;

/// Name and IPA code (`IPAAmm`, `IPAAOO`, `IPAUOR`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ipa {
    pub denominazione: String,
    pub codice: String,
}

impl Ipa {
    fn write(&self, xml: &mut Xml, name: &str) {
        xml.group(name, |xml| {
            xml.leaf("Denominazione", &self.denominazione);
            xml.leaf("CodiceIPA", &self.codice);
        });
    }
}

/// An office of the ente: administration, AOO and, where known, UOR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ufficio {
    pub amministrazione: Ipa,
    pub aoo: Option<Ipa>,
    pub uor: Option<Ipa>,
    pub pec: Option<String>,
}

impl Ufficio {
    /// The ente, with the office of code `uor` where it is one of its own.
    pub(super) fn of(ente: &Ente, uor: Option<&str>) -> Self {
        let uor = ente.uor.iter().find(|office| Some(office.codice.as_str()) == uor);
        Self {
            amministrazione: Ipa { denominazione: ente.denominazione.clone(), codice: ente.codice_ipa.clone() },
            aoo: Some(Ipa { denominazione: ente.aoo.denominazione.clone(), codice: ente.aoo.codice.clone() }),
            uor: uor.map(|office| Ipa { denominazione: office.denominazione.clone(), codice: office.codice.clone() }),
            pec: Some(ente.aoo.pec.clone()),
        }
    }

    fn write(&self, xml: &mut Xml) {
        self.amministrazione.write(xml, "IPAAmm");
        if let Some(aoo) = &self.aoo {
            aoo.write(xml, "IPAAOO");
        }
        if let Some(uor) = &self.uor {
            uor.write(xml, "IPAUOR");
        }
    }
}

/// A natural person with both names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PersonaFisica {
    pub cognome: String,
    pub nome: String,
    /// Fits the pattern of the norm.
    pub codice_fiscale: Option<String>,
    pub indirizzo: Option<String>,
}

impl PersonaFisica {
    pub(super) fn write(&self, xml: &mut Xml, name: &str) {
        xml.group(name, |xml| {
            self.write_names(xml);
            xml.leaf_if("IndirizziDigitaliDiRiferimento", self.indirizzo.as_deref());
        });
    }

    fn write_names(&self, xml: &mut Xml) {
        xml.leaf("Cognome", &self.cognome);
        xml.leaf("Nome", &self.nome);
        xml.leaf_if("CodiceFiscale", self.codice_fiscale.as_deref());
    }
}

impl From<&Persona> for PersonaFisica {
    fn from(persona: &Persona) -> Self {
        Self {
            cognome: persona.cognome.trim().to_owned(),
            nome: persona.nome.trim().to_owned(),
            codice_fiscale: persona.codice_fiscale.as_deref().filter(|code| is_codice_fiscale(code)).map(str::to_owned),
            indirizzo: None,
        }
    }
}

/// One subject. A foreign administration is written only where somebody stated one: nothing on a page tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Soggetto {
    /// Persona fisica.
    Pf(PersonaFisica),
    /// Persona giuridica; also an Italian administration whose IPA codes are not known.
    Pg { denominazione: String, codice: Option<String>, indirizzo: Option<String> },
    /// Amministrazione italiana: the ente, or one whose codes were stated.
    Pai(Ufficio),
    /// Amministrazione estera.
    Pae { denominazione: String, ufficio: Option<String>, indirizzo: Option<String> },
    /// An office that has it in hand, and a person in it; in a documento informatico by names alone.
    As { persona: Option<PersonaFisica>, ufficio: Ufficio, has_codes: bool },
    /// Responsabile unico del procedimento.
    Rup(PersonaFisica, Ufficio),
    /// Software.
    Sw(String),
}

/// One role of a document or an aggregation: element name, literal and subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ruolo {
    pub element: &'static str,
    pub literal: String,
    pub soggetto: Soggetto,
}

impl Ruolo {
    pub(super) fn new(element: &'static str, literal: impl Into<String>, soggetto: Soggetto) -> Self {
        Self { element, literal: literal.into(), soggetto }
    }

    pub(super) fn write(&self, xml: &mut Xml) {
        xml.group("Ruolo", |xml| {
            xml.group(self.element, |xml| {
                xml.leaf("TipoRuolo", &self.literal);
                self.soggetto.write(xml);
            });
        });
    }
}

impl Soggetto {
    fn write(&self, xml: &mut Xml) {
        match self {
            Self::Pf(persona) => persona.write(xml, "PF"),
            Self::Pg { denominazione, codice, indirizzo } => xml.group("PG", |xml| {
                xml.leaf("DenominazioneOrganizzazione", denominazione);
                xml.leaf_if("CodiceFiscale_PartitaIva", codice.as_deref());
                xml.leaf_if("IndirizziDigitaliDiRiferimento", indirizzo.as_deref());
            }),
            Self::Pai(ufficio) => xml.group("PAI", |xml| {
                ufficio.write(xml);
                xml.leaf_if("IndirizziDigitaliDiRiferimento", ufficio.pec.as_deref());
            }),
            Self::Pae { denominazione, ufficio, indirizzo } => xml.group("PAE", |xml| {
                xml.leaf("DenominazioneAmministrazione", denominazione);
                xml.leaf_if("DenominazioneUfficio", ufficio.as_deref());
                xml.leaf_if("IndirizziDigitaliDiRiferimento", indirizzo.as_deref());
            }),
            Self::As { .. } => xml.group("AS", |xml| self.write_assignee(xml)),
            Self::Rup(persona, ufficio) => xml.group("RUP", |xml| {
                persona.write_names(xml);
                ufficio.write(xml);
                xml.leaf_if("IndirizziDigitaliDiRiferimento", ufficio.pec.as_deref());
            }),
            Self::Sw(name) => xml.group("SW", |xml| xml.leaf("DenominazioneSistema", name)),
        }
    }

    /// What stands in `AS`, and in `SoggettoAssegnatario` of an assignment; nothing of another subject.
    pub(super) fn write_assignee(&self, xml: &mut Xml) {
        let Self::As { persona, ufficio, has_codes } = self else { return };
        if let Some(persona) = persona {
            persona.write_names(xml);
        }
        if *has_codes {
            ufficio.write(xml);
        } else {
            xml.leaf("DenominazioneOrganizzazione", &ufficio.amministrazione.denominazione);
            xml.leaf("DenominazioneUfficio", ufficio.uor.as_ref().map_or("", |uor| &uor.denominazione));
        }
        xml.leaf_if("IndirizziDigitaliDiRiferimento", ufficio.pec.as_deref());
    }
}

/// True of sixteen characters in the form of the norm (norms 2.3): upper case, omocodia allowed, check letter not asked.
pub(super) fn is_codice_fiscale(code: &str) -> bool {
    const DIGIT: &str = "0123456789LMNPQRSTUV";
    const MONTH: &str = "ABCDEHLMPRST";
    code.chars().count() == 16
        && code.chars().enumerate().all(|(i, c)| match i {
            6 | 7 | 9 | 10 | 12..=14 => DIGIT.contains(c),
            8 => MONTH.contains(c),
            _ => c.is_ascii_uppercase(),
        })
}

/// True of eleven digits.
pub(super) fn is_codice_ente(code: &str) -> bool {
    code.len() == 11 && code.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codice_fiscale_has_the_form_of_the_norm() {
        for good in ["BSCCST70S05A944C", "RSSMRA80A01H501U", "RSSMRALLA01HRL1U"] {
            assert!(is_codice_fiscale(good), "{good}");
        }
        for bad in ["", "bsccst70s05a944c", "BSCCST70S05A944", "BSCCST70F05A944C", "BSCCST7AS05A944C", "BSCCST70S05A944CC"] {
            assert!(!is_codice_fiscale(bad), "{bad}");
        }
    }
}
