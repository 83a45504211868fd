//! `learn`: teaches the learned voice what people have confirmed.

use serde_json::json;

use super::{Global, output};
use crate::app::Archive;
use crate::desk;
use crate::error::Result;
use crate::messages::Message;

/// `learn`: exit 0 also where there was nothing to learn.
pub(crate) async fn learn(all: &Global, anew: bool) -> Result<u8> {
    let archive = Archive::open(&all.archive, all.config.as_deref()).await?;
    let learned = desk::learn(&archive.house, anew).await?;
    if all.json {
        output::line(&json!({ "learned": learned }).to_string());
        return Ok(0);
    }
    let message = match &learned {
        Some(version) => Message::new("learned")
            .with("lessons", version.lessons)
            .with("version", version.version)
            .with("seen", version.seen)
            .with("bytes", version.bytes),
        None => Message::new("learned-nothing"),
    };
    output::line(&message.sentence(all.words()));
    Ok(0)
}
