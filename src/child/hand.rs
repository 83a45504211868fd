//! Who reads which page? Each worker holds the page it reads and the one it reads next, which its child decodes meanwhile.
//!
//! A page held for later is given up to a worker that has nothing left, so that no core idles while pages wait. Nobody
//! runs too far ahead of the first page that is not read yet: what is read waits in memory for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Pages dealt to workers.
#[derive(Debug)]
pub(super) struct Hand {
    dealt: Mutex<Dealt>,
    moved: Condvar,
    /// Pages that are dealt together.
    together: usize,
}

#[derive(Debug)]
struct Dealt {
    order: Vec<usize>,
    next: usize,
    /// How many may have been dealt by now.
    reach: usize,
    held: Vec<Option<usize>>,
}

impl Hand {
    /// Deals pages in this `order`, in which only those of one `together` after the other change places.
    pub(super) fn new(order: Vec<usize>, workers: usize, together: usize) -> Self {
        let reach = 2 * together;
        Self { dealt: Mutex::new(Dealt { order, next: 0, reach, held: vec![None; workers] }), moved: Condvar::new(), together }
    }

    /// The page that `worker` reads now and the one it will most likely read then; `None` when none is left for anyone.
    /// Waits while pages read before their turn are too many.
    pub(super) fn deal(&self, worker: usize) -> Option<(usize, Option<usize>)> {
        let mut dealt = self.dealt();
        loop {
            if let Some(now) = dealt.held.get_mut(worker)?.take().or_else(|| dealt.fresh()).or_else(|| dealt.given_up()) {
                let then = dealt.fresh();
                dealt.held[worker] = then;
                return Some((now, then));
            }
            if dealt.next >= dealt.order.len() {
                return None;
            }
            dealt = self.moved.wait(dealt).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// All pages before number `turn` are read and put away.
    pub(super) fn reach(&self, turn: usize) {
        // The page whose turn it is lies among the next that are dealt together: these are always within reach.
        self.dealt().reach = (turn / self.together + 2) * self.together;
        self.moved.notify_all();
    }

    fn close(&self) {
        let mut dealt = self.dealt();
        dealt.next = dealt.order.len();
        dealt.held.fill(None);
        self.moved.notify_all();
    }

    fn dealt(&self) -> MutexGuard<'_, Dealt> {
        self.dealt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dealt {
    fn fresh(&mut self) -> Option<usize> {
        let page = *self.order.get(self.next).filter(|_| self.next < self.reach)?;
        self.next += 1;
        Some(page)
    }

    /// The last page that another worker holds for later.
    fn given_up(&mut self) -> Option<usize> {
        self.held.iter_mut().max_by_key(|held| **held)?.take()
    }
}

/// When it goes, no further page is dealt.
pub(super) struct Closing<'a> {
    hand: &'a Hand,
    is_for_panics: bool,
}

impl<'a> Closing<'a> {
    pub(super) fn always(hand: &'a Hand) -> Self {
        Self { hand, is_for_panics: false }
    }

    /// Only where its thread panics: the page in its hands will not come, and the others must not wait for it.
    pub(super) fn in_panic(hand: &'a Hand) -> Self {
        Self { hand, is_for_panics: true }
    }
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        if !self.is_for_panics || std::thread::panicking() {
            self.hand.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hand(pages: usize, workers: usize, together: usize) -> Hand {
        Hand::new((0..pages).collect(), workers, together)
    }

    #[test]
    fn every_page_is_dealt_once_whoever_asks() {
        for order in [[0, 1, 0, 1, 0, 1, 0, 1], [0, 0, 0, 0, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1, 1, 1]] {
            let hand = hand(5, 2, 64);
            let mut pages: Vec<usize> = order.iter().filter_map(|worker| hand.deal(*worker)).map(|(now, _)| now).collect();
            pages.sort_unstable();
            assert_eq!(pages, [0, 1, 2, 3, 4], "{order:?}");
        }
    }

    #[test]
    fn a_page_held_for_later_goes_to_a_worker_that_has_nothing_left() {
        let hand = hand(3, 2, 64);
        assert_eq!(hand.deal(0), Some((0, Some(1))));
        assert_eq!(hand.deal(1), Some((2, None)));
        assert_eq!(hand.deal(1), Some((1, None)));
        assert_eq!(hand.deal(0), None);
    }

    #[test]
    fn nobody_runs_further_ahead_of_the_first_unread_page_than_twice_what_is_dealt_together() {
        let hand = hand(100, 2, 4);
        assert_eq!(hand.deal(0), Some((0, Some(1))));
        // The second worker takes all it can get while page 0 is not read: up to page 7, the one held by the first included.
        let taken: Vec<usize> = (0..7).filter_map(|_| hand.deal(1)).map(|(now, _)| now).collect();
        assert_eq!(taken, [2, 3, 4, 5, 6, 7, 1]);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| hand.deal(1));
            std::thread::sleep(std::time::Duration::from_millis(30));
            assert!(!waiting.is_finished(), "a page beyond reach was dealt");
            hand.reach(3);
            std::thread::sleep(std::time::Duration::from_millis(30));
            assert!(!waiting.is_finished(), "the first of those dealt together is not read yet");
            hand.reach(4);
            assert_eq!(waiting.join().expect("dealt"), Some((8, Some(9))));
        });
    }

    #[test]
    fn whoever_waits_is_sent_home_when_the_hand_is_closed() {
        let hand = hand(100, 1, 1);
        assert_eq!(hand.deal(0), Some((0, Some(1))));
        assert_eq!(hand.deal(0), Some((1, None)));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| hand.deal(0));
            drop(Closing::in_panic(&hand));
            std::thread::sleep(std::time::Duration::from_millis(30));
            assert!(!waiting.is_finished(), "without a panic nothing is closed");
            drop(Closing::always(&hand));
            assert_eq!(waiting.join().expect("sent home"), None);
        });
    }
}
