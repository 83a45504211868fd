//! Does the metadata claim to be a PDF/A? By the namespace of the claim (ISO 19005-1, 6.7.11), whatever prefix stands for it.

use std::borrow::Cow;

use regex::bytes::Regex;

use super::super::bytes::has;

/// The namespace, without the slash at its end that some writers forget.
const NAMESPACE: &[u8] = b"http://www.aiim.org/pdfa/ns/id";
/// Prefixes of one piece that are looked for.
const PREFIXES_MAX: usize = 4;

/// Part and level of conformance that XMP in `text` claims, as they stand there.
pub(super) fn claim(text: &[u8]) -> (Option<String>, Option<String>) {
    let text = in_bytes(text);
    if !has(&text, NAMESPACE) {
        return (None, None);
    }
    let (mut part, mut level) = (None, None);
    for prefix in prefixes(&text) {
        part = part.or_else(|| value(&text, &prefix, ("part", "[0-9]")));
        level = level.or_else(|| value(&text, &prefix, ("conformance", "[A-Za-z]")));
    }
    (part, level)
}

/// The prefixes bound to the namespace, each with its colon; an empty one where it is the default.
fn prefixes(text: &[u8]) -> Vec<String> {
    let bound = r#"\sxmlns(?::([A-Za-z_][\w.-]{0,63}))?\s*=\s*["']http://www\.aiim\.org/pdfa/ns/id/?["']"#;
    let Ok(bound) = Regex::new(bound) else { return Vec::new() };
    let mut prefixes = Vec::new();
    for found in bound.captures_iter(text) {
        let name = found.get(1).map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned() + ":").unwrap_or_default();
        if !prefixes.contains(&name) && prefixes.len() < PREFIXES_MAX {
            prefixes.push(name);
        }
    }
    prefixes
}

/// The value of a property, written as an element (with or without attributes) or as an attribute.
fn value(text: &[u8], prefix: &str, (name, form): (&str, &str)) -> Option<String> {
    let name = regex::escape(&format!("{prefix}{name}"));
    let property = format!(r#"(?:<{name}(?:\s[^<>]{{0,1024}})?>|\s{name}\s*=\s*["'])\s*({form})"#);
    let found = Regex::new(&property).ok()?.captures(text)?.get(1)?;
    Some(String::from_utf8_lossy(found.as_bytes()).into_owned())
}

/// XMP may be UTF-16, with a mark at its beginning.
fn in_bytes(text: &[u8]) -> Cow<'_, [u8]> {
    let unit: fn([u8; 2]) -> u16 = match text {
        [0xFE, 0xFF, ..] => u16::from_be_bytes,
        [0xFF, 0xFE, ..] => u16::from_le_bytes,
        _ => return Cow::Borrowed(text),
    };
    let units: Vec<u16> = text[2..].as_chunks::<2>().0.iter().map(|pair| unit(*pair)).collect();
    Cow::Owned(String::from_utf16_lossy(&units).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_seen_by_its_namespace_in_whatever_form_it_is_written() {
        let space = r#"="http://www.aiim.org/pdfa/ns/id/""#;
        let claims = [
            format!(
                r#"<a rdf:about=""><pdfaid:part xmlns:pdfaid{space}>2</pdfaid:part><pdfaid:conformance xmlns:pdfaid{space}>B</pdfaid:conformance></a>"#
            ),
            format!(r"<a xmlns:id{space}><id:part> 2</id:part><id:conformance>B</id:conformance></a>"),
            format!("<a\nxmlns:p{space} p:part='2'\n p:conformance = 'B'/>"),
            format!(r#"<a><part xmlns{space}>2</part><conformance xmlns{space} xml:lang="x">B</conformance></a>"#),
        ];
        for text in claims {
            let seen = (Some("2".to_owned()), Some("B".to_owned()));
            assert_eq!(claim(text.as_bytes()), seen, "{text}");
            let wide: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
            assert_eq!(claim(&wide), seen, "UTF-16: {text}");
        }
        let none = [
            format!(r#"<a xmlns:id{space} xmlns:x="urn:x"><x:part>2</x:part><id:partial>2</id:partial></a>"#),
            r#"<a xmlns:id="http://www.aiim.org/pdfua/ns/id/"><id:part>1</id:part></a>"#.to_owned(),
        ];
        for text in none {
            assert_eq!(claim(text.as_bytes()), (None, None), "{text}");
        }
    }
}
