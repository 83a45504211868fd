//! What does the document say? `fields`: identifiers with check digits, dates, parties, protocol stamp, oggetto.
//!
//! Every reading carries page, box, origin and confidence. Values with a check digit are kept only when the check holds;
//! values without one (protocollo, oggetto, mittente) wait for a second and independent reading of the same place
//! ([`regions`], [`confirm`]) and are held by [`doubts()`] where none agrees (invariant 11).

mod acts;
mod addressee;
mod alternatives;
mod beside;
mod codes;
mod confused;
mod dates;
mod doubts;
mod given;
mod identifiers;
mod letterhead;
mod mentions;
mod names;
mod oggetto;
mod organs;
mod parties;
mod protocollo;
mod registration;
mod roles;
mod rows;
mod second;
mod spelling;
mod stamp;
mod vote;

use crate::ente::Ente;
use crate::fields::Fields;
use crate::page::PageText;

pub use doubts::doubts;
pub use given::contradictions;
pub use second::{FieldRegion, FieldReread, confirm, regions};
pub use spelling::spelling;
pub use stamp::{StampReread, unread_stamps};
pub use vote::vote;

/// All values read from the pages of one document of `ente`.
pub fn fields(pages: &[PageText], ente: &Ente) -> Fields {
    fields_with(pages, ente, &[])
}

/// The same, where the pages' own reading finds no registration, with that of the first of `stamps` that says one.
pub fn fields_with(pages: &[PageText], ente: &Ente, stamps: &[StampReread]) -> Fields {
    let rows = beside::parted(rows::Rows::of(pages), pages, ente);
    let mut fields = Fields::default();
    identifiers::read(&rows, &mut fields);
    mentions::read(&rows, &mut fields);
    oggetto::read(&rows, &mut fields);
    let stage = parties::stage(&rows, ente);
    protocollo::read(&rows, ente, &stage, &mut fields);
    if fields.protocollo.is_none() {
        let is_taken = stamps.iter().any(|one| stamp::take(one, (&stage, ente), &mut fields));
        if !is_taken {
            stamp::notice(stamps, &mut fields);
        }
    }
    parties::read(&rows, ente, &stage, &mut fields);
    fields
}

/// Adds what further pages of the same document mention: codes, amounts, addresses, references.
pub fn mentioned(fields: &mut Fields, pages: &[PageText]) {
    let rows = rows::Rows::of(pages);
    identifiers::read(&rows, fields);
    mentions::read(&rows, fields);
}

#[cfg(test)]
mod tests;
