//! What does the register of a day say? First and last number, how many, which are missing, what was changed and annulled (rule N-11).

use jiff::civil::Date;

use super::{Registrazione, TipoVariazione, Variazione};

/// Most gaps that are told one by one; the rest are counted.
pub const LACUNE_MAX: usize = 200;

/// Numbers that are missing, in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Lacuna {
    /// The first that is missing.
    pub da: u64,
    /// The last.
    pub a: u64,
}

/// A day of the register, its entries by number.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Giornata {
    /// The day.
    pub giorno: Date,
    /// Its registrations, by number.
    pub registrazioni: Vec<Registrazione>,
    /// What was changed and annulled on this day, of whatever registration.
    pub variazioni: Vec<Variazione>,
    /// The last number of the year before this day; none where none is known.
    pub precedente: Option<u64>,
    /// Numbers missing between the last one before and the last one of the day.
    pub lacune: Vec<Lacuna>,
}

impl Giornata {
    /// The day of these entries.
    pub fn new(
        giorno: Date,
        (mut registrazioni, variazioni): (Vec<Registrazione>, Vec<Variazione>),
        precedente: Option<u64>,
    ) -> Self {
        registrazioni.sort_by_key(|one| one.numero);
        let (mut lacune, mut expected) = (Vec::new(), precedente.unwrap_or(0) + 1);
        for one in &registrazioni {
            if one.numero > expected {
                lacune.push(Lacuna { da: expected, a: one.numero - 1 });
            }
            expected = expected.max(one.numero + 1);
        }
        Self { giorno, registrazioni, variazioni, precedente, lacune }
    }

    /// The first number of the day.
    pub fn first(&self) -> Option<u64> {
        self.registrazioni.first().map(|one| one.numero)
    }

    /// The last number of the day.
    pub fn last(&self) -> Option<u64> {
        self.registrazioni.last().map(|one| one.numero)
    }

    /// How many changes of a kind were made on the day.
    pub fn count(&self, tipo: TipoVariazione) -> usize {
        self.variazioni.iter().filter(|one| one.tipo == tipo).count()
    }

    /// True of a day on which nothing was registered, changed or annulled.
    pub fn is_empty(&self) -> bool {
        self.registrazioni.is_empty() && self.variazioni.is_empty()
    }

    /// True if an entry is restricted: then the whole is (rule N-14).
    pub fn is_riservato(&self) -> bool {
        self.registrazioni.iter().any(|one| one.riservato)
    }

    /// The annulment of the whole registration, where this day made one.
    pub fn annulled(&self, one: &Registrazione) -> Option<&Variazione> {
        let is_whole = |change: &&Variazione| change.tipo == TipoVariazione::Annullamento && change.campo.is_none();
        self.variazioni.iter().filter(is_whole).find(|change| (change.anno, change.numero) == (one.anno, one.numero))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::fields::Verso;

    fn entry(numero: u64) -> Registrazione {
        Registrazione {
            numero,
            anno: 2024,
            data: date(2024, 3, 12),
            ora: None,
            verso: Verso::I,
            mittente: None,
            destinatari: Vec::new(),
            oggetto: "x".into(),
            protocollo_mittente: None,
            impronta: None,
            voce: None,
            riservato: false,
        }
    }

    #[test]
    fn what_is_missing_since_the_day_before_is_told() {
        let day = |numbers: &[u64], before| {
            let entries = numbers.iter().map(|numero| entry(*numero)).collect();
            let day = Giornata::new(date(2024, 3, 12), (entries, Vec::new()), before);
            (day.first(), day.last(), day.lacune.iter().map(|gap| (gap.da, gap.a)).collect::<Vec<_>>())
        };
        assert_eq!(day(&[12, 11, 13], Some(10)), (Some(11), Some(13), vec![]));
        assert_eq!(day(&[13, 17, 14], Some(10)), (Some(13), Some(17), vec![(11, 12), (15, 16)]));
        assert_eq!(day(&[3], None), (Some(3), Some(3), vec![(1, 2)]), "a year begins with 1");
        assert_eq!(day(&[], Some(10)), (None, None, vec![]));
    }
}
