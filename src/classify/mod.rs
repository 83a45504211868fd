//! What is it and where does it belong? `filing`: tipo, voce, aggregation, with reasons; below threshold a doubt.
//!
//! Types are data (`schemas/document-types.toml`), and so are the words of the voci (`schemas/voce-words.toml`). A type is
//! proposed with confidence only by a title cue together with a structure cue; what the body cites does not decide.

mod aggregazione;
mod composed;
mod cues;
mod experience;
mod given;
mod guess;
mod tipi;
mod voices;

use jiff::civil::Date;

use crate::document::{DocumentId, Hold};
use crate::ente::Ente;
use crate::fields::{Fields, PartyKind, Reading, Verso};
use crate::filing::{Alternative, Filing, Voce};
use crate::messages::Message;
use crate::page::{PageText, Rect};
use crate::retention::RetentionPlan;
use crate::titolario::Titolario;

pub use composed::composed_oggetto;
pub use experience::{Experience, Lesson};
pub use given::filing_given;
pub use tipi::{Registro, Rules, adopt, termine};

use cues::Heard;
use guess::Guess;
use tipi::{Knowledge, Tipo};

/// What filing needs to know beside the document itself.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The ente, with its thresholds.
    pub ente: &'a Ente,
    /// Its Titolario, as it was in force on the document's day.
    pub titolario: &'a Titolario,
    /// Its plan of retention on that day, where it has decided one.
    pub retention: Option<&'a RetentionPlan>,
    /// What it has learned.
    pub experience: &'a Experience,
    /// The document: what ties an aggregation where nothing else does.
    pub document: &'a DocumentId,
    /// The day it came in (ente's zone): the year of an aggregation where no registration gives one.
    pub received: Date,
}

impl Context<'_> {
    /// Years that a document of `tipo` in `voce` is kept: as the ente's plan says, else its Titolario; where it has decided no plan, as its type
    /// says before that.
    fn years(&self, tipo: &Tipo, voce: &Voce) -> Option<u32> {
        let planned = match self.retention {
            Some(plan) => plan.years(voce, &tipo.code),
            None => tipo.anni,
        };
        planned.or_else(|| self.titolario.retention(voce))
    }
}

/// A voce with what it rests on. It is one of those that rules and the learned voice speak of, until it is settled.
struct Placed {
    voce: Voce,
    confidence: f32,
    reason: Message,
    page: Option<u32>,
    rect: Option<Rect>,
    others: Vec<(Voce, f32)>,
    /// True if it rests on a word that may be no more than a place: then no other voice makes it sure.
    is_place: bool,
}

/// The proposal for a document: tipo, voce and aggregation with reasons and alternatives; below the threshold it carries a doubt.
pub fn filing(pages: &[PageText], fields: &Fields, context: &Context<'_>) -> Filing {
    let knowledge = tipi::knowledge();
    let heard = Heard::of(pages, fields, &knowledge.lexicon);
    let guesses = guess::tipi(&heard, knowledge);
    let said = context.experience.said(pages, fields);
    let Some((tipo, of_tipo)) = voices::tipo(&guesses, &said, knowledge) else {
        return unknown(pages, fields, context);
    };
    let best = guesses.iter().find(|guess| guess.tipo.code == tipo.code);
    let mut placed = placed(&heard, knowledge, tipo, fields, context);
    let mut opinions = voices::opinions(&guesses, Some((&placed.voce, placed.confidence)), &said);
    for opinion in &mut opinions {
        opinion.voce = opinion.voce.take().and_then(|voce| context.titolario.own(&voce).cloned());
    }
    let is_voce_contradicted = placed.weigh(tipo, &said, context);
    let placed = placed.settled(context);
    let confidence = of_tipo.confidence.min(placed.confidence);
    let mut reasons = best.map(reasons).unwrap_or_default();
    reasons.extend(voices::reason(&said));
    reasons.push(placed.reason.clone());
    let aggregazione = aggregazione::key(tipo, &placed.voce, fields, context);
    reasons.push(aggregazione::reason(&aggregazione));
    let riservato = tipo.riservato || knowledge.delicate.iter().any(|phrase| !heard.hits(phrase).is_empty());
    let alternatives = alternatives(tipo, &guesses, (&placed, &said), context);
    let mut doubts = doubts(tipo, confidence, &placed, &alternatives, context);
    doubts.extend(from_outside(tipo, fields));
    if of_tipo.is_contradicted {
        let rules = guesses.first().map_or("-", |guess| guess.tipo.nome.as_str());
        doubts.push(voices::disagreement("tipo", rules, said.tipi.first().and_then(|t| tipo_name(&t.0)).unwrap_or("-")));
    }
    if is_voce_contradicted {
        let learned = said.voci.first().and_then(|(voce, _)| context.titolario.own(voce));
        doubts.push(voices::disagreement("voce", &placed.voce.0, learned.map_or("-", |voce| voce.0.as_str())));
    }
    let seat = (best.and_then(|b| b.title).map(|(_, page)| page), best.and_then(|b| b.rect));
    Filing {
        tipo: reading(tipo.code.clone(), of_tipo.confidence, seat),
        // A voce that the type alone decides rests on the cue of the type.
        voce: reading(
            placed.voce.clone(),
            placed.confidence,
            if placed.page.is_some() { (placed.page, placed.rect) } else { seat },
        ),
        aggregazione,
        confidence,
        reasons,
        alternatives,
        voices: opinions,
        riservato,
        riservato_origin: None,
        tempo_di_conservazione: context.years(tipo, &placed.voce),
        doubts,
    }
}

fn reading<T>(value: T, confidence: f32, (page, rect): (Option<u32>, Option<Rect>)) -> Reading<T> {
    Reading { value, confidence, origin: "rule cues".into(), page, rect, second: None }
}

/// A document without any cue: no tipo is proposed (it stays empty), the voce is the foot of the plan, and a person decides.
fn unknown(pages: &[PageText], fields: &Fields, context: &Context<'_>) -> Filing {
    let voce = context.titolario.voci().last().map_or_else(|| Voce("XIV".into()), |v| v.voce.clone());
    let is_mute = pages.iter().all(|page| page.word_count() == 0);
    let message = Message::new(if is_mute { "classification-no-text" } else { "classification-no-cue" });
    Filing {
        tipo: reading(String::new(), 0.0, (None, None)),
        voce: reading(voce.clone(), 0.0, (None, None)),
        aggregazione: aggregazione::loose(&voce, fields, context),
        confidence: 0.0,
        reasons: vec![if is_mute { message.clone() } else { Message::new("reason-nothing") }],
        alternatives: Vec::new(),
        voices: Vec::new(),
        riservato: false,
        riservato_origin: None,
        tempo_di_conservazione: None,
        doubts: vec![Hold::new(message).on_field("tipo")],
    }
}

fn reasons(best: &Guess<'_>) -> Vec<Message> {
    let mut reasons = Vec::new();
    if let Some((words, page)) = best.title {
        reasons.push(Message::new("reason-title").with("words", words).with("page", page).with("tipo", &best.tipo.nome));
    }
    if !best.structure.is_empty() {
        let shown: Vec<&str> = best.structure.iter().take(6).copied().collect();
        reasons.push(Message::new("reason-structure").with("words", shown.join(", ")));
    }
    reasons
}

impl Placed {
    /// Hears the learned voice on the voce, where the type leaves a choice; true if it surely says another.
    fn weigh(&mut self, tipo: &Tipo, said: &experience::Said, context: &Context<'_>) -> bool {
        if !tipo.subject && tipo.voci.len() < 2 {
            return false;
        }
        let known = |voce: &Voce| context.titolario.own(voce).is_some() && (tipo.subject || tipo.voci.contains(voce));
        let Some((best, _)) = said.voci.iter().find(|(voce, _)| known(voce)) else { return false };
        let (own, first) = (said.of_voce(&self.voce, known), said.of_voce(best, known));
        let mut weighed = voices::weighed(self.confidence, own, first);
        if *best != self.voce {
            self.others.insert(0, (best.clone(), first));
        }
        if !tipo.subject {
            // Among the few voci of one type the words of the type itself speak for its usual one: no contradiction, a doubt.
            weighed = voices::Weighed { confidence: weighed.confidence.max(self.confidence * 0.9), is_contradicted: false };
        }
        self.confidence = if self.is_place { weighed.confidence.min(guess::PLACE_CONFIDENCE) } else { weighed.confidence };
        weighed.is_contradicted
    }
}

impl Placed {
    /// The same in the ente's Titolario. Where that has no such voce, or divides it, a person says where the document belongs.
    fn settled(mut self, context: &Context<'_>) -> Self {
        let titolario = context.titolario;
        let foot = || titolario.voci().last().map_or_else(|| self.voce.clone(), |v| v.voce.clone());
        let own = titolario.own(&self.voce).cloned();
        self.confidence = match &own {
            None => 0.0,
            Some(voce) if titolario.is_divided(voce) => self.confidence.min(DIVIDED_CONFIDENCE),
            Some(_) => self.confidence,
        };
        let voce = own.unwrap_or_else(foot);
        self.reason = self.reason.with("voce", &voce).with("name", titolario.nome(&voce).unwrap_or("-"));
        self.voce = voce;
        self.others = self.others.iter().filter_map(|(voce, sure)| Some((titolario.own(voce)?.clone(), *sure))).collect();
        self
    }
}

/// Confidence of a voce that the ente's Titolario divides further: below any sensible threshold.
const DIVIDED_CONFIDENCE: f32 = 0.45;

/// The voce of a document of that type: fixed, chosen among a few, or by the subject of the act.
fn placed(heard: &Heard, knowledge: &Knowledge, tipo: &Tipo, fields: &Fields, context: &Context<'_>) -> Placed {
    let default = tipo.voci.first().cloned().unwrap_or_else(|| Voce("XIV".into()));
    let fixed = |voce: Voce, confidence: f32| Placed {
        reason: Message::new("reason-voce-tipo"),
        voce,
        confidence,
        page: None,
        rect: None,
        others: Vec::new(),
        is_place: false,
    };
    if tipo.code == "fattura" {
        let issued = fields.protocollo.as_ref().is_some_and(|p| p.value.verso == Some(Verso::U));
        return fixed(Voce(if issued { "IV.3" } else { "IV.4" }.into()), 0.95);
    }
    if !tipo.subject && tipo.voci.len() == 1 {
        return fixed(default, 0.95);
    }
    let known = |voce: &Voce| context.titolario.own(voce).is_some() && (tipo.subject || tipo.voci.contains(voce));
    let found: Vec<_> = guess::subjects(heard, knowledge).into_iter().filter(|s| known(s.voce)).collect();
    let next = found.get(1).map_or(0.0, |s| s.score);
    let Some(best) = found.first() else {
        return fixed(default, if tipo.subject { 0.3 } else { 0.7 });
    };
    let sure = guess::subject_confidence(best.score, next).min(if best.is_place { guess::PLACE_CONFIDENCE } else { 1.0 });
    let others = found
        .iter()
        .skip(1)
        .take(3)
        .map(|s| (s.voce.clone(), (s.score / (best.score + s.score) * 0.8).clamp(0.0, 1.0)))
        .collect();
    // A type of few voci goes to its default unless words speak clearly for another; a subject too weak leaves the default in doubt.
    if !tipo.subject && (best.score < 3.0 || sure < 0.5) {
        return Placed { others, ..fixed(default, 0.75) };
    }
    let confidence = if tipo.subject { sure } else { sure.max(0.65) };
    Placed {
        reason: Message::new("reason-voce-words").with("words", best.words.join(", ")).with("page", best.page),
        voce: best.voce.clone(),
        confidence,
        page: Some(best.page),
        rect: best.rect,
        others,
        is_place: best.is_place,
    }
}

/// What else was considered: other types in their default voce, other voci of the same type; the best three.
fn alternatives(
    tipo: &Tipo,
    guesses: &[Guess<'_>],
    (placed, said): (&Placed, &experience::Said),
    context: &Context<'_>,
) -> Vec<Alternative> {
    let of_type = |other: &Tipo, confidence: f32| {
        let voce = if other.subject { placed.voce.clone() } else { context.titolario.own(other.voci.first()?)?.clone() };
        Some(Alternative { tipo: other.code.clone(), voce, confidence })
    };
    let mut all: Vec<Alternative> = guesses
        .iter()
        .filter(|g| g.tipo.code != tipo.code)
        .take(3)
        .filter_map(|g| of_type(g.tipo, g.confidence.max(said.of_tipo(&g.tipo.code))))
        .collect();
    let learned = said.tipi.first().and_then(|(code, confidence)| {
        let other = tipi::knowledge().tipi.iter().find(|t| t.code == *code)?;
        of_type(other, *confidence)
    });
    all.extend(learned.filter(|a| a.tipo != tipo.code && !all.iter().any(|known| known.tipo == a.tipo)));
    all.extend(placed.others.iter().map(|(voce, confidence)| Alternative {
        tipo: tipo.code.clone(),
        voce: voce.clone(),
        confidence: *confidence,
    }));
    all.retain(|a| a.confidence >= 0.05);
    all.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    all.truncate(3);
    all
}

fn doubts(tipo: &Tipo, confidence: f32, placed: &Placed, alternatives: &[Alternative], context: &Context<'_>) -> Vec<Hold> {
    if confidence >= context.ente.soglie.classificazione {
        return Vec::new();
    }
    let others: Vec<String> =
        alternatives.iter().map(|a| format!("{} {} ({:.0} %)", a.tipo, a.voce, a.confidence * 100.0)).collect();
    let message = Message::new("classification-uncertain")
        .with("tipo", &tipo.nome)
        .with("voce", &placed.voce)
        .with("confidence", (confidence * 100.0).round())
        .with("others", if others.is_empty() { "-".to_owned() } else { others.join("; ") });
    vec![Hold::new(message).on_field(if placed.confidence < confidence + f32::EPSILON { "voce" } else { "tipo" })]
}

/// The doubt about an act that only the ente issues and that came in from somebody else: a letter that names the act it is about in its
/// subject says its words as well as the act does.
fn from_outside(tipo: &Tipo, fields: &Fields) -> Option<Hold> {
    let arrived = fields.protocollo.as_ref().is_some_and(|protocollo| protocollo.value.verso == Some(Verso::E));
    let sender = fields.mittente.as_ref().map(|mittente| &mittente.value);
    let is_others = sender.is_some_and(|party| matches!(party.kind, PartyKind::PersonaFisica | PartyKind::PersonaGiuridica));
    let message = || {
        Message::new("act-from-outside").with("tipo", &tipo.nome).with("from", sender.map_or("-", |party| party.nome.as_str()))
    };
    (tipo.own && (arrived || is_others)).then(|| Hold::new(message()).on_field("tipo"))
}

/// How documents of that type are registered; none of an unknown code.
pub fn registro(tipo: &str) -> Option<Registro> {
    tipi::knowledge().tipi.iter().find(|t| t.code == tipo).map(|t| t.registro)
}

/// Name of a type for a person; none of an unknown code.
pub fn tipo_name(tipo: &str) -> Option<&'static str> {
    tipi::knowledge().tipi.iter().find(|t| t.code == tipo).map(|t| t.nome.as_str())
}

#[cfg(test)]
mod tests;
