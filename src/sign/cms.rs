//! How is a CMS SignedData built up? (RFC 5652, 5.) The content stays where it lies; what stands after it is read into memory.

use std::io::{BufReader, Error as IoError, ErrorKind, Read, Result, Seek as _, SeekFrom};

use std::sync::Arc;

use openssl::x509::{X509, X509Crl};

use super::certificate::read_into;
use super::der::{self, INTEGER, Item, Items, OBJECT_ID, OCTETS, SEQUENCE, SET, context};
use super::stretch::Stretch;

/// `id-signedData`.
pub(super) const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
/// `id-data`.
pub(super) const DATA: &str = "1.2.840.113549.1.7.1";
/// `id-ct-timestampedData` (RFC 5544).
pub(super) const STAMPED_DATA: &str = "1.2.840.113549.1.9.16.1.31";
/// Most bytes that may stand behind the content: certificates, revocation lists, signers.
const TAIL_BYTES_MAX: u64 = 64 << 20;
/// Most pieces in which a content may lie.
const PIECES_MAX: usize = 2_000_000;
/// Most signers of one content.
const SIGNERS_MAX: usize = 200;
const OCTETS_IN_PIECES: u8 = 0x24;
const DEPTH_MAX: usize = 16;

/// A SignedData, taken apart.
pub(super) struct SignedData {
    /// The type of what is signed.
    pub(super) kind: String,
    /// The digests that it says its signers use, with dots. Nobody signs that.
    pub(super) digests: Vec<String>,
    /// What is signed, if it lies here.
    pub(super) content: Option<Stretch>,
    /// The certificates that came with it.
    pub(super) certificates: Vec<X509>,
    /// The revocation lists that came with it.
    pub(super) crls: Vec<Arc<X509Crl>>,
    /// OCSP answers that came with it, DER.
    pub(super) ocsps: Vec<Vec<u8>>,
    /// The signers, DER.
    pub(super) signers: Vec<Vec<u8>>,
}

/// What kind of data an outermost `ContentInfo` holds.
pub(super) fn kind(source: &Stretch) -> Option<String> {
    let mut ber = Ber::new(source.clone());
    ber.need(SEQUENCE).ok()?;
    let kind = ber.small(OBJECT_ID).ok()?;
    der::first(&kind)?.object_id()
}

/// Reads a SignedData.
pub(super) fn signed_data(source: &Stretch) -> Result<SignedData> {
    let mut ber = Ber::new(source.clone());
    let outermost = ber.need(SEQUENCE)?;
    if der::first(&ber.small(OBJECT_ID)?).and_then(|id| id.object_id()).as_deref() != Some(SIGNED_DATA) {
        return Err(malformed());
    }
    let explicit = ber.need(context(0))?;
    let whole = ber.need(SEQUENCE)?;
    let rest = end(source, &[outermost, explicit, whole])?;
    if !matches!(der::first(&ber.small(INTEGER)?).map(|version| version.inside), Some([1 | 3 | 4 | 5])) {
        return Err(malformed());
    }
    let digests = ber.digest_ids()?;
    let encapsulated = ber.need(SEQUENCE)?;
    let kind = der::first(&ber.small(OBJECT_ID)?).and_then(|id| id.object_id()).ok_or_else(malformed)?;
    let pieces = if ber.is_at_end(encapsulated)? { None } else { Some(ber.explicit_octets(kind != DATA)?) };
    ber.leave(encapsulated)?;
    let content = pieces.map(|pieces| source.parts(&pieces).ok_or_else(malformed)).transpose()?;
    let tail = tail(source, ber.at, rest)?;
    let mut signed =
        SignedData { kind, digests, content, certificates: Vec::new(), crls: Vec::new(), ocsps: Vec::new(), signers: Vec::new() };
    let mut items = Items(&tail);
    if let Some(certificates) = items.pick(context(0)) {
        certificates.items().for_each(|one| read_into(&mut signed.certificates, one.whole));
    }
    if let Some(lists) = items.pick(context(1)) {
        lists.items().for_each(|one| signed.take_revocation(&one));
    }
    let signers = items.pick(SET).ok_or_else(malformed)?;
    signed.signers = signers.items().take(SIGNERS_MAX).map(|signer| signer.whole.to_vec()).collect();
    let told: usize = signed.signers.iter().map(Vec::len).sum();
    if told < signers.inside.len() { Err(malformed()) } else { Ok(signed) }
}

impl SignedData {
    /// `RevocationInfoChoice`: a list, or an OCSP answer (RFC 5940).
    fn take_revocation(&mut self, item: &Item<'_>) {
        if item.tag == SEQUENCE {
            self.crls.extend(X509Crl::from_der(item.whole).map(Arc::new));
        } else if item.tag == context(1) {
            self.ocsps.extend(item.items().nth(1).map(|answer| answer.whole.to_vec()));
        }
    }
}

/// Where items that lie each in the one before end, if all that state it agree: else two readers could take two things for the whole.
fn end(source: &Stretch, heads: &[Head]) -> Result<u64> {
    let mut ends = heads.iter().filter_map(|head| head.1);
    let first = ends.next().unwrap_or(source.length());
    let is_stated_after_open = heads.windows(2).any(|pair| pair[0].1.is_none() && pair[1].1.is_some());
    if first > source.length() || (!is_stated_after_open && ends.any(|end| end != first)) {
        return Err(malformed());
    }
    Ok(heads.last().and_then(|head| head.1).unwrap_or(first).min(source.length()))
}

/// What stands between the content and the end, with its open ends closed.
fn tail(source: &Stretch, from: u64, to: u64) -> Result<Vec<u8>> {
    let length = to.checked_sub(from).ok_or_else(malformed)?;
    if length > TAIL_BYTES_MAX {
        return Err(ErrorKind::FileTooLarge.into());
    }
    let bytes = source.parts(&[(from, length)]).ok_or_else(malformed)?.whole(TAIL_BYTES_MAX)?;
    der::definite(&bytes).ok_or_else(malformed)
}

/// The content of a TimeStampedData and its tokens (RFC 5544, 2).
pub(super) fn stamped_data(source: &Stretch) -> Result<(Option<Stretch>, Vec<Vec<u8>>)> {
    let mut ber = Ber::new(source.clone());
    ber.need(SEQUENCE)?;
    ber.small(OBJECT_ID)?;
    ber.need(context(0))?;
    let whole = ber.need(SEQUENCE)?;
    ber.small(INTEGER)?;
    let mut pieces = None;
    loop {
        let at = ber.at;
        let item = ber.item()?;
        match item.0 {
            // dataUri, metaData
            0x16 | SEQUENCE => ber.pass(item, 0)?,
            OCTETS | OCTETS_IN_PIECES if pieces.is_none() => {
                let mut found = Vec::new();
                ber.octets(item, &mut found, 0)?;
                pieces = Some(found);
            }
            _ => {
                ber.go(at)?;
                break;
            }
        }
    }
    let content = pieces.map(|pieces| source.parts(&pieces).ok_or_else(malformed)).transpose()?;
    let tail = tail(source, ber.at, whole.1.map_or(source.length(), |end| end.min(source.length())))?;
    // tstEvidence [0] SEQUENCE OF { timeStampToken, crl? }
    let evidence = der::first(&tail).and_then(|item| item.tagged(context(0))).ok_or_else(malformed)?;
    let tokens = evidence.items().filter_map(|one| one.items().next()).map(|token| token.whole.to_vec());
    Ok((content, tokens.take(SIGNERS_MAX).collect()))
}

pub(super) fn malformed() -> IoError {
    ErrorKind::InvalidData.into()
}

/// Tag and end of an item; an end of none is open.
type Head = (u8, Option<u64>);

/// Items of BER, one after another, out of a source of any length.
struct Ber {
    source: BufReader<Stretch>,
    at: u64,
}

impl Ber {
    fn new(source: Stretch) -> Self {
        Self { source: BufReader::with_capacity(16 << 10, source), at: 0 }
    }

    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0_u8];
        self.source.read_exact(&mut byte)?;
        self.at += 1;
        Ok(byte[0])
    }

    fn go(&mut self, at: u64) -> Result<()> {
        match i64::try_from(at).ok().zip(i64::try_from(self.at).ok()) {
            Some((to, from)) => self.source.seek_relative(to - from)?,
            None => drop(self.source.seek(SeekFrom::Start(at))?),
        }
        self.at = at;
        Ok(())
    }

    fn item(&mut self) -> Result<Head> {
        let (tag, first) = (self.byte()?, self.byte()?);
        if tag & 0x1f == 0x1f {
            return Err(malformed());
        }
        let length = match first {
            0x80 => return Ok((tag, None)),
            0..0x80 => u64::from(first),
            0x81..=0x88 => {
                let mut length = 0_u64;
                for _ in 0..first & 0x7f {
                    length = length << 8 | u64::from(self.byte()?);
                }
                length
            }
            _ => return Err(malformed()),
        };
        Ok((tag, Some(self.at.checked_add(length).ok_or_else(malformed)?)))
    }

    fn need(&mut self, tag: u8) -> Result<Head> {
        let item = self.item()?;
        if item.0 == tag { Ok(item) } else { Err(malformed()) }
    }

    /// A small item of that tag, whole.
    fn small(&mut self, tag: u8) -> Result<Vec<u8>> {
        const SMALL_MAX: u64 = 1_000;
        let (tag, end) = self.need(tag)?;
        let length = end.and_then(|end| end.checked_sub(self.at)).filter(|length| *length <= SMALL_MAX).ok_or_else(malformed)?;
        let mut inside = vec![0_u8; length as usize];
        self.source.read_exact(&mut inside)?;
        self.at += length;
        Ok(der::wrap(tag, &[&inside]))
    }

    /// True where nothing more stands in the item; an end mark is left where it is.
    fn is_at_end(&mut self, item: Head) -> Result<bool> {
        if let Some(end) = item.1 {
            return Ok(self.at >= end);
        }
        let at = self.at;
        let is_end = self.byte()? == 0 && self.byte()? == 0;
        self.go(at)?;
        Ok(is_end)
    }

    /// Goes to the end of an item of which everything was read.
    fn leave(&mut self, item: Head) -> Result<()> {
        match item.1 {
            Some(end) if end == self.at => Ok(()),
            None if self.byte()? == 0 && self.byte()? == 0 => Ok(()),
            _ => Err(malformed()),
        }
    }

    /// The identifiers in a set of digest algorithms; parameters are none or null (RFC 5754, 2).
    fn digest_ids(&mut self) -> Result<Vec<String>> {
        const IDS_MAX: usize = 50;
        let set = self.need(SET)?;
        let mut ids = Vec::new();
        while !self.is_at_end(set)? {
            let (mut inside, one) = (None, self.need(SEQUENCE)?);
            while !self.is_at_end(one)? {
                let item = self.item()?;
                let length =
                    item.1.and_then(|end| end.checked_sub(self.at)).filter(|length| *length < 64).ok_or_else(malformed)?;
                let mut bytes = vec![0_u8; length as usize];
                self.source.read_exact(&mut bytes)?;
                self.at += length;
                match (item.0, &inside) {
                    (OBJECT_ID, None) => inside = Some(bytes),
                    (0x05, Some(_)) if bytes.is_empty() => {}
                    _ => return Err(malformed()),
                }
            }
            self.leave(one)?;
            let id =
                inside.and_then(|inside| der::first(&der::wrap(OBJECT_ID, &[&inside]))?.object_id()).ok_or_else(malformed)?;
            if ids.len() >= IDS_MAX {
                return Err(malformed());
            }
            ids.push(id);
        }
        self.leave(set)?;
        Ok(ids)
    }

    fn pass(&mut self, item: Head, depth: usize) -> Result<()> {
        if let Some(end) = item.1 {
            return if end < self.at { Err(malformed()) } else { self.go(end) };
        }
        if depth > DEPTH_MAX {
            return Err(malformed());
        }
        loop {
            let inner = self.item()?;
            if inner == (0, Some(self.at)) {
                return Ok(());
            }
            self.pass(inner, depth + 1)?;
        }
    }

    /// `[0] { OCTET STRING }`: where the pieces of the string lie.
    fn explicit_octets(&mut self, may_be_other: bool) -> Result<Vec<(u64, u64)>> {
        let around = self.need(context(0))?;
        let item = self.item()?;
        let mut pieces = Vec::new();
        if item.0 == OCTETS || item.0 == OCTETS_IN_PIECES {
            self.octets(item, &mut pieces, 0)?;
        } else if !may_be_other {
            return Err(malformed());
        } else {
            // PKCS #7 lets any type stand here; its content octets are what is signed (RFC 2315, 9.3).
            let end = item.1.ok_or_else(malformed)?;
            pieces.push((self.at, end.checked_sub(self.at).ok_or_else(malformed)?));
            self.go(end)?;
        }
        self.leave(around)?;
        Ok(pieces)
    }

    fn octets(&mut self, item: Head, pieces: &mut Vec<(u64, u64)>, depth: usize) -> Result<()> {
        match item {
            (OCTETS, Some(end)) => {
                if pieces.len() >= PIECES_MAX {
                    return Err(ErrorKind::FileTooLarge.into());
                }
                pieces.push((self.at, end.checked_sub(self.at).ok_or_else(malformed)?));
                self.go(end)
            }
            (OCTETS_IN_PIECES, end) if depth < DEPTH_MAX => {
                while !self.is_at_end(item)? {
                    let inner = self.item()?;
                    self.octets(inner, pieces, depth + 1)?;
                }
                match end {
                    Some(end) if end == self.at => Ok(()),
                    Some(_) => Err(malformed()),
                    None => self.leave(item),
                }
            }
            _ => Err(malformed()),
        }
    }
}
