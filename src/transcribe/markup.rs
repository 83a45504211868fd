//! What does a page of HTML say? Text without tags, scripts and styles; what begins a block begins a line.

/// Elements whose content is not shown.
const HIDDEN: [&str; 4] = ["script", "style", "head", "template"];
/// Elements that begin a line.
const BLOCKS: [&str; 20] = [
    "p",
    "div",
    "br",
    "tr",
    "li",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "table",
    "ul",
    "ol",
    "section",
    "article",
    "header",
    "footer",
    "blockquote",
    "hr",
];

/// The lines of a page.
pub(super) fn html(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        push(&mut lines, before);
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, tail)| tail);
            continue;
        }
        let Some((tag, tail)) = after.split_once('>') else { break };
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        rest = tail;
        if HIDDEN.contains(&name.as_str()) && !tag.starts_with('/') && !tag.ends_with('/') {
            rest = past(tail, &name);
        } else if BLOCKS.contains(&name.as_str()) {
            lines.push(String::new());
        } else if matches!(name.as_str(), "td" | "th") {
            push(&mut lines, " ");
        }
    }
    push(&mut lines, rest);
    lines
}

/// What follows the end tag of `name`, whatever its capitals; nothing where it never ends.
fn past<'a>(text: &'a str, name: &str) -> &'a str {
    let low = text.to_ascii_lowercase();
    let end = format!("</{name}");
    let Some(at) = low.find(&end) else { return "" };
    text.get(at..).and_then(|tail| tail.split_once('>')).map_or("", |(_, tail)| tail)
}

fn push(lines: &mut [String], text: &str) {
    let Some(line) = lines.last_mut() else { return };
    for word in unescaped(text).split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        line.push_str(bare);
        if bare.len() < word.len() && !line.ends_with(' ') && !line.is_empty() {
            line.push(' ');
        }
    }
}

/// Character references resolved: those by number, and the usual names.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let end = after.find(';').filter(|end| *end <= 8);
        if let Some((c, tail)) = end.and_then(|end| Some((reference(after.get(..end)?)?, after.get(end + 1..)?))) {
            out.push(c);
            rest = tail;
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "agrave" => 'à',
        "egrave" => 'è',
        "eacute" => 'é',
        "igrave" => 'ì',
        "ograve" => 'ò',
        "ugrave" => 'ù',
        "Agrave" => 'À',
        "Egrave" => 'È',
        "deg" => '°',
        "euro" => '€',
        "laquo" => '«',
        "raquo" => '»',
        "rsquo" => '’',
        "lsquo" => '‘',
        "ldquo" => '“',
        "rdquo" => '”',
        "ndash" => '–',
        "mdash" => '—',
        _ => return None,
    })
}
