//! What does an arrival hold? `tree` takes it apart: mails and PEC, archives, signed files, winmail.dat, and the data of invoices,
//! segnature, daticert and riepiloghi. `documents` says which documents that makes.
//!
//! Nothing is altered: what comes out lies in scratch, and the arrival stays whole. Every ceiling is one of `limits`; what goes over one,
//! and whatever cannot be taken apart, is a sentence about that file and costs no other.

mod archive;
mod letter;
mod mail;
mod plan;
mod readable;
mod rtf;
mod signed;
mod winmail;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::arrival::{EnteId, FileName};
use crate::daticert::{self, Daticert};
use crate::document::Format;
use crate::error::{Error, Kind, Result};
use crate::fattura::{self, Fattura};
use crate::limits::{INFLATED_BYTES_MIN, Limits};
use crate::riepilogo::{self, Riepilogo};
use crate::scratch::Scratch;
use crate::segnatura::{self, Segnatura};
use crate::xml::tree;

pub use mail::Mail;
pub use plan::{Part, Planned, documents};

/// A file, and what lies in it.
#[derive(Debug)]
pub struct Node {
    /// Its name, bit by bit; in an archive with its folders.
    pub name: FileName,
    /// Where its bytes lie: of the arrival its blob, else a file of scratch.
    pub path: PathBuf,
    /// Size.
    pub bytes: u64,
    /// What it is.
    pub format: Format,
    /// What it is to its envelope.
    pub place: Place,
    /// What was found in it.
    pub what: What,
    /// The files in it, in order.
    pub members: Vec<Node>,
    /// What speaks against it or its members, holds and refusals.
    pub objections: Vec<Error>,
}

/// What a file is to its envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The arrival itself.
    Arrival,
    /// A file in an archive, the content of a signed file, what hangs on a mail.
    Member,
    /// A picture that the body of a mail shows.
    Shown,
}

/// What was found in a file.
#[derive(Debug)]
pub enum What {
    /// A file as any other.
    File,
    /// An archive of files.
    Archive,
    /// A mail.
    Mail(Box<Mail>),
    /// A signed file with its content.
    Signed,
    /// A winmail.dat.
    Winmail,
    /// A Segnatura.
    Segnatura(Box<Segnatura>),
    /// What a provider of PEC certifies.
    Daticert(Box<Daticert>),
    /// An invoice, with a rendition for people.
    Fattura(Box<(Fattura, String)>),
    /// The riepilogo of a practice.
    Riepilogo(Box<Riepilogo>),
}

/// What a look at some bytes gives: what they are, and what speaks against them. None of a file without bytes.
pub type Look<'a> = &'a mut dyn FnMut(&Path, &FileName, u64) -> Result<(Option<Format>, Vec<Error>)>;

/// Who takes an arrival apart, and how much of it there has been so far.
pub struct Opener<'a> {
    limits: &'a Limits,
    ente: &'a EnteId,
    scratch: &'a Scratch,
    look: Look<'a>,
    files: u32,
    bytes: u64,
}

impl std::fmt::Debug for Opener<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").field("files", &self.files).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// A file in scratch that comes out of an envelope, not yet looked at.
struct Member {
    name: FileName,
    path: PathBuf,
    bytes: u64,
    place: Place,
}

/// The ways of taking a file apart, by its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Envelope {
    Archive,
    Mail,
    Signed,
    Stamped,
    Winmail,
    Data,
}

impl Envelope {
    fn of(format: &Format) -> Option<Self> {
        Some(match (format.mime.as_str(), format.name.as_str()) {
            ("application/zip", "ZIP") => Self::Archive,
            ("message/rfc822", _) => Self::Mail,
            ("application/pkcs7-mime", "CAdES (p7m)") => Self::Signed,
            ("application/timestamped-data", _) => Self::Stamped,
            ("application/vnd.ms-tnef", _) => Self::Winmail,
            ("application/xml", "FatturaPA" | "Segnatura" | "daticert" | "SUAP") => Self::Data,
            _ => return None,
        })
    }
}

/// True of the formats that [`Opener::tree`] takes apart.
pub fn is_envelope(format: &Format) -> bool {
    Envelope::of(format).is_some()
}

impl<'a> Opener<'a> {
    /// One for one arrival: what comes out is put into `scratch` and looked at by `look`; a Segnatura speaks to `ente`.
    pub fn new((limits, ente, scratch): (&'a Limits, &'a EnteId, &'a Scratch), look: Look<'a>) -> Self {
        Self { limits, ente, scratch, look, files: 0, bytes: 0 }
    }

    /// The arrival taken apart as deep as the ceilings allow. What speaks against the arrival itself is an error, what speaks against
    /// a file in it stands with that file.
    pub fn tree(&mut self, path: &Path, (name, bytes): (&FileName, u64), format: &Format) -> Result<Node> {
        let arrival = Node {
            name: name.clone(),
            path: path.to_owned(),
            bytes,
            format: format.clone(),
            place: Place::Arrival,
            what: What::File,
            members: Vec::new(),
            objections: Vec::new(),
        };
        self.opened(arrival, 0)
    }

    /// The node with what is in it.
    fn opened(&mut self, mut node: Node, depth: u32) -> Result<Node> {
        let Some(envelope) = Envelope::of(&node.format).filter(|_| !node.format.encrypted) else { return Ok(node) };
        if envelope == Envelope::Data {
            node.what = self.data(&node)?;
            return match (&node.what, node.format.name.as_str()) {
                (What::File, kind @ ("FatturaPA" | "daticert")) => {
                    Err(about(Error::hold("open-xml").with("kind", kind), &node.name))
                }
                (What::Fattura(_), _) => self.enclosed(node, depth),
                _ => Ok(node),
            };
        }
        if depth >= self.limits.container_depth_max {
            return Err(about(Error::hold("open-depth").with("max", self.limits.container_depth_max), &node.name));
        }
        let (what, members) = match envelope {
            Envelope::Archive => (What::Archive, archive::members(self, &mut node)?),
            Envelope::Mail => {
                let (mail, members) = mail::members(self, &mut node)?;
                (What::Mail(Box::new(mail)), members)
            }
            Envelope::Signed => (What::Signed, vec![signed::content(self, &node)?]),
            Envelope::Stamped => (What::Signed, vec![signed::stamped(self, &node)?]),
            Envelope::Winmail => (What::Winmail, winmail::members(self, &mut node)?),
            Envelope::Data => return Ok(node),
        };
        node.what = what;
        for member in members {
            self.add(&mut node, member, depth)?;
        }
        Ok(node)
    }

    /// Looks at a member and takes it apart in its turn. What speaks against it stands with it, and costs no other.
    fn add(&mut self, parent: &mut Node, member: Member, depth: u32) -> Result<()> {
        let (format, mut objections) = (self.look)(&member.path, &member.name, member.bytes)?;
        let Some(format) = format else {
            parent.objections.append(&mut objections);
            return Ok(());
        };
        let Member { name, path, bytes, place } = member;
        let node = |objections| Node {
            name: name.clone(),
            path: path.clone(),
            bytes,
            format: format.clone(),
            place,
            what: What::File,
            members: Vec::new(),
            objections,
        };
        let is_open = objections.iter().all(|error| error.kind() != Kind::Refuse);
        let spent = (self.files, self.bytes);
        let opened = if is_open { self.opened(node(Vec::new()), depth + 1) } else { Ok(node(Vec::new())) };
        parent.members.push(match opened {
            Ok(mut opened) => {
                objections.append(&mut opened.objections);
                Node { objections, ..opened }
            }
            Err(error) if matches!(error.kind(), Kind::Hold | Kind::Refuse) => {
                // What was half taken out is not used, and its room is free again.
                (self.files, self.bytes) = spent;
                objections.push(error);
                node(objections)
            }
            Err(error) => return Err(error),
        });
        Ok(())
    }

    /// The data of an XML file; a plain file where it is not what its root promised.
    fn data(&self, node: &Node) -> Result<What> {
        let bytes = Self::whole(node, self.limits.xml_bytes_max)?;
        let (text, name) = (tree::decoded(&bytes), node.name.shown());
        if node.format.name == "daticert" {
            return Ok(daticert::read(&bytes).map_or(What::File, |daticert| What::Daticert(Box::new(daticert))));
        }
        let root = self.root(&text, node)?;
        Ok(segnatura::read(&root, &name, self.ente)
            .map(|segnatura| What::Segnatura(Box::new(segnatura)))
            .or_else(|| riepilogo::read(&root, &name).map(|riepilogo| What::Riepilogo(Box::new(riepilogo))))
            .or_else(|| {
                let fattura = fattura::read(&root)?;
                let readable = readable::html(&root, &fattura::title(&fattura));
                Some(What::Fattura(Box::new((fattura, readable))))
            })
            .unwrap_or(What::File))
    }

    fn root(&self, text: &str, node: &Node) -> Result<tree::Element> {
        let bounds = tree::Bounds { depth: self.limits.xml_depth_max, elements: self.limits.xml_elements_max };
        tree::root(text, bounds).map_err(|fault| {
            let error = match fault {
                tree::Fault::Entities => Error::hold("xml-entities").with("what", "DTD"),
                tree::Fault::Malformed => Error::hold("open-xml").with("kind", &node.format.name),
                tree::Fault::Depth => Error::hold("open-xml-depth").with("max", bounds.depth),
                tree::Fault::Elements => Error::hold("open-xml-elements").with("max", bounds.elements),
            };
            about(error, &node.name)
        })
    }

    /// The files that an invoice carries (2.5 Allegati), in Base64 within its XML.
    fn enclosed(&mut self, mut node: Node, depth: u32) -> Result<Node> {
        use base64::Engine as _;
        let text = tree::decoded(&Self::whole(&node, self.limits.xml_bytes_max)?);
        let root = self.root(&text, &node)?;
        let attached = root.all("FatturaElettronicaBody").flat_map(|body| body.all("Allegati").collect::<Vec<_>>());
        let attached: Vec<(String, String)> = attached
            .filter_map(|file| Some((file.text_at(&["NomeAttachment"])?.to_owned(), file.text_at(&["Attachment"])?.to_owned())))
            .collect();
        for (name, text) in attached {
            let letters: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
            let name = FileName::new(name);
            match base64::engine::general_purpose::STANDARD.decode(&letters) {
                Ok(bytes) => {
                    let member = self.keep(name, Place::Member, &mut bytes.as_slice(), bytes.len() as u64)?;
                    self.add(&mut node, member, depth)?;
                }
                Err(_) => node.objections.push(about(Error::hold("open-damaged").with("kind", "Base64"), &name)),
            }
        }
        Ok(node)
    }

    /// All bytes of a node, at most `max` of them.
    fn whole(node: &Node, max: u64) -> Result<Vec<u8>> {
        if node.bytes > max {
            return Err(about(Error::hold("open-large").with("bytes", node.bytes).with("max", max), &node.name));
        }
        let mut bytes = Vec::new();
        let read = File::open(&node.path).and_then(|file| file.take(max).read_to_end(&mut bytes));
        read.map_err(|e| Error::disk("read envelope", &node.path, e))?;
        Ok(bytes)
    }

    /// A file more, if the ceiling allows one more.
    fn begin(&mut self) -> Result<PathBuf> {
        self.files += 1;
        if self.files > self.limits.container_entries_max {
            return Err(Error::hold("open-entries").with("max", self.limits.container_entries_max));
        }
        Ok(self.scratch.file(&format!("member-{}", self.files)))
    }

    /// Puts what `source` gives into scratch. `packed` are the bytes that it comes out of: it may not be too many times larger.
    fn keep(&mut self, name: FileName, place: Place, source: &mut dyn Read, packed: u64) -> Result<Member> {
        let path = self.begin().map_err(|error| about(error, &name))?;
        let disk = |e| Error::disk("write member", &path, e);
        let mut file = File::create(&path).map_err(disk)?;
        let (mut buffer, mut bytes) = (vec![0_u8; 64 << 10], 0_u64);
        loop {
            let count = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => return Err(about(Error::hold("open-damaged").with("kind", "?"), &name)),
            };
            bytes += count as u64;
            self.bytes += count as u64;
            self.weigh((bytes, packed)).map_err(|error| about(error, &name))?;
            file.write_all(&buffer[..count]).map_err(disk)?;
        }
        Ok(Member { name, path, bytes, place })
    }

    /// Nothing while what was taken out is within the ceilings.
    fn weigh(&self, (bytes, packed): (u64, u64)) -> Result<()> {
        let Limits { container_bytes_max, unpacked_bytes_max, .. } = *self.limits;
        if bytes > unpacked_bytes_max {
            return Err(Error::hold("open-large").with("bytes", bytes).with("max", unpacked_bytes_max));
        }
        if self.bytes > container_bytes_max {
            return Err(Error::hold("open-total").with("max", container_bytes_max));
        }
        self.weigh_ratio((bytes, packed))
    }

    /// Nothing while `bytes` are not too many for the `packed` ones that they come out of.
    fn weigh_ratio(&self, (bytes, packed): (u64, u64)) -> Result<()> {
        let container_ratio_max = self.limits.container_ratio_max;
        if bytes > INFLATED_BYTES_MIN && bytes > packed.max(1).saturating_mul(container_ratio_max) {
            return Err(Error::hold("open-ratio").with("max", container_ratio_max));
        }
        Ok(())
    }
}

/// The error with the name of the file that it is about.
fn about(error: Error, name: &FileName) -> Error {
    if error.message().value("name").is_some() { error } else { error.with("name", name.shown()) }
}

#[cfg(test)]
mod tests;
