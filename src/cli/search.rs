//! `search`: what is found, with the words around it.

use clap::Args;
use serde_json::json;

use super::archive::{look, open};
use super::{Global, output, tables};
use crate::desk::{self, Question};
use crate::error::Result;
use crate::messages::Message;

/// What was typed after `search`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Search {
    /// Words, "phrases" (for the shell: '"in quotes"'), beginnings (edil*), -what must not be, and fields: tipo: voce: fascicolo: protocollo: pratica:
    /// cf: piva: cig: cup: iban: oggetto: mittente: destinatario: nota: riservato: dal:2024-01-01 al:2024-12-31
    #[arg(required_unless_present = "rebuild")]
    words: Vec<String>,
    /// Most documents shown.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    limit: u16,
    /// Leaves out the first of them.
    #[arg(long, default_value_t = 0, value_name = "N")]
    skip: u16,
    /// Makes the index anew from what is kept; stopped, it goes on the next time.
    #[arg(long, conflicts_with = "words")]
    rebuild: bool,
}

/// `search`: exit 0 also where nothing was found.
pub(crate) async fn search(all: &Global, search: Search) -> Result<u8> {
    let archive = if search.rebuild { open(all).await? } else { look(all).await? };
    let house = &archive.house;
    if search.rebuild {
        let passed = desk::reindex(house).await?;
        let message = Message::new("search-rebuilt").with("documents", passed).with("bytes", house.store.index_bytes().await?);
        let object = json!({"documents": passed, "index_bytes": house.store.index_bytes().await?});
        output::line(&if all.json { object.to_string() } else { message.sentence(all.words()) });
        return Ok(0);
    }
    let question = Question {
        words: search.words.join(" "),
        skip: usize::from(search.skip),
        limit: usize::from(search.limit),
        operator: all.operator.clone(),
    };
    let answer = desk::search(house, &question, all.words()).await?;
    for line in &answer.lines {
        if all.json {
            output::line(&json!(line).to_string());
        } else {
            tables::found(line, all.words());
        }
    }
    if !answer.is_whole {
        output::complain(&Message::new("search-partial").text(all.words()));
    }
    if !all.json {
        let code = if answer.is_more { "search-more" } else { "search-count" };
        output::line(&Message::new(code).with("count", answer.count).with("shown", answer.lines.len()).sentence(all.words()));
    }
    Ok(0)
}
