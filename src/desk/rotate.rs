//! `review ID --rotate PAGE:DEGREES`: a person says which way up a page is, and it is read again that way.

use super::rescan::{By, decided, page_of};
use crate::document::DocumentState;
use crate::error::{Error, Kind, Result};
use crate::pipeline::{self, House, Step};
use crate::steps::{self, leaves};
use crate::store::Change;
use crate::turn::{self, Turn};

/// Turns a page of a document, as it is shown today, by that many degrees clockwise; the document goes back to its pages, in one
/// transaction with the journal line and the job.
pub async fn rotate(house: &House, id: &str, (page, degrees): (u32, u16), by: &By) -> Result<()> {
    steps::beside_others(async || turn_page(house, id, (page, degrees), by).await).await
}

async fn turn_page(house: &House, id: &str, (page, degrees): (u32, u16), by: &By) -> Result<()> {
    let (row, _, fence) = page_of(house, id, page).await?;
    let document = &row.document.id;
    let read = leaves::more(house, document, page).await?.into_iter().next().filter(|read| read.page.survey.n == page);
    let read = read.ok_or_else(|| Error::new(Kind::Usage, "rescan-page-unknown").with("id", id).with("page", page))?;
    if read.page.survey.source.is_digital() {
        return Err(Error::new(Kind::Usage, "rotate-digital").with("id", id).with("page", page));
    }
    let degrees = (read.page.rotation + degrees) % 360;
    let turn = Turn { page, degrees, operator: by.operator.clone(), at: house.clock.now(), note: by.note.clone() };
    let detail = [("decision", "rotate".to_owned()), ("page", page.to_string()), ("degrees", degrees.to_string())];
    let [require, bump] = fence;
    let changes = [
        require,
        bump,
        steps::put(document.as_str(), turn::FACT, page, &turn)?,
        Change::SetDocument { id: document.clone(), state: DocumentState::Working },
        pipeline::job(Step::Pages, document.0.clone()),
        decided(house, document, by, detail),
    ];
    house.store.apply(&house.ente_id, None, &changes).await
}

/// `PAGE:DEGREES` as it was typed.
pub fn asked(typed: &str) -> Result<(u32, u16)> {
    let wrong = || Error::new(Kind::Usage, "usage-wrong").with("what", format_args!("--rotate {typed} (PAGE:90, 180, 270)"));
    let (page, degrees) = typed.split_once(':').ok_or_else(wrong)?;
    let degrees = degrees.parse().ok().filter(|degrees| matches!(degrees, 90 | 180 | 270)).ok_or_else(wrong)?;
    Ok((page.parse().map_err(|_| wrong())?, degrees))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_a_page_and_a_quarter_or_more_of_them() {
        assert_eq!(asked("3:270").unwrap(), (3, 270));
        for typed in ["3", "3:0", "3:45", "3:360", ":90", "x:90", "-1:90"] {
            assert_eq!(asked(typed).unwrap_err().exit_code(), 2, "{typed}");
        }
    }
}
