//! How exactly does this conservatore spell it? The long literals of Allegato 5, as a table that can be replaced.
//!
//! Copies of the schemas in use differ by stray blanks inside these texts, and a value valid in one fails in another
//! (norms 2.6); so they are data. The default is the spelling of our own `schemas/`.

use serde::{Deserialize, Serialize};

use super::Formazione;

/// The literals that differ between conservatori.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Literals {
    /// `ModalitaDiFormazione` a.
    pub formazione_a: String,
    /// `ModalitaDiFormazione` b.
    pub formazione_b: String,
    /// `ModalitaDiFormazione` c.
    pub formazione_c: String,
    /// `ModalitaDiFormazione` d.
    pub formazione_d: String,
    /// `TipoRegistro` of the protocol.
    pub protocollo: String,
    /// `TipoRegistro` of a repertory.
    pub repertorio: String,
    /// `TipoRuolo` of who registers, in an administrative document.
    pub registra: String,
    /// `TipoRuolo` of the responsabile della gestione documentale.
    pub gestione: String,
    /// `TipoRuolo` of the responsabile del servizio di protocollo.
    pub servizio_protocollo: String,
}

impl Default for Literals {
    fn default() -> Self {
        Self {
            formazione_a: "creazione tramite utilizzo di strumenti software che assicurino la produzione di documenti nei \
                           formati previsti in allegato 2"
                .into(),
            formazione_b: "acquisizione di un documento informatico per via telematica o su supporto informatico, \
                           acquisizione della copia per immagine su supporto informatico di un documento analogico, \
                           acquisizione della copia informatica di un documento analogico"
                .into(),
            formazione_c: "memorizzazione su supporto informatico in formato digitale delle informazioni risultanti da \
                           transazioni o processi informatici o dalla presentazione telematica di dati attraverso moduli o \
                           formulari resi disponibili ad utente"
                .into(),
            formazione_d: "generazione o raggruppamento anche in via automatica di un insieme di dati o registrazioni, \
                           provenienti da una o più banche dati, anche appartenenti a più soggetti interoperanti, secondo \
                           una struttura logica predeterminata e memorizzata in forma statica"
                .into(),
            protocollo: r"ProtocolloOrdinario\ProtocolloEmergenza".into(),
            repertorio: r"Repertorio\Registro".into(),
            registra: "Amministrazione Che Effettua La Registrazione".into(),
            gestione: "Responsabile della Gestione Documentale".into(),
            servizio_protocollo: "Responsabile del Servizio di Protocollo".into(),
        }
    }
}

impl Literals {
    /// The literal of a way of forming a document.
    pub fn formazione(&self, formazione: Formazione) -> &str {
        match formazione {
            Formazione::A => &self.formazione_a,
            Formazione::B => &self.formazione_b,
            Formazione::C => &self.formazione_c,
            Formazione::D => &self.formazione_d,
        }
    }
}
