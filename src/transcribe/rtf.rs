//! What does an RTF file say? Its text without control words; groups that hold no text are left out.

use super::plain::western;

/// Destinations whose content is not the document's text.
const HIDDEN: [&str; 14] = [
    "fonttbl",
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "object",
    "themedata",
    "colorschememapping",
    "latentstyles",
    "datastore",
    "listtable",
    "listoverridetable",
    "generator",
    "rsidtbl",
];
/// Deepest nesting that is followed.
const DEPTH_MAX: usize = 200;

/// The lines of the document.
pub(super) fn lines(bytes: &[u8]) -> Vec<String> {
    let mut reader = Reader { bytes, at: 0, lines: vec![String::new()], hidden: vec![false], skip: 0 };
    reader.read();
    reader.lines
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    lines: Vec<String>,
    /// For each open group, whether it is left out.
    hidden: Vec<bool>,
    /// Characters that stand in for the one in Unicode before them.
    skip: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn is_hidden(&self) -> bool {
        self.hidden.last().copied().unwrap_or(false)
    }

    fn hide(&mut self) {
        if let Some(last) = self.hidden.last_mut() {
            *last = true;
        }
    }

    fn read(&mut self) {
        while let Some(byte) = self.next() {
            match byte {
                b'{' if self.hidden.len() < DEPTH_MAX => self.hidden.push(self.is_hidden()),
                b'{' => return,
                b'}' => _ = self.hidden.pop(),
                b'\\' => self.control(),
                b'\r' | b'\n' => {}
                byte => self.put(western(byte)),
            }
        }
    }

    fn put(&mut self, c: char) {
        if self.skip > 0 {
            self.skip -= 1;
        } else if !self.is_hidden()
            && let Some(line) = self.lines.last_mut()
        {
            line.push(c);
        }
    }

    fn control(&mut self) {
        let Some(first) = self.next() else { return };
        match first {
            b'\'' => {
                let hex = self.bytes.get(self.at..self.at + 2).and_then(|h| std::str::from_utf8(h).ok());
                self.at += 2;
                if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                    self.put(western(byte));
                }
            }
            b'*' => self.hide(),
            b'~' => self.put(' '),
            b'\\' | b'{' | b'}' => self.put(char::from(first)),
            first if first.is_ascii_alphabetic() => self.word(first),
            _ => {}
        }
    }

    fn word(&mut self, first: u8) {
        let mut name = String::from(char::from(first));
        while let Some(byte) = self.bytes.get(self.at).filter(|b| b.is_ascii_alphabetic() && name.len() < 32) {
            name.push(char::from(*byte));
            self.at += 1;
        }
        let mut number = String::new();
        while let Some(byte) = self.bytes.get(self.at).filter(|b| (b.is_ascii_digit() || **b == b'-') && number.len() < 12) {
            number.push(char::from(*byte));
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        match name.as_str() {
            "par" | "line" | "page" | "sect" | "row" if !self.is_hidden() => self.lines.push(String::new()),
            "tab" | "cell" => self.put(' '),
            "u" => {
                let code = number.parse::<i32>().unwrap_or(0);
                self.put(u32::try_from(code & 0xffff).ok().and_then(char::from_u32).unwrap_or(' '));
                self.skip = 1;
            }
            "bin" => self.at += number.parse::<usize>().unwrap_or(0),
            name if HIDDEN.contains(&name) => self.hide(),
            _ => {}
        }
    }
}
