//! How far has a procedimento come, and who answers for it? What the documents of a fascicolo prove, and what the ente's table says.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::show::fact_or_default;
use crate::aggregation::{Aggregation, AggregationId, TipoFascicolo};
use crate::calendar;
use crate::describe::{self, Passo, Procedimento};
use crate::document::{DocumentId, DocumentState};
use crate::ente::Persona;
use crate::error::Result;
use crate::fields::Fields;
use crate::filing::Filing;
use crate::pipeline::House;
use crate::steps::tables::{Tables, tables};
use crate::store::AggregationRow;

/// Which procedure a fascicolo follows, who answers for it and by when it must end; null where nothing of that is known.
pub(super) async fn shown(house: &House, row: &AggregationRow) -> Result<Value> {
    let (key, opened) = (&row.aggregation.key, row.aggregation.data_apertura);
    if key.fascicolo != Some(TipoFascicolo::Procedimento) {
        return Ok(Value::Null);
    }
    let tables = tables(house).await?;
    for document in row.documents.iter().take(SHOWN_MAX) {
        let Some(filing) = fact_or_default::<Option<Filing>>(house, document.as_str(), "filing").await? else { continue };
        let tipo = filing.tipo.value.as_str();
        let Some(days) = tables.termine(opened, (tipo, &key.voce)) else { continue };
        let scadenza = calendar::term(opened, days);
        let table = tables.tipologia(opened, (tipo, &key.voce));
        return Ok(json!({
            "codice": table.map(|table| &table.codice),
            "nome": table.map_or_else(|| crate::classify::tipo_name(tipo), |table| Some(table.nome.as_str())),
            "rup": table.and_then(|table| table.rup.as_ref()),
            "termine_giorni": days, "scadenza": scadenza,
        }));
    }
    Ok(Value::Null)
}

/// Documents of a fascicolo that are asked which procedure it is: the one that opens it is among the first.
const SHOWN_MAX: usize = 50;

/// A procedimento in its course.
#[derive(Debug, Clone, Default)]
pub(super) struct Course {
    /// Its phases, where documents prove one.
    pub(super) procedimento: Option<Procedimento>,
    /// Responsabile unico by the table of procedures.
    pub(super) rup: Option<Persona>,
}

/// The procedimenti of these fascicoli; documents that were packaged earlier prove as well.
pub(super) async fn courses(
    house: &House,
    aggregations: &[Aggregation],
    tables: &Tables,
) -> Result<BTreeMap<AggregationId, Course>> {
    let asked = aggregations.iter().filter(|a| a.key.fascicolo == Some(TipoFascicolo::Procedimento));
    let asked: BTreeMap<&AggregationId, &Aggregation> = asked.map(|a| (&a.id, a)).collect();
    let mut found = BTreeMap::new();
    if asked.is_empty() {
        return Ok(found);
    }
    let mut papers: BTreeMap<&AggregationId, Vec<(DocumentId, String, Fields)>> = BTreeMap::new();
    for row in house.store.documents(&house.ente_id, None).await? {
        let is_settled = matches!(row.document.state, DocumentState::Ready | DocumentState::Packaged);
        let of = row.aggregazione.as_ref().and_then(|id| asked.get_key_value(id)).filter(|_| is_settled);
        let Some((id, _)) = of else { continue };
        let document = row.document.id.as_str();
        let filing: Option<Filing> = fact_or_default(house, document, "filing").await?;
        let fields: Fields = fact_or_default(house, document, "fields").await?;
        let tipo = filing.map(|filing| filing.tipo.value).unwrap_or_default();
        papers.entry(id).or_default().push((row.document.id.clone(), tipo, fields));
    }
    for (id, papers) in papers {
        found.insert(id.clone(), course(asked[id], &papers, tables));
    }
    Ok(found)
}

fn course(aggregation: &Aggregation, papers: &[(DocumentId, String, Fields)], tables: &Tables) -> Course {
    let (key, opened) = (&aggregation.key, aggregation.data_apertura);
    let tipologia = |tipo: &str| tables.tipologia(opened, (tipo, &key.voce));
    let nome = |tipo: &str| tipologia(tipo).map(|known| known.nome.as_str()).or_else(|| crate::classify::tipo_name(tipo));
    let passi: Vec<Passo<'_>> =
        papers.iter().map(|(id, tipo, fields)| Passo { id, tipo: (tipo, nome(tipo).unwrap_or_default()), fields }).collect();
    let materia = tables.voce(&key.voce, opened).descrizione;
    let mut procedimento = describe::procedimento(materia, &key.thread, &passi);
    // Of one fascicolo there is one procedure: the first of its papers that opens one tells which.
    let table = papers.iter().find_map(|(_, tipo, _)| tipologia(tipo));
    if let (Some(procedimento), Some(table)) = (&mut procedimento, table) {
        procedimento.procedimento.clone_from(&table.nome);
        procedimento.catalogo.clone_from(&table.catalogo);
    }
    Course { procedimento, rup: table.and_then(|table| table.rup.clone()) }
}
