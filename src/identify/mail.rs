//! Is this a message or a mailbox? Header fields at the start of a text (RFC 5322, RFC 4155).

use super::formats::Seen;

/// Fields that letters and notes do not begin with.
const FIELDS: &[&str] = &[
    "received",
    "return-path",
    "delivered-to",
    "message-id",
    "mime-version",
    "content-type",
    "from",
    "to",
    "cc",
    "date",
    "subject",
    "reply-to",
    "sender",
    "content-transfer-encoding",
    "x-mimeole",
    "x-ricevuta",
    "x-trasporto",
    "x-riferimento-message-id",
    "x-mailer",
    "dkim-signature",
    "authentication-results",
    "x-originating-ip",
    "in-reply-to",
    "references",
    "thread-index",
    "arc-seal",
    "x-received",
    "received-spf",
    "envelope-to",
    "x-account-key",
    "x-mozilla-status",
    "x-mozilla-status2",
    "status",
    "x-status",
    "user-agent",
    "organization",
    "list-id",
    "x-tiporicevuta",
    "x-gmail-labels",
    "x-gm-thrid",
    "errors-to",
    "bcc",
];
/// Fields of which one is enough: nothing but mail has them.
const SURE: &[&str] = &["message-id", "mime-version", "x-mimeole", "return-path", "received", "x-ricevuta", "x-trasporto"];
/// Lines of the header that are looked at.
const LINES: usize = 200;

/// The message or mailbox that this text is.
pub(super) fn look(text: &str) -> Option<Seen> {
    let start = text.trim_start_matches(['\r', '\n', ' ', '\0']);
    let is_box = start.starts_with("From ") && start.lines().next().is_some_and(is_separator);
    let header = if is_box { start.split_once('\n').map_or("", |(_, rest)| rest) } else { start };
    let fields = fields(header);
    let has = |name: &str| fields.iter().any(|(field, _)| field == name);
    let known = fields.iter().filter(|(field, _)| FIELDS.contains(&field.as_str())).count();
    let value = |name: &str| fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str());
    let content = value("content-type").to_ascii_lowercase();
    let sure = SURE.iter().any(|name| has(name)) || content.starts_with("multipart/") || content.starts_with("message/");
    if !(known >= 3 && (sure || has("from"))
        || known >= 1 && sure && fields.first().is_some_and(|(f, _)| FIELDS.contains(&f.as_str())))
    {
        return None;
    }
    let mut seen = Seen::of(match (is_box, has("mime-version")) {
        (true, _) => "mbox",
        (false, true) => "eml-mime",
        (false, false) => "eml",
    });
    seen.signed = content.starts_with("multipart/signed") || content.contains("smime-type=signed-data");
    seen.encrypted = content.starts_with("multipart/encrypted") || content.contains("smime-type=enveloped-data");
    // The messages and receipts of certified mail say so themselves (PEC technical rules, 6.3 to 6.5).
    if has("x-trasporto") || has("x-ricevuta") {
        seen.claims.push("pec".to_owned());
    }
    Some(seen)
}

/// `From sender date`: what stands before every message of a mailbox.
fn is_separator(line: &str) -> bool {
    let mut words = line.split_whitespace().skip(1);
    let sender = words.next().is_some_and(|word| word.contains('@') || word == "-" || word.chars().all(|c| c.is_ascii_graphic()));
    sender && words.any(|word| word.len() >= 7 && word.matches(':').count() == 2)
}

/// Header fields with their values unfolded, up to the first empty line; ends at the first line that is no header.
fn fields(header: &str) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    for line in header.lines().take(LINES) {
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = out.last_mut() {
                value.push_str(line);
            }
            continue;
        }
        let Some((name, value)) = line.split_once(':') else { break };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_graphic()) {
            break;
        }
        out.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    out
}
