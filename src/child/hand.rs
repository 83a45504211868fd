//! Who reads which page? Each worker holds the page it reads and the one it reads next, which its child decodes meanwhile.
//!
//! A page held for later is given up to a worker that has nothing left, so that no core idles while pages wait.

use std::sync::{Mutex, PoisonError};

/// Pages dealt to workers, by their place in the list.
#[derive(Debug)]
pub(super) struct Hand(Mutex<Dealt>);

#[derive(Debug)]
struct Dealt {
    next: usize,
    count: usize,
    held: Vec<Option<usize>>,
}

impl Hand {
    pub(super) fn new(count: usize, workers: usize) -> Self {
        Self(Mutex::new(Dealt { next: 0, count, held: vec![None; workers] }))
    }

    /// The page that `worker` reads now and the one it will most likely read then; `None` when none is left for anyone.
    pub(super) fn deal(&self, worker: usize) -> Option<(usize, Option<usize>)> {
        let mut dealt = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = dealt.held.get_mut(worker)?.take().or_else(|| dealt.fresh()).or_else(|| dealt.given_up())?;
        let then = dealt.fresh();
        dealt.held[worker] = then;
        Some((now, then))
    }
}

impl Dealt {
    fn fresh(&mut self) -> Option<usize> {
        let page = (self.next < self.count).then_some(self.next)?;
        self.next += 1;
        Some(page)
    }

    /// The last page that another worker holds for later.
    fn given_up(&mut self) -> Option<usize> {
        self.held.iter_mut().max_by_key(|held| **held)?.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_dealt_once_whoever_asks() {
        for order in [[0, 1, 0, 1, 0, 1, 0, 1], [0, 0, 0, 0, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1, 1, 1]] {
            let hand = Hand::new(5, 2);
            let mut pages: Vec<usize> = order.iter().filter_map(|worker| hand.deal(*worker)).map(|(now, _)| now).collect();
            pages.sort_unstable();
            assert_eq!(pages, [0, 1, 2, 3, 4], "{order:?}");
        }
    }

    #[test]
    fn a_page_held_for_later_goes_to_a_worker_that_has_nothing_left() {
        let hand = Hand::new(3, 2);
        assert_eq!(hand.deal(0), Some((0, Some(1))));
        assert_eq!(hand.deal(1), Some((2, None)));
        assert_eq!(hand.deal(1), Some((1, None)));
        assert_eq!(hand.deal(0), None);
    }
}
