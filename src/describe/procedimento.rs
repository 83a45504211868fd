//! Which phases of a procedimento do its documents prove? Only those whose beginning a registration dates (rule G-06).
//!
//! An application begins the procedimento on the day it is registered in arrival (law 241/1990, article 2): the phase
//! *preparatoria*, if the Fascicolo begins with it. A practice of earlier years that the page cites had begun before: its
//! beginning is not known here. An act registered in a register of its own decides: the phase *decisoria*, on its date.
//! When a phase ended, and what happened between the two, no document says: those stay out.

use jiff::civil::Date;

use super::{Fase, PeriodoFase, Procedimento};
use crate::document::DocumentId;
use crate::fields::{Fields, Verso};

/// A document of the Fascicolo, as far as the phases hang on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Passo<'a> {
    /// Which.
    pub id: &'a DocumentId,
    /// Its tipo code, and in words.
    pub tipo: (&'a str, &'a str),
    /// What was read from it or decided about it.
    pub fields: &'a Fields,
}

impl Passo<'_> {
    /// True if the Fascicolo was opened for this document, not tied to an earlier practice that it names.
    fn is_opening(&self, thread: &str) -> bool {
        thread == self.id.as_str() || thread.strip_suffix(self.tipo.0).is_some_and(|person| person.ends_with(' '))
    }
}

/// The day of the registration in arrival.
fn arrived(fields: &Fields) -> Option<Date> {
    let protocollo = &fields.protocollo.as_ref()?.value;
    protocollo.data.filter(|_| protocollo.verso == Some(Verso::E))
}

/// The day of the act of the ente's own register.
fn decided(fields: &Fields) -> Option<Date> {
    let repertorio = &fields.repertorio.as_ref()?.value;
    if arrived(fields).is_some() {
        return None;
    }
    let own = fields.data.as_ref().map(|reading| reading.value).filter(|data| data.year() == repertorio.anno);
    repertorio.data.or(own)
}

/// The procedimento of a Fascicolo tied by `thread`, with the phases that its documents prove; none where they prove none.
/// `materia` is the voce of the Titolario in words.
pub fn procedimento(materia: &str, thread: &str, passi: &[Passo<'_>]) -> Option<Procedimento> {
    let first = |day: fn(&Fields) -> Option<Date>| {
        passi.iter().filter_map(|passo| day(passo.fields).map(|data| (data, passo))).min_by_key(|(data, _)| *data)
    };
    let opened = first(arrived).filter(|(_, passo)| passo.is_opening(thread));
    let decided = first(decided).filter(|(data, _)| opened.as_ref().is_none_or(|(begun, _)| begun <= data));
    let (_, named) = opened.as_ref().or(decided.as_ref())?;
    let (materia, nome) = (materia.trim(), named.tipo.1.trim());
    if materia.is_empty() || nome.is_empty() {
        return None;
    }
    let phase = |fase, inizio| PeriodoFase { fase, inizio, fine: None };
    let fasi = opened.iter().map(|(data, _)| phase(Fase::Preparatoria, *data));
    let fasi = fasi.chain(decided.iter().map(|(data, _)| phase(Fase::Decisoria, *data))).collect();
    Some(Procedimento { materia: materia.to_owned(), procedimento: nome.to_owned(), catalogo: None, fasi })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::fields::{Protocollo, Reading, Repertorio};

    fn reading<T>(value: T) -> Reading<T> {
        Reading { value, confidence: 1.0, origin: "test".to_owned(), page: None, rect: None, second: None }
    }

    fn registered(verso: Verso, day: Date) -> Fields {
        let protocollo = Protocollo { numero: "0000001".into(), anno: day.year(), data: Some(day), verso: Some(verso) };
        Fields { protocollo: Some(reading(protocollo)), ..Fields::default() }
    }

    fn act(day: Date) -> Fields {
        let repertorio = Repertorio { numero: "7".into(), anno: day.year(), data: None, registro: "permesso_costruire".into() };
        Fields { repertorio: Some(reading(repertorio)), data: Some(reading(day)), ..registered(Verso::U, day) }
    }

    fn phases(thread: &str, documents: &[(&str, &Fields)]) -> Vec<(Fase, Date)> {
        let ids: Vec<DocumentId> = documents.iter().map(|(id, _)| DocumentId((*id).to_owned())).collect();
        let passi: Vec<Passo<'_>> = ids
            .iter()
            .zip(documents)
            .map(|(id, (_, fields))| Passo { id, tipo: ("permesso_costruire", "Permesso di costruire"), fields })
            .collect();
        let found = procedimento("Edilizia privata", thread, &passi);
        found.map_or_else(Vec::new, |p| p.fasi.iter().map(|fase| (fase.fase, fase.inizio)).collect())
    }

    #[test]
    fn an_application_that_opens_its_fascicolo_begins_the_procedimento() {
        let istanza = registered(Verso::E, date(2024, 3, 12));
        let begun = [(Fase::Preparatoria, date(2024, 3, 12))];
        assert_eq!(phases("doc-1", &[("doc-1", &istanza)]), begun);
        assert_eq!(phases("RSSMRA80A01H501U permesso_costruire", &[("doc-1", &istanza)]), begun);
        let permesso = act(date(2024, 5, 6));
        let both = [begun[0], (Fase::Decisoria, date(2024, 5, 6))];
        assert_eq!(phases("doc-1", &[("doc-2", &permesso), ("doc-1", &istanza)]), both);
    }

    #[test]
    fn a_phase_that_no_registration_dates_is_not_invented() {
        let (istanza, sent) = (registered(Verso::E, date(2024, 3, 12)), registered(Verso::U, date(2024, 3, 12)));
        assert_eq!(phases("pratica edilizia 87/2019", &[("doc-1", &istanza)]), []);
        assert_eq!(phases("doc-1", &[("doc-1", &sent)]), []);
        assert_eq!(phases("doc-1", &[]), []);
        let permesso = act(date(2024, 5, 6));
        assert_eq!(phases("pratica edilizia 87/2019", &[("doc-1", &permesso)]), [(Fase::Decisoria, date(2024, 5, 6))]);
    }
}
