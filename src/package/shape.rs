//! Is our own file valid? Asked of the schema once for each shape: files that differ only in free words are valid together.
//!
//! The shape of a part is all of its bytes without the texts of those elements whose text the schema leaves free, and with one
//! digit for each run of digits in those that hold an instant or a length, which are written from typed values. Where elements
//! of one name follow each other, any number of them may stand there: of each shape one is judged, and always two. A package of
//! many documents has few shapes; what makes one up is judged by the whole schema once.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher as _};

use memchr::memchr;

use super::told::{Ear, Part};
use crate::error::{Error, Result};
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
/// Most shapes kept of one package, 8 bytes each; beyond them every file is judged.
const SHAPES_MAX: usize = 50_000;
/// Of elements in a row so many are judged whatever their shape: one may be allowed where two are not.
const IN_A_ROW: usize = 2;

/// The shapes that the schemas have taken.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    taken: BTreeSet<u64>,
    buffer: Vec<u8>,
}

impl Shapes {
    /// Lets `tell` tell `ear` a file of our own, and refuses one that is not valid: a broken invariant.
    pub(super) fn judged(
        &mut self,
        schema: Schema,
        ear: &mut Ear<'_>,
        tell: impl FnOnce(&mut Ear<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut judge = Judge { schema, buffer: std::mem::take(&mut self.buffer), whole: Level::default(), nested: None };
        tell(&mut |part| {
            judge.hear(part)?;
            ear(part)
        })?;
        self.buffer = judge.buffer;
        let shape = judge.whole.shape.finish();
        if !self.taken.contains(&shape) {
            schema.ensure_ours(&judge.whole.sample)?;
            if self.taken.len() < SHAPES_MAX {
                self.taken.insert(shape);
            }
        }
        Ok(())
    }
}

/// A file under judgement.
struct Judge {
    schema: Schema,
    buffer: Vec<u8>,
    whole: Level,
    /// The element that was opened last and has not been closed.
    nested: Option<Level>,
}

/// What was heard of a file, or of an element that has many children.
#[derive(Default)]
struct Level {
    /// The shape of all that is judged of it.
    shape: DefaultHasher,
    /// All that is judged of it.
    sample: String,
    /// Of the elements that follow each other: their name, how many are judged, their shapes.
    name: Vec<u8>,
    judged: usize,
    seen: BTreeSet<u64>,
}

impl Judge {
    fn hear(&mut self, part: Part<'_>) -> Result<()> {
        match part {
            Part::Once(text) => {
                let shape = self.shape(text);
                self.here().once(shape, text);
            }
            Part::Each(text) => {
                let shape = self.shape(text);
                self.here().each(shape, text);
            }
            Part::Open(text) => {
                let shape = self.shape(text);
                let level = self.nested.insert(Level::default());
                level.once(shape, text);
            }
            Part::Close(text) => {
                let shape = self.shape(text);
                let mut level = self.nested.take().ok_or_else(|| Error::bug("an element is closed that was not opened"))?;
                level.once(shape, text);
                self.whole.each(level.shape.finish(), &level.sample);
            }
        }
        Ok(())
    }

    fn here(&mut self) -> &mut Level {
        self.nested.as_mut().unwrap_or(&mut self.whole)
    }

    fn shape(&mut self, text: &str) -> u64 {
        self.buffer.clear();
        put_shape(text.as_bytes(), &mut self.buffer);
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(self.schema as u8);
        hasher.write(&self.buffer);
        hasher.finish()
    }
}

impl Level {
    fn once(&mut self, shape: u64, text: &str) {
        self.judge(shape, text);
        self.name.clear();
    }

    fn each(&mut self, shape: u64, text: &str) {
        let name = local_name(text.trim_ascii_start().as_bytes());
        if self.name != name {
            self.name.clear();
            self.name.extend(name);
            self.judged = 0;
            self.seen.clear();
        }
        if self.seen.insert(shape) || self.judged < IN_A_ROW {
            self.judged += 1;
            self.judge(shape, text);
        }
    }

    fn judge(&mut self, shape: u64, text: &str) {
        self.shape.write_u64(shape);
        self.sample.push_str(text);
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

    fn shape(xml: &str) -> Vec<u8> {
        let mut shape = Vec::new();
        put_shape(xml.as_bytes(), &mut shape);
        shape
    }

    #[test]
    fn files_of_one_shape_differ_in_free_words_and_typed_digits_alone() {
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

    /// The index of these groups, told as `pindex.rs` tells it; how much of it is judged.
    fn told(shapes: &mut Shapes, groups: &[&str]) -> Result<String> {
        let whole = index(&[]);
        let (head, tail) = whole.split_once("  <sincro:Process>").expect("a process");
        let mut said = String::new();
        let mut ear = |part: Part<'_>| {
            said.push_str(part.text());
            Ok(())
        };
        shapes.judged(Schema::PIndex, &mut ear, |ear| {
            ear(Part::Once(head))?;
            for group in groups {
                let (open, rest) = group.split_once("    <sincro:File ").expect("a file");
                let (file, close) = rest.rsplit_once("  </sincro:FileGroup>").expect("an end");
                ear(Part::Open(open))?;
                let file = format!("    <sincro:File {file}");
                ear(Part::Each(&file))?;
                ear(Part::Each(&file))?;
                ear(Part::Each(&file))?;
                ear(Part::Close(&format!("  </sincro:FileGroup>{close}")))?;
            }
            ear(Part::Once(&format!("  <sincro:Process>{tail}")))
        })?;
        Ok(said)
    }

    #[test]
    fn an_element_of_another_shape_is_judged_wherever_it_stands_and_all_of_them_are_told() {
        let broken = GROUP_OF_ONE.replace("<sincro:Path>a</sincro:Path>", "");
        let many = [GROUP_OF_ONE; 5];
        let mut shapes = Shapes::default();
        let heard = told(&mut shapes, &many).expect("valid");
        assert_eq!(heard.matches("<sincro:File ").count(), 15);
        for at in 0..5 {
            let mut groups = many;
            groups[at] = &broken;
            assert!(told(&mut Shapes::default(), &groups).is_err(), "{at}");
            assert!(told(&mut shapes, &groups).is_err(), "{at}, after a good one");
        }
        assert!(told(&mut Shapes::default(), &[]).is_err(), "an index without a group");
    }

    #[test]
    fn an_element_that_may_stand_once_is_not_taken_twice_and_no_order_is_lost() {
        let told = |parts: &[&str]| {
            Shapes::default()
                .judged(Schema::PIndex, &mut |_| Ok(()), |ear| parts.iter().try_for_each(|part| ear(Part::Each(part))))
        };
        let whole = index(&[GROUP_OF_ONE]);
        let at = |text: &str| whole.find(text).expect("there");
        let cuts = [
            0,
            at("<sincro:SelfDescription"),
            at("<sincro:PVolume"),
            at("  <sincro:FileGroup"),
            at("  <sincro:Process"),
            at("</sincro:PIndex"),
        ];
        let part = |n: usize| &whole[cuts[n]..cuts.get(n + 1).copied().unwrap_or(whole.len())];
        told(&[part(0), part(1), part(2), part(3), part(3), part(3), part(4), part(5)]).expect("valid");
        assert!(told(&[part(0), part(1), part(2), part(2), part(3), part(4), part(5)]).is_err(), "a volume twice");
        assert!(told(&[part(0), part(1), part(2), part(3), part(2), part(3), part(4), part(5)]).is_err(), "out of order");
    }

    #[test]
    fn what_is_taken_once_is_not_taken_of_another_schema() {
        let mut shapes = Shapes::default();
        let mut told = |schema| shapes.judged(schema, &mut |_| Ok(()), |ear| ear(Part::Once(PREMIS)));
        told(Schema::Premis).expect("valid");
        told(Schema::Premis).expect("valid");
        assert!(told(Schema::PIndex).is_err());
    }
}
