//! What does the page look like? Pictures of pages, for a person who must decide about them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use quick_xml::escape::escape;

use super::show::{Found, fact_or_default, find};
use crate::document::Component;
use crate::error::{Error, Kind, Result};
use crate::messages::{Lang, Message, label};
use crate::page::{PageSurvey, ReadPage};
use crate::pipeline::House;
use crate::steps::sheets::{self, Sheets};
use crate::steps::{self, blocking};
use crate::store::DocumentRow;

/// Longer side of a picture, pixels: an A4 sheet of 12-point text can be read on a screen, in some 150 KiB.
const SIDE_MAX: u32 = 1_100;
/// Most pictures in one page of review.
const PICTURES_MAX: usize = 40;

/// A JPEG of page `n` of the document that `id` names, upright, as it is read today (a new sheet instead of the old page).
pub async fn picture(house: &Arc<House>, id: &str, n: u32) -> Result<Vec<u8>> {
    let Found::Document(row) = find(house, id).await? else {
        return Err(Error::new(Kind::Usage, "id-unknown").with("id", id));
    };
    picture_of(house, &row, n).await
}

async fn picture_of(house: &Arc<House>, row: &DocumentRow, n: u32) -> Result<Vec<u8>> {
    let id = row.document.id.as_str();
    let surveys: Vec<PageSurvey> = fact_or_default(house, id, "survey").await?;
    let survey = surveys.into_iter().find(|survey| survey.n == n);
    let unknown = || Error::new(Kind::Usage, "rescan-page-unknown").with("id", id).with("page", n);
    let survey = survey.ok_or_else(unknown)?;
    let read = house.store.fact_at(&house.ente_id, (id, "page", n)).await?;
    let read: Option<ReadPage> = read.and_then(|body| serde_json::from_str(&body).ok());
    let rotation = read.map_or(0, |read| read.page.rotation);
    let components: Vec<Component> = steps::need_fact(house, id, "components").await?;
    let rescans = sheets::rescans(house, &row.document.id).await?;
    let file = Sheets::of(house, &row.document.id, (&components, &rescans)).await?.file(n).clone();
    let worker = Arc::clone(house);
    blocking(move || worker.readers.picture(&file.path, &file.mime, &survey, rotation, SIDE_MAX)).await
}

/// What holds a document, with pictures of the pages in doubt, as one file for a browser.
pub async fn review_html(house: &Arc<House>, row: &DocumentRow, lang: Lang) -> Result<String> {
    let word = if lang == Lang::It { "it" } else { "en" };
    let title = Message::new("review-title").with("name", row.document.name.shown()).sentence(lang);
    let title = escape(title.as_str());
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"{word}\"><meta charset=\"utf-8\"><title>{title}</title>\n<style>\
         body{{font:1rem/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}\
         img{{max-width:100%;border:1px solid #999}}</style>\n<h1>{title}</h1>\n<p><code>{}</code></p>\n<ul>\n",
        row.document.id
    );
    for hold in &row.holds {
        _ = writeln!(html, "<li>{}</li>", escape(hold.message.text(lang).as_str()));
    }
    html.push_str("</ul>\n");
    let pages: BTreeSet<u32> = row.holds.iter().filter_map(|hold| hold.page).collect();
    for n in pages.into_iter().take(PICTURES_MAX) {
        let head = format!("{} {n}", label("head-page", lang));
        _ = writeln!(html, "<h2>{}</h2>", escape(head.as_str()));
        match picture_of(house, row, n).await {
            Ok(jpeg) => {
                let data = base64::engine::general_purpose::STANDARD.encode(jpeg);
                _ = writeln!(html, "<img alt=\"{}\" src=\"data:image/jpeg;base64,{data}\">", escape(head.as_str()));
            }
            // A page that cannot be decoded has no picture; its sentence stands.
            Err(error) => _ = writeln!(html, "<p>{}</p>", escape(error.message().text(lang).as_str())),
        }
    }
    html.push_str("</html>\n");
    Ok(html)
}
