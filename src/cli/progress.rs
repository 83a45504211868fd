//! What is it doing? Bars on a terminal, a plain line now and then in a pipe; always on stderr.
//!
//! Pages count as they are read, documents when they come to rest. How long it will take is told by the pages.

use std::collections::VecDeque;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::output;
use crate::messages::{Lang, Message, label};
use crate::worker::Meter;

/// When the first plain line comes, and how far apart the others are.
const FIRST: Duration = Duration::from_secs(2);
const PLAIN: Duration = Duration::from_secs(10);
/// How often bars move.
const DRAWN: Duration = Duration::from_millis(200);
/// The rate is that of the last so many seconds: a page may take a while.
const PACE_SECONDS: u64 = 30;

/// Watches a meter until dropped.
pub(crate) struct Progress {
    task: tokio::task::JoinHandle<()>,
    bars: Option<MultiProgress>,
}

impl Progress {
    /// Begins to watch.
    pub(crate) fn watch(meter: Arc<Meter>, lang: Lang) -> Self {
        if std::io::stderr().is_terminal() {
            let bars = MultiProgress::new();
            let task = tokio::spawn(draw(meter, bars.clone(), lang));
            return Self { task, bars: Some(bars) };
        }
        Self { task: tokio::spawn(say(meter, lang)), bars: None }
    }

    /// Says something without the bars in between.
    pub(crate) fn aside(&self, say: impl FnOnce()) {
        match &self.bars {
            Some(bars) => bars.suspend(say),
            None => say(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(bars) = &self.bars {
            let _ = bars.clear();
        }
    }
}

async fn draw(meter: Arc<Meter>, bars: MultiProgress, lang: Lang) {
    let style = |template| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let mut documents: Option<ProgressBar> = None;
    let pages = bars.add(ProgressBar::new(0));
    pages.set_style(style("{prefix:>10} {bar:30} {pos}/{len}  {msg}"));
    pages.set_prefix(label("word-pages", lang));
    let mut pace = Pace::default();
    loop {
        // A command that works on one file has no documents to count.
        if documents.is_none() && meter.documents().1 > 0 {
            let bar = bars.insert(0, ProgressBar::new(0)).with_prefix(label("word-documents", lang));
            bar.set_style(style("{prefix:>10} {bar:30} {pos}/{len}"));
            documents = Some(bar);
        }
        for (bar, (done, expected)) in documents.iter().map(|bar| (bar, meter.documents())).chain([(&pages, meter.pages())]) {
            bar.set_length(expected.max(done));
            bar.set_position(done);
        }
        let rate = pace.rate(Instant::now(), meter.pages().0);
        let line = Message::new("progress-rate").with("rate", shown(rate)).with("left", left(meter.pages_left(), rate));
        pages.set_message(line.sentence(lang));
        tokio::time::sleep(DRAWN).await;
    }
}

async fn say(meter: Arc<Meter>, lang: Lang) {
    let mut pace = Pace::default();
    pace.rate(Instant::now(), meter.pages().0);
    tokio::time::sleep(FIRST).await;
    loop {
        let rate = pace.rate(Instant::now(), meter.pages().0);
        output::complain(&line(&meter, rate).sentence(lang));
        tokio::time::sleep(PLAIN).await;
    }
}

/// The plain line; without documents where none are counted.
fn line(meter: &Meter, rate: f64) -> Message {
    let ((documents, documents_expected), (pages, pages_expected)) = (meter.documents(), meter.pages());
    let code = if documents_expected == 0 { "progress-pages" } else { "progress-line" };
    Message::new(code)
        .with("documents", documents)
        .with("documents_expected", documents_expected.max(documents))
        .with("pages", pages)
        .with("pages_expected", pages_expected.max(pages))
        .with("rate", shown(rate))
        .with("left", left(meter.pages_left(), rate))
}

/// How fast pages are read, by the counts of the last while.
#[derive(Debug, Default)]
struct Pace(VecDeque<(Instant, u64)>);

impl Pace {
    /// Pages a second, now that so many are read.
    fn rate(&mut self, now: Instant, pages: u64) -> f64 {
        self.0.push_back((now, pages));
        while self.0.len() > 2 && self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at).as_secs() >= PACE_SECONDS) {
            self.0.pop_front();
        }
        let Some((since, before)) = self.0.front() else { return 0.0 };
        let seconds = now.duration_since(*since).as_secs_f64();
        if seconds > 0.0 { pages.saturating_sub(*before) as f64 / seconds } else { 0.0 }
    }
}

fn shown(rate: f64) -> String {
    format!("{rate:.1}")
}

/// The time that so many pages will take, as a person says it.
fn left(pages: u64, rate: f64) -> String {
    if rate <= 0.0 {
        return "—".to_owned();
    }
    match (pages as f64 / rate).round() as u64 {
        seconds @ 0..90 => format!("{seconds} s"),
        seconds @ 90..5_400 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_half_minute() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let mut at = |seconds, pages| pace.rate(start + Duration::from_secs(seconds), pages);
        assert!(at(0, 0).abs() < 1e-9);
        assert!((at(10, 20) - 2.0).abs() < 1e-9);
        assert!((at(20, 40) - 2.0).abs() < 1e-9);
        // From here on nothing is read: after half a minute nobody remembers the pages before.
        assert!((at(50, 40) - 0.0).abs() < 1e-9);
    }

    #[test]
    fn time_left_is_told_in_seconds_minutes_or_hours() {
        assert_eq!([left(89, 1.0), left(90, 1.0), left(5_400, 1.0), left(5, 0.0)], ["89 s", "2 min", "1 h 30 min", "—"]);
    }

    #[test]
    fn pages_count_before_their_document_is_at_rest_and_documents_not_looked_into_count_by_the_mean() {
        let meter = Meter::default();
        meter.expect_documents(3);
        meter.expect_pages(100);
        meter.expect_pages(20);
        (0..30).for_each(|_| meter.page_done());
        let line = line(&meter, 5.0);
        assert_eq!((line.value("documents"), line.value("pages")), (Some("0"), Some("30")));
        assert_eq!(line.value("left"), Some("30 s"), "90 pages known and 60 to be expected of the third document");
    }
}
