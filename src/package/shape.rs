//! Is our own file valid? Asked of the schema once for each shape: files that differ only in free words are valid together.
//!
//! The shape of a file is all of its bytes without the texts of those elements whose text the schema leaves free, and with one
//! digit for each run of digits in those that hold an instant or a length, which are written from typed values. A package of
//! many documents has few shapes; each is judged by the whole schema once.

use std::collections::BTreeSet;

use memchr::memchr;

use crate::digest::Digest;
use crate::error::Result;
use crate::schemas::Schema;

/// Elements of PREMIS and SInCRO whose text may be anything, by their name without prefix, sorted; a path is percent-encoded by one
/// function. A test holds each against the schemas.
const FREE: &[&str] = &[
    "Hash",
    "ID",
    "Path",
    "Type",
    "Value",
    "agentIdentifierType",
    "agentIdentifierValue",
    "agentName",
    "agentType",
    "agentVersion",
    "eventDetail",
    "eventIdentifierType",
    "eventIdentifierValue",
    "eventOutcome",
    "eventType",
    "formatName",
    "formatRegistryKey",
    "formatRegistryName",
    "linkingAgentIdentifierType",
    "linkingAgentIdentifierValue",
    "linkingObjectIdentifierType",
    "linkingObjectIdentifierValue",
    "messageDigest",
    "messageDigestAlgorithm",
    "objectIdentifierType",
    "objectIdentifierValue",
    "originalName",
    "relatedObjectIdentifierType",
    "relatedObjectIdentifierValue",
    "relationshipSubType",
    "relationshipType",
];
/// Elements whose text is written from a typed value.
const TYPED: &[&str] = &["eventDateTime", "size"];
/// What stands many times in an index, one independent of the other.
const GROUP: (&str, &str) = ("  <sincro:FileGroup>\n", "  </sincro:FileGroup>\n");
/// Most shapes kept of one package, 32 bytes each; beyond them every file is judged.
const SHAPES_MAX: usize = 50_000;

/// The shapes that the schemas have taken.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    taken: BTreeSet<Digest>,
    buffer: Vec<u8>,
}

impl Shapes {
    /// Refuses XML of our own that is not valid: a broken invariant.
    pub(super) fn ensure(&mut self, schema: Schema, xml: &str) -> Result<()> {
        let shape = self.of(schema, xml);
        if !self.taken.contains(&shape) {
            schema.ensure_ours(xml)?;
            self.keep(shape);
        }
        Ok(())
    }

    /// As [`Shapes::ensure`] of an index: it is judged with one of the groups of each shape in place of all.
    pub(super) fn ensure_index(&mut self, xml: &str) -> Result<()> {
        let mut one_of_each = String::new();
        let mut rest = xml;
        while let Some((before, after)) = rest.split_once(GROUP.0) {
            let Some((group, after)) = after.split_once(GROUP.1) else { break };
            one_of_each.push_str(before);
            let shape = self.of(Schema::PIndex, group);
            if !self.taken.contains(&shape) {
                one_of_each.extend([GROUP.0, group, GROUP.1]);
                self.keep(shape);
            }
            rest = after;
        }
        one_of_each.push_str(rest);
        Schema::PIndex.ensure_ours(&one_of_each)
    }

    fn keep(&mut self, shape: Digest) {
        if self.taken.len() < SHAPES_MAX {
            self.taken.insert(shape);
        }
    }

    fn of(&mut self, schema: Schema, xml: &str) -> Digest {
        self.buffer.clear();
        self.buffer.push(schema as u8);
        put_shape(xml.as_bytes(), &mut self.buffer);
        Digest::of(&self.buffer)
    }
}

/// Tags as they are; of texts what counts. In our own XML `<` and `>` stand nowhere but at tags.
fn put_shape(xml: &[u8], out: &mut Vec<u8>) {
    let mut rest = xml;
    while let Some(end) = memchr(b'>', rest).map(|at| at + 1) {
        let begin = memchr(b'<', &rest[..end]).unwrap_or(0);
        let tag = &rest[begin..end];
        out.extend(tag);
        rest = &rest[end..];
        let text_end = memchr(b'<', rest).unwrap_or(rest.len());
        let text = &rest[..text_end];
        let name = local_name(tag);
        if TYPED.iter().any(|typed| typed.as_bytes() == name) {
            put_typed(text, out);
        } else if FREE.binary_search_by(|free| free.as_bytes().cmp(name)).is_err() {
            out.extend(text.trim_ascii());
        }
        rest = &rest[text_end..];
    }
}

/// The name of a start tag without its prefix; nothing of an end tag.
fn local_name(tag: &[u8]) -> &[u8] {
    let inside = tag.strip_prefix(b"<").unwrap_or(tag);
    let end = inside.iter().position(|b| matches!(b, b' ' | b'>' | b'/')).unwrap_or(inside.len());
    let name = &inside[..end];
    memchr(b':', name).map_or(name, |at| &name[at + 1..])
}

fn put_typed(text: &[u8], out: &mut Vec<u8>) {
    let mut was_digit = false;
    for byte in text {
        let is_digit = byte.is_ascii_digit();
        if !is_digit || !was_digit {
            out.push(if is_digit { b'0' } else { *byte });
        }
        was_digit = is_digit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREMIS: &str = r#"<premis xmlns="http://www.loc.gov/premis/v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="3.0">
<object xsi:type="file"><objectIdentifier><objectIdentifierType>a</objectIdentifierType><objectIdentifierValue>a</objectIdentifierValue></objectIdentifier>
<objectCharacteristics><fixity><messageDigestAlgorithm>a</messageDigestAlgorithm><messageDigest>a</messageDigest></fixity><size>7</size>
<format><formatDesignation><formatName>a</formatName></formatDesignation><formatRegistry><formatRegistryName>a</formatRegistryName><formatRegistryKey>a</formatRegistryKey></formatRegistry></format></objectCharacteristics>
<originalName>a</originalName><relationship><relationshipType>a</relationshipType><relationshipSubType>a</relationshipSubType>
<relatedObjectIdentifier><relatedObjectIdentifierType>a</relatedObjectIdentifierType><relatedObjectIdentifierValue>a</relatedObjectIdentifierValue></relatedObjectIdentifier></relationship></object>
<event><eventIdentifier><eventIdentifierType>a</eventIdentifierType><eventIdentifierValue>a</eventIdentifierValue></eventIdentifier><eventType>a</eventType><eventDateTime>2024-03-12T10:00:00.5Z</eventDateTime>
<eventDetailInformation><eventDetail>a</eventDetail></eventDetailInformation><eventOutcomeInformation><eventOutcome>a</eventOutcome></eventOutcomeInformation>
<linkingAgentIdentifier><linkingAgentIdentifierType>a</linkingAgentIdentifierType><linkingAgentIdentifierValue>a</linkingAgentIdentifierValue></linkingAgentIdentifier>
<linkingObjectIdentifier><linkingObjectIdentifierType>a</linkingObjectIdentifierType><linkingObjectIdentifierValue>a</linkingObjectIdentifierValue></linkingObjectIdentifier></event>
<agent><agentIdentifier><agentIdentifierType>a</agentIdentifierType><agentIdentifierValue>a</agentIdentifierValue></agentIdentifier><agentName>a</agentName><agentType>a</agentType><agentVersion>a</agentVersion></agent></premis>"#;

    /// A group as `pindex.rs` writes it.
    fn index(groups: &[&str]) -> String {
        let mut groups = groups.concat();
        let agent = |name: &str, attributes: &str| {
            format!(
                r#"<sincro:{name} sincro:agentType="natural person"{attributes}><sincro:AgentName><sincro:NameAndSurname><sincro:FirstName>a</sincro:FirstName><sincro:LastName>a</sincro:LastName></sincro:NameAndSurname></sincro:AgentName><sincro:RelevantDocument>a</sincro:RelevantDocument></sincro:{name}>"#
            )
        };
        groups.push_str("  <sincro:Process>");
        groups.push_str(&agent("Submitter", ""));
        groups.push_str(&agent("Holder", r#" sincro:holderRole="soggetto produttore""#));
        groups.push_str(&agent("AuthorizedSigner", ""));
        format!(
            r#"<sincro:PIndex xmlns:sincro="http://www.uni.com/U3011/sincro-v2/" sincro:language="it" sincro:uri="http://www.uni.com/U3011/sincro-v2/PIndex.xsd" sincro:sincroVersion="2.0">
<sincro:SelfDescription><sincro:ID sincro:scheme="c">a</sincro:ID><sincro:CreatingApplication><sincro:Name>a</sincro:Name><sincro:Version>a</sincro:Version><sincro:Producer>a</sincro:Producer></sincro:CreatingApplication></sincro:SelfDescription>
<sincro:PVolume><sincro:ID sincro:scheme="c">a</sincro:ID></sincro:PVolume>
{groups}<sincro:TimeReference><sincro:TimeInfo sincro:attachedTimeStamp="false">2024-03-12T10:00:00Z</sincro:TimeInfo></sincro:TimeReference></sincro:Process>
</sincro:PIndex>"#
        )
    }

    const GROUP_OF_ONE: &str = "  <sincro:FileGroup>\n    <sincro:ID sincro:scheme=\"c\">a</sincro:ID>\n    <sincro:File sincro:encoding=\"binary\" sincro:format=\"a/b\">\n\
        <sincro:ID sincro:scheme=\"c\">a</sincro:ID><sincro:Path>a</sincro:Path><sincro:Hash sincro:hashFunction=\"SHA-256\">a</sincro:Hash>\
        <sincro:Relation><sincro:Type>a</sincro:Type><sincro:Value>a</sincro:Value></sincro:Relation>\n    </sincro:File>\n  </sincro:FileGroup>\n";

    #[test]
    fn every_element_called_free_takes_any_text_of_ours_by_its_schema() {
        let index = index(&[GROUP_OF_ONE]);
        for (schema, xml) in [(Schema::Premis, PREMIS), (Schema::PIndex, index.as_str())] {
            assert_eq!(schema.breaches(xml.as_bytes()).expect("compiles"), Vec::<String>::new());
        }
        let mut seen = BTreeSet::new();
        for text in ["", " ", "0", "x y  z", "2024", "è &lt; 😀", "a/b%20c", "-1.5"] {
            for name in FREE {
                for (schema, xml) in [(Schema::Premis, PREMIS), (Schema::PIndex, index.as_str())] {
                    let prefix = if schema == Schema::PIndex { "sincro:" } else { "" };
                    let end = format!("</{prefix}{name}>");
                    let other = xml.replace(&format!(">a{end}"), &format!(">{text}{end}"));
                    if other != xml {
                        seen.insert(*name);
                        // A path is percent-encoded: never empty, no blank.
                        let is_ours = *name != "Path" || text == "a/b%20c" || text == "0";
                        assert!(!is_ours || schema.breaches(other.as_bytes()).expect("compiles").is_empty(), "{name}: {text}");
                    }
                }
            }
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), FREE);
    }

    #[test]
    fn files_of_one_shape_differ_in_free_words_and_typed_digits_alone() {
        let shape = |xml: &str| Shapes::default().of(Schema::Premis, xml);
        let one = shape(PREMIS);
        assert_eq!(one, shape(&PREMIS.replace("<agentName>a<", "<agentName>Altro &amp; C.<")));
        assert_eq!(one, shape(&PREMIS.replace("2024-03-12T10:00:00.5Z", "2025-12-31T23:59:59.123456Z")));
        assert_eq!(one, shape(&PREMIS.replace("<size>7<", "<size>123456<")));
        for (from, to) in [
            ("<size>7<", "<size>x<"),
            ("<size>7<", "<size><"),
            ("<agentType>a</agentType>", ""),
            ("version=\"3.0\"", "version=\"2.0\""),
            ("10:00:00.5Z", "10:00:00.5"),
        ] {
            assert_ne!(one, shape(&PREMIS.replace(from, to)), "{from}");
        }
    }

    #[test]
    fn a_group_of_another_shape_is_judged_wherever_it_stands() {
        let broken = GROUP_OF_ONE.replace("<sincro:Path>a</sincro:Path>", "");
        let many = [GROUP_OF_ONE; 5];
        Shapes::default().ensure_index(&index(&many)).expect("valid");
        for at in 0..5 {
            let mut groups = many;
            groups[at] = &broken;
            assert!(Shapes::default().ensure_index(&index(&groups)).is_err(), "{at}");
        }
        assert!(Shapes::default().ensure_index(&index(&[])).is_err(), "an index without a group");
    }

    #[test]
    fn what_is_taken_once_is_not_taken_of_another_schema() {
        let mut shapes = Shapes::default();
        shapes.ensure(Schema::Premis, PREMIS).expect("valid");
        shapes.ensure(Schema::Premis, PREMIS).expect("valid");
        assert!(shapes.ensure(Schema::PIndex, PREMIS).is_err());
    }
}
