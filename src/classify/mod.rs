//! What is it and where does it belong? `filing`: tipo, voce, aggregation, with reasons; below threshold a doubt.

mod titolario;

use jiff::civil::Date;

use crate::document::DocumentId;
use crate::ente::Ente;

pub use titolario::{Titolario, VoceTitolario};

/// What filing needs to know beside the document itself.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The ente, with its thresholds.
    pub ente: &'a Ente,
    /// Its Titolario.
    pub titolario: &'a Titolario,
    /// The document: what ties an aggregation where nothing else does.
    pub document: &'a DocumentId,
    /// The day it came in (ente's zone): the year of an aggregation where no registration gives one.
    pub received: Date,
}
