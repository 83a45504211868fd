//! What is it where the office has said what it is? What is given stands, the rest follows from it, and a contradiction with
//! what the pages surely say is a doubt.

use super::cues::Heard;
use super::tipi::{self, Tipo};
use super::{Context, aggregazione, doubts, filing, placed};
use crate::aggregation::TipoAggregazione;
use crate::document::Hold;
use crate::fields::Fields;
use crate::filing::{Filing, Voce};
use crate::given::{self, Given};
use crate::messages::Message;
use crate::page::PageText;

/// The filing of a document of which `given` (the highest rank first) says something.
pub fn filing_given(pages: &[PageText], fields: &Fields, (context, given): (&Context<'_>, &[Given])) -> Filing {
    let mut filed = filing(pages, fields, context);
    tipo_and_voce(&mut filed, (pages, fields), (context, given));
    if let Some((riservato, source)) = given::first(given, |g| g.riservato) {
        if filed.riservato && !riservato {
            filed.doubts.push(contradiction("riservato", ("no", &source.origin), "si"));
        }
        filed.riservato = riservato;
        filed.riservato_origin = Some(source.origin.clone());
    }
    if let Some((fascicolo, source)) = given::first(given, |g| g.fascicolo.as_ref())
        && filed.aggregazione.tipo == TipoAggregazione::Fascicolo
    {
        fascicolo.clone_into(&mut filed.aggregazione.thread);
        filed.reasons.push(reason("fascicolo", fascicolo, &source.origin));
    }
    filed
}

/// Lays tipo and voce over the proposal; all that follows from them is made anew.
fn tipo_and_voce(filed: &mut Filing, (pages, fields): (&[PageText], &Fields), (context, given): (&Context<'_>, &[Given])) {
    let knowledge = tipi::knowledge();
    let heard = Heard::of(pages, fields, &knowledge.lexicon);
    let known = |code: &str| knowledge.tipi.iter().find(|tipo| tipo.code == code);
    let mut unknown = Vec::new();
    let mut said_tipo: Option<(&Tipo, &Given)> = None;
    if let Some((code, source)) = given::first(given, |g| g.tipo.as_deref()) {
        match known(code) {
            Some(tipo) => said_tipo = Some((tipo, source)),
            None => unknown.push(not_known("tipo", code, &source.origin)),
        }
    }
    let mut said_voce: Option<(Voce, &Given)> = None;
    if let Some((voce, source)) = given::first(given, |g| g.voce.as_ref()) {
        let voce = Voce(voce.clone());
        if context.titolario.voce(&voce).is_some() {
            said_voce = Some((voce, source));
        } else {
            unknown.push(not_known("voce", &voce.0, &source.origin));
        }
    }
    if said_tipo.is_some() || said_voce.is_some() {
        let read = filed.clone();
        let Some(tipo) = said_tipo.map(|(tipo, _)| tipo).or_else(|| known(&read.tipo.value)) else { return };
        let sure = if said_tipo.is_some() { 1.0 } else { read.tipo.confidence };
        lay(filed, (&heard, said_voce.as_ref()), (tipo, sure), (fields, context));
        if let Some((tipo, source)) = said_tipo {
            filed.tipo = source.reading(tipo.code.clone());
            filed.reasons.push(reason("tipo", &tipo.code, &source.origin));
        }
        let limit = context.ente.soglie.classificazione;
        let sure_tipo = read.tipo.confidence >= limit;
        let mut against = Vec::new();
        if let Some((tipo, source)) = said_tipo.filter(|(tipo, _)| sure_tipo && tipo.code != read.tipo.value) {
            against.push(contradiction("tipo", (&tipo.code, &source.origin), &read.tipo.value));
        }
        // Of another tipo the pages say nothing about this one's voce.
        let is_same = tipo.code == read.tipo.value && sure_tipo && read.voce.confidence >= limit;
        if let Some((voce, source)) = said_voce.filter(|(voce, _)| is_same && *voce != read.voce.value) {
            against.push(contradiction("voce", (&voce.0, &source.origin), &read.voce.value.0));
        }
        filed.doubts.extend(against);
    }
    filed.doubts.extend(unknown);
}

/// Files it as `tipo`, which is `sure` so far, in the voce that was said or, of that tipo, is found.
fn lay(
    filed: &mut Filing,
    (heard, said): (&Heard, Option<&(Voce, &Given)>),
    (tipo, sure): (&Tipo, f32),
    (fields, context): (&Fields, &Context<'_>),
) {
    let knowledge = tipi::knowledge();
    let found = placed(heard, knowledge, tipo, fields, context).settled(context);
    if let Some((voce, source)) = said {
        filed.voce = source.reading(voce.clone());
        filed.reasons.push(reason("voce", &voce.0, &source.origin));
        filed.confidence = sure;
    } else {
        let (value, origin) = (found.voce.clone(), filed.voce.origin.clone());
        let (confidence, page, rect) = (found.confidence, found.page, found.rect);
        filed.voce = crate::fields::Reading { value, confidence, origin, page, rect, second: None };
        filed.confidence = sure.min(found.confidence);
    }
    filed.doubts = doubts(tipo, filed.confidence, &found, &filed.alternatives, context);
    filed.aggregazione = aggregazione::key(tipo, &filed.voce.value, fields, context);
    filed.riservato |= tipo.riservato;
    filed.tempo_di_conservazione = context.years(tipo, &filed.voce.value);
}

fn contradiction(field: &str, (given, origin): (&str, &str), read: &str) -> Hold {
    let message = Message::new("given-contradicted").with("field", field).with("given", given).with("origin", origin);
    Hold::new(message.with("read", read)).on_field(field)
}

fn not_known(field: &str, value: &str, origin: &str) -> Hold {
    let message = Message::new("given-unknown").with("field", field).with("value", value).with("origin", origin);
    Hold::new(message).on_field(field)
}

fn reason(field: &str, value: &str, origin: &str) -> Message {
    Message::new("reason-given").with("field", field).with("value", value).with("origin", origin)
}
