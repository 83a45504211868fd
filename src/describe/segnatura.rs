//! What does the ente put on what it sends? The Segnatura of Allegato 6 (version 3.0.0, norms 4), from the dossier of the metadata.
//!
//! The last element of the schema is a signature, which only a seal can make. Up to there the Segnatura is whole.

use base64::Engine as _;

use super::compose::{Findings, NAME_CHARS_MAX};
use super::parties::subject;
use super::registration::{Chosen, direction, is_register_code};
use super::soggetto::{Ipa, PersonaFisica, Soggetto, Ufficio};
use super::{DescribedSegnatura, Dossier, RuoloUlteriore, Tipo, ulteriori};
use crate::document::{Component, Role};
use crate::ente::Ente;
use crate::fields::{PartyKind, Protocollo, Verso};
use crate::messages::Message;
use crate::xml::Xml;

/// The root element.
const ROOT: &str = "SegnaturaInformatica";
/// Most attachments of one Segnatura: as many as Allegato 5 counts.
const ALLEGATI_MAX: usize = 9_999;

/// What a Segnatura is written from.
struct Segnatura<'a> {
    ente: &'a Ente,
    protocollo: &'a Protocollo,
    data: jiff::civil::Date,
    ora: Option<jiff::civil::Time>,
    oggetto: String,
    classifica: (String, String),
    fascicolo: (String, String),
    riservato: bool,
    mittente: Ufficio,
    destinatari: Vec<Soggetto>,
    primario: &'a Component,
    allegati: Vec<&'a Component>,
}

/// The Segnatura of a document that the ente sends; without an XML where a finding is an error.
pub(super) fn compose(dossier: &Dossier<'_>) -> DescribedSegnatura {
    // What the metadata have too is told where it stands there.
    let (mut findings, mut metadata) = (Findings::new(ROOT), Findings::new(Tipo::Amministrativo.root()));
    let segnatura = collected(dossier, (&mut findings, &mut metadata));
    let findings = [findings.finish(), metadata.finish()].concat();
    let xml = segnatura.filter(|_| super::is_ok(&findings)).map(|segnatura| segnatura.xml()).unwrap_or_default();
    DescribedSegnatura { xml, findings }
}

/// Every part is asked before any is missed, so that one run tells all breaches.
fn collected<'a>(dossier: &Dossier<'a>, (findings, metadata): (&mut Findings, &mut Findings)) -> Option<Segnatura<'a>> {
    let registered = registered(dossier, (findings, metadata));
    let mittente = sender(dossier, (findings, metadata));
    let destinatari = recipients(dossier, (findings, metadata));
    let oggetto = dossier.fields.oggetto.as_ref().map(|reading| reading.value.as_str()).unwrap_or_default();
    let oggetto = findings.bounded("Intestazione/Oggetto", oggetto, super::compose::TEXT_CHARS_MAX);
    if oggetto.is_empty() {
        findings.error("Intestazione/Oggetto", "A6 Oggetto", Message::new("segnatura-no-oggetto"));
    }
    let classifica = metadata.classification(&dossier.filing.voce.value, dossier.titolario);
    let (primario, allegati) = files(dossier, findings);
    let (aggregation, (protocollo, data)) = (dossier.aggregation, registered?);
    let fascicolo = findings.bounded("Intestazione/Fascicolo/Denominazione", &aggregation.key.oggetto, NAME_CHARS_MAX);
    Some(Segnatura {
        ente: dossier.ente,
        protocollo,
        data,
        ora: dossier.ulteriori.ora,
        oggetto,
        classifica: classifica.map(|place| (place.descrizione, place.indice))?,
        fascicolo: (fascicolo, aggregation.id.to_string()),
        riservato: dossier.riservato,
        mittente: mittente?,
        destinatari,
        primario: primario?,
        allegati,
    })
}

/// The registration in the ente's protocol, going out.
fn registered<'a>(
    dossier: &Dossier<'a>,
    (findings, metadata): (&mut Findings, &mut Findings),
) -> Option<(&'a Protocollo, jiff::civil::Date)> {
    const PLACE: &str = "Intestazione/Identificatore";
    let Some(protocollo) = dossier.fields.protocollo.as_ref().map(|reading| &reading.value) else {
        findings.error(PLACE, "A6 Identificatore, N-05", Message::new("segnatura-no-protocollo"));
        return None;
    };
    let verso = direction(dossier, Chosen::Protocollo(protocollo), metadata);
    if verso.is_some_and(|verso| verso != Verso::U) {
        findings.error(PLACE, "A6, N-13", Message::new("segnatura-not-outgoing"));
    }
    let codice = &dossier.ente.aoo.registro;
    if !is_register_code(codice) {
        let message = Message::new("describe-register-code").with("code", codice);
        findings.error(&format!("{PLACE}/CodiceRegistro"), "A6 CodiceRegistro, N-01", message);
    }
    let number = &protocollo.numero;
    if number.len() < 7 || !number.bytes().all(|b| b.is_ascii_digit()) {
        let message = Message::new("describe-protocollo-number").with("number", number);
        findings.error(&format!("{PLACE}/NumeroRegistrazione"), "A6 NumeroRegistrazione, N-01", message);
    }
    let data = protocollo.data.filter(|data| data.year() == protocollo.anno);
    if data.is_none() {
        let message = Message::new("describe-protocollo-undated").with("number", number);
        findings.error(&format!("{PLACE}/DataRegistrazione"), "A6 DataRegistrazione", message);
    }
    data.map(|data| (protocollo, data))
}

/// Whoever sends it is the ente, by the office that the document names; a sender that is somebody else contradicts the register.
fn sender(dossier: &Dossier<'_>, (findings, metadata): (&mut Findings, &mut Findings)) -> Option<Ufficio> {
    let Some(party) = dossier.fields.mittente.as_ref().map(|reading| &reading.value) else {
        return Some(Ufficio::of(dossier.ente, None));
    };
    if party.kind == PartyKind::Ente
        && let Some(Soggetto::Pai(ufficio)) = subject(dossier.ente, party, "Mittente", metadata)
    {
        return Some(ufficio);
    }
    findings.error("Descrizione/Mittente", "A6 Mittente", Message::new("segnatura-sender").with("name", &party.nome));
    None
}

/// Whom it goes to: the recipient that the document names, then those that were stated.
fn recipients(dossier: &Dossier<'_>, (findings, metadata): (&mut Findings, &mut Findings)) -> Vec<Soggetto> {
    let (ente, place) = (dossier.ente, "Destinatario");
    let named = dossier.fields.destinatario.as_ref();
    let mut all: Vec<Soggetto> = named.and_then(|reading| subject(ente, &reading.value, place, metadata)).into_iter().collect();
    let stated = dossier.ulteriori.soggetti.iter().filter(|one| one.ruolo == RuoloUlteriore::Destinatario);
    all.extend(stated.filter_map(|one| ulteriori::part(ente, &one.parte, (place, false), metadata)));
    if all.is_empty() {
        findings.error("Descrizione/Destinatario", "A6 Destinatario", Message::new("segnatura-no-destinatario"));
    }
    all
}

/// The document and what is attached to it. Whoever reads the Segnatura finds them by name: two of one name cannot be told apart.
fn files<'a>(dossier: &Dossier<'a>, findings: &mut Findings) -> (Option<&'a Component>, Vec<&'a Component>) {
    let of = |role: Role| dossier.components.iter().filter(move |component| component.role == role);
    let (primario, allegati) = (of(Role::Principale).next(), of(Role::Allegato).collect::<Vec<_>>());
    if primario.is_none() {
        findings.error("Descrizione/DocumentoPrimario", "A6 DocumentoPrimario", Message::new("segnatura-no-file"));
    }
    if allegati.len() > ALLEGATI_MAX {
        let message = Message::new("describe-attachments-many").with("count", allegati.len()).with("max", ALLEGATI_MAX);
        findings.error("Descrizione/Allegato", "A6 Allegato", message);
    }
    let mut names: Vec<String> = primario.iter().chain(&allegati).map(|file| file.name.shown()).collect();
    names.sort_unstable();
    for twice in names.windows(2).filter(|pair| pair[0] == pair[1]) {
        let message = Message::new("segnatura-name-twice").with("name", &twice[0]);
        findings.error("Descrizione/Allegato", "A6 nomeFile", message);
    }
    (primario, allegati)
}

impl Segnatura<'_> {
    fn xml(&self) -> String {
        let mut xml = Xml::default();
        let root = [("xmlns:prot", "http://www.agid.gov.it/protocollo/"), ("prot:versione", "3.0.0"), ("prot:lang", "it")];
        xml.element(&format!("prot:{ROOT}"), &root, |xml| {
            xml.group("prot:Intestazione", |xml| self.head(xml));
            xml.group("prot:Descrizione", |xml| {
                xml.group("prot:Mittente", |xml| amministrazione(xml, &self.mittente, self.ente.codice_fiscale.as_deref()));
                for destinatario in &self.destinatari {
                    xml.element("prot:Destinatario", &[("prot:confermaRicezione", "true")], |xml| soggetto(xml, destinatario));
                }
                documento(xml, "prot:DocumentoPrimario", self.primario);
                for allegato in &self.allegati {
                    documento(xml, "prot:Allegato", allegato);
                }
            });
        });
        xml.finish()
    }

    fn head(&self, xml: &mut Xml) {
        xml.group("prot:Identificatore", |xml| {
            let (ente, aoo) = (self.ente, &self.ente.aoo);
            xml.leaf_with("prot:CodiceAmministrazione", &[("prot:descrizione", &ente.denominazione)], &ente.codice_ipa);
            xml.leaf_with("prot:CodiceAOO", &[("prot:descrizione", &aoo.denominazione)], &aoo.codice);
            xml.leaf("prot:CodiceRegistro", &aoo.registro);
            xml.leaf("prot:NumeroRegistrazione", &self.protocollo.numero);
            xml.leaf("prot:DataRegistrazione", &self.data.to_string());
            xml.leaf_if("prot:OraRegistrazione", self.ora.map(|ora| ora.strftime("%H:%M:%S").to_string()).as_deref());
        });
        xml.leaf("prot:Oggetto", &self.oggetto);
        xml.group("prot:Classifica", |xml| {
            xml.leaf("prot:Denominazione", &self.classifica.0);
            xml.leaf("prot:CodiceFlat", &self.classifica.1);
        });
        xml.group("prot:Fascicolo", |xml| {
            xml.leaf("prot:Denominazione", &self.fascicolo.0);
            xml.leaf("prot:CodiceFascicolo", &self.fascicolo.1);
        });
        xml.leaf("prot:Riservato", if self.riservato { "true" } else { "false" });
    }
}

/// A file by name, kind and digest. That it is signed is said, not how: what is signed apart is another file.
fn documento(xml: &mut Xml, element: &str, file: &Component) {
    let (name, mime) = (file.name.shown(), &file.format.mime);
    xml.element(element, &[("prot:nomeFile", &name), ("prot:mimeType", mime)], |xml| {
        let impronta = base64::engine::general_purpose::STANDARD.encode(file.sha256.bytes());
        xml.leaf_with("prot:Impronta", &[("prot:algoritmo", "SHA-256")], &impronta);
        if file.format.signed {
            xml.group("prot:firmatoDigitalmente", |xml| xml.leaf("prot:UnDetached", "true"));
        }
    });
}

/// A party that the document goes to. The roles of a person in the ente and of software are never parties of a Segnatura.
fn soggetto(xml: &mut Xml, soggetto: &Soggetto) {
    match soggetto {
        Soggetto::Pf(persona) => persona_fisica(xml, persona),
        Soggetto::Pg { denominazione, codice, indirizzo } => xml.group("prot:PersonaGiuridica", |xml| {
            xml.leaf("prot:Denominazione", denominazione);
            xml.leaf_if("prot:PIVAoCF", codice.as_deref());
            contatti(xml, "prot:ContattiPersonaGiuridica", indirizzo.as_deref());
        }),
        Soggetto::Pae { denominazione, ufficio, indirizzo } => xml.group("prot:AmministrazioneEstera", |xml| {
            xml.leaf("prot:DenominazioneAmministrazione", denominazione);
            xml.leaf_if("prot:DenominazioneUfficio", ufficio.as_deref());
            contatti(xml, "prot:ContattiAmministrazione", indirizzo.as_deref());
        }),
        Soggetto::Pai(ufficio) | Soggetto::As { ufficio, .. } | Soggetto::Rup(_, ufficio) => amministrazione(xml, ufficio, None),
        Soggetto::Sw(name) => xml.group("prot:PersonaGiuridica", |xml| xml.leaf("prot:Denominazione", name)),
    }
}

fn persona_fisica(xml: &mut Xml, persona: &PersonaFisica) {
    xml.group("prot:PersonaFisica", |xml| {
        xml.leaf("prot:Nome", &persona.nome);
        xml.leaf("prot:Cognome", &persona.cognome);
        xml.leaf_if("prot:CodiceFiscale", persona.codice_fiscale.as_deref());
        contatti(xml, "prot:Contatti", persona.indirizzo.as_deref());
    });
}

fn amministrazione(xml: &mut Xml, ufficio: &Ufficio, codice_fiscale: Option<&str>) {
    xml.group("prot:Amministrazione", |xml| {
        let code = |xml: &mut Xml, element: &str, ipa: &Ipa| {
            xml.leaf_with(element, &[("prot:descrizione", &ipa.denominazione)], &ipa.codice);
        };
        xml.leaf("prot:DenominazioneAmministrazione", &ufficio.amministrazione.denominazione);
        xml.leaf_if("prot:CFAmministrazione", codice_fiscale.filter(|code| super::soggetto::is_codice_ente(code)));
        code(xml, "prot:CodiceIPAAmministrazione", &ufficio.amministrazione);
        let address = ufficio.pec.as_deref();
        match &ufficio.aoo {
            Some(aoo) => {
                code(xml, "prot:CodiceIPAAOO", aoo);
                contatti(xml, "prot:ContattiAOO", address);
            }
            None => contatti(xml, "prot:ContattiAmministrazione", address),
        }
        if let Some(uor) = &ufficio.uor {
            code(xml, "prot:CodiceIPAUO", uor);
        }
    });
}

fn contatti(xml: &mut Xml, element: &str, address: Option<&str>) {
    if let Some(address) = address {
        xml.group(element, |xml| xml.leaf_with("prot:IndirizzoTelematico", &[("prot:tipo", "smtp")], address));
    }
}
