//! How does what the office said outrank what was read? Values from data stand with their source as origin (invariant 11).

use super::{division, fact, facts, need_document};
use crate::document::{DocumentId, Hold};
use crate::ente::Ente;
use crate::envelope;
use crate::error::Result;
use crate::fields::{Fields, Party, Protocollo, Reading};
use crate::given::{self, Given, Registrazione};
use crate::part::{self, Part};
use crate::pipeline::House;

/// What was said of the document's arrival, the highest rank first. Of a divided one a sidecar describes the first part: two
/// documents cannot have one registration; that it is reserved, and its lot, hold of all.
pub(crate) async fn given_of(house: &House, id: &DocumentId) -> Result<Vec<Given>> {
    let row = need_document(house, id).await?;
    let mut all: Vec<Given> = facts(house, row.document.arrival.as_str(), given::FACT).await?;
    let mut is_later_part = fact::<Part>(house, id.as_str(), part::FACT).await?.is_some_and(|part| part.is_later);
    if house.store.fact(&house.ente_id, id.as_str(), envelope::FACT).await?.is_some() {
        // The data that came with its files rank below what stands beside the arrival, and above what holds of the whole inbox.
        let own: Vec<Given> = facts(house, id.as_str(), given::FACT).await?;
        let at = usize::from(all.first().is_some_and(|first| first.sidecar.is_some()));
        all.splice(at..at, own);
        is_later_part |= row.document.position > 1;
    }
    if is_later_part {
        all = all.into_iter().map(Given::of_a_later_part).collect();
    }
    if let Some(said) = division::separator_of(house, id).await? {
        // A sidecar was written of the first part by whoever sent the whole; of a later one its own sheet knows more.
        let at = usize::from(!is_later_part && all.first().is_some_and(|first| first.sidecar.is_some()));
        all.insert(at, said);
    }
    Ok(all)
}

/// True where the office said in which fascicolo it belongs.
pub(crate) fn names_fascicolo(given: &[Given]) -> bool {
    given::first(given, |g| g.fascicolo.as_ref()).is_some()
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
    if let Some((repertorio, source)) = given::first(given, |g| g.repertorio.clone()) {
        fields.repertorio = Some(source.reading(repertorio));
    }
    party(&mut fields.mittente, given::first(given, |g| g.mittente.clone()));
    party(&mut fields.destinatario, given::first(given, |g| g.destinatario.clone()));
    for source in given {
        values(fields, source);
    }
    if let Some((registrazione, source)) = given::first(given, |g| g.registrazione.as_ref()) {
        register(fields, registrazione, (source, ente));
    }
}

/// A party as data name it. Data that know its address alone leave the name that was read, and add the address to it.
fn party(field: &mut Option<Reading<Party>>, said: Option<(Party, &Given)>) {
    let Some((said, source)) = said else { return };
    match field {
        Some(read) if said.is_address() => {
            read.value.indirizzo_digitale = said.indirizzo_digitale;
        }
        _ => *field = Some(source.reading(said)),
    }
}

/// The codes, amounts and references that data state take the place of the same ones read, and of doubts about them.
fn values(fields: &mut Fields, source: &Given) {
    fn lay<T: PartialEq + Clone>(read: &mut Vec<Reading<T>>, said: &[T], source: &Given) {
        for value in said {
            read.retain(|read| read.value != *value);
            read.push(source.reading(value.clone()));
        }
    }
    let valori = &source.valori;
    lay(&mut fields.cig, &valori.cig, source);
    lay(&mut fields.cup, &valori.cup, source);
    lay(&mut fields.iban, &valori.iban, source);
    lay(&mut fields.partite_iva, &valori.partite_iva, source);
    lay(&mut fields.codici_fiscali, &valori.codici_fiscali, source);
    lay(&mut fields.pec, &valori.pec, source);
    lay(&mut fields.importi, &valori.importi, source);
    lay(&mut fields.riferimenti, &valori.riferimenti, source);
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
