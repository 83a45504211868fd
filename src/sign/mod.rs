//! Is a signed file what its signer signed, who was it, and when? `check`: bytes in, facts and an outcome per signature.
//!
//! Read are CMS and CAdES in any wrapping (DER, BER, PEM, Base64; enveloped, beside their content, one in another), PDF, XML,
//! time-stamp tokens, and containers of those. Contents are hashed while they are read, so that memory does not grow with them.
//! Mathematics, certificates and their chains are OpenSSL's; what the signed structures say is read here, since OpenSSL tells little
//! of it. Nothing is asked of the network: whoever is trusted, and who was revoked, is known from files. A signed file is only read.

mod algorithm;
mod asic;
mod cades;
mod certificate;
mod cms;
mod der;
mod fact;
mod judge;
mod letters;
mod pades;
mod pdf_change;
mod pdf_object;
mod reference;
mod revocation;
mod seal;
mod signer_info;
mod stamp;
mod stretch;
mod trust;
mod trusted_list;
mod xades;
mod xml;

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use jiff::Timestamp;

pub use fact::{Concern, Form, Indication, Signature, Signer, Stamp, Sub, Topic};
pub use seal::Signer as SealSigner;
pub use seal::{KeyKind, Pkcs12Signer, Seal, answered, question};
pub use trust::Trust;

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::limits::Limits;
use algorithm::DigestAlgorithm;
use judge::{Evidence, World};
use stretch::Stretch;

/// Endings of files that are nothing if not signed.
const ENDINGS: [&str; 9] = ["p7m", "p7s", "p7c", "m7m", "tsd", "tst", "tsr", "asics", "asice"];

/// What is needed to judge.
#[derive(Debug)]
pub struct Options<'o> {
    /// Whom the office trusts.
    pub trust: &'o Trust,
    /// The instant as of which is judged, UTC.
    pub now: Timestamp,
    /// The ceilings.
    pub limits: &'o Limits,
}

/// What was found in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// `cades`, `timestamp`, `tsd`, `pades`, `xades`, `asic`.
    pub form: &'static str,
    /// False where the file is of that form, as far as can be seen, and cannot be read.
    pub is_readable: bool,
    /// True of a PDF with a field for a signature that nobody has filled.
    pub has_empty_field: bool,
    /// Every signature and time stamp, in the order in which they stand.
    pub signatures: Vec<Signature>,
}

impl Checked {
    fn of(form: &'static str, signatures: Vec<Signature>) -> Self {
        Self { form, is_readable: true, has_empty_field: false, signatures }
    }
}

/// Gives what lies beside a signature, by its name alone.
type Beside<'b> = &'b dyn Fn(&str) -> std::io::Result<Option<Stretch>>;

/// The judgement on every signature in the file at `path`; none of a file that can hold none.
///
/// A signature beside its content looks for it in the same folder, under its own name without `.p7s`, `.p7m`, `.tst`, `.tsr`, or under
/// the name that it refers to. A bad signature is no error: an error means that the file could not be read at all.
pub fn check(path: &Path, options: &Options<'_>) -> Result<Option<Checked>> {
    let failed = |e: std::io::Error| Error::disk("read signed file", path, e);
    let file = File::open(path).map_err(failed)?;
    let source = Stretch::file(file.try_clone().map_err(failed)?).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().unwrap_or(Path::new("."));
    let beside = |uri: &str| in_folder(folder, uri);
    judged(&source, Some(&file), (&name, &beside), options).map_err(failed)
}

/// The judgement on a seal that lies in a package under that name; `beside` gives its other files, by their names in the seal's folder.
///
/// Of a seal that holds what it seals, `content` of the answer is the digest of that.
pub fn check_seal(
    name: &str,
    bytes: Vec<u8>,
    beside: &dyn Fn(&str) -> Option<Vec<u8>>,
    options: &Options<'_>,
) -> Result<Option<(Checked, Option<Digest>)>> {
    let failed = |e: std::io::Error| Error::disk("read seal", Path::new(name), e);
    let source = Stretch::memory(bytes);
    let beside = |uri: &str| Ok(beside(uri).map(Stretch::memory));
    let Some(checked) = judged(&source, None, (name, &beside), options).map_err(failed)? else { return Ok(None) };
    let inside = if checked.form == "cades" { cms::signed_data(&source).ok().and_then(|data| data.content) } else { None };
    let digest = inside.map(|content| Digest::of_reader(content).map(|(digest, _)| digest)).transpose().map_err(failed)?;
    Ok(Some((checked, digest)))
}

fn judged(
    source: &Stretch,
    file: Option<&File>,
    (name, beside): (&str, Beside<'_>),
    options: &Options<'_>,
) -> std::io::Result<Option<Checked>> {
    let world = World { trust: options.trust, now: options.now, limits: options.limits };
    let head = source.peek(0, 1 << 10)?;
    let found = if memchr::memmem::find(&head, b"%PDF-").is_some() {
        pdf(source, &world)
    } else if let Some(file) = file.filter(|_| head.starts_with(b"PK\x03\x04")) {
        asic::judge(file, name, &world).map(|found| found.map(|signatures| Checked::of("asic", signatures)))
    } else if head.starts_with(&[der::SEQUENCE]) {
        binary(source, (name, beside), &world)
    } else if is_xml(&head) {
        xml(source, beside, &world)
    } else {
        match letters::decoded(source) {
            Ok(Some(bytes)) => binary(&Stretch::memory(bytes), (name, beside), &world),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        }
    };
    // What is too large for its ceiling is said to be unreadable, like what is broken.
    match found {
        Ok(None) => {
            let is_named = ending(name).is_some_and(|ending| ENDINGS.contains(&ending.as_str()));
            Ok(is_named.then(unread))
        }
        Err(e) if matches!(e.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::FileTooLarge) => {
            Ok(Some(unread()))
        }
        found => found,
    }
}

fn ending(name: &str) -> Option<String> {
    name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase())
}

/// What calls itself signed and cannot be read.
fn unread() -> Checked {
    Checked { is_readable: false, ..Checked::of("unknown", Vec::new()) }
}

fn is_xml(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    matches!(head, [b'<', b'?' | b'!' | b'a'..=b'z' | b'A'..=b'Z' | b'_', ..])
}

fn pdf(source: &Stretch, world: &World<'_>) -> std::io::Result<Option<Checked>> {
    let signatures = pades::judge(source, world)?;
    let has_empty_field = signatures.is_empty()
        && source.length() <= world.limits.pdf_bytes_max
        && pdf_change::has_empty_field(&source.whole(world.limits.pdf_bytes_max)?);
    Ok(Some(Checked { has_empty_field, ..Checked::of("pades", signatures) }))
}

fn xml(source: &Stretch, beside: Beside<'_>, world: &World<'_>) -> std::io::Result<Option<Checked>> {
    if source.length() > world.limits.xml_bytes_max {
        return Ok(None);
    }
    let bytes = source.whole(world.limits.xml_bytes_max)?;
    // Most XML is not signed; it costs no tree to see that.
    if memchr::memmem::find(&bytes, xml::DSIG.as_bytes()).is_none() {
        return Ok(None);
    }
    let text = String::from_utf8(bytes).map_err(|_| cms::malformed())?;
    let found = xades::judge(&text, "", beside, world)?.ok_or_else(cms::malformed)?;
    Ok((!found.0.is_empty()).then(|| Checked::of("xades", found.0)))
}

/// A file of that folder by its name alone: a reference never leads anywhere else.
fn in_folder(folder: &Path, uri: &str) -> std::io::Result<Option<Stretch>> {
    let name = percent_encoding::percent_decode_str(uri.strip_prefix("./").unwrap_or(uri)).decode_utf8_lossy().into_owned();
    // A file is first looked for under the very name: a name may have a percent sign in it.
    for name in [uri, name.as_str()] {
        let mut parts = Path::new(name).components();
        let is_name = matches!(parts.next(), Some(std::path::Component::Normal(_))) && parts.next().is_none();
        let path = folder.join(name);
        if is_name && path.is_file() {
            return Ok(Some(Stretch::file(File::open(path)?)?));
        }
    }
    Ok(None)
}

/// What a signature beside its content is about: the file of its name without the ending.
fn content_of(name: &str, beside: Beside<'_>) -> std::io::Result<Option<Stretch>> {
    const BESIDE: [&str; 4] = ["p7s", "p7m", "tst", "tsr"];
    match name.rsplit_once('.') {
        Some((bare, ending)) if BESIDE.contains(&ending.to_ascii_lowercase().as_str()) => beside(bare),
        _ => Ok(None),
    }
}

/// CMS of any kind, in binary.
fn binary(source: &Stretch, (name, beside): (&str, Beside<'_>), world: &World<'_>) -> std::io::Result<Option<Checked>> {
    match cms::kind(source).as_deref() {
        Some(cms::SIGNED_DATA) if stamp::is_token(source) => {
            token(&source.whole(64 << 20)?, content_of(name, beside)?.as_ref(), world).map(Some)
        }
        Some(cms::SIGNED_DATA) => {
            let mut signatures = Vec::new();
            envelope(source, content_of(name, beside)?, (world, 0), &mut signatures)?;
            Ok(Some(Checked::of("cades", signatures)))
        }
        Some(cms::STAMPED_DATA) => stamped(source, world).map(Some),
        Some(_) => Ok(None),
        None => {
            let answer = if source.length() <= 1 << 20 { stamp::in_answer(&source.whole(1 << 20)?) } else { None };
            match answer {
                Some(bytes) => token(&bytes, content_of(name, beside)?.as_ref(), world).map(Some),
                None => Ok(None),
            }
        }
    }
}

/// A SignedData and what is signed in it, if that is signed in turn.
fn envelope(
    source: &Stretch,
    detached: Option<Stretch>,
    (world, depth): (&World<'_>, u32),
    signatures: &mut Vec<Signature>,
) -> std::io::Result<()> {
    let place = if depth == 0 { String::new() } else { format!("{}", depth + 1) };
    let (judged, content) = cades::read_and_judge(source, detached, (Form::Cades, &place), &Evidence::default(), world)?;
    signatures.extend(judged);
    let Some(content) = content.filter(|_| depth + 1 < world.limits.container_depth_max) else { return Ok(()) };
    let inner = if content.peek(0, 1)?.first() == Some(&der::SEQUENCE) {
        content
    } else if content.length() <= letters::BYTES_MAX && letters::may_be(&content.peek(0, 64)?) {
        let Some(bytes) = letters::decoded(&content)? else { return Ok(()) };
        Stretch::memory(bytes)
    } else {
        return Ok(());
    };
    if cms::kind(&inner).as_deref() == Some(cms::SIGNED_DATA) && cms::signed_data(&inner).is_ok() {
        envelope(&inner, None, (world, depth + 1), signatures)?;
    }
    Ok(())
}

fn token(bytes: &[u8], content: Option<&Stretch>, world: &World<'_>) -> std::io::Result<Checked> {
    let imprint = |algorithm: DigestAlgorithm| {
        content.map_or(Ok(None), |content| Ok(cades::hashed(content, &[algorithm])?.remove(algorithm.name)))
    };
    Ok(Checked::of("timestamp", vec![stamp::judge(bytes, "", &imprint, &Evidence::default(), world)?]))
}

/// Data with their time stamps (RFC 5544), and the signature in the data, if they are signed.
fn stamped(source: &Stretch, world: &World<'_>) -> std::io::Result<Checked> {
    let (content, tokens) = cms::stamped_data(source)?;
    let mut signatures = Vec::new();
    // Those after the first are over the ones before (RFC 5544, 2): they renew it and are not asked here.
    if let Some(bytes) = tokens.first() {
        signatures.push(token(bytes, content.as_ref(), world)?.signatures.remove(0));
    }
    if let Some(content) = content
        && cms::kind(&content).as_deref() == Some(cms::SIGNED_DATA)
        && cms::signed_data(&content).is_ok()
    {
        envelope(&content, None, (world, 1), &mut signatures)?;
    }
    Ok(Checked::of("tsd", signatures))
}
