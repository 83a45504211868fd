//! `fascicolo`: open, close and open again.

use clap::Subcommand;
use serde_json::json;

use super::archive::open;
use super::{Global, output};
use crate::aggregation::{AggregationId, TipoFascicolo};
use crate::desk;
use crate::error::Result;
use crate::filing::Voce;
use crate::messages::{Message, label};

/// What is done with a fascicolo.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum FascicoloVerb {
    /// Opens a fascicolo, or a sub-fascicolo of another; documents are filed into it by its id (`review ID --set fascicolo=…`).
    Open {
        /// What it is about.
        #[arg(long, value_name = "TEXT")]
        oggetto: String,
        /// Its voce of the Titolario.
        #[arg(long, value_name = "VOCE", required_unless_present = "under")]
        voce: Option<String>,
        /// Its kind.
        #[arg(long, value_enum, default_value = "affare", conflicts_with = "under")]
        kind: Kind,
        /// The fascicolo that it is part of.
        #[arg(long, value_name = "ID", conflicts_with = "voce")]
        under: Option<String>,
        /// Opening date, today if none is given.
        #[arg(long, value_name = "YYYY-MM-DD")]
        date: Option<jiff::civil::Date>,
    },
    /// Closes a fascicolo whose affare has ended; nothing more is filed into it.
    Close {
        /// Its id (`conserva list fascicoli`).
        id: String,
        /// Closing date, today if none is given.
        #[arg(long, value_name = "YYYY-MM-DD")]
        date: Option<jiff::civil::Date>,
    },
    /// Opens a closed one again.
    Reopen {
        /// Its id.
        id: String,
    },
}

/// The five kinds of fascicolo (rule G-04), as they are typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    Affare,
    Attivita,
    PersonaFisica,
    PersonaGiuridica,
    Procedimento,
}

impl From<Kind> for TipoFascicolo {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Affare => Self::Affare,
            Kind::Attivita => Self::Attivita,
            Kind::PersonaFisica => Self::PersonaFisica,
            Kind::PersonaGiuridica => Self::PersonaGiuridica,
            Kind::Procedimento => Self::Procedimento,
        }
    }
}

/// `fascicolo open`, `fascicolo close` and `fascicolo reopen`.
pub(crate) async fn fascicolo(all: &Global, verb: &FascicoloVerb) -> Result<u8> {
    let archive = open(all).await?;
    let row = match verb {
        FascicoloVerb::Open { oggetto, voce, kind, under, date } => {
            let own = || desk::Place::Voce(Voce(voce.clone().unwrap_or_default()), (*kind).into());
            let place = under.clone().map_or_else(own, |id| desk::Place::Under(AggregationId(id)));
            let opening = desk::Opening { oggetto: oggetto.clone(), place, date: *date };
            desk::open(&archive.house, &opening, &all.operator).await?
        }
        FascicoloVerb::Close { id, date } => desk::close(&archive.house, id, (*date, &all.operator)).await?,
        FascicoloVerb::Reopen { id } => desk::reopen(&archive.house, id, &all.operator).await?,
    };
    if all.json {
        output::line(&json!(row).to_string());
    } else {
        let word = if row.aggregation.data_chiusura.is_some() { "fascicolo-is-closed" } else { "fascicolo-is-open" };
        let message = Message::new("fascicolo-done").with("id", &row.aggregation.id);
        output::line(&message.with("state", label(word, all.words())).sentence(all.words()));
    }
    Ok(0)
}
