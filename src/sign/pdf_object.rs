//! The dictionary of a signature in a PDF, read where it lies: the signed bytes are counted from the file, so the file is asked
//! and no object tree (ISO 32000-2, 7.3 and 12.8.1).

/// Deepest nesting in a signature's dictionary.
const DEPTH_MAX: usize = 32;

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Name(String),
    Number(i64),
    /// Its decoded bytes, and where it begins and ends in the file.
    Text(Vec<u8>, (u64, u64)),
    List(Vec<Value>),
    Dictionary(Vec<(String, Value)>),
    /// References, booleans, null.
    Other,
}

impl Value {
    /// The value of a key of a dictionary; none where it stands there twice, which readers take differently.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Dictionary(entries) = self else { return None };
        let mut found = entries.iter().filter(|(name, _)| name == key).map(|(_, value)| value);
        found.next().filter(|_| found.next().is_none())
    }

    /// The name that stands there.
    pub(super) fn name(&self, key: &str) -> Option<&str> {
        if let Some(Self::Name(name)) = self.get(key) { Some(name) } else { None }
    }
}

/// Reads values out of bytes that begin at some place of a file.
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    base: u64,
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8], base: u64) -> Self {
        Self { bytes, at: 0, base }
    }

    /// The next value.
    pub(super) fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.blank();
        match self.bytes.get(self.at..)? {
            [b'<', b'<', ..] => self.dictionary(depth),
            [b'<', ..] => self.hexadecimal(),
            [b'(', ..] => self.literal(),
            [b'[', ..] => self.list(depth),
            [b'/', ..] => self.name().map(Value::Name),
            [b'0'..=b'9' | b'+' | b'-' | b'.', ..] => Some(self.number()),
            [byte, ..] if byte.is_ascii_alphabetic() => {
                self.word();
                Some(Value::Other)
            }
            _ => None,
        }
    }

    fn blank(&mut self) {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ' => self.at += 1,
                b'%' => {
                    let rest = &self.bytes[self.at..];
                    self.at += memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                }
                _ => break,
            }
        }
    }

    fn word(&mut self) -> &'b [u8] {
        let from = self.at;
        while self
            .bytes
            .get(self.at)
            .is_some_and(|byte| !byte.is_ascii_whitespace() && *byte != 0 && !b"()<>[]{}/%".contains(byte))
        {
            self.at += 1;
        }
        &self.bytes[from..self.at]
    }

    fn name(&mut self) -> Option<String> {
        self.at += 1;
        let word = self.word();
        let mut out = Vec::new();
        let mut rest = word;
        while let Some((first, after)) = rest.split_first() {
            if *first == b'#' && after.len() >= 2 {
                out.push((char::from(after[0]).to_digit(16)? * 16 + char::from(after[1]).to_digit(16)?) as u8);
                rest = &after[2..];
            } else {
                out.push(*first);
                rest = after;
            }
        }
        Some(String::from_utf8_lossy(&out).into_owned())
    }

    fn number(&mut self) -> Value {
        let word = self.word();
        let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()).map_or(Value::Other, Value::Number);
        // `12 0 R` is a reference.
        let before = self.at;
        self.blank();
        let generation = self.word();
        if !generation.is_empty() && generation.iter().all(u8::is_ascii_digit) {
            self.blank();
            if self.word() == b"R" {
                return Value::Other;
            }
        }
        self.at = before;
        number
    }

    fn dictionary(&mut self, depth: usize) -> Option<Value> {
        self.at += 2;
        let mut entries = Vec::new();
        loop {
            self.blank();
            match self.bytes.get(self.at..)? {
                [b'>', b'>', ..] => {
                    self.at += 2;
                    return Some(Value::Dictionary(entries));
                }
                [b'/', ..] => {
                    let name = self.name()?;
                    entries.push((name, self.value(depth + 1)?));
                }
                _ => return None,
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut values = Vec::new();
        loop {
            self.blank();
            if *self.bytes.get(self.at)? == b']' {
                self.at += 1;
                return Some(Value::List(values));
            }
            values.push(self.value(depth + 1)?);
        }
    }

    fn hexadecimal(&mut self) -> Option<Value> {
        let from = self.at;
        let length = memchr::memchr(b'>', self.bytes.get(from..)?)?;
        self.at = from + length + 1;
        let mut digits = Vec::with_capacity(length);
        for byte in &self.bytes[from + 1..from + length] {
            if !byte.is_ascii_whitespace() && *byte != 0 {
                digits.push(char::from(*byte).to_digit(16)? as u8);
            }
        }
        let bytes = digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect();
        Some(Value::Text(bytes, (self.base + from as u64, self.base + self.at as u64)))
    }

    fn literal(&mut self) -> Option<Value> {
        let from = self.at;
        let (mut depth, mut out) = (0_usize, Vec::new());
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\\' => {
                    out.push(*self.bytes.get(self.at)?);
                    self.at += 1;
                    continue;
                }
                _ => {}
            }
            if depth == 0 {
                return Some(Value::Text(out, (self.base + from as u64, self.base + self.at as u64)));
            }
            if !(byte == b'(' && depth == 1) {
                out.push(byte);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_is_read_with_the_places_of_its_strings() {
        let bytes = b"<< /Type /Sig /Contents <30 0f> /ByteRange [0 10 20 30] /M (D:2024(x)\\)) /P 3 0 R /N#61me true >>";
        let value = Reader::new(bytes, 100).value(0).unwrap();
        assert_eq!(value.name("Type"), Some("Sig"));
        assert_eq!(value.get("Contents"), Some(&Value::Text(vec![0x30, 0x0f], (124, 131))));
        let numbers = [0, 10, 20, 30].map(Value::Number).to_vec();
        assert_eq!(value.get("ByteRange"), Some(&Value::List(numbers)));
        assert!(matches!(value.get("M"), Some(Value::Text(text, _)) if text == b"D:2024(x))"));
        assert_eq!((value.get("P"), value.get("Name")), (Some(&Value::Other), Some(&Value::Other)));
    }

    #[test]
    fn what_is_cut_off_or_too_deep_or_doubled_gives_nothing() {
        for bytes in [&b"<< /A"[..], b"<< /A <3", b"(", b"[[[", b"<< 1 >>", &b"[".repeat(1_000)] {
            assert_eq!(Reader::new(bytes, 0).value(0), None);
        }
        assert_eq!(Reader::new(b"<</A 1/A 2>>", 0).value(0).unwrap().get("A"), None);
    }
}
