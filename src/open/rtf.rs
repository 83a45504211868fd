//! What stands in a body of compressed RTF? The dictionary coding of MS-OXRTFCP: sixteen bytes of head, then bytes as they are and
//! references into the last 4,096 bytes that were written, eight of them behind each byte of flags.

/// The dictionary before anything is written: words that many RTF texts begin with (MS-OXRTFCP 2.1.2.1).
const DICTIONARY: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor \
MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
const DICTIONARY_BYTES: usize = 4_096;
const HEAD_BYTES: usize = 16;
/// Bytes of the head that the stated size does not count.
const UNCOUNTED: usize = 4;
const COMPRESSED: &[u8] = b"LZFu";
const PLAIN: &[u8] = b"MELA";

/// The RTF of a compressed body; none where it is no such body, ends too early, or is longer than `max` bytes.
pub(super) fn decompressed(body: &[u8], max: u64) -> Option<Vec<u8>> {
    let number = |at: usize| Some(u32::from_le_bytes(body.get(at..at + 4)?.try_into().ok()?) as usize);
    let (size, raw, kind) = (number(0)?, number(4)?, body.get(8..12)?);
    if raw as u64 > max {
        return None;
    }
    let content = body.get(HEAD_BYTES..size.checked_add(UNCOUNTED)?)?;
    match kind {
        PLAIN => content.get(..raw).map(<[u8]>::to_vec),
        COMPRESSED => expanded(content, raw),
        _ => None,
    }
}

fn expanded(content: &[u8], raw: usize) -> Option<Vec<u8>> {
    let mut ring = [b' '; DICTIONARY_BYTES];
    ring[..DICTIONARY.len()].copy_from_slice(DICTIONARY);
    let (mut text, mut at, mut source) = (Vec::new(), DICTIONARY.len(), content.iter().copied());
    let mut put = |byte: u8, at: &mut usize, ring: &mut [u8; DICTIONARY_BYTES]| {
        ring[*at] = byte;
        *at = (*at + 1) % DICTIONARY_BYTES;
        text.push(byte);
        text.len() > raw
    };
    'runs: while let Some(flags) = source.next() {
        for bit in 0..8 {
            if flags >> bit & 1 == 0 {
                let Some(byte) = source.next() else { break 'runs };
                if put(byte, &mut at, &mut ring) {
                    return None;
                }
                continue;
            }
            let reference = u16::from_be_bytes([source.next()?, source.next()?]);
            let (offset, length) = (usize::from(reference >> 4), usize::from(reference & 15) + 2);
            // A reference to where the next byte goes is the end.
            if offset == at {
                break 'runs;
            }
            for step in 0..length {
                if put(ring[(offset + step) % DICTIONARY_BYTES], &mut at, &mut ring) {
                    return None;
                }
            }
        }
    }
    (text.len() == raw).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(kind: &[u8], raw: u32, content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + HEAD_BYTES - UNCOUNTED).expect("short");
        [&size.to_le_bytes()[..], &raw.to_le_bytes(), kind, &[0; 4], content].concat()
    }

    /// Worked by hand: `{\rtf1\ansi` out of the dictionary, a letter, then that letter again and again out of what was just written.
    fn worked() -> Vec<u8> {
        let at = |offset: u16, length: u16| ((offset << 4) | (length - 2)).to_be_bytes();
        let begin = u16::try_from(DICTIONARY.len()).expect("short");
        [&[0b0001_1101][..], &at(0, 11), b"a", &at(begin + 11, 9), &at(0, 2), &at(begin + 23, 2)].concat()
    }

    #[test]
    fn references_reach_into_the_dictionary_and_into_what_was_just_written() {
        assert_eq!(DICTIONARY.len(), 207);
        let text = b"{\\rtf1\\ansiaaaaaaaaaa{\\";
        let raw = u32::try_from(text.len()).expect("short");
        assert_eq!(decompressed(&body(COMPRESSED, raw, &worked()), 100).as_deref(), Some(&text[..]));
        assert_eq!(decompressed(&body(COMPRESSED, raw, &worked()), u64::from(raw)).map(|text| text.len()), Some(23));
        assert_eq!(decompressed(&body(PLAIN, 5, b"{\\rtf1"), 100).as_deref(), Some(&b"{\\rtf"[..]));
    }

    #[test]
    fn what_is_cut_lies_about_its_size_or_is_too_long_is_no_text() {
        let whole = body(COMPRESSED, 23, &worked());
        assert_eq!(decompressed(&whole, 22), None, "over the ceiling");
        assert!((0..whole.len()).all(|end| decompressed(&whole[..end], 100).is_none()), "cut");
        for raw in [0, 22, 24, u32::MAX] {
            assert_eq!(decompressed(&body(COMPRESSED, raw, &worked()), u64::MAX), None, "{raw}");
        }
        assert_eq!(decompressed(&body(b"LZMA", 23, &worked()), 100), None);
    }
}
