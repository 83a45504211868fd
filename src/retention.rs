//! How long is it kept? The plan of retention (piano di conservazione) of an ente: years by voce, by tipo, or by both (rule G-09).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::filing::Voce;
use crate::messages::Message;
use crate::titolario::{self, columns, fault, line, reader};

/// Most rules of one plan.
const RULES_MAX: usize = 20_000;
/// Longest note of a rule, bytes.
const NOTE_BYTES_MAX: usize = 1_000;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRule {
    /// The voce, with all below it; none where the tipo alone decides.
    pub voce: Option<Voce>,
    /// The code of the tipo; none where the voce alone decides.
    pub tipo: Option<String>,
    /// Years; 9999 is for ever.
    pub anni: u32,
    /// What the plan says beside the number.
    pub nota: String,
    /// Days from registration within which it must have gone to conservation (rule D-06); none where the plan sets no time.
    pub versamento_giorni: Option<u32>,
}

/// A plan of retention. The closest rule counts: that of tipo and voce (the deepest first), then of the tipo, then of the voce.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetentionPlan {
    rules: Vec<RetentionRule>,
    years: BTreeMap<(Option<Voce>, Option<String>), u32>,
    days: BTreeMap<(Option<Voce>, Option<String>), u32>,
}

/// A line of the CSV.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(default)]
    titolo: String,
    #[serde(default)]
    classe: String,
    #[serde(default)]
    tipo: String,
    anni: String,
    #[serde(default)]
    nota: String,
    #[serde(default)]
    versamento_giorni: String,
}

impl RetentionPlan {
    /// Reads a plan from CSV: `titolo,classe,tipo,anni,nota,versamento_giorni`; titolo and classe, or tipo, may be empty, not both;
    /// the last two columns may be absent.
    ///
    /// # Errors
    /// All that is wrong, line by line.
    pub fn parse(csv: &str) -> Result<Self, Vec<Message>> {
        let (mut plan, mut faults) = (Self::default(), Vec::new());
        let mut reader = reader(csv);
        let heading = reader.headers().cloned().map_err(|error| vec![fault("retention-unreadable", 1, error)])?;
        for (n, record) in reader.records().enumerate() {
            let read = record.map_err(|error| fault("retention-unreadable", n as u64 + 2, error)).and_then(|record| {
                let at = line(&record);
                let row: Line = record.deserialize(Some(&heading)).map_err(|error| fault("retention-unreadable", at, error))?;
                Ok((at, rule(row, at)?))
            });
            match read {
                Ok((at, _)) if n >= RULES_MAX => {
                    faults.push(fault("retention-long", at, RULES_MAX));
                    break;
                }
                Ok((at, rule)) => {
                    if plan.years.insert((rule.voce.clone(), rule.tipo.clone()), rule.anni).is_some() {
                        let voce = rule.voce.as_ref().map_or("-", |voce| voce.0.as_str());
                        faults.push(fault("retention-twice", at, format!("{voce} {}", rule.tipo.as_deref().unwrap_or("-"))));
                    }
                    if let Some(days) = rule.versamento_giorni {
                        plan.days.insert((rule.voce.clone(), rule.tipo.clone()), days);
                    }
                    plan.rules.push(rule);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if plan.rules.is_empty() && faults.is_empty() {
            faults.push(fault("retention-unreadable", 1, "-"));
        }
        if faults.is_empty() { Ok(plan) } else { Err(faults) }
    }

    /// The same as CSV, with which `parse` gives it again.
    pub fn csv(&self) -> crate::error::Result<String> {
        titolario::written(self.rules.iter().map(|rule| {
            let (titolo, classe) = rule.voce.as_ref().map_or(("", ""), columns);
            Line {
                titolo: titolo.to_owned(),
                classe: classe.to_owned(),
                tipo: rule.tipo.clone().unwrap_or_default(),
                anni: rule.anni.to_string(),
                nota: rule.nota.clone(),
                versamento_giorni: rule.versamento_giorni.map(|days| days.to_string()).unwrap_or_default(),
            }
        }))
    }

    /// Its rules, in the order of the table.
    pub fn rules(&self) -> &[RetentionRule] {
        &self.rules
    }

    /// The years of a document of that tipo in that voce; none where no rule speaks of it.
    pub fn years(&self, voce: &Voce, tipo: &str) -> Option<u32> {
        closest(&self.years, voce, tipo)
    }

    /// The days within which such a document must have gone to conservation; none where no rule sets them.
    pub fn days(&self, voce: &Voce, tipo: &str) -> Option<u32> {
        closest(&self.days, voce, tipo)
    }

    /// True if a rule sets days.
    pub fn has_days(&self) -> bool {
        !self.days.is_empty()
    }
}

/// The value of the closest rule.
fn closest(rules: &BTreeMap<(Option<Voce>, Option<String>), u32>, voce: &Voce, tipo: &str) -> Option<u32> {
    let of = |voce: Option<&Voce>, tipo: Option<&str>| rules.get(&(voce.cloned(), tipo.map(ToOwned::to_owned))).copied();
    let above =
        || std::iter::successors(Some(voce.clone()), |voce| voce.0.rsplit_once('.').map(|(above, _)| Voce(above.to_owned())));
    above()
        .find_map(|voce| of(Some(&voce), Some(tipo)))
        .or_else(|| of(None, Some(tipo)))
        .or_else(|| above().find_map(|voce| of(Some(&voce), None)))
}

fn rule(row: Line, at: u64) -> Result<RetentionRule, Message> {
    let voce = if row.titolo.is_empty() && row.classe.is_empty() {
        None
    } else {
        let voce = titolario::voce(&row.titolo, &row.classe);
        Some(voce.ok_or_else(|| fault("titolario-voce", at, format!("{} {}", row.titolo, row.classe)))?)
    };
    let tipo = (!row.tipo.is_empty()).then_some(row.tipo);
    let anni = titolario::years(&row.anni).flatten().ok_or_else(|| fault("titolario-anni", at, &row.anni))?;
    if (voce.is_none() && tipo.is_none()) || row.nota.len() > NOTE_BYTES_MAX {
        return Err(fault("retention-unreadable", at, "-"));
    }
    let days = titolario::years(&row.versamento_giorni);
    let versamento_giorni = days.ok_or_else(|| fault("retention-days", at, &row.versamento_giorni))?;
    Ok(RetentionRule { voce, tipo, anni, nota: row.nota, versamento_giorni })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str =
        "titolo,classe,tipo,anni,nota\nVI,0,,40,tutto il titolo\nVI,3,,9999,\nVI,3,scia,10,\n,,fattura,10,\nVI,0,lettera,5,\n";

    #[test]
    fn the_closest_rule_counts() {
        let plan = RetentionPlan::parse(PLAN).expect("a plan");
        let years = |voce: &str, tipo: &str| plan.years(&Voce(voce.into()), tipo);
        assert_eq!(years("VI.3", "scia"), Some(10));
        assert_eq!(years("VI.3.1", "scia"), Some(10), "what lies below");
        assert_eq!(years("VI.3", "istanza"), Some(9_999));
        assert_eq!(years("VI.5", "istanza"), Some(40));
        assert_eq!(years("VI.3", "lettera"), Some(5), "the tipo in the titolo before the classe alone");
        assert_eq!(years("IV.4", "fattura"), Some(10));
        assert_eq!(years("VI.3", "fattura"), Some(10), "the tipo before the voce");
        assert_eq!(years("VII.1", "istanza"), None);
        assert_eq!(RetentionPlan::parse(&plan.csv().expect("csv")).expect("again"), plan);
    }

    #[test]
    fn a_plan_may_set_the_days_within_which_a_tipo_leaves() {
        let plan = "titolo,classe,tipo,anni,nota,versamento_giorni\nIV,0,,10,,365\n,,fattura,10,,15\nVI,3,,9999,,\n";
        let plan = RetentionPlan::parse(plan).expect("a plan");
        let days = |voce: &str, tipo: &str| plan.days(&Voce(voce.into()), tipo);
        assert_eq!((days("IV.4", "fattura"), days("IV.4", "lettera"), days("VI.3", "scia")), (Some(15), Some(365), None));
        assert_eq!(RetentionPlan::parse(&plan.csv().expect("csv")).expect("again"), plan);
        let faults = RetentionPlan::parse("tipo,anni,versamento_giorni\nx,1,0\n").expect_err("refused");
        assert_eq!(faults[0].code(), "retention-days");
    }

    #[test]
    fn all_faults_of_a_plan_are_told_at_once() {
        let faults = RetentionPlan::parse("titolo,classe,tipo,anni\nVI,x,,10\n,,,10\nVI,1,,\nVI,2,,5\nVI,2,,6\nVI,4,,10000\n");
        let faults = faults.expect_err("refused");
        let said: Vec<(&str, Option<&str>)> = faults.iter().map(|fault| (fault.code(), fault.value("line"))).collect();
        let wanted = [
            ("titolario-voce", Some("2")),
            ("retention-unreadable", Some("3")),
            ("titolario-anni", Some("4")),
            ("retention-twice", Some("6")),
            ("titolario-anni", Some("7")),
        ];
        assert_eq!(said, wanted);
        assert_eq!(RetentionPlan::parse("titolo,classe,tipo,anni\n").expect_err("empty").len(), 1);
    }
}
