//! Documents for the benches of packages: each with one component, one metadata file, seven events.

use std::collections::BTreeMap;

use conserva::aggregation::{Aggregation, AggregationId, AggregationKey, TipoAggregazione, TipoFascicolo};
use conserva::arrival::{ArrivalId, EnteId, FileName};
use conserva::digest::Digest;
use conserva::document::{Component, Document, DocumentId, DocumentState, Form, Format, Role, Verdict};
use conserva::ente::Ente;
use conserva::event::{Event, JournalHead};
use conserva::filing::Voce;
use conserva::limits::Limits;
use conserva::package::{Parcel, Plan, PlanOrder, Profile, plan};

/// Metadata as Conserva writes them, with places for what differs.
const DOCUMENTO: &str = include_str!("documento.xml");
const AGGREGAZIONE: &str = include_str!("aggregazione.xml");
const LISTED: &str = include_str!("listed.xml");

fn filled(text: &str, id: &DocumentId, sha256: &Digest) -> String {
    text.replace("{id}", id.as_str()).replace("{impronta}", &sha256.base64())
}

/// The packages of parcels that all have the same content.
pub(crate) fn plans(parcels: &[Parcel], limits: &Limits) -> Vec<Plan> {
    let sha256 = parcels[0].components[0].sha256;
    let listed = |ids: &[DocumentId]| ids.iter().map(|id| filled(LISTED, id, &sha256)).collect::<String>();
    let order = PlanOrder {
        profile: Profile::Agid,
        ente: &Ente::prova(),
        instant: jiff::Timestamp::UNIX_EPOCH,
        journal: JournalHead { ente: "c_v000".into(), n: 1, digest: Digest::of(b"head") },
        version: "0.1.0",
        describe_aggregation: &|_, ids| Ok(AGGREGAZIONE.replace("{documenti}", &listed(ids))),
        limits,
        versatore: None,
    };
    plan(&order, parcels).expect("a plan")
}

pub(crate) fn parcel(n: u32, sha256: Digest, bytes: u64) -> Parcel {
    let (ente, id) = (EnteId("c_v000".into()), DocumentId(Digest::id("doc", &[&n.to_be_bytes()])));
    let name = FileName::new(format!("scan{n:05}.tif").as_bytes());
    let event = |kind: &str| Event {
        at: jiff::Timestamp::UNIX_EPOCH,
        kind: kind.into(),
        subject: id.to_string(),
        outcome: "success".into(),
        agent: "Conserva 0.1.0".into(),
        detail: BTreeMap::from([("sha256".into(), sha256.hex())]),
    };
    let format = Format {
        puid: Some("fmt/353".into()),
        mime: "image/tiff".into(),
        name: "TIFF".into(),
        version: None,
        claims: Vec::new(),
        signed: false,
        encrypted: false,
        verdict: Verdict::Accettato,
        rule: "A2 TIFF".into(),
        warnings: Vec::new(),
    };
    Parcel {
        events: ["admit", "identify", "text", "form", "fields", "filing", "metadata"].map(event).to_vec(),
        metadata: Some(filled(DOCUMENTO, &id, &sha256)),
        copies: Vec::new(),
        components: vec![Component {
            role: Role::Principale,
            n: 1,
            name: name.clone(),
            sha256,
            bytes,
            format,
            form: Form::AsArrived,
            pages: 1,
        }],
        aggregation: Some(aggregation(&ente)),
        document: Document {
            id,
            ente,
            arrival: ArrivalId(format!("arr-{n}")),
            position: 1,
            name,
            state: DocumentState::Ready,
            formed_at: jiff::Timestamp::UNIX_EPOCH,
            version: 1,
        },
    }
}

fn aggregation(ente: &EnteId) -> Aggregation {
    Aggregation {
        id: AggregationId("1970/VI.3/1".into()),
        ente: ente.clone(),
        key: AggregationKey {
            tipo: TipoAggregazione::Fascicolo,
            fascicolo: Some(TipoFascicolo::Affare),
            anno: 1970,
            voce: Voce("VI.3".into()),
            serie: String::new(),
            thread: "bench".into(),
            oggetto: "Fascicolo di prova".into(),
        },
        progressivo: 1,
        data_apertura: jiff::civil::date(1970, 1, 1),
        data_chiusura: None,
        primario: None,
    }
}
