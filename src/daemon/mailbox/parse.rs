//! What does a server's line say? Only the few words that the door asks for are read, wherever they stand.

/// A line, with the literals in it in their places and without its last line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: Vec<u8>,
}

/// The length of the literal that a line ends with, `{123}`.
pub(super) fn literal(text: &[u8]) -> Option<u64> {
    let inner = text.strip_suffix(b"}")?;
    let brace = inner.iter().rposition(|b| *b == b'{')?;
    let digits = &inner[brace + 1..];
    let is_number = !digits.is_empty() && digits.len() < 20 && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

/// True of a line that ends with the announcement of a whole message, `* 7 FETCH (… BODY[] {123}`.
pub(super) fn is_message(text: &[u8]) -> bool {
    let Some(brace) = text.iter().rposition(|b| *b == b'{') else { return false };
    text.starts_with(b"* ") && text[..brace].trim_ascii_end().to_ascii_uppercase().ends_with(b"BODY[]")
}

/// The code in brackets of the end of a command, `OK [READ-WRITE] …`, without what it carries; empty where there is none.
/// Only letters and hyphens of it are kept: it goes into an error.
pub(super) fn code(ended: &[u8]) -> String {
    let Some(open) = ended.iter().position(|b| *b == b'[').filter(|open| *open < 8) else { return String::new() };
    let word = ended[open + 1..].iter().take_while(|b| b.is_ascii_alphabetic() || **b == b'-');
    word.take(32).map(|b| char::from(b.to_ascii_uppercase())).collect()
}

/// The words of `text` at which `name` is followed by a space, and what comes after.
fn after<'a>(text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let upper = text.to_ascii_uppercase();
    let wanted = format!("{name} ");
    let found = memchr::memmem::find_iter(&upper, wanted.as_bytes());
    let at = found.into_iter().find(|at| *at == 0 || matches!(upper[at - 1], b' ' | b'(' | b'['))?;
    text.get(at + wanted.len()..)
}

fn number(text: &[u8]) -> Option<u64> {
    let digits: Vec<u8> = text.iter().copied().take_while(u8::is_ascii_digit).take(20).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

/// The number that follows `name`, in any of the lines.
pub(super) fn number_after(lines: &[Line], name: &str) -> Option<u64> {
    lines.iter().find_map(|line| number(after(&line.text, name)?))
}

/// How many messages there are: `23 EXISTS`.
pub(super) fn exists(lines: &[Line]) -> Option<u64> {
    let exists = |line: &Line| line.text.to_ascii_uppercase().ends_with(b" EXISTS").then(|| number(&line.text)).flatten();
    lines.iter().rev().find_map(exists)
}

/// The numbers of `SEARCH 2 84 882`.
pub(super) fn found(lines: &[Line]) -> Vec<u32> {
    let found = lines.iter().filter_map(|line| {
        let is_search = line.text.get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"SEARCH"));
        is_search.then(|| line.text[6..].to_vec())
    });
    let text: Vec<u8> = found.collect::<Vec<_>>().join(&b' ');
    String::from_utf8_lossy(&text).split_ascii_whitespace().filter_map(|n| n.parse().ok()).filter(|n| *n > 0).collect()
}

/// The capabilities of `CAPABILITY IMAP4rev1 …`, in capitals.
pub(super) fn capabilities(lines: &[Line]) -> Vec<String> {
    let is_capability = |line: &&Line| line.text.get(..11).is_some_and(|word| word.eq_ignore_ascii_case(b"CAPABILITY "));
    let words = lines.iter().filter(is_capability).map(|line| String::from_utf8_lossy(&line.text[11..]).to_ascii_uppercase());
    words.flat_map(|words| words.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// True where the folder lets us set `keyword`: it is listed in `PERMANENTFLAGS`, or any may be made (`\*`).
pub(super) fn may_set(lines: &[Line], keyword: &str) -> bool {
    lines.iter().any(|line| {
        let Some(flags) = after(&line.text, "PERMANENTFLAGS") else { return false };
        let flags = String::from_utf8_lossy(flags);
        let flags = flags.trim_start_matches('(').split([')', ']']).next().unwrap_or("");
        flags.split_ascii_whitespace().any(|flag| flag == "\\*" || flag.eq_ignore_ascii_case(keyword))
    })
}

/// True of a line about a message, `3 FETCH (…)`.
pub(super) fn is_fetch(line: &Line) -> bool {
    line.text.to_ascii_uppercase().split(|b| *b == b' ').nth(1) == Some(b"FETCH")
}

/// The number of the message that a `FETCH` speaks of: before its bytes or after them.
pub(super) fn uid_of(before: &Line, rest: &Line) -> Option<u32> {
    let uid = number_after(std::slice::from_ref(before), "UID").or_else(|| number_after(std::slice::from_ref(rest), "UID"));
    uid.and_then(|uid| u32::try_from(uid).ok())
}

/// The instant of `INTERNALDATE "17-Jul-2026 02:44:25 -0700"`, seconds since 1970.
pub(super) fn internal_date(lines: &[Line]) -> Option<i64> {
    lines.iter().find_map(|line| {
        let rest = after(&line.text, "INTERNALDATE")?.strip_prefix(b"\"")?;
        let end = rest.iter().position(|b| *b == b'"')?;
        let text = std::str::from_utf8(&rest[..end]).ok()?.trim();
        Some(jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", text).ok()?.to_timestamp().ok()?.as_second())
    })
}

/// A word in quotes.
pub(super) fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(texts: &[&str]) -> Vec<Line> {
        texts.iter().map(|text| Line { text: text.as_bytes().to_vec() }).collect()
    }

    #[test]
    fn the_words_that_are_asked_for_are_found() {
        let selected = lines(&[
            "FLAGS (\\Answered \\Seen $Known)",
            "OK [PERMANENTFLAGS (\\Seen $Known)] Limited",
            "17 EXISTS",
            "OK [UIDVALIDITY 3857529045] UIDs valid",
        ]);
        assert_eq!((exists(&selected), number_after(&selected, "UIDVALIDITY")), (Some(17), Some(3_857_529_045)));
        assert!(may_set(&selected, "$known") && !may_set(&selected, "Conserva") && !may_set(&selected, "UIDs"));
        assert!(may_set(&lines(&["OK [PERMANENTFLAGS (\\Seen \\*)]"]), "Conserva"));
        assert_eq!(found(&lines(&["SEARCH 2 84 x 0 99999999999", "search 7", "12 EXISTS"])), [2, 84, 7]);
        let fetched = lines(&["3 FETCH (XUID 9 UID 12 RFC822.SIZE 441 INTERNALDATE \" 1-Jan-1970 01:00:05 +0100\")"]);
        assert_eq!((number_after(&fetched, "UID"), number_after(&fetched, "RFC822.SIZE")), (Some(12), Some(441)));
        assert_eq!(internal_date(&fetched), Some(5));
        assert_eq!(capabilities(&lines(&["CAPABILITY IMAP4rev1 move"])), ["IMAP4REV1", "MOVE"]);
    }

    proptest! {
        #[test]
        fn no_line_upsets_the_reading(text in "[ -~]{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            for text in [text.into_bytes(), bytes] {
                let all = [Line { text: text.clone() }, Line { text: [b"1 FETCH (UID ", &text[..], b" INTERNALDATE \"", &text, b"\""].concat() }];
                let _ = (literal(&text), is_message(&text), exists(&all), found(&all), capabilities(&all), may_set(&all, "k"));
                let _ = (internal_date(&all), uid_of(&all[0], &all[1]), number_after(&all, "UID"), is_fetch(&all[0]));
                prop_assert!(code(&text).len() <= 32);
            }
        }
    }

    #[test]
    fn a_literal_is_a_number_that_a_server_can_mean() {
        assert_eq!((literal(b"* 1 FETCH (BODY[] {12}"), literal(b"{0}")), (Some(12), Some(0)));
        for text in ["{}", "{a}", "{-1}", "{99999999999999999999}", "12}", "{12} "] {
            assert_eq!(literal(text.as_bytes()), None, "{text}");
        }
        assert!(is_message(b"* 1 FETCH (UID 7 body[] {12}") && !is_message(b"* 1 FETCH (BODY[HEADER] {12}"));
        assert!(!is_message(b"* OK {12}"));
    }

    #[test]
    fn a_code_is_a_short_word_and_no_more() {
        assert_eq!(code(b"NO [TRYCREATE] no such folder of RSSMRA80A01H501U"), "TRYCREATE");
        assert_eq!((code(b"OK [COPYUID 1 2 3] done").as_str(), code(b"OK done [x]").as_str()), ("COPYUID", ""));
        assert_eq!(quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
    }
}
