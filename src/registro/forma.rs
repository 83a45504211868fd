//! What do the fields of a line say, whatever form it came in? From texts to entries, every breach collected with its line.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};

use super::{
    BREACHES_MAX, DESTINATARI_MAX, Estratto, LINES_MAX, NUMERO_MAX, Registrazione, TEXT_BYTES_MAX, TipoVariazione, Variazione,
};
use crate::digest::Digest;
use crate::fields::Verso;
use crate::messages::Message;

/// A line as it was found: names of fields and their texts, not empty.
#[derive(Debug, Default)]
pub(super) struct Campi {
    /// Where it stands: line of the file, or number of the element.
    pub(super) at: u64,
    /// Its kind: `registrazione`, `annullamento`, `modifica`.
    pub(super) evento: String,
    /// Its fields.
    pub(super) texts: BTreeMap<String, String>,
    /// Its recipients.
    pub(super) destinatari: Vec<String>,
}

/// Gathers lines and breaches.
pub(super) struct Raccolta {
    registrazioni: BTreeMap<(i16, u64), (Registrazione, u64)>,
    variazioni: Vec<Variazione>,
    breaches: Vec<Message>,
    lines: usize,
    today: Date,
}

impl Raccolta {
    /// An empty one; nothing may lie after `today`.
    pub(super) fn new(today: Date) -> Self {
        Self { registrazioni: BTreeMap::new(), variazioni: Vec::new(), breaches: Vec::new(), lines: 0, today }
    }

    /// Notes a breach.
    pub(super) fn breach(&mut self, code: &str, at: u64, what: impl std::fmt::Display) {
        if self.breaches.len() < BREACHES_MAX {
            self.breaches.push(Message::new(code).with("line", at).with("what", what));
        }
    }

    /// True while another line may be taken; the first beyond is a breach.
    pub(super) fn has_room(&mut self, at: u64) -> bool {
        self.lines += 1;
        if self.lines > LINES_MAX {
            self.breach("registro-lines", at, LINES_MAX);
        }
        self.lines <= LINES_MAX
    }

    /// Takes a line in.
    pub(super) fn take(&mut self, campi: &Campi) {
        for (name, text) in &campi.texts {
            self.bounded(campi.at, name, text);
        }
        campi.destinatari.iter().for_each(|text| self.bounded(campi.at, "destinatario", text));
        match campi.evento.as_str() {
            "registrazione" => self.registrazione(campi),
            "annullamento" => self.variazione(campi, TipoVariazione::Annullamento),
            "modifica" => self.variazione(campi, TipoVariazione::Modifica),
            other => self.breach("registro-evento", campi.at, other),
        }
    }

    fn bounded(&mut self, at: u64, name: &str, text: &str) {
        if text.len() > TEXT_BYTES_MAX || text.chars().any(|c| !crate::xml::is_legal(c)) {
            self.breach("registro-text", at, name);
        }
    }

    fn registrazione(&mut self, campi: &Campi) {
        let (numero, data, ora) = (self.numero(campi), self.day(campi), self.hour(campi));
        let text = |name: &str| campi.texts.get(name).cloned();
        let verso = match text("verso").as_deref().map(str::to_lowercase).as_deref() {
            Some("e" | "entrata" | "arrivo") => Some(Verso::E),
            Some("u" | "uscita" | "partenza") => Some(Verso::U),
            Some("i" | "interno") => Some(Verso::I),
            other => {
                self.breach("registro-verso", campi.at, other.unwrap_or("-"));
                None
            }
        };
        let oggetto = self.needed(campi, "oggetto");
        if verso == Some(Verso::E) && !campi.texts.contains_key("mittente") {
            self.breach("registro-missing", campi.at, "mittente");
        }
        if verso == Some(Verso::U) && campi.destinatari.is_empty() {
            self.breach("registro-missing", campi.at, "destinatario");
        }
        if campi.destinatari.len() > DESTINATARI_MAX {
            self.breach("registro-destinatari", campi.at, DESTINATARI_MAX);
        }
        let impronta = text("impronta").and_then(|text| {
            let read = Digest::parse(&text.to_lowercase()).or_else(|| of_base64(&text));
            if read.is_none() {
                self.breach("registro-impronta", campi.at, "impronta");
            }
            read
        });
        let riservato = match text("riservato").as_deref().map(str::to_lowercase).as_deref() {
            None | Some("no" | "false" | "0") => false,
            Some("si" | "sì" | "true" | "1") => true,
            Some(other) => {
                self.breach("registro-riservato", campi.at, other);
                false
            }
        };
        let (Some(numero), Some(data), Some(verso), Some(oggetto)) = (numero, data, verso, oggetto) else { return };
        let anno = self.year(campi, Some(data)).unwrap_or_else(|| data.year());
        if anno != data.year() {
            self.breach("registro-anno", campi.at, format_args!("{anno}, {data}"));
        }
        let one = Registrazione {
            numero,
            anno,
            data,
            ora,
            verso,
            mittente: text("mittente"),
            destinatari: campi.destinatari.clone(),
            oggetto,
            protocollo_mittente: text("protocollo_mittente"),
            impronta,
            voce: text("voce"),
            riservato,
        };
        let key = (anno, numero);
        match self.registrazioni.get(&key) {
            Some((before, line)) if *before != one => {
                let what = format!("{}/{anno} ({line})", super::numero(numero));
                self.breach("registro-twice", campi.at, what);
            }
            Some(_) => {}
            None => _ = self.registrazioni.insert(key, (one, campi.at)),
        }
    }

    fn variazione(&mut self, campi: &Campi, tipo: TipoVariazione) {
        let (numero, data, ora) = (self.numero(campi), self.day(campi), self.hour(campi));
        let anno = self.year(campi, data);
        let operatore = self.needed(campi, "operatore");
        let text = |name: &str| campi.texts.get(name).cloned();
        if tipo == TipoVariazione::Annullamento {
            self.needed(campi, "provvedimento");
        } else {
            self.needed(campi, "campo");
            if text("prima").is_none() && text("dopo").is_none() {
                self.breach("registro-missing", campi.at, "prima, dopo");
            }
        }
        let (Some(numero), Some(data), Some(anno), Some(operatore)) = (numero, data, anno, operatore) else { return };
        if anno > data.year() {
            self.breach("registro-anno", campi.at, format_args!("{anno}, {data}"));
        }
        let one = Variazione {
            numero,
            anno,
            tipo,
            data,
            ora,
            campo: text("campo"),
            prima: text("prima"),
            dopo: text("dopo"),
            operatore,
            provvedimento: text("provvedimento"),
        };
        self.variazioni.push(one);
    }

    fn needed(&mut self, campi: &Campi, name: &str) -> Option<String> {
        let found = campi.texts.get(name).cloned();
        if found.is_none() {
            self.breach("registro-missing", campi.at, name);
        }
        found
    }

    fn numero(&mut self, campi: &Campi) -> Option<u64> {
        let text = self.needed(campi, "numero")?;
        let is_number = text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
        let read = text.parse().ok().filter(|numero| is_number && (1..=NUMERO_MAX).contains(numero));
        if read.is_none() {
            self.breach("registro-numero", campi.at, &text);
        }
        read
    }

    /// The year that is stated, else that of the day.
    fn year(&mut self, campi: &Campi, data: Option<Date>) -> Option<i16> {
        let Some(text) = campi.texts.get("anno") else { return data.map(Date::year) };
        let read = text.parse().ok().filter(|anno| (1900..=9_999).contains(anno));
        if read.is_none() {
            self.breach("registro-anno", campi.at, text);
        }
        read
    }

    fn day(&mut self, campi: &Campi) -> Option<Date> {
        let text = self.needed(campi, "data")?;
        let Some(day) = day(&text) else {
            self.breach("registro-data", campi.at, &text);
            return None;
        };
        if day > self.today {
            self.breach("registro-future", campi.at, day);
        }
        Some(day)
    }

    /// The hour, where one is told.
    fn hour(&mut self, campi: &Campi) -> Option<Time> {
        let text = campi.texts.get("ora")?;
        let read = Time::strptime("%H:%M:%S", text).or_else(|_| Time::strptime("%H:%M", text)).ok();
        if read.is_none() {
            self.breach("registro-ora", campi.at, text);
        }
        read
    }

    /// What was gathered, or everything that is wrong. Numbers go up with their days (rule N-02).
    pub(super) fn finish(mut self) -> Result<Estratto, Vec<Message>> {
        let mut turned = Vec::new();
        let mut last: Option<(&Registrazione, i16)> = None;
        for (one, line) in self.registrazioni.values() {
            if let Some((before, anno)) = last
                && anno == one.anno
                && one.data < before.data
            {
                let what = format!("{}/{} {}", super::numero(one.numero), one.anno, one.data);
                turned.push((*line, what));
            }
            last = Some((one, one.anno));
        }
        for (line, what) in turned {
            self.breach("registro-backdated", line, what);
        }
        if self.registrazioni.is_empty() && self.variazioni.is_empty() && self.breaches.is_empty() {
            self.breach("registro-empty", 1, "-");
        }
        if !self.breaches.is_empty() {
            return Err(self.breaches);
        }
        let mut variazioni: Vec<Variazione> = Vec::with_capacity(self.variazioni.len());
        self.variazioni.sort_by(|a, b| order(a).cmp(&order(b)));
        for one in self.variazioni {
            if variazioni.last() != Some(&one) {
                variazioni.push(one);
            }
        }
        Ok(Estratto { registrazioni: self.registrazioni.into_values().map(|(one, _)| one).collect(), variazioni })
    }
}

/// Changes in the order of their time.
type Order<'a> = (Date, Option<Time>, i16, u64, &'static str, Option<&'a str>, Option<&'a str>, Option<&'a str>, &'a str);

fn order(one: &Variazione) -> Order<'_> {
    let (campo, prima, dopo) = (one.campo.as_deref(), one.prima.as_deref(), one.dopo.as_deref());
    (one.data, one.ora, one.anno, one.numero, one.tipo.word(), campo, prima, dopo, &one.operatore)
}

/// A day as `2024-03-12` or `12/03/2024`.
fn day(text: &str) -> Option<Date> {
    let read = if text.contains('/') { Date::strptime("%d/%m/%Y", text) } else { Date::strptime("%Y-%m-%d", text) };
    read.ok()
}

/// A SHA-256 in Base64, as a Segnatura has it.
fn of_base64(text: &str) -> Option<Digest> {
    use base64::Engine as _;
    use std::fmt::Write as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
        _ = write!(hex, "{byte:02x}");
        hex
    });
    Digest::parse(&hex)
}
