//! Which open fascicolo does a document belong to? A fascicolo that is named; the one of the letter that it answers; of its
//! practice, CIG or CUP; of the same affare. What ties is said; where two would fit, or the one is closed, a person decides.

use std::collections::BTreeSet;

use super::fact;
use crate::aggregation::{Aggregation, AggregationId, TipoAggregazione, TipoFascicolo};
use crate::decision::Decisions;
use crate::document::{DocumentId, Hold};
use crate::error::Result;
use crate::fields::{Fields, PartyKind, Verso};
use crate::filing::Filing;
use crate::findable::{Expression, mark};
use crate::given::{self, Given};
use crate::messages::Message;
use crate::pipeline::House;
use crate::search;

/// Most documents looked at for one tie; a tie that binds more is a subject, not a thread.
const TIED_MAX: usize = 64;
/// Fewest words of an oggetto that can tell an affare from another.
const WORDS_MIN: usize = 4;
/// Shortest word that two letters of one thread can have in common to any purpose.
const LETTERS_MIN: usize = 5;

/// Lays the open fascicolo found over the proposal. What a person or the office named comes before what is read.
pub(super) async fn join(
    house: &House,
    id: &DocumentId,
    (fields, filing): (&Fields, &mut Filing),
    (decided, given): (&Decisions, &[Given]),
) -> Result<()> {
    if filing.aggregazione.tipo != TipoAggregazione::Fascicolo {
        return Ok(());
    }
    let named = decided.value("fascicolo").map(|(value, _)| value.to_owned());
    if let Some(named) = named.or_else(|| given::first(given, |g| g.fascicolo.as_ref()).map(|(value, _)| value.clone())) {
        if let Some(row) = house.store.aggregation(&house.ente_id, &AggregationId(named)).await? {
            lay(filing, id, (&row.aggregation, Message::new("reason-fascicolo-named")));
        }
        return Ok(());
    }
    for tie in ties(fields, filing) {
        let Some(aggregation) = tied(house, id, (fields, &tie)).await? else { continue };
        let is_of_many = !matches!(filing.aggregazione.fascicolo, Some(TipoFascicolo::Affare | TipoFascicolo::Procedimento));
        if !is_of_many && aggregation.key.voce != filing.voce.value && decided.value("voce").is_none() {
            let message = Message::new("fascicolo-voce").with("fascicolo", &aggregation.id).with("voce", &filing.voce.value);
            filing.doubts.push(Hold::new(message).on_field("voce"));
        }
        lay(filing, id, (&aggregation, tie.reason));
        break;
    }
    Ok(())
}

/// The proposal joins `aggregation`. Instead of a closed one, which only a person opens again, a new one is proposed.
fn lay(filing: &mut Filing, id: &DocumentId, (aggregation, reason): (&Aggregation, Message)) {
    if aggregation.key.tipo != TipoAggregazione::Fascicolo {
        return;
    }
    if let Some(closed) = aggregation.data_chiusura {
        let message = Message::new("fascicolo-closed").with("fascicolo", &aggregation.id).with("date", closed);
        // On no field: naming a fascicolo does not settle that it is closed.
        filing.doubts.push(Hold::new(message));
        id.0.clone_into(&mut filing.aggregazione.thread);
        return;
    }
    filing.aggregazione = aggregation.key.clone();
    filing.reasons.retain(|known| !known.code().starts_with("reason-fascicolo-"));
    filing.reasons.push(reason.with("fascicolo", &aggregation.id));
}

/// Something that ties documents.
struct Tie {
    wanted: Expression,
    reason: Message,
    /// True of a number that two offices may both have given: the letters must have more in common.
    is_loose: bool,
}

/// What ties this document to others, the strongest first.
fn ties(fields: &Fields, filing: &Filing) -> Vec<Tie> {
    let mut ties = Vec::new();
    let of_code = |(field, code): (&str, &str)| Tie {
        wanted: Expression::marked(&[mark(field, code)]),
        reason: Message::new("reason-fascicolo-code").with("code", code.to_uppercase()),
        is_loose: false,
    };
    let references = || fields.riferimenti.iter().map(|r| r.value.as_str());
    for letter in references().filter_map(|r| r.strip_prefix("prot. ")) {
        // Without a year a number says little.
        let Some((number, Ok(anno))) = letter.split_once('/').map(|(number, year)| (number, year.parse())) else { continue };
        let marked = |field| search::registration_marks(field, number, anno)[1].clone();
        // A letter that comes in cites our number, one that goes out theirs.
        let marks = match fields.protocollo.as_ref().and_then(|p| p.value.verso) {
            Some(Verso::E) => vec![marked("prot")],
            Some(Verso::U) => vec![marked("nota")],
            _ => vec![marked("prot"), marked("nota")],
        };
        let reason = Message::new("reason-fascicolo-reply").with("protocollo", letter);
        ties.push(Tie { wanted: Expression::marked(&marks), reason, is_loose: true });
    }
    ties.extend(fields.cig.iter().map(|cig| of_code(("cig", &cig.value))));
    for practice in references().filter(|r| !r.starts_with("prot.")) {
        let reason = Message::new("reason-fascicolo-practice").with("practice", practice);
        ties.push(Tie { wanted: Expression::marked(&[mark("rif", practice)]), reason, is_loose: false });
    }
    ties.extend(fields.cup.iter().map(|cup| of_code(("cup", &cup.value))));
    let is_alone = filing.aggregazione.thread.starts_with("doc-");
    if let Some(oggetto) = fields.oggetto.as_ref().filter(|o| is_alone && !filing.riservato && o.origin != "composed")
        && oggetto.value.split_whitespace().count() >= WORDS_MIN
        && let Ok(wanted) =
            search::wanted(&format!("oggetto:\"{}\"", oggetto.value.replace(['"', '«', '»', '“', '”'], " ")), true)
    {
        let voce = Expression::marked(&[mark("voce", &filing.voce.value.0)]);
        let wanted = Expression(format!("{} AND {}", wanted.expression.0, voce.0));
        ties.push(Tie { wanted, reason: Message::new("reason-fascicolo-affare"), is_loose: true });
    }
    ties
}

/// The one fascicolo of the documents that bear the tie; none where there are several.
async fn tied(house: &House, id: &DocumentId, (fields, tie): (&Fields, &Tie)) -> Result<Option<Aggregation>> {
    let mut ids = BTreeSet::new();
    for other in house.store.found(&house.ente_id, &tie.wanted, TIED_MAX).await? {
        let Some(row) = house.store.document(&house.ente_id, &other).await?.filter(|_| other != *id) else { continue };
        let Some(aggregazione) = row.aggregazione else { continue };
        if tie.is_loose {
            let read: Option<Fields> = fact(house, other.as_str(), "fields").await?;
            if !read.is_some_and(|other| has_in_common(fields, &other)) {
                continue;
            }
        }
        ids.insert(aggregazione);
    }
    let mut fitting = Vec::new();
    for id in ids {
        let row = house.store.aggregation(&house.ente_id, &id).await?.map(|row| row.aggregation);
        fitting.extend(row.filter(|a| a.key.tipo == TipoAggregazione::Fascicolo));
    }
    Ok(if fitting.len() == 1 { fitting.pop() } else { None })
}

/// True of two letters that a third party, or a code, has in common: equal numbers alone prove no thread.
fn has_in_common(one: &Fields, other: &Fields) -> bool {
    let codes = |fields: &Fields| -> BTreeSet<String> {
        let listed = fields.codici_fiscali.iter().chain(&fields.partite_iva).chain(&fields.cig).map(|r| r.value.clone());
        listed.chain(parties(fields).filter_map(|p| p.codice.clone())).collect()
    };
    let names = |fields: &Fields| -> BTreeSet<String> {
        let words = parties(fields)
            .filter(|p| p.kind != PartyKind::Ente)
            .flat_map(|p| p.nome.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect::<Vec<_>>());
        words.filter(|word| word.chars().count() >= LETTERS_MIN && word != "comune").collect()
    };
    !codes(one).is_disjoint(&codes(other)) || names(one).intersection(&names(other)).count() >= 1
}

fn parties(fields: &Fields) -> impl Iterator<Item = &crate::fields::Party> {
    [&fields.mittente, &fields.destinatario].into_iter().flatten().map(|reading| &reading.value)
}
