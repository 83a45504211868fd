//! How is XML written here? In order, indented, with every character legal: one small writer for all metadata files.

pub mod tree;

use quick_xml::escape::escape;

/// An XML document in the making. What is opened is closed by the same call, so that the result is always well-formed.
#[derive(Debug)]
pub struct Xml {
    text: String,
    depth: usize,
}

impl Default for Xml {
    fn default() -> Self {
        Self { text: String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"), depth: 0 }
    }
}

/// Attributes of one element, names with their prefix.
pub type Attributes<'a> = &'a [(&'a str, &'a str)];

impl Xml {
    /// An element with children.
    pub fn element(&mut self, name: &str, attributes: Attributes<'_>, children: impl FnOnce(&mut Self)) {
        self.enter(name, attributes);
        children(self);
        self.leave(name);
    }

    /// The beginning of an element whose children follow one by one, for whoever cannot have all of them at once. Whoever enters
    /// leaves.
    pub fn enter(&mut self, name: &str, attributes: Attributes<'_>) {
        self.start(name, attributes);
        self.text.push_str(">\n");
        self.depth += 1;
    }

    /// The end of an element that was entered.
    pub fn leave(&mut self, name: &str) {
        self.depth -= 1;
        self.indent();
        self.end(name);
    }

    /// An element without attributes, with children.
    pub fn group(&mut self, name: &str, children: impl FnOnce(&mut Self)) {
        self.element(name, &[], children);
    }

    /// An element with text.
    pub fn leaf(&mut self, name: &str, value: &str) {
        self.leaf_with(name, &[], value);
    }

    /// An element with text, where there is one.
    pub fn leaf_if(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.leaf(name, value);
        }
    }

    /// An element with attributes and text.
    pub fn leaf_with(&mut self, name: &str, attributes: Attributes<'_>, value: &str) {
        self.start(name, attributes);
        self.text.push('>');
        self.put(value);
        self.end(name);
    }

    /// An element that was made elsewhere, whole, as it is; its declaration is left out.
    pub fn made(&mut self, xml: &str) {
        let body = xml.trim_start().strip_prefix("<?").and_then(|rest| rest.split_once("?>")).map_or(xml, |(_, body)| body);
        self.text.push_str(body.trim());
        self.text.push('\n');
    }

    /// What is written so far is taken away by `take`, and writing goes on behind it.
    pub fn pass_on<T>(&mut self, take: impl FnOnce(&str) -> T) -> T {
        let taken = take(&self.text);
        self.text.clear();
        taken
    }

    /// The document.
    pub fn finish(self) -> String {
        self.text
    }

    fn start(&mut self, name: &str, attributes: Attributes<'_>) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        for (key, value) in attributes {
            self.text.push(' ');
            self.text.push_str(key);
            self.text.push_str("=\"");
            self.put(value);
            self.text.push('"');
        }
    }

    fn end(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    /// The value as XML carries it. Most are plain signs, which stand for themselves.
    fn put(&mut self, value: &str) {
        let is_plain = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'<' | b'>' | b'&' | b'\'' | b'"');
        // Whole stretches at once, without a way out in between, so that the compiler looks at many signs together.
        if value.as_bytes().chunks(32).all(|stretch| stretch.iter().fold(true, |all, b| all & is_plain(*b))) {
            self.text.push_str(value);
        } else {
            self.text.push_str(&escape(legal(value)));
        }
    }

    fn indent(&mut self) {
        const BLANKS: &str = "                                ";
        let mut left = self.depth * 2;
        while left > 0 {
            let now = left.min(BLANKS.len());
            self.text.push_str(&BLANKS[..now]);
            left -= now;
        }
    }
}

/// True of a character that XML 1.0 allows and every reader gives back as it is: no controls, no carriage return.
pub fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | ' '..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// The text without what XML cannot carry: a carriage return becomes a blank, other illegal characters are dropped.
pub fn legal(text: &str) -> String {
    text.chars().map(|c| if c == '\r' { ' ' } else { c }).filter(|c| is_legal(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_carry_is_dropped_and_the_rest_is_escaped() {
        let mut xml = Xml::default();
        xml.element("a", &[("b", "1\"<\u{1}")], |xml| xml.leaf("c", "x & <y>\u{0}\u{fffe}\r\nz à"));
        let text = xml.finish();
        assert!(text.ends_with("<a b=\"1&quot;&lt;\">\n  <c>x &amp; &lt;y&gt; \nz à</c>\n</a>\n"), "{text}");
    }
}
