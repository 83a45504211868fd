//! What does this tar file hold? ustar, with the long names of GNU and POSIX (pax); nothing of it is ever unpacked to disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::findings::{Findings, Valued as _, error};
use super::names::PATH_BYTES_MAX;
use crate::limits::Limits;

const BLOCK: u64 = 512;
/// Longest header of its own that a name may have (pax records, GNU long name), bytes.
const EXTRA_BYTES_MAX: u64 = 1 << 20;

/// One member that is not a folder.
#[derive(Debug)]
pub(super) struct Member {
    /// Its path.
    pub(super) path: String,
    /// Its length.
    pub(super) bytes: u64,
    /// Where its bytes begin; none of a link, a device, a member that passes a ceiling.
    pub(super) at: Option<u64>,
}

/// True if the file begins with a tar header.
pub(super) fn is_tar(file: &File) -> bool {
    let mut block = [0_u8; BLOCK as usize];
    file.read_exact_at(&mut block, 0).is_ok() && &block[257..262] == b"ustar" && is_summed(&block)
}

/// The members of a tar file. What is wrong with it is in the findings; an error is one of the disk.
pub(super) fn members(file: &File, limits: &Limits, findings: &mut Findings) -> io::Result<Vec<Member>> {
    let length = file.metadata()?.len();
    let mut members: Vec<Member> = Vec::new();
    let mut next = Extra::default();
    let (mut at, mut total) = (0_u64, 0_u64);
    let mut block = [0_u8; BLOCK as usize];
    while at + BLOCK <= length {
        file.read_exact_at(&mut block, at)?;
        let place = format!("byte {at}");
        at += BLOCK;
        if block.iter().all(|b| *b == 0) {
            return Ok(members);
        }
        let Some(size) = next.size.or_else(|| number(&block[124..136])).filter(|_| is_summed(&block)) else {
            findings.push(error("tar-broken").at("", &place));
            return Ok(members);
        };
        let data = at;
        let end = data.checked_add(size.div_ceil(BLOCK).saturating_mul(BLOCK));
        let Some(end) = end.filter(|_| data.checked_add(size).is_some_and(|end| end <= length)) else {
            findings.push(error("tar-truncated").at("", &place).value("bytes", length));
            return Ok(members);
        };
        at = end;
        if matches!(block[156], b'L' | b'x' | b'g' | b'K') {
            next.take(file, block[156], (data, size), &place, findings)?;
            continue;
        }
        if members.len() as u64 >= limits.verify_entries_max {
            findings.push(error("limit-entries").value("most", limits.verify_entries_max));
            return Ok(members);
        }
        let path = named(&block, std::mem::take(&mut next), &place, findings);
        total = total.saturating_add(size);
        members.extend(member(path, (block[156], data, size), (limits, total), findings));
    }
    findings.push(error("tar-truncated").at("", &format!("byte {at}")).value("bytes", length));
    Ok(members)
}

fn member(
    path: String,
    (kind, at, bytes): (u8, u64, u64),
    (limits, total): (&Limits, u64),
    findings: &mut Findings,
) -> Option<Member> {
    let barred = match kind {
        b'5' => return None,
        b'0' | 0 | b'7' if path.ends_with('/') => return None,
        b'0' | 0 | b'7' if total <= limits.verify_bytes_max => None,
        b'0' | 0 | b'7' => Some("limit-bytes"),
        b'2' => Some("entry-symlink"),
        _ => Some("entry-special"),
    };
    if let Some(code) = barred {
        findings.push(error(code).at(&path, "").value("most", limits.verify_bytes_max));
    }
    Some(Member { path, bytes, at: barred.is_none().then_some(at) })
}

/// What a header before the header says of the next member.
#[derive(Debug, Default)]
struct Extra {
    path: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Extra {
    fn take(&mut self, file: &File, kind: u8, (at, size): (u64, u64), place: &str, findings: &mut Findings) -> io::Result<()> {
        if size > EXTRA_BYTES_MAX {
            findings.push(error("tar-broken").at("", place));
            return Ok(());
        }
        let mut bytes = vec![0_u8; usize::try_from(size).unwrap_or(0)];
        file.read_exact_at(&mut bytes, at)?;
        match kind {
            b'L' => {
                while bytes.last() == Some(&0) {
                    bytes.pop();
                }
                self.path = Some(bytes);
            }
            b'x' => {
                for (key, value) in records(&bytes) {
                    match key {
                        b"path" => self.path = Some(value.to_vec()),
                        b"size" => self.size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()),
                        _ => {}
                    }
                }
            }
            // Of a global header (git writes its commit there) and of the target of a link nothing is needed.
            _ => {}
        }
        Ok(())
    }
}

/// The `length key=value\n` records of a pax header, as far as they hold together.
fn records(bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some(blank) = rest.iter().position(|b| *b == b' ') {
        let length = std::str::from_utf8(&rest[..blank]).ok().and_then(|text| text.parse::<usize>().ok());
        let Some(record) = length.and_then(|length| rest.get(blank + 1..length)) else { break };
        if let (Some(equals), Some(b'\n')) = (record.iter().position(|b| *b == b'='), record.last()) {
            found.push((&record[..equals], &record[equals + 1..record.len() - 1]));
        }
        rest = &rest[length.unwrap_or(rest.len())..];
    }
    found
}

fn named(block: &[u8; BLOCK as usize], extra: Extra, place: &str, findings: &mut Findings) -> String {
    let field = |from: usize, to: usize| block[from..to].split(|b| *b == 0).next().unwrap_or_default();
    let mut bytes = extra.path.unwrap_or_else(|| {
        let (prefix, name) = (field(345, 500), field(0, 100));
        // GNU uses the place of the prefix for other things; its magic ends in blanks.
        let has_prefix = &block[257..263] == b"ustar\0" && !prefix.is_empty();
        if has_prefix { [prefix, b"/", name].concat() } else { name.to_vec() }
    });
    if bytes.len() > PATH_BYTES_MAX {
        findings.push(error("name-too-long").at("", place).value("most", PATH_BYTES_MAX));
        bytes.truncate(PATH_BYTES_MAX);
    }
    let (path, is_utf8) = match String::from_utf8(bytes) {
        Ok(path) => (path, true),
        Err(e) => (String::from_utf8_lossy(e.as_bytes()).into_owned(), false),
    };
    let path = path.strip_prefix("./").map(str::to_owned).unwrap_or(path);
    if !is_utf8 {
        findings.push(error("name-not-utf8").at(&path, ""));
    }
    path
}

/// A number in octal digits, or in base 256 where the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|b| b & 0x80 != 0) {
        let (mark, digits) = field.split_first()?;
        let value = digits.iter().try_fold(0_u64, |value, b| value.checked_mul(256)?.checked_add(u64::from(*b)));
        return value.filter(|_| *mark == 0x80);
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// True if the sum that the header carries is that of its bytes, its own field counted as blanks.
fn is_summed(block: &[u8; BLOCK as usize]) -> bool {
    let sum: u64 = block.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { u64::from(*b) }).sum();
    number(&block[148..156]) == Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_octal_and_in_base_256() {
        assert_eq!(number(b"00000001750\0"), Some(1_000));
        let mut wide = [0_u8; 12];
        wide[0] = 0x80;
        wide[7] = 2;
        assert_eq!(number(&wide), Some(2 << 32));
        // A field of eight bytes, as the sum's, may be written so too: found by mutation.
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 2, 1]), Some(513));
        assert_eq!((number(&[0xFF; 12]), number(&[0x80; 8]), number(&[0x80])), (None, Some(0x80_8080_8080_8080), Some(0)));
        wide[0] = 0xFF;
        assert_eq!((number(&wide), number(b"9")), (None, None));
    }

    #[test]
    fn records_that_do_not_hold_together_end_the_reading() {
        assert_eq!(records(b"9 path=a\n"), [(&b"path"[..], &b"a"[..])]);
        for bad in [&b"99 path=a\n"[..], b"x path=a\n", b"0 path=a\n", b"9 path=ab", b""] {
            assert!(records(bad).is_empty(), "{bad:?}");
        }
    }
}
