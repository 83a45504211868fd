//! What is it doing? Bars on a terminal, a plain line now and then in a pipe; always on stderr.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::output;
use crate::messages::{Lang, Message, label};
use crate::worker::Meter;

/// Seconds between plain lines.
const PLAIN_SECONDS: u64 = 10;

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
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(bars) = &self.bars {
            let _ = bars.clear();
        }
    }
}

/// A bar of pages for a command without a meter; hidden where no terminal shows it.
pub(crate) fn pages(count: u64, lang: Lang) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix:>10} {bar:30} {pos}/{len}  {per_sec}  {eta}");
    let bar = ProgressBar::new(count).with_prefix(label("word-pages", lang));
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

async fn draw(meter: Arc<Meter>, bars: MultiProgress, lang: Lang) {
    let style = |template| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let documents = bars.add(ProgressBar::new(0));
    documents.set_style(style("{prefix:>10} {bar:30} {pos}/{len}"));
    documents.set_prefix(label("word-documents", lang));
    let pages = bars.add(ProgressBar::new(0));
    pages.set_style(style("{prefix:>10} {bar:30} {pos}/{len}  {per_sec}  {eta}"));
    pages.set_prefix(label("word-pages", lang));
    loop {
        for (bar, (done, expected)) in [(&documents, meter.documents()), (&pages, meter.pages())] {
            bar.set_length(expected.max(done));
            bar.set_position(done);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn say(meter: Arc<Meter>, lang: Lang) {
    let mut every = tokio::time::interval(Duration::from_secs(PLAIN_SECONDS));
    every.tick().await;
    let mut before = 0;
    loop {
        every.tick().await;
        let ((documents, documents_expected), (pages, pages_expected)) = (meter.documents(), meter.pages());
        let rate = (pages - before) as f64 / PLAIN_SECONDS as f64;
        before = pages;
        let message = Message::new("progress-line")
            .with("documents", documents)
            .with("documents_expected", documents_expected.max(documents))
            .with("pages", pages)
            .with("pages_expected", pages_expected)
            .with("rate", format_args!("{rate:.1}"))
            .with("left", left(pages_expected.saturating_sub(pages), rate));
        output::complain(&message.sentence(lang));
    }
}

fn left(pages: u64, rate: f64) -> String {
    if rate <= 0.0 { "—".to_owned() } else { format!("{:.0} s", pages as f64 / rate) }
}
