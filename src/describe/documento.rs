//! What does the metadata of a document hold? The two documents of Allegato 5 as one typed value, and their XML in order.

use jiff::civil::{Date, Time};

use super::checks::Checks;
use super::registration::Registrazione;
use super::soggetto::{PersonaFisica, Ruolo};
use super::{Literals, Prodotto, Tipo, TipoModifica};
use crate::aggregation::TipoAggregazione;
use crate::digest::Digest;
use crate::xml::Xml;

/// `DocumentoAmministrativoInformatico` or `DocumentoInformatico`: every mandatory element is a plain field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Documento {
    pub tipo: Tipo,
    pub id: IdDoc,
    pub formazione: String,
    pub tipologia: String,
    pub registrazione: Registrazione,
    pub soggetti: Vec<Ruolo>,
    pub oggetto: String,
    /// At most five.
    pub parole_chiave: Vec<String>,
    /// At most 9,999.
    pub allegati: Vec<Allegato>,
    pub classificazione: Classificazione,
    pub riservato: bool,
    pub formato: String,
    pub verifica: Verifica,
    /// At least one, its own first.
    pub aggregazioni: Vec<(TipoAggregazione, String)>,
    pub primario: Option<IdDoc>,
    pub prodotto: Option<Prodotto>,
    pub nome: String,
    pub versione: u32,
    pub modifica: Option<Tracciatura>,
    pub tempo_di_conservazione: Option<u32>,
    pub note: Option<String>,
}

/// Identity: digest and identifier, and of an administrative document its segnatura.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IdDoc {
    pub impronta: Digest,
    pub identificativo: String,
    pub segnatura: Option<String>,
}

impl IdDoc {
    fn write(&self, xml: &mut Xml, name: &str) {
        xml.group(name, |xml| self.write_content(xml));
    }

    pub(super) fn write_content(&self, xml: &mut Xml) {
        xml.group("ImprontaCrittograficaDelDocumento", |xml| {
            xml.leaf("Impronta", &self.impronta.base64());
            xml.leaf("Algoritmo", "SHA-256");
        });
        xml.leaf("Identificativo", &self.identificativo);
        xml.leaf_if("Segnatura", self.segnatura.as_deref());
    }
}

/// One attachment of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Allegato {
    pub id: IdDoc,
    pub descrizione: String,
}

/// Place in the Titolario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Classificazione {
    pub indice: String,
    pub descrizione: String,
    pub piano: Option<String>,
}

impl Classificazione {
    pub(super) fn write(&self, xml: &mut Xml) {
        xml.group("Classificazione", |xml| {
            xml.leaf("IndiceDiClassificazione", &self.indice);
            xml.leaf("Descrizione", &self.descrizione);
            xml.leaf_if("PianoDiClassificazione", self.piano.as_deref());
        });
    }
}

/// The four flags. They come out of [`Checks`] and of nothing else, so none is true without a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the norm has four flags")]
pub(super) struct Verifica {
    firma: bool,
    sigillo: bool,
    marca: bool,
    conformita: bool,
}

impl From<&Checks> for Verifica {
    fn from(checks: &Checks) -> Self {
        Self {
            firma: checks.firma.is_some(),
            sigillo: checks.sigillo.is_some(),
            marca: checks.marca.is_some(),
            conformita: checks.conformita.is_some(),
        }
    }
}

impl Verifica {
    fn write(self, xml: &mut Xml) {
        xml.group("Verifica", |xml| {
            xml.leaf("FirmatoDigitalmente", &self.firma.to_string());
            xml.leaf("SigillatoElettronicamente", &self.sigillo.to_string());
            xml.leaf("MarcaturaTemporale", &self.marca.to_string());
            xml.leaf("ConformitaCopieImmagineSuSupportoInformatico", &self.conformita.to_string());
        });
    }
}

/// The change that made this version. Its author is the operator named among the subjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tracciatura {
    pub tipo: TipoModifica,
    pub autore: PersonaFisica,
    pub data: Date,
    pub ora: Option<Time>,
    pub precedente: IdDoc,
}

impl Tracciatura {
    fn write(&self, xml: &mut Xml) {
        let tipo = match self.tipo {
            TipoModifica::Annullamento => "Annullamento",
            TipoModifica::Rettifica => "Rettifica",
            TipoModifica::Integrazione => "Integrazione",
            TipoModifica::Annotazione => "Annotazione",
        };
        xml.group("TracciatureModificheDocumento", |xml| {
            xml.leaf("TipoModifica", tipo);
            self.autore.write(xml, "SoggettoAutoreDellaModifica");
            xml.leaf("DataModifica", &self.data.to_string());
            xml.leaf_if("OraModifica", self.ora.map(|ora| ora.to_string()).as_deref());
            self.precedente.write(xml, "IdDocVersionePrecedente");
        });
    }
}

impl Documento {
    /// The XML, in the order of the schema.
    pub(super) fn xml(&self, literals: &Literals) -> String {
        let mut xml = Xml::default();
        xml.group(self.tipo.root(), |xml| {
            self.id.write(xml, "IdDoc");
            xml.leaf("ModalitaDiFormazione", &self.formazione);
            xml.leaf("TipologiaDocumentale", &self.tipologia);
            self.registrazione.write(xml, literals);
            xml.group("Soggetti", |xml| self.soggetti.iter().for_each(|ruolo| ruolo.write(xml)));
            xml.group("ChiaveDescrittiva", |xml| {
                xml.leaf("Oggetto", &self.oggetto);
                self.parole_chiave.iter().for_each(|word| xml.leaf("ParoleChiave", word));
            });
            self.write_allegati(xml);
            self.classificazione.write(xml);
            xml.leaf("Riservato", &self.riservato.to_string());
            xml.group("IdentificativoDelFormato", |xml| self.write_formato(xml));
            self.verifica.write(xml);
            xml.group("Agg", |xml| {
                for (tipo, id) in &self.aggregazioni {
                    xml.group("TipoAgg", |xml| {
                        xml.leaf("TipoAggregazione", tipo.literal());
                        xml.leaf("IdAggregazione", id);
                    });
                }
            });
            if let Some(primario) = &self.primario {
                primario.write(xml, "IdIdentificativoDocumentoPrimario");
            }
            xml.leaf("NomeDelDocumento", &self.nome);
            xml.leaf("VersioneDelDocumento", &self.versione.to_string());
            if let Some(modifica) = &self.modifica {
                modifica.write(xml);
            }
            xml.leaf_if("TempoDiConservazione", self.tempo_di_conservazione.map(|years| years.to_string()).as_deref());
            xml.leaf_if("Note", self.note.as_deref());
        });
        xml.finish()
    }

    fn write_formato(&self, xml: &mut Xml) {
        xml.leaf("Formato", &self.formato);
        if let Some(Prodotto { nome, versione, produttore }) = &self.prodotto {
            xml.group("ProdottoSoftware", |xml| {
                xml.leaf_if("NomeProdotto", nome.as_deref());
                xml.leaf_if("VersioneProdotto", versione.as_deref());
                xml.leaf_if("Produttore", produttore.as_deref());
            });
        }
    }

    fn write_allegati(&self, xml: &mut Xml) {
        xml.group("Allegati", |xml| {
            xml.leaf("NumeroAllegati", &self.allegati.len().to_string());
            for allegato in &self.allegati {
                xml.group("IndiceAllegati", |xml| {
                    allegato.id.write(xml, "IdDoc");
                    xml.leaf("Descrizione", &allegato.descrizione);
                });
            }
        });
    }
}
