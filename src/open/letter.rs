//! Which document is a mail? With what hangs on it, in the envelope that a provider of PEC put around it, or as a receipt of his.

use super::plan::{self, Planned};
use super::{Mail, Node, Place, What};
use crate::daticert::Daticert;
use crate::document::{Hold, Role};
use crate::envelope::{Messaggio, Ruolo};
use crate::fields::{Party, PartyKind};
use crate::given::{Given, Valori};
use crate::messages::Message;

/// Fewest words of a body that says something beside the one file that hangs on it. A covering note (*Si trasmette in allegato…
/// Cordiali saluti*, a name, an office, a telephone) has fewer.
const BODY_WORDS_MIN: usize = 30;

/// True of a picture that a body shows: it is part of the mail, which is kept whole.
pub(super) fn is_shown(node: &Node) -> bool {
    node.place == Place::Shown
}

/// The role of a file that hangs on a document: what only accompanies is an annesso.
pub(super) fn role(node: &Node) -> Role {
    if is_company(node) { Role::Annesso } else { Role::Allegato }
}

/// True of signatures, time stamps, data about other files, and notices of the exchange of invoices.
fn is_company(node: &Node) -> bool {
    matches!(node.what, What::Segnatura(_) | What::Riepilogo(_) | What::Daticert(_))
        || node.format.name == "SdI"
        || matches!(
            node.format.mime.as_str(),
            "application/pkcs7-signature" | "application/vnd.etsi.timestamp-token" | "application/timestamp-reply"
        )
}

/// The document of a mail, whichever kind it is.
pub(super) fn correspondence(node: &Node) -> Planned<'_> {
    let What::Mail(mail) = &node.what else { return plan::single(node) };
    let daticert = node.members.iter().find_map(|member| match &member.what {
        What::Daticert(daticert) => Some(&**daticert),
        _ => None,
    });
    let is_receipt = mail.ricevuta.is_some() || daticert.is_some_and(|daticert| !daticert.is_trasporto());
    if is_receipt {
        return receipt(node, mail, daticert);
    }
    let is_envelope = mail.trasporto.is_some() || daticert.is_some();
    let content = node.members.iter().find(|member| matches!(member.what, What::Mail(_))).filter(|_| is_envelope);
    let Some(content) = content else {
        let mut planned = letter(node, mail);
        if is_envelope {
            planned.doubts.push(Hold::new(Message::new("pec-without-message").with("name", node.name.shown())));
        }
        return planned;
    };
    let mut planned = correspondence(content);
    planned.name = node.name.clone();
    planned.part(Role::Annesso, node);
    node.members.iter().filter(|member| !is_shown(member)).for_each(|member| planned.part(Role::Annesso, member));
    certified(&mut planned, node, mail, daticert);
    planned
}

/// What the envelope says of its content.
fn certified(planned: &mut Planned<'_>, node: &Node, mail: &Mail, daticert: Option<&Daticert>) {
    let known = planned.messaggio.take().map(|messaggio| messaggio.id);
    let is_anomaly = mail.trasporto.as_deref() == Some("errore");
    match daticert {
        Some(daticert) => {
            let is_message = planned.parts.first().is_some_and(|part| matches!(part.node.what, What::Mail(_)));
            planned.given.push(given(daticert, &node.name.shown(), is_message));
        }
        None if is_anomaly => planned.doubts.push(Hold::new(Message::new("pec-anomaly").with("name", node.name.shown()))),
        None => planned.doubts.push(Hold::new(Message::new("pec-without-daticert").with("name", node.name.shown()))),
    }
    let stated = daticert.and_then(|daticert| daticert.msgid.clone()).or_else(|| mail.riferimento.clone());
    let ruolo = if is_anomaly { Ruolo::Anomalia } else { Ruolo::Messaggio };
    planned.messaggio = stated.or(known).map(|id| Messaggio { ruolo, id, daticert: daticert.cloned() });
}

/// A receipt: the mail of the provider is the document, what it carries are annessi.
fn receipt<'n>(node: &'n Node, mail: &Mail, daticert: Option<&Daticert>) -> Planned<'n> {
    let mut planned = plan::single(node);
    node.members.iter().filter(|member| !is_shown(member)).for_each(|member| planned.part(Role::Annesso, member));
    let name = node.name.shown();
    let said = daticert.cloned().unwrap_or_else(|| {
        planned.doubts.push(Hold::new(Message::new("pec-without-daticert").with("name", &name)));
        Daticert { tipo: mail.ricevuta.clone().unwrap_or_default(), msgid: mail.riferimento.clone(), ..Daticert::default() }
    });
    planned.given.push(Given {
        origin: format!("daticert {name}"),
        tipo: Some("pec_ricevuta".to_owned()),
        oggetto: mail.subject.clone().or_else(|| said.oggetto.clone()),
        data: said.at.and_then(day),
        mittente: Some(said.gestore.clone()).filter(|gestore| !gestore.is_empty()).map(|nome| Party {
            nome,
            kind: PartyKind::PersonaGiuridica,
            codice: None,
            indirizzo_digitale: mail.from.as_ref().map(|(_, address)| address.clone()),
        }),
        destinatario: Some(said.mittente.clone()).filter(|address| !address.is_empty()).map(addressed),
        ..Given::default()
    });
    let id = said.msgid.clone().or_else(|| mail.riferimento.clone());
    let id = id.or_else(|| Some(said.identificativo.clone()).filter(|id| !id.is_empty()));
    planned.messaggio = id.map(|id| Messaggio { ruolo: Ruolo::Ricevuta, id, daticert: Some(said) });
    planned
}

/// The document of a mail without an envelope.
fn letter<'n>(node: &'n Node, mail: &Mail) -> Planned<'n> {
    let mut planned = parcel_of(node, Some(mail));
    planned.messaggio = mail.id.clone().map(|id| Messaggio { ruolo: Ruolo::Messaggio, id, daticert: None });
    planned
}

/// The document of files that belong together.
pub(super) fn parcel(node: &Node) -> Planned<'_> {
    parcel_of(node, None)
}

/// Files that belong together, and the mail that they hang on, where there is one.
fn parcel_of<'n>(node: &'n Node, mail: Option<&Mail>) -> Planned<'n> {
    let mut containers = Vec::new();
    let leaves: Vec<&Node> = plan::leaves(node, &mut containers).into_iter().filter(|leaf| !is_shown(leaf)).collect();
    let about = leaves.iter().find_map(|leaf| match &leaf.what {
        What::Segnatura(segnatura) => Some((segnatura.principale.as_deref(), &segnatura.given)),
        What::Riepilogo(riepilogo) => Some((riepilogo.principale.as_deref(), &riepilogo.given)),
        _ => None,
    });
    let mut missing = None;
    let chosen = match about {
        Some((Some(named), _)) => {
            let found = leaves.iter().copied().find(|leaf| is_named(leaf, named));
            missing = found.is_none().then_some(named);
            found.or_else(|| sole(&leaves, mail))
        }
        Some((None, _)) => None,
        None => invoice(&leaves).or_else(|| sole(&leaves, mail)),
    };
    let mut planned = plan::single(chosen.unwrap_or(node));
    planned.name = node.name.clone();
    if let Some(named) = missing {
        planned.doubts.push(Hold::new(Message::new("open-primary-missing").with("name", node.name.shown()).with("named", named)));
    }
    if let Some((_, given)) = about {
        planned.given.insert(0, given.clone());
    }
    for leaf in leaves {
        planned.part(role(leaf), leaf);
        if matches!(leaf.what, What::Mail(_)) {
            planned.attach(leaf);
        }
    }
    for container in containers {
        planned.part(Role::Annesso, container);
    }
    // The envelope itself: the mail as it came; of an archive the arrival is kept, and it alone.
    if mail.is_some() || matches!(node.what, What::Winmail) {
        planned.part(Role::Annesso, node);
    } else {
        planned.doubts.extend(plan::told(node, Role::Annesso));
    }
    planned
}

fn is_named(leaf: &Node, named: &str) -> bool {
    let shown = leaf.name.shown();
    let base = shown.rsplit('/').next().unwrap_or(&shown);
    base.eq_ignore_ascii_case(named)
}

/// The one invoice among files.
fn invoice<'n>(leaves: &[&'n Node]) -> Option<&'n Node> {
    let mut invoices = leaves.iter().copied().filter(|leaf| matches!(plan::core(leaf).what, What::Fattura(_)));
    invoices.next().filter(|_| invoices.next().is_none())
}

/// The one file that is the document: the mail says nothing beside it, or there is none.
fn sole<'n>(leaves: &[&'n Node], mail: Option<&Mail>) -> Option<&'n Node> {
    if mail.is_some_and(|mail| mail.words >= BODY_WORDS_MIN) {
        return None;
    }
    let mut files = leaves.iter().copied().filter(|leaf| !is_company(leaf));
    let first = files.next()?;
    // Without a mail something must be principal: the first file.
    (mail.is_none() || files.next().is_none()).then_some(first)
}

/// What a daticert says of the message: whoever sent it by which address, and its date where the message itself is the document.
fn given(daticert: &Daticert, name: &str, is_message: bool) -> Given {
    Given {
        origin: format!("daticert {name}"),
        oggetto: daticert.oggetto.clone(),
        data: daticert.at.filter(|_| is_message).and_then(day),
        mittente: Some(daticert.mittente.clone()).filter(|address| !address.is_empty()).map(addressed),
        destinatario: daticert.destinatari.first().map(|(address, _)| addressed(address.clone())),
        valori: Valori {
            pec: std::iter::once(&daticert.mittente).filter(|address| !address.is_empty()).cloned().collect(),
            ..Valori::default()
        },
        ..Given::default()
    }
}

/// Somebody of whom only the address is known.
fn addressed(address: String) -> Party {
    Party { nome: address.clone(), kind: PartyKind::Unknown, codice: None, indirizzo_digitale: Some(address) }
}

/// The day of an instant where daticert are written: in Italy.
fn day(at: jiff::Timestamp) -> Option<jiff::civil::Date> {
    at.in_tz("Europe/Rome").ok().map(|zoned| zoned.date())
}
