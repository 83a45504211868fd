//! How is the house doing? What is in which state, how fast it moves, what is oldest, and what is stuck and why.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::error::Result;
use crate::messages::{Lang, Message, label};
use crate::pipeline::House;
use crate::store::{Count, JobTally, Tally};

/// Indicators of one ente; words and numbers, no names (invariant 13).
#[derive(Debug, Clone, Serialize)]
pub struct Stats {
    /// When they were taken.
    pub at: Timestamp,
    /// Documents by state.
    pub documents: Vec<Count>,
    /// Arrivals by state.
    pub arrivals: Vec<Count>,
    /// Packages by state.
    pub pdvs: Vec<Count>,
    /// Steps that wait or are under way.
    pub jobs: Vec<JobTally>,
    /// Arrivals admitted in the last hour.
    pub admitted_per_hour: u64,
    /// Documents described, and so ready, in the last hour.
    pub described_per_hour: u64,
    /// Documents held in the last hour.
    pub held_per_hour: u64,
    /// Tries that failed and are repeated, in the last hour.
    pub retried_per_hour: u64,
    /// What holds documents, by code, the most frequent first.
    pub holds: Vec<Count>,
    /// Why documents were refused, by code.
    pub refusals: Vec<Count>,
    /// Why arrivals are held or refused, by code.
    pub reasons: Vec<Count>,
    /// The watched folders, as `doctor` shows them.
    pub inboxes: Vec<Value>,
}

/// Takes the indicators.
pub async fn stats(house: &House, inboxes: Vec<Value>) -> Result<Stats> {
    let at = house.clock.now();
    let since = at.saturating_sub(SignedDuration::from_hours(1)).unwrap_or(at);
    let Tally { documents, arrivals, pdvs, mut holds, mut refusals, mut reasons, jobs, lines } =
        house.store.tally(&house.ente_id, since).await?;
    let count = |fits: &dyn Fn(&str, &str) -> bool| {
        lines.iter().filter(|(kind, outcome, _)| fits(kind, outcome)).map(|(_, _, count)| count).sum()
    };
    let by_count = |counts: &mut Vec<Count>| counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.word.cmp(&b.word)));
    by_count(&mut holds);
    by_count(&mut refusals);
    by_count(&mut reasons);
    Ok(Stats {
        at,
        documents,
        arrivals,
        pdvs,
        jobs,
        admitted_per_hour: count(&|kind, _| kind == "admitted"),
        described_per_hour: count(&|kind, outcome| kind == "metadata" && outcome == "success"),
        held_per_hour: count(&|kind, outcome| kind != "admitted" && outcome == "hold"),
        retried_per_hour: count(&|_, outcome| outcome == "retry"),
        holds,
        refusals,
        reasons,
        inboxes,
    })
}

impl Stats {
    /// What is stuck and why, a sentence each; none where all goes well.
    pub fn stuck(&self, lang: Lang) -> Vec<String> {
        let mut said = Vec::new();
        for job in self.jobs.iter().filter(|job| job.waiting > 0) {
            let reason = job.reason.as_deref().map_or_else(|| "-".to_owned(), |code| Message::new(code).in_general(lang));
            let message = Message::new("stats-waiting").with("count", job.waiting).with("step", step(&job.step, lang));
            said.push(message.with("reason", reason).with("attempts", job.attempts).text(lang));
        }
        let held = |code: &'static str, counts: &[Count]| {
            let one = |found: &Count| {
                let reason = Message::new(&found.word).in_general(lang);
                Message::new(code).with("count", found.count).with("reason", reason).with("age", self.age(found)).text(lang)
            };
            counts.iter().map(one).collect::<Vec<_>>()
        };
        said.extend(held("stats-holds", &self.holds));
        said.extend(held("stats-refusals", &self.refusals));
        said.extend(held("stats-arrivals-held", &self.reasons));
        for inbox in &self.inboxes {
            let profile = inbox["profile"].as_str().unwrap_or("-");
            let door = |code: &str| {
                let reason = Message::new(code).in_general(lang);
                Message::new("stats-door").with("profile", profile).with("reason", reason).text(lang)
            };
            if inbox["reachable"] == false {
                said.push(door("inbox-unreachable"));
            } else if let Some(code) = inbox["door"]["code"].as_str() {
                said.push(door(code));
            }
            let notes = inbox["notes"].as_array().into_iter().flatten().filter_map(Value::as_str);
            said.extend(notes.map(|note| format!("{profile}: {note}")));
        }
        said
    }

    /// How old the oldest is: `3d 4h`, `12m`.
    pub fn age(&self, count: &Count) -> String {
        let seconds = count.oldest.map_or(0, |oldest| self.at.duration_since(oldest).as_secs().max(0));
        match seconds {
            0..60 => format!("{seconds}s"),
            60..3_600 => format!("{}m", seconds / 60),
            3_600..86_400 => format!("{}h {}m", seconds / 3_600, seconds / 60 % 60),
            _ => format!("{}d {}h", seconds / 86_400, seconds / 3_600 % 24),
        }
    }
}

/// What a step does, for a person; one of another release stays as it is written.
fn step(name: &str, lang: Lang) -> String {
    let code = format!("step-{name}");
    if Message::new(&code).is_known() { label(&code, lang) } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Step;

    #[test]
    fn every_step_has_words_in_both_languages_and_an_unknown_one_its_name() {
        for known in Step::ALL {
            let (it, en) = (step(known.name(), Lang::It), step(known.name(), Lang::En));
            assert!(it != known.name() && en != known.name() && it != en, "{it} {en}");
        }
        assert_eq!(step("soar", Lang::It), "soar");
    }
}
