//! Which dialect of markup is this? The root element tells XML's dialects apart, the document type those of HTML.

use std::io::{Read, Seek};

use crate::error::Result;
use crate::limits::Limits;
use crate::messages::Message;

use super::bytes::{Bytes, has};
use super::formats::Seen;

/// XML signatures in a dialect, by their namespace (XML-Signature, 1.3).
const SIGNATURES: &[u8] = b"http://www.w3.org/2000/09/xmldsig#";

/// The dialect of a text that begins with `start`; `None` where it is no markup.
pub(super) fn look<S: Read + Seek>(file: &mut Bytes<'_, S>, start: &str, limits: &Limits) -> Result<Option<Seen>> {
    let Some(mut seen) = named(start) else { return Ok(None) };
    if start.contains("<!ENTITY") {
        seen.warnings.push(Message::new("xml-entities").with("what", "<!ENTITY"));
    }
    if !seen.key.contains("html") {
        let (mut namespace, mut element) = (false, false);
        file.scan(limits.xml_bytes_max, 128, |_, piece| {
            namespace |= has(piece, SIGNATURES);
            element |= has(piece, b":Signature ")
                || has(piece, b":Signature>")
                || has(piece, b"<Signature ")
                || has(piece, b"<Signature>");
            !(namespace && element)
        })?;
        seen.signed = namespace && element;
    }
    Ok(Some(seen))
}

/// The dialect by the words at the start alone.
pub(super) fn named(start: &str) -> Option<Seen> {
    if !start.starts_with('<') {
        return None;
    }
    let root = root(start);
    if let Some(key) = html(start, root.as_ref().map(|(name, _)| name.as_str())) {
        return Some(Seen::of(key));
    }
    let declared = start.starts_with("<?xml");
    let (name, tag) = match root {
        Some(found) => found,
        None if declared => (String::new(), String::new()),
        None => return None,
    };
    if !declared && !looks_like_xml(start, &name) {
        return None;
    }
    let local = name.split_once(':').map_or(name.as_str(), |(_, local)| local);
    let version = attribute(start.get(..200).unwrap_or(start), "version");
    let mut seen = Seen::of(dialect(local, start, version.as_deref()));
    seen.claims.extend(encoding(start));
    seen.version = match seen.key.as_str() {
        "fatturapa" => attribute(&tag, "versione"),
        "segnatura" => attribute(&tag, "versione").or_else(|| attribute(&tag, "version")),
        _ => None,
    };
    Some(seen)
}

/// The encoding that the declaration states.
fn encoding(start: &str) -> Option<String> {
    let declaration = start.strip_prefix("<?xml")?.split_once("?>")?.0;
    attribute(declaration, "encoding").map(|name| format!("encoding-{}", name.to_ascii_lowercase()))
}

/// Without a declaration only a root that closes, is known, or has a namespace makes a text XML.
fn looks_like_xml(start: &str, name: &str) -> bool {
    start.contains("xmlns") || start.contains(&format!("</{name}")) || start.starts_with("<!DOCTYPE") || start.contains("/>")
}

/// Row of the table for a root element.
fn dialect(local: &str, start: &str, version: Option<&str>) -> String {
    let svg = || match attribute(start, "baseProfile").as_deref() {
        Some("tiny") => "svg-1.2".to_owned(),
        _ => match svg_version(start).as_deref() {
            Some(version @ ("1.0" | "1.1" | "1.2")) => format!("svg-{version}"),
            _ => "svg".to_owned(),
        },
    };
    match local {
        "FatturaElettronica" | "FatturaElettronicaSemplificata" => "fatturapa".to_owned(),
        "Segnatura" | "SegnaturaInformatica" => "segnatura".to_owned(),
        "postacert" => "daticert".to_owned(),
        "riepilogo-pratica-suap" => "suap".to_owned(),
        "PIndex" | "IdC" | "PdA" => "sincro".to_owned(),
        "svg" => svg(),
        _ if start.contains("http://docs.oasis-open.org/legaldocml/ns/akn/") => "akn".to_owned(),
        _ if is_notice(local) => "fatturapa-notifica".to_owned(),
        _ if start.contains("http://www.xdomea.de/2.2.0") => "xdomea-2.2".to_owned(),
        _ if start.contains("urn:xoev-de:xdomea:schema:3.0.0") => "xdomea-3.0".to_owned(),
        _ if version == Some("1.1") && start.starts_with("<?xml") => "xml-1.1".to_owned(),
        _ => "xml".to_owned(),
    }
}

/// The messages of the Sistema di Interscambio.
fn is_notice(local: &str) -> bool {
    matches!(
        local,
        "RicevutaConsegna"
            | "RicevutaScarto"
            | "RicevutaImpossibilitaRecapito"
            | "NotificaScarto"
            | "NotificaMancataConsegna"
            | "NotificaEsito"
            | "NotificaEsitoCommittente"
            | "NotificaDecorrenzaTermini"
            | "ScartoEsitoCommittente"
            | "AttestazioneTrasmissioneFattura"
            | "MetadatiInvioFile"
            | "FileMetadati"
    )
}

/// The version in the root tag of an SVG, not that of the XML declaration.
fn svg_version(start: &str) -> Option<String> {
    let at = start.find("<svg")?;
    let tag = start[at..].split('>').next()?;
    attribute(tag, "version")
}

/// HTML by its document type, else by its first element.
fn html(start: &str, root: Option<&str>) -> Option<&'static str> {
    let lead: String = start.chars().filter(|&c| c != '\0').take(2_000).collect::<String>().to_ascii_lowercase();
    if lead.contains("xhtml 1.1") && lead.contains("<!doctype html") {
        return Some("xhtml-1.1");
    }
    if (lead.contains("xhtml 1.0") && lead.contains("<!doctype html")) || (lead.contains("<html") && lead.contains("1999/xhtml"))
    {
        return Some("xhtml-1.0");
    }
    if let Some(at) = lead.find("<!doctype html") {
        let kind: String = lead[at..].chars().take(200).collect();
        return Some(match kind {
            _ if kind.contains("html 4.01") => "html-4.01",
            _ if kind.contains("html 4.0") => "html-4.0",
            _ if kind.contains("html 3.2") => "html-3.2",
            _ if kind.contains("html 2.0") => "html-2.0",
            _ if kind.contains("public") => "html",
            _ => "html-5",
        });
    }
    let root = root?.to_ascii_lowercase();
    matches!(root.as_str(), "html" | "head" | "body" | "table" | "div" | "p" | "h1" | "meta" | "title" | "script")
        .then_some("html")
}

/// Name and whole start tag of the root element, past declarations, comments and document type.
fn root(start: &str) -> Option<(String, String)> {
    let mut rest = start;
    loop {
        rest = &rest[rest.find('<')?..];
        if let Some(tail) = rest.strip_prefix("<!--") {
            rest = tail.split_once("-->")?.1;
        } else if let Some(tail) = rest.strip_prefix("<?") {
            rest = tail.split_once("?>").map_or("", |(_, after)| after);
        } else if let Some(tail) = rest.strip_prefix("<!") {
            // An internal subset has brackets of its own.
            let close = tail.find('>')?;
            rest = if tail[..close].contains('[') {
                tail.split_once("]>").or_else(|| tail.split_once("] >"))?.1
            } else {
                &tail[close + 1..]
            };
        } else {
            let name: String =
                rest[1..].chars().take_while(|c| c.is_alphanumeric() || matches!(c, ':' | '_' | '-' | '.')).collect();
            let begins = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
            return begins.then(|| (name, rest.split('>').next().unwrap_or_default().to_owned()));
        }
    }
}

/// The value of an attribute in a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    while let Some(at) = rest.find(name) {
        let before = rest[..at].chars().next_back();
        rest = &rest[at + name.len()..];
        let value = rest.trim_start();
        if before.is_some_and(char::is_whitespace) && value.starts_with('=') {
            let value = value[1..].trim_start();
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            return value[1..].split_once(quote).map(|(value, _)| value.chars().take(40).collect());
        }
    }
    None
}
