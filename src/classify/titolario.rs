//! Where may a document belong? The Titolario of an ente: voci, names, and the years that its plan of retention gives.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::filing::Voce;

/// Most voci of one Titolario.
const VOCI_MAX: usize = 5_000;

/// One voce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoceTitolario {
    /// Its index, `VI.3`; a titolo alone is `VI`.
    pub voce: Voce,
    /// Its name.
    pub nome: String,
    /// Years of retention; 9999 is permanent, none where the plan gives no single number.
    pub conservazione_anni: Option<u32>,
    /// What the plan says beside the number.
    pub nota: String,
}

/// A plan of classification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Titolario {
    voci: Vec<VoceTitolario>,
}

/// A line of the CSV.
#[derive(Deserialize)]
struct Line {
    titolo: String,
    classe: String,
    nome: String,
    conservazione_anni: Option<u32>,
    #[serde(default)]
    nota: String,
}

impl Titolario {
    /// Reads a Titolario from CSV: `titolo,classe,nome,conservazione_anni,nota`; classe 0 (or none) is the titolo itself,
    /// a deeper classe is written with dots (`6.9`).
    pub fn parse(csv: &str) -> Result<Self> {
        let mut plan: Vec<VoceTitolario> = Vec::new();
        for (n, row) in csv::Reader::from_reader(csv.as_bytes()).into_deserialize::<Line>().enumerate() {
            let bad = |cause: String| Error::hold("titolario-unreadable").with("line", n + 2).with("what", cause);
            let row = row.map_err(|error| bad(error.to_string()))?;
            let titolo = row.titolo.trim();
            let classe = row.classe.trim();
            let is_roman = !titolo.is_empty() && titolo.bytes().all(|b| b"IVXLC".contains(&b));
            let is_arabic = classe.split('.').all(|part| part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit()));
            if !is_roman || !is_arabic || row.nome.trim().is_empty() || plan.len() >= VOCI_MAX {
                return Err(bad(format!("{titolo}.{classe}")));
            }
            let voce = Voce(if classe.is_empty() || classe == "0" { titolo.to_owned() } else { format!("{titolo}.{classe}") });
            if plan.iter().any(|known| known.voce == voce) {
                return Err(bad(voce.0));
            }
            plan.push(VoceTitolario {
                voce,
                nome: row.nome.trim().to_owned(),
                conservazione_anni: row.conservazione_anni,
                nota: row.nota,
            });
        }
        if plan.is_empty() {
            return Err(Error::hold("titolario-unreadable").with("line", 1).with("what", "-"));
        }
        Ok(Self { voci: plan })
    }

    /// The Titolario of Comuni, built in.
    pub fn comuni() -> &'static Self {
        static COMUNI: OnceLock<Titolario> = OnceLock::new();
        COMUNI.get_or_init(|| {
            Self::parse(include_str!("../../schemas/titolario-comuni.csv")).unwrap_or_else(|error| {
                tracing::error!(%error, "built-in titolario unreadable");
                Self { voci: Vec::new() }
            })
        })
    }

    /// All voci, in the order of the plan.
    pub fn voci(&self) -> &[VoceTitolario] {
        &self.voci
    }

    /// One voce by its index.
    pub fn voce(&self, voce: &Voce) -> Option<&VoceTitolario> {
        self.voci.iter().find(|known| known.voce == *voce)
    }

    /// Name of a voce, as in `Descrizione` of Allegato 5.
    pub fn nome(&self, voce: &Voce) -> Option<&str> {
        self.voce(voce).map(|v| v.nome.as_str())
    }

    /// Years of retention of a voce: 9999 permanent, none where the plan gives no single number.
    pub fn retention(&self, voce: &Voce) -> Option<u32> {
        self.voce(voce).and_then(|v| v.conservazione_anni)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_titolario_has_fourteen_titoli_and_125_classi() {
        let voci = Titolario::comuni().voci();
        assert_eq!(voci.iter().filter(|v| !v.voce.0.contains('.')).count(), 14);
        assert_eq!(voci.iter().filter(|v| v.voce.0.contains('.')).count(), 125);
        assert_eq!(Titolario::comuni().nome(&Voce("VI.3".into())), Some("Edilizia privata"));
        assert_eq!(Titolario::comuni().retention(&Voce("V.1".into())), Some(9999));
    }

    #[test]
    fn a_voce_twice_or_a_titolo_in_figures_is_refused_with_its_line() {
        let head = "titolo,classe,nome,conservazione_anni,nota\n";
        for body in ["I,1,Uno,,\nI,1,Uno,,\n", "I,1,Uno,,\n6,3,Edilizia,,\n"] {
            let error = Titolario::parse(&format!("{head}{body}")).expect_err("refused");
            assert_eq!(error.code(), "titolario-unreadable");
            assert_eq!(error.message().value("line"), Some("3"));
        }
        assert!(Titolario::parse(head).is_err());
        assert!(Titolario::parse(&format!("{head}I,6.9,Accesso,1,\n")).is_ok());
    }
}
