//! How does what the office said outrank what was read? Values from data stand with their source as origin (invariant 11).

use super::{fact, facts, need_document};
use crate::document::{DocumentId, Hold};
use crate::ente::Ente;
use crate::error::Result;
use crate::fields::{Fields, Protocollo};
use crate::given::{self, Given, Registrazione};
use crate::part::{self, Part};
use crate::pipeline::House;

/// What was said of the document's arrival, the highest rank first. Of a divided one a sidecar describes the first part: two
/// documents cannot have one registration; that it is reserved, and its lot, hold of all.
pub(crate) async fn given_of(house: &House, id: &DocumentId) -> Result<Vec<Given>> {
    let row = need_document(house, id).await?;
    let all: Vec<Given> = facts(house, row.document.arrival.as_str(), given::FACT).await?;
    let is_later_part = fact::<Part>(house, id.as_str(), part::FACT).await?.is_some_and(|part| part.is_later);
    Ok(if is_later_part { all.into_iter().map(Given::of_a_later_part).collect() } else { all })
}

/// Lays what was said over what was read.
pub(crate) fn lay(fields: &mut Fields, given: &[Given], ente: &Ente) {
    if let Some((oggetto, source)) = given::first(given, |g| g.oggetto.clone()) {
        fields.oggetto = Some(source.reading(oggetto));
        // Words that the reading may have misspelt are not those of the office.
        fields.doubtful.retain(|doubtful| doubtful.field != "oggetto");
    }
    if let Some((data, source)) = given::first(given, |g| g.data) {
        fields.data = Some(source.reading(data));
    }
    if let Some((party, source)) = given::first(given, |g| g.mittente.clone()) {
        fields.mittente = Some(source.reading(party));
    }
    if let Some((party, source)) = given::first(given, |g| g.destinatario.clone()) {
        fields.destinatario = Some(source.reading(party));
    }
    if let Some((registrazione, source)) = given::first(given, |g| g.registrazione.as_ref()) {
        register(fields, registrazione, (source, ente));
    }
}

/// The registration is ours, or the sender's own: then it stands among the others.
fn register(fields: &mut Fields, given: &Registrazione, (source, ente): (&Given, &Ente)) {
    let mut protocollo = Protocollo { numero: given.numero.clone(), anno: given.anno, data: given.data, verso: given.verso };
    let is_same = |read: &Protocollo| (&read.numero, read.anno) == (&given.numero, given.anno);
    if given.amministrazione.as_ref().is_some_and(|code| *code != ente.codice_ipa) {
        fields.protocolli_altri.retain(|read| !is_same(&read.value));
        fields.protocolli_altri.push(source.reading(protocollo));
        return;
    }
    // What the office left open, the stamp of the same registration may say.
    if let Some(read) = fields.protocollo.as_ref().map(|read| &read.value).filter(|read| is_same(read)) {
        protocollo.data = protocollo.data.or(read.data);
        protocollo.verso = protocollo.verso.or(read.verso);
    }
    fields.doubtful.retain(|doubtful| doubtful.field != "protocollo" || doubtful.check == "conflict");
    fields.protocollo = Some(source.reading(protocollo));
}

/// What of it could not be understood.
pub(crate) fn faults(given: &[Given]) -> Vec<Hold> {
    given.iter().flat_map(|given| &given.faults).map(|fault| Hold::new(fault.clone()).on_field("sidecar")).collect()
}
