//! Which documents does what was taken apart make? A mail is one, with what hangs on it; of an archive each file is one, unless a
//! Segnatura or a riepilogo says that they belong together; what lies in another envelope follows its rule.
//!
//! The principal component is what the data name (Segnatura, riepilogo), else the one invoice, else the one file that hangs on a mail
//! whose body says nothing, else the mail as it came, whose body is read. Envelopes, receipts and data are annessi (rules N-15, I-02).

use super::letter;
use super::{Node, What};
use crate::arrival::FileName;
use crate::document::{Hold, Role};
use crate::envelope::Messaggio;
use crate::error::{Error, Kind};
use crate::fattura::Fattura;
use crate::given::Given;
use crate::messages::{Lang, Message};

/// A component to be.
#[derive(Debug, Clone, Copy)]
pub struct Part<'n> {
    /// Its role.
    pub role: Role,
    /// Its file.
    pub node: &'n Node,
}

/// A document to be.
#[derive(Debug)]
pub struct Planned<'n> {
    /// Name shown.
    pub name: FileName,
    /// Its components, the principal one first.
    pub parts: Vec<Part<'n>>,
    /// The content of the principal component, where that is signed.
    pub inside: Option<&'n Node>,
    /// What its data say, the highest rank first.
    pub given: Vec<Given>,
    /// The message that it is.
    pub messaggio: Option<Messaggio>,
    /// The invoice that it is, with a rendition for people.
    pub fattura: Option<&'n (Fattura, String)>,
    /// What a person must know.
    pub doubts: Vec<Hold>,
}

/// The documents of an arrival that was taken apart, in order; at least one.
pub fn documents(arrival: &Node) -> Vec<Planned<'_>> {
    let mut planned = match &arrival.what {
        What::Archive => archive(arrival, None),
        _ => vec![one(arrival)],
    };
    if planned.is_empty() {
        let mut whole = single(arrival);
        whole.doubts.push(Hold::new(Message::new("open-empty").with("name", arrival.name.shown())));
        planned.push(whole);
    }
    for document in &mut planned {
        let mut known = Vec::new();
        document.doubts.retain(|doubt| {
            let is_new = !known.contains(doubt);
            known.push(doubt.clone());
            is_new
        });
    }
    planned
}

/// The documents of an archive: one where data tie its files together, else one of each. The archive itself is the arrival, or in it.
fn archive<'n>(node: &'n Node, within: Option<&FileName>) -> Vec<Planned<'n>> {
    let joined = |name: &FileName| match within {
        None => name.clone(),
        Some(within) => FileName::new([within.bytes(), b"/", name.bytes()].concat()),
    };
    if node.members.iter().any(|member| matches!(member.what, What::Segnatura(_) | What::Riepilogo(_))) {
        return vec![letter::parcel(node)];
    }
    let mut all = Vec::new();
    for member in &node.members {
        match member.what {
            What::Archive => all.extend(archive(member, Some(&joined(&member.name)))),
            _ => all.push(Planned { name: joined(&member.name), ..one(member) }),
        }
    }
    if let Some(first) = all.first_mut() {
        first.doubts.extend(told(node, Role::Annesso));
    }
    all
}

/// The one document that a file makes which is no archive.
fn one(node: &Node) -> Planned<'_> {
    match node.what {
        What::Mail(_) => letter::correspondence(node),
        What::Winmail if node.members.is_empty() => {
            let mut planned = single(node);
            planned.doubts.push(Hold::new(Message::new("open-empty").with("name", node.name.shown())));
            planned
        }
        What::Winmail => letter::parcel(node),
        _ => {
            let mut planned = single(node);
            planned.attach(core(node));
            planned
        }
    }
}

/// A document of one file.
pub(super) fn single(node: &Node) -> Planned<'_> {
    let mut planned = Planned {
        name: node.name.clone(),
        parts: Vec::new(),
        inside: None,
        given: Vec::new(),
        messaggio: None,
        fattura: None,
        doubts: Vec::new(),
    };
    planned.principal(node);
    planned
}

/// What is signed, without its signatures.
pub(super) fn core(node: &Node) -> &Node {
    std::iter::successors(Some(node), |node| node.members.first().filter(|_| matches!(node.what, What::Signed)))
        .last()
        .unwrap_or(node)
}

/// The files in a node, those in archives and winmail.dat in their place; the containers themselves apart.
pub(super) fn leaves<'n>(node: &'n Node, containers: &mut Vec<&'n Node>) -> Vec<&'n Node> {
    let mut all = Vec::new();
    for member in &node.members {
        if matches!(member.what, What::Archive | What::Winmail) && !member.members.is_empty() {
            containers.push(member);
            all.extend(leaves(member, containers));
        } else {
            all.push(member);
        }
    }
    all
}

impl<'n> Planned<'n> {
    /// Makes `node` the principal component, with what it says of itself.
    fn principal(&mut self, node: &'n Node) {
        self.part(Role::Principale, node);
        let core = core(node);
        if !std::ptr::eq(core, node) {
            self.inside = Some(core);
            // The signed file counts, its content is read: what speaks against reading it is a doubt of the document.
            self.doubts.extend(told(core, Role::Principale));
        }
        match &core.what {
            What::Fattura(fattura) => {
                self.fattura = Some(fattura);
                self.given.push(crate::fattura::given(&fattura.0, &node.name.shown()));
                let missing = fattura.0.missing();
                if !missing.is_empty() {
                    let message = Message::new("fattura-incomplete").with("name", node.name.shown());
                    self.doubts.push(Hold::new(message.with("missing", missing.join(", "))));
                }
                if fattura.0.corpi > 1 {
                    self.doubts.push(Hold::new(Message::new("fattura-lotto").with("count", fattura.0.corpi)));
                }
            }
            What::Segnatura(segnatura) => self.given.push(segnatura.given.clone()),
            What::Riepilogo(riepilogo) => self.given.push(riepilogo.given.clone()),
            _ => {}
        }
    }

    /// Adds a component, and what speaks against it.
    pub(super) fn part(&mut self, role: Role, node: &'n Node) {
        if self.parts.iter().any(|part| std::ptr::eq(part.node, node)) {
            return;
        }
        self.parts.push(Part { role, node });
        self.doubts.extend(told(node, role));
    }

    /// Adds the files in `node` as attachments, with those that hang on a mail among them.
    pub(super) fn attach(&mut self, node: &'n Node) {
        let mut containers = Vec::new();
        for leaf in leaves(node, &mut containers).into_iter().filter(|leaf| !letter::is_shown(leaf)) {
            self.part(letter::role(leaf), leaf);
            if matches!(leaf.what, What::Mail(_)) {
                self.attach(leaf);
            }
        }
        for container in containers {
            self.part(Role::Annesso, container);
        }
    }
}

/// What speaks against a file, in the role that it has: of one that is not principal nobody reads the text yet, so that it cannot be read
/// is no doubt; a signature that only accompanies is none either.
pub(super) fn told(node: &Node, role: Role) -> Vec<Hold> {
    let is_signed =
        matches!(node.what, What::Signed) || matches!(&node.what, What::Mail(mail) if mail.is_signed && mail.is_ordinary());
    let signature = (is_signed || matches!(node.what, What::Fattura(_)) && node.format.signed)
        .then(|| Error::hold("signature-waits").with("name", node.name.shown()).with("format", &node.format.name));
    let counts = |error: &&Error| match error.code() {
        "format-not-read" => role == Role::Principale && !matches!(node.what, What::Segnatura(_) | What::Riepilogo(_)),
        "signature-waits" => role != Role::Annesso,
        _ => true,
    };
    let all = node.objections.iter().chain(&signature).filter(counts);
    all.map(|error| Hold::new(if node.place == super::Place::Arrival { error.message().clone() } else { within(error, node) }))
        .collect()
}

/// The sentence about a file that lies in another.
fn within(error: &Error, node: &Node) -> Message {
    let code = if error.kind() == Kind::Refuse { "open-member-refused" } else { "open-member" };
    Message::new(code).with("name", node.name.shown()).with("code", error.code()).with("why", error.message().sentence(Lang::It))
}
