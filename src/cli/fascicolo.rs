//! `fascicolo`: close and open again.

use clap::Subcommand;
use serde_json::json;

use super::archive::open;
use super::{Global, output};
use crate::desk;
use crate::error::Result;
use crate::messages::{Message, label};

/// What is done with a fascicolo.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum FascicoloVerb {
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

/// `fascicolo close` and `fascicolo reopen`.
pub(crate) async fn fascicolo(all: &Global, verb: &FascicoloVerb) -> Result<u8> {
    let archive = open(all).await?;
    let row = match verb {
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
