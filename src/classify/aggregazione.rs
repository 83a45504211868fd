//! Which papers does it join? The key of the aggregation proposed: a serie, a thread that is named, or a new Fascicolo.

use super::Context;
use super::tipi::{Raccolta, Tipo};
use crate::aggregation::{AggregationKey, TipoAggregazione, TipoFascicolo};
use crate::fields::{Fields, Party, PartyKind};
use crate::filing::Voce;
use crate::messages::Message;

/// Voce of the repertories (document types, note on repertori): a serie stands there whatever its acts are about.
const REPERTORI: &str = "I.6";

/// The key of the aggregation proposed for a document of `tipo`.
pub(super) fn key(tipo: &Tipo, voce: &Voce, fields: &Fields, context: &Context<'_>) -> AggregationKey {
    let anno = year(fields, context);
    if tipo.raccolta == Raccolta::Serie {
        // Acts by subject stand in the repertory of acts; registers of their own (invoices, civil status) under their voce.
        let repertory = if tipo.subject { Some(Voce(REPERTORI.into())) } else { tipo.voci.first().cloned() };
        let repertory = repertory.and_then(|proposed| context.titolario.own(&proposed).cloned()).unwrap_or_else(|| voce.clone());
        return AggregationKey {
            tipo: TipoAggregazione::SerieDocumentale,
            fascicolo: None,
            anno,
            voce: repertory,
            serie: tipo.code.clone(),
            thread: String::new(),
            oggetto: format!("{} - anno {anno}", tipo.nome),
        };
    }
    let party = other_party(fields);
    let firm = party.is_some_and(|p| p.kind == PartyKind::PersonaGiuridica);
    let kind = match tipo.raccolta.fascicolo() {
        Some(TipoFascicolo::PersonaFisica | TipoFascicolo::PersonaGiuridica) if firm => TipoFascicolo::PersonaGiuridica,
        Some(kind) => kind,
        None => TipoFascicolo::Affare,
    };
    let (thread, named) = thread(tipo, kind, fields, context);
    let oggetto = match (named, fields.oggetto.as_ref()) {
        (Some(named), _) => named,
        (None, Some(oggetto)) if !tipo.riservato => oggetto.value.clone(),
        _ => tipo.nome.clone(),
    };
    AggregationKey {
        tipo: TipoAggregazione::Fascicolo,
        fascicolo: Some(kind),
        anno,
        voce: voce.clone(),
        serie: String::new(),
        thread,
        oggetto,
    }
}

/// A Fascicolo for a document of which nothing is known.
pub(super) fn loose(voce: &Voce, fields: &Fields, context: &Context<'_>) -> AggregationKey {
    AggregationKey {
        tipo: TipoAggregazione::Fascicolo,
        fascicolo: Some(TipoFascicolo::Affare),
        anno: year(fields, context),
        voce: voce.clone(),
        serie: String::new(),
        thread: context.document.0.clone(),
        oggetto: fields.oggetto.as_ref().map_or_else(|| "-".to_owned(), |o| o.value.clone()),
    }
}

/// Year of the registration, else of the repertorio, else of the document, else of the arrival (rule G-05).
fn year(fields: &Fields, context: &Context<'_>) -> i16 {
    fields
        .repertorio
        .as_ref()
        .map(|r| r.value.anno)
        .or_else(|| fields.protocollo.as_ref().map(|p| p.value.anno))
        .or_else(|| fields.data.as_ref().map(|d| d.value.year()))
        .unwrap_or_else(|| context.received.year())
}

/// The party that is not the ente.
fn other_party(fields: &Fields) -> Option<&Party> {
    let parties = [fields.mittente.as_ref(), fields.destinatario.as_ref()];
    parties.into_iter().flatten().map(|r| &r.value).find(|p| p.kind != PartyKind::Ente)
}

/// What ties the document to others, and the object that the tie itself names.
fn thread(tipo: &Tipo, kind: TipoFascicolo, fields: &Fields, context: &Context<'_>) -> (String, Option<String>) {
    // A practice or fascicolo that the page names; a letter's protocol number ties only where nothing better does.
    let references = || fields.riferimenti.iter().map(|r| r.value.as_str());
    let practice = references().find(|r| !r.starts_with("prot."));
    let person = || {
        let code = other_party(fields).and_then(|p| p.codice.clone());
        code.or_else(|| fields.codici_fiscali.first().filter(|_| fields.codici_fiscali.len() == 1).map(|c| c.value.clone()))
    };
    if kind == TipoFascicolo::Attivita {
        return (tipo.code.clone(), Some(tipo.nome.clone()));
    }
    if matches!(kind, TipoFascicolo::PersonaFisica | TipoFascicolo::PersonaGiuridica)
        && let Some(code) = person()
    {
        return (code, None);
    }
    if let Some(practice) = practice {
        let mut shown = practice.to_owned();
        if let Some(first) = shown.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        return (practice.to_owned(), Some(shown));
    }
    if let Some(cig) = fields.cig.first() {
        return (format!("cig {}", cig.value), None);
    }
    if let Some(letter) = references().find(|r| r.starts_with("prot.")) {
        return (letter.to_owned(), None);
    }
    if kind == TipoFascicolo::Procedimento
        && let Some(code) = person()
    {
        return (format!("{code} {}", tipo.code), None);
    }
    (context.document.0.clone(), None)
}

/// Why that aggregation.
pub(super) fn reason(key: &AggregationKey) -> Message {
    match key.tipo {
        TipoAggregazione::Fascicolo if key.thread.starts_with("doc-") => Message::new("reason-fascicolo-new"),
        TipoAggregazione::Fascicolo => {
            Message::new("reason-fascicolo-thread").with("kind", key.fascicolo.map_or("-", TipoFascicolo::literal))
        }
        TipoAggregazione::SerieDocumentale | TipoAggregazione::SerieDiFascicoli => {
            Message::new("reason-serie").with("serie", &key.serie).with("year", key.anno)
        }
    }
}
