//! The register of a day as data (`schemas/registro-giornaliero.xsd`): everything that its PDF/A says, for machines.

use jiff::Timestamp;

use crate::ente::Ente;
use crate::error::Result;
use crate::registro::{Giornata, LACUNE_MAX, Registrazione, TipoVariazione, Variazione, flusso, numero};
use crate::schemas::Schema;
use crate::xml::{Xml, legal};

const SPACE: &str = "urn:conserva:registro-giornaliero:1";

/// All that the register of a day is made of.
#[derive(Debug, Clone, Copy)]
pub struct RegistroDossier<'a> {
    /// Whose it is.
    pub ente: &'a Ente,
    /// The day.
    pub giornata: &'a Giornata,
    /// Number of the daily register within its year.
    pub progressivo: u32,
    /// When it is made.
    pub at: Timestamp,
    /// By whom or what.
    pub by: &'a str,
}

/// Writes the register of a day; what does not fit its schema is a bug of ours.
pub fn registro(dossier: &RegistroDossier<'_>) -> Result<String> {
    let RegistroDossier { ente, giornata, progressivo, at, by } = *dossier;
    let gestione = &ente.responsabili.gestione_documentale;
    let responsabile = ente.responsabili.protocollo.as_ref().unwrap_or(gestione);
    let mut xml = Xml::default();
    xml.element("RegistroGiornaliero", &[("xmlns", SPACE)], |xml| {
        xml.leaf("CodiceIPA", &ente.codice_ipa);
        xml.leaf("Denominazione", &ente.denominazione);
        xml.leaf("CodiceAOO", &ente.aoo.codice);
        xml.leaf("DenominazioneAOO", &ente.aoo.denominazione);
        xml.leaf("CodiceRegistro", &ente.aoo.registro);
        xml.leaf("Progressivo", &progressivo.to_string());
        xml.leaf("Data", &giornata.giorno.to_string());
        xml.leaf("Produzione", &at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        xml.leaf("ProdottoDa", &legal(by));
        xml.leaf("Responsabile", &format!("{} {}", responsabile.nome, responsabile.cognome));
        xml.leaf_if("PrimoNumero", giornata.first().map(numero).as_deref());
        xml.leaf_if("UltimoNumero", giornata.last().map(numero).as_deref());
        xml.leaf("NumeroRegistrazioni", &giornata.registrazioni.len().to_string());
        xml.leaf("NumeroAnnullamenti", &giornata.count(TipoVariazione::Annullamento).to_string());
        xml.leaf("NumeroModifiche", &giornata.count(TipoVariazione::Modifica).to_string());
        xml.leaf("NumeroLacune", &giornata.lacune.len().to_string());
        for gap in giornata.lacune.iter().take(LACUNE_MAX) {
            xml.leaf_with("Lacuna", &[("da", &numero(gap.da)), ("a", &numero(gap.a))], "");
        }
        giornata.registrazioni.iter().for_each(|one| registrazione(xml, one));
        giornata.variazioni.iter().for_each(|one| variazione(xml, one));
    });
    let xml = xml.finish();
    Schema::RegistroGiornaliero.ensure_ours(&xml)?;
    Ok(xml)
}

fn registrazione(xml: &mut Xml, one: &Registrazione) {
    xml.group("Registrazione", |xml| {
        xml.leaf("Numero", &numero(one.numero));
        xml.leaf("Data", &one.data.to_string());
        xml.leaf_if("Ora", one.ora.map(|ora| ora.strftime("%H:%M:%S").to_string()).as_deref());
        xml.leaf("Flusso", flusso(one.verso));
        xml.leaf_if("Mittente", one.mittente.as_deref());
        one.destinatari.iter().for_each(|name| xml.leaf("Destinatario", name));
        xml.leaf("Oggetto", &one.oggetto);
        xml.leaf_if("ProtocolloMittente", one.protocollo_mittente.as_deref());
        xml.leaf_if("Impronta", one.impronta.map(|impronta| impronta.base64()).as_deref());
        xml.leaf_if("Classificazione", one.voce.as_deref());
        xml.leaf("Riservato", if one.riservato { "true" } else { "false" });
    });
}

fn variazione(xml: &mut Xml, one: &Variazione) {
    xml.group("Variazione", |xml| {
        xml.leaf("Tipo", one.tipo.word());
        xml.leaf("Numero", &numero(one.numero));
        xml.leaf("Anno", &one.anno.to_string());
        xml.leaf("Data", &one.data.to_string());
        xml.leaf_if("Ora", one.ora.map(|ora| ora.strftime("%H:%M:%S").to_string()).as_deref());
        xml.leaf_if("Campo", one.campo.as_deref());
        xml.leaf_if("Prima", one.prima.as_deref());
        xml.leaf_if("Dopo", one.dopo.as_deref());
        xml.leaf("Operatore", &one.operatore);
        xml.leaf_if("Provvedimento", one.provvedimento.as_deref());
    });
}
