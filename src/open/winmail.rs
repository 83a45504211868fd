//! What lies in a winmail.dat? The attachments and the text of a mail in TNEF (MS-OXTNEF): a list of attributes, each with its length.
//!
//! Every attachment begins with its rendering data; its name stands in its title, or in full among its properties (MS-OXCDATA).

use super::{Member, Node, Opener, Place, about, rtf};
use crate::arrival::FileName;
use crate::error::{Error, Result};

const SIGNATURE: &[u8] = b"\x78\x9f\x3e\x22";
const TITLE: u32 = 0x0001_8010;
const CONTENT: u32 = 0x0006_800f;
const PROPERTIES: u32 = 0x0006_9005;
const RENDERING: u32 = 0x0006_9002;
const BODY: u32 = 0x0002_800c;
const MESSAGE_PROPERTIES: u32 = 0x0006_9003;
/// Properties: the long name of an attachment, its content; the body in RTF and HTML.
const LONG_NAME: u16 = 0x3707;
const DATA: u16 = 0x3701;
const HTML: u16 = 0x1013;
const RTF: u16 = 0x1009;
/// What stands before the content of an attachment that is an object: the id of its interface.
const INTERFACE_BYTES: usize = 16;

/// An attachment as far as it was read.
#[derive(Default)]
struct Attached {
    name: Option<Vec<u8>>,
    long_name: Option<Vec<u8>>,
    content: Option<Vec<u8>>,
}

/// The attachments, and the text where there is one.
pub(super) fn members(opener: &mut Opener<'_>, node: &mut Node) -> Result<Vec<Member>> {
    let bytes = Opener::whole(node, opener.limits.mail_bytes_max)?;
    let damaged = || about(Error::hold("open-damaged").with("kind", "TNEF"), &node.name);
    let mut rest = bytes.strip_prefix(SIGNATURE).and_then(|rest| rest.get(2..)).ok_or_else(damaged)?;
    let (mut attached, mut texts, mut is_cut) = (Vec::<Attached>::new(), Vec::new(), false);
    while rest.len() > 2 {
        let Some((id, value, after)) = attribute(rest) else {
            is_cut = true;
            break;
        };
        rest = after;
        match id {
            RENDERING => attached.push(Attached::default()),
            BODY => texts.push(("testo.txt", value.strip_suffix(b"\0").unwrap_or(value).to_vec())),
            MESSAGE_PROPERTIES => {
                let (mut html, mut rtf) = (None, None);
                for (id, value) in properties(value) {
                    match id {
                        HTML => html = html.or(Some(("testo.html", value))),
                        RTF => rtf = rtf.or(rtf::decompressed(&value, opener.limits.mail_bytes_max)),
                        _ => {}
                    }
                }
                // One text is enough, and HTML is read best.
                texts.extend(html.or(rtf.map(|rtf| ("testo.rtf", rtf))));
            }
            _ => attached.last_mut().into_iter().for_each(|last| last.take(id, value)),
        }
        if attached.len() > opener.limits.mail_parts_max as usize {
            return Err(about(Error::hold("open-parts").with("max", opener.limits.mail_parts_max), &node.name));
        }
    }
    let found = attached.into_iter().zip(1..).filter_map(|(one, n)| one.file(n));
    let texts =
        texts.into_iter().filter(|(_, text)| !text.trim_ascii().is_empty()).map(|(name, text)| (FileName::new(name), text));
    let files: Vec<(FileName, Vec<u8>)> = texts.chain(found).collect();
    if is_cut {
        if files.is_empty() {
            return Err(damaged());
        }
        node.objections.push(damaged());
    }
    let mut members = Vec::with_capacity(files.len());
    for (name, content) in files {
        members.push(opener.keep(name, Place::Member, &mut content.as_slice(), content.len() as u64)?);
    }
    Ok(members)
}

impl Attached {
    fn take(&mut self, id: u32, value: &[u8]) {
        match id {
            TITLE => self.name = Some(text(value)),
            CONTENT => self.content = Some(value.to_vec()),
            PROPERTIES => {
                for (id, value) in properties(value) {
                    match id {
                        LONG_NAME => self.long_name = Some(text(&value)),
                        DATA if self.content.is_none() => {
                            self.content = Some(value.get(INTERFACE_BYTES..).unwrap_or_default().to_vec());
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// The file, where it has content; its name is the longest that is known.
    fn file(self, n: u32) -> Option<(FileName, Vec<u8>)> {
        let content = self.content?;
        let name = self.long_name.or(self.name).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| format!("allegato-{n}").into_bytes());
        let base = name.rsplit(|b| matches!(b, b'/' | b'\\')).next().unwrap_or(&name).to_vec();
        Some((FileName::new(base), content))
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Id and value of the attribute at the start, and what follows its sum.
fn attribute(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (id, length) = (number(bytes, 1)?, number(bytes, 5)? as usize);
    let end = length.checked_add(9)?;
    Some((id, bytes.get(9..end)?, bytes.get(end.checked_add(2)?..)?))
}

/// A text up to its zero.
fn text(value: &[u8]) -> Vec<u8> {
    value.iter().copied().take_while(|b| *b != 0).collect()
}

/// The properties of a list that are texts or bytes, as far as it can be followed; wide texts become UTF-8.
fn properties(bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut found = Vec::new();
    let Some(count) = number(bytes, 0) else { return found };
    let mut at = 4;
    for _ in 0..count.min(10_000) {
        let Some(next) = property(bytes, at, &mut found) else { break };
        at = next;
    }
    found
}

/// Reads the property at `at`; where the next one stands.
fn property(bytes: &[u8], mut at: usize, found: &mut Vec<(u16, Vec<u8>)>) -> Option<usize> {
    let tag = number(bytes, at)?;
    at += 4;
    let (kind, id) = (tag as u16, (tag >> 16) as u16);
    if id >= 0x8000 {
        // A named property: the id of its set, then a number, or a name with its length.
        at += 16;
        let by_name = number(bytes, at)? == 1;
        let length = number(bytes, at + 4)? as usize;
        at += 8;
        if by_name {
            at = at.checked_add(length.checked_next_multiple_of(4)?)?;
        }
    }
    let is_many = kind & 0x1000 != 0;
    let kind = kind & !0x1000;
    let fixed: Option<usize> = match kind {
        0x02 | 0x03 | 0x04 | 0x0a | 0x0b => Some(4),
        0x05 | 0x06 | 0x07 | 0x14 | 0x40 => Some(8),
        0x48 => Some(16),
        0x0d | 0x1e | 0x1f | 0x102 => None,
        _ => return None,
    };
    let count = if is_many || fixed.is_none() {
        at += 4;
        number(bytes, at - 4)? as usize
    } else {
        1
    };
    if let Some(size) = fixed {
        return at.checked_add(size.checked_mul(count)?).filter(|end| *end <= bytes.len());
    }
    for _ in 0..count {
        let length = number(bytes, at)? as usize;
        at += 4;
        let value = bytes.get(at..at.checked_add(length)?)?;
        found.push((id, if kind == 0x1f { narrow(value) } else { value.to_vec() }));
        at = at.checked_add(length.checked_next_multiple_of(4)?)?;
    }
    Some(at)
}

fn narrow(value: &[u8]) -> Vec<u8> {
    let units: Vec<u16> = value.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    String::from_utf16_lossy(&units).into_bytes()
}
