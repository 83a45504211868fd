//! Do the two voices agree? Rules and experience side by side; agreement makes sure, disagreement asks a person.

use super::experience::Said;
use super::guess::Guess;
use super::tipi::{Knowledge, Tipo};
use crate::document::Hold;
use crate::filing::{Opinion, Voce};
use crate::messages::Message;

/// From this confidence on the learned voice is heard against the rules.
const HEARD: f32 = 0.55;
/// Below this confidence the rules have no say of their own.
const WEAK: f32 = 0.3;
/// Share of the learned voice's confidence that counts beside the rules: it has read less than they say.
const TRUST: f32 = 0.75;
/// What is left of a confidence that the other voice contradicts: below any sensible threshold.
const CONTRADICTED: f32 = 0.45;

/// Words of a text from which the learned voice hears more than the title that the rules have found too.
const WORDS_MIN: usize = 20;

/// A code that both voices were asked about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weighed {
    /// Confidence of both together.
    pub(super) confidence: f32,
    /// True if the other voice says otherwise, and surely.
    pub(super) is_contradicted: bool,
}

/// The confidence of what the rules say with `rules`, of which the learned voice thinks `own`, and `best` of what it likes best.
pub(super) fn weighed(rules: f32, own: f32, best: f32) -> Weighed {
    if own >= best {
        let together = 1.0 - (1.0 - rules) * (1.0 - TRUST * own);
        return Weighed { confidence: together.min(0.99), is_contradicted: false };
    }
    // Its second choice is no contradiction unless its first is far ahead.
    if best >= HEARD && own < best * 0.25 {
        return Weighed { confidence: rules.min(CONTRADICTED), is_contradicted: true };
    }
    Weighed { confidence: rules * (1.0 - 0.2 * (best - own)), is_contradicted: false }
}

/// The tipo that both voices together propose, with its weight; none where neither says anything.
pub(super) fn tipo<'a>(guesses: &[Guess<'a>], said: &Said, knowledge: &'a Knowledge) -> Option<(&'a Tipo, Weighed)> {
    let learned = said.tipi.first().and_then(|(code, confidence)| Some((known(knowledge, code)?, *confidence)));
    let Some(first) = guesses.first() else {
        let (tipo, confidence) = learned.filter(|(_, confidence)| *confidence >= HEARD)?;
        return Some((tipo, Weighed { confidence: (confidence * 0.5).min(CONTRADICTED), is_contradicted: false }));
    };
    let Some((other, best)) = learned else {
        return Some((first.tipo, Weighed { confidence: first.confidence, is_contradicted: false }));
    };
    if first.confidence < WEAK && best >= HEARD && !other.is_kin(first.tipo) {
        return Some((other, Weighed { confidence: (best * 0.5).min(CONTRADICTED), is_contradicted: true }));
    }
    // Kin are no rivals: what is said for one is said for the other. Who takes what no other claims contradicts nobody.
    let own = if other.is_kin(first.tipo) { best } else { said.of_tipo(&first.tipo.code) };
    let best = if other.fallback { own } else { best };
    let mut weighed = weighed(first.confidence, own, best);
    // A title alone, or structure alone, is one cue, whoever repeats it: the text must say more.
    let is_one_cue = first.title.is_none() || first.structure.is_empty();
    if is_one_cue && said.heard < WORDS_MIN {
        weighed.confidence = weighed.confidence.min(first.confidence);
    }
    // The type for what no other claims is in doubt as soon as one does.
    let claims = |guess: &Guess<'_>| !guess.tipo.fallback && guess.confidence >= WEAK;
    if first.tipo.fallback && guesses.iter().skip(1).any(claims) {
        weighed.confidence = weighed.confidence.min(CONTRADICTED);
    }
    Some((first.tipo, weighed))
}

fn known<'a>(knowledge: &'a Knowledge, code: &str) -> Option<&'a Tipo> {
    knowledge.tipi.iter().find(|tipo| tipo.code == code)
}

/// What each voice says, for a person to see them apart.
pub(super) fn opinions(guesses: &[Guess<'_>], voce: Option<(&Voce, f32)>, said: &Said) -> Vec<Opinion> {
    let first = guesses.first();
    let rules = Opinion {
        voice: "rules".into(),
        tipo: first.map(|guess| guess.tipo.code.clone()),
        tipo_confidence: first.map_or(0.0, |guess| guess.confidence),
        voce: voce.map(|(voce, _)| voce.clone()),
        voce_confidence: voce.map_or(0.0, |(_, confidence)| confidence),
    };
    let learned = Opinion {
        voice: "learned".into(),
        tipo: said.tipi.first().map(|(tipo, _)| tipo.clone()),
        tipo_confidence: said.tipi.first().map_or(0.0, |(_, confidence)| *confidence),
        voce: said.voci.first().map(|(voce, _)| voce.clone()),
        voce_confidence: said.voci.first().map_or(0.0, |(_, confidence)| *confidence),
    };
    vec![rules, learned]
}

/// The doubt of two voices that say different things.
pub(super) fn disagreement(field: &str, rules: &str, learned: &str) -> Hold {
    Hold::new(Message::new("voices-disagree").with("field", field).with("rules", rules).with("learned", learned)).on_field(field)
}

/// Why, in the words of the learned voice.
pub(super) fn reason(said: &Said) -> Option<Message> {
    let (tipo, confidence) = said.tipi.first()?;
    let percent = (confidence * 100.0).round();
    let words = said.tipo_words.join(", ");
    Some(Message::new("reason-learned").with("tipo", tipo).with("confidence", percent).with("words", words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_voices_that_agree_are_surer_than_either_and_one_that_contradicts_asks_a_person() {
        let both = weighed(0.6, 0.7, 0.7);
        assert!(both.confidence > 0.7 && !both.is_contradicted);
        let against = weighed(0.9, 0.05, 0.8);
        assert!(against.confidence < 0.6 && against.is_contradicted);
        let unsure = weighed(0.9, 0.1, 0.3);
        assert!(unsure.confidence > 0.8 && !unsure.is_contradicted);
    }

    #[test]
    fn a_second_choice_that_is_near_is_no_contradiction() {
        assert!(!weighed(0.9, 0.35, 0.6).is_contradicted);
    }
}
