//! How are many pages read with all children at work and little in memory? They are dealt out in their order, and the answers
//! are handed over in that order too, each as soon as those before it are there.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};

use super::hand::{Closing, Hand};
use super::{PageRequest, Readers, answer};
use crate::child::Call;
use crate::error::{Error, Result};
use crate::page::{PageSurvey, ReadPage};

/// Pages of one file that are dealt together where pages of several files alternate: a child opens a file once for them.
const TOGETHER: usize = 64;

/// A page, and where it lies.
#[derive(Debug, Clone, Copy)]
pub struct PageAt<'a> {
    /// Its file.
    pub input: &'a Path,
    /// The file's media type.
    pub mime: &'a str,
    /// The page.
    pub survey: &'a PageSurvey,
    /// A folder of the pool's scratch that drawings of pages without an image are kept in for the copy.
    pub drawings: Option<&'a Path>,
}

impl Readers {
    /// Reads `pages` with all children and hands each to `keep` in their order, as soon as those before it are there.
    /// `progress` hears of each that is read. At most twice `TOGETHER` pages wait for one that takes long.
    pub fn read_in_turn(
        &self,
        pages: &[PageAt<'_>],
        progress: &(dyn Fn() + Sync),
        keep: &mut dyn FnMut(usize, Result<ReadPage>) -> Result<()>,
    ) -> Result<()> {
        let workers = self.pool.count().min(pages.len());
        let hand = Hand::new(order(pages), workers, TOGETHER);
        let (sender, answers) = channel();
        std::thread::scope(|scope| {
            for worker in 0..workers {
                let (hand, sender) = (&hand, sender.clone());
                scope.spawn(move || self.serve_hand((hand, worker), pages, progress, &sender));
            }
            drop(sender);
            // Whatever ends this, an error of `keep` too: nobody begins another page.
            let _closing = Closing::always(&hand);
            let (mut early, mut turn) = (BTreeMap::new(), 0);
            for (at, answer) in answers {
                early.insert(at, answer);
                while let Some(answer) = early.remove(&turn) {
                    keep(turn, answer)?;
                    turn += 1;
                    hand.reach(turn);
                }
            }
            if turn == pages.len() { Ok(()) } else { Err(Error::bug("a page got no answer")) }
        })
    }

    /// One worker: page after page, until none is left or nobody listens.
    fn serve_hand(
        &self,
        (hand, worker): (&Hand, usize),
        pages: &[PageAt<'_>],
        progress: &(dyn Fn() + Sync),
        answers: &Sender<(usize, Result<ReadPage>)>,
    ) {
        let _closing = Closing::in_panic(hand);
        while let Some((at, next)) = hand.deal(worker) {
            let Some(page) = pages.get(at) else { return };
            let next = next.and_then(|next| pages.get(next)).filter(|next| next.input == page.input);
            let answer = self.read_before(page, next.map(|next| next.survey));
            progress();
            if answers.send((at, answer)).is_err() {
                return;
            }
        }
    }

    /// One page; meanwhile the child that reads it decodes `next`.
    pub(super) fn read_before(&self, page: &PageAt<'_>, next: Option<&PageSurvey>) -> Result<ReadPage> {
        let PageAt { input, mime, survey, drawings } = *page;
        let request = PageRequest {
            input: input.to_owned(),
            mime: mime.to_owned(),
            survey: survey.clone(),
            next: next.cloned(),
            drawings: drawings.map(Path::to_owned),
        };
        let seconds = self.limits().page_seconds(u64::from(survey.width) * u64::from(survey.height));
        let call = Call { next: next.map(|next| next.n), seconds, ..self.work("read", input, Some(survey.n)) };
        let read = self.call(call, &request)?;
        answer::read_page(read, survey, self.limits())
    }
}

/// The order in which pages are dealt: their own, but of some at a time those of one file together.
fn order(pages: &[PageAt<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..pages.len()).collect();
    for some in order.chunks_mut(TOGETHER) {
        some.sort_by_key(|at| pages.get(*at).map(|page| page.input));
    }
    order
}
