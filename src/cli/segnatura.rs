//! `segnatura`: the Segnatura of an outgoing document, on stdout or into a file.

use std::path::Path;

use serde_json::json;

use super::archive::look;
use super::{Global, output};
use crate::desk;
use crate::error::Result;
use crate::finding::Severity;
use crate::messages::Message;

/// `segnatura ID`. What speaks against it is said on stderr, all at once; exit code 1 where that leaves nothing to write.
pub(crate) async fn segnatura(all: &Global, id: &str, out: Option<&Path>) -> Result<u8> {
    let archive = look(all).await?;
    let (id, made) = desk::segnatura(&archive.house, id).await?;
    let is_written = !made.xml.is_empty();
    if let Some(path) = out.filter(|_| is_written) {
        output::write_whole(path, made.xml.as_bytes())?;
    }
    if all.json {
        let findings: Vec<_> = made.findings.iter().map(|finding| finding.json(all.words())).collect();
        let xml = Some(made.xml.as_str()).filter(|_| is_written && out.is_none());
        let path = out.filter(|_| is_written);
        output::line(&json!({"id": id, "sealed": false, "path": path, "xml": xml, "findings": findings}).to_string());
    } else {
        for finding in made.findings.iter().filter(|finding| finding.severity != Severity::Note) {
            output::complain(&finding.message.text(all.words()));
        }
        if is_written {
            match out {
                Some(path) => output::line(&path.display().to_string()),
                None => output::line(made.xml.trim_end()),
            }
            output::complain(&Message::new("segnatura-unsealed").text(all.words()));
        }
    }
    Ok(u8::from(!is_written))
}
