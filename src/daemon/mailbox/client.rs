//! The small part of IMAP (RFC 3501, RFC 9051) that a door needs. A server is not believed: lines, literals, answers and times
//! have their ceilings, and nothing that it says goes into a log.
//!
//! No library stands here: those that are kept hold every message whole in memory, up to what the server claims.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::time::timeout;

use super::parse::{self, Line};
use crate::daemon::pipe::{Filler, Pace};
use crate::error::{Error, Result};

/// Longest answer without the bytes of a message, bytes: the numbers of a thousand messages take 11 KiB.
const LINE_BYTES_MAX: usize = 256 * 1024;
/// Most lines that a server may say before it ends a command.
const LINES_MAX: u32 = 10_000;
/// How long a server may be silent.
const SILENCE: Duration = Duration::from_mins(1);
/// Longest wait for news in one go: servers end a conversation that is silent for half an hour (RFC 2177).
const IDLE_MAX: Duration = Duration::from_mins(25);
/// Bytes of a message read at a time.
const PIECE_BYTES: usize = 256 * 1024;
/// Bytes a second below which a message, after its first minute, is given up.
const BYTES_PER_SECOND_MIN: u64 = 512;

/// Any connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A conversation with a server.
pub(super) struct Client {
    stream: BufReader<Box<dyn Stream>>,
    tag: u32,
    /// What the server can do, in capitals.
    pub(super) able: Vec<String>,
    /// True once the server has said that messages have come.
    pub(super) has_news: bool,
    /// How long the server may be silent now.
    patience: Duration,
}

/// How a command ended, with the lines that came before its end.
pub(super) struct Ended {
    /// The lines of data, without the leading `* `.
    pub(super) lines: Vec<Line>,
    /// The code in brackets of the final line.
    pub(super) code: String,
}

impl Client {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        let stream = BufReader::new(stream);
        Self { stream, tag: 0, able: Vec::new(), has_news: false, patience: SILENCE }
    }

    /// True if the server says that it can.
    pub(super) fn can(&self, word: &str) -> bool {
        self.able.iter().any(|able| able == word)
    }

    /// Waits for the first line of a server.
    pub(super) async fn greeted(&mut self) -> Result<()> {
        let line = self.line().await?;
        if line.text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"* OK")) {
            Ok(())
        } else {
            Err(strange("greeting"))
        }
    }

    /// The connection itself, for TLS to go over it. Words that the server said too early would be taken for protected ones
    /// (RFC 9051, 11.2): they end the conversation.
    pub(super) fn into_stream(self) -> Result<Box<dyn Stream>> {
        if self.stream.buffer().is_empty() { Ok(self.stream.into_inner()) } else { Err(strange("starttls")) }
    }

    /// Sends a command and hears it out. `mailbox-refused` where the server says no; `name` stands in the error.
    pub(super) async fn command(&mut self, name: &'static str, command: &str) -> Result<Ended> {
        let tag = self.send(command).await?;
        self.end_of(name, &tag).await
    }

    /// Sends a command whose last words are sent only when the server asks for them.
    pub(super) async fn command_with(&mut self, name: &'static str, (command, words): (&str, &str)) -> Result<Ended> {
        let tag = self.send(command).await?;
        let line = self.line().await?;
        if line.text.first() != Some(&b'+') {
            let mut lines = Vec::new();
            return match self.heard(name, &tag, (line, &mut lines))? {
                Some(code) => Ok(Ended { lines, code }),
                None => Err(strange(name)),
            };
        }
        self.write(words).await?;
        self.end_of(name, &tag).await
    }

    /// Waits until the server says that messages have come, at most for `time`.
    pub(super) async fn idle(&mut self, time: Duration) -> Result<()> {
        let time = time.min(IDLE_MAX);
        let tag = self.send("IDLE").await?;
        self.patience = IDLE_MAX;
        let waited = timeout(time, self.news(&tag)).await;
        self.patience = SILENCE;
        if let Ok(news) = waited {
            news?;
        }
        self.write("DONE").await?;
        self.end_of("idle", &tag).await.map(drop)
    }

    async fn news(&mut self, tag: &str) -> Result<()> {
        for _ in 0..LINES_MAX {
            let line = self.line().await?;
            if self.heard("idle", tag, (line, &mut Vec::new()))?.is_some() {
                return Err(strange("idle"));
            }
            if self.has_news {
                return Ok(());
            }
        }
        Err(strange("idle"))
    }

    /// Fetches one message whole, whose bytes go into `filler`; gives their number. `None`: there is no such message any more.
    pub(super) async fn message(&mut self, uid: u32, limit: u64, filler: Filler) -> Result<Option<u64>> {
        let tag = self.send(&format!("UID FETCH {uid} (UID BODY.PEEK[])")).await?;
        let mut filler = Some(filler);
        let mut fetched = None;
        let mut lines = Vec::new();
        for _ in 0..LINES_MAX {
            let (line, literal) = self.until_message().await?;
            if let Some(bytes) = literal {
                let Some(filler) = filler.take() else { return Err(strange("fetch")) };
                if bytes > limit {
                    return Err(Error::refuse("mailbox-message-too-large").with("bytes", bytes).with("limit", limit));
                }
                self.pour(bytes, &filler).await?;
                // What follows a message ends its line; only then are its bytes told to be all.
                let rest = self.line().await?;
                if parse::uid_of(&line, &rest) != Some(uid) {
                    return Err(strange("fetch"));
                }
                filler.end().await;
                fetched = Some(bytes);
                continue;
            }
            if self.heard("fetch", &tag, (line, &mut lines))?.is_some() {
                return Ok(fetched);
            }
        }
        Err(strange("fetch"))
    }

    async fn pour(&mut self, bytes: u64, filler: &Filler) -> Result<()> {
        let mut pace = Pace::new(SILENCE.as_secs(), BYTES_PER_SECOND_MIN);
        let mut left = bytes;
        while left > 0 {
            let mut piece = vec![0; usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES)];
            let n = pace.wait(self.stream.read(&mut piece)).await?.map_err(lost)?;
            if n == 0 {
                return Err(Error::retry("mailbox-lost"));
            }
            pace.count(n)?;
            piece.truncate(n);
            left -= n as u64;
            if !filler.fill(piece.into()).await {
                return Err(Error::retry("mailbox-unkept"));
            }
        }
        Ok(())
    }

    async fn send(&mut self, command: &str) -> Result<String> {
        self.tag += 1;
        let tag = format!("c{}", self.tag);
        self.write(&format!("{tag} {command}")).await?;
        Ok(tag)
    }

    async fn write(&mut self, line: &str) -> Result<()> {
        let text = format!("{line}\r\n");
        let writing = async {
            self.stream.get_mut().write_all(text.as_bytes()).await?;
            self.stream.get_mut().flush().await
        };
        timeout(SILENCE, writing).await.map_err(|_| Error::retry("mailbox-silent"))?.map_err(lost)
    }

    async fn end_of(&mut self, name: &'static str, tag: &str) -> Result<Ended> {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for _ in 0..LINES_MAX {
            let line = self.line().await?;
            bytes += line.text.len();
            if bytes > LINE_BYTES_MAX {
                return Err(strange(name));
            }
            if line.text.first() == Some(&b'+') && name == "login" {
                // What the server has against a token; it says no only after an answer (RFC 7628, 3.2.3).
                self.write("").await?;
                continue;
            }
            if let Some(code) = self.heard(name, tag, (line, &mut lines))? {
                return Ok(Ended { lines, code });
            }
        }
        Err(strange(name))
    }

    /// One line with its literals, all of which are short.
    async fn line(&mut self) -> Result<Line> {
        let mut line = Line { text: Vec::new() };
        loop {
            self.text(&mut line).await?;
            let Some(bytes) = parse::literal(&line.text) else { return Ok(line) };
            if line.text.len() as u64 + bytes > LINE_BYTES_MAX as u64 {
                return Err(strange("literal"));
            }
            let mut literal = vec![0; usize::try_from(bytes).unwrap_or(LINE_BYTES_MAX)];
            let read = timeout(self.patience, self.stream.read_exact(&mut literal)).await;
            read.map_err(|_| Error::retry("mailbox-silent"))?.map_err(lost)?;
            line.text.extend_from_slice(&literal);
        }
    }

    /// A line up to the bytes of a message, with their number; or a whole line without any.
    async fn until_message(&mut self) -> Result<(Line, Option<u64>)> {
        let mut line = Line { text: Vec::new() };
        self.text(&mut line).await?;
        match parse::literal(&line.text) {
            Some(bytes) if parse::is_message(&line.text) => Ok((line, Some(bytes))),
            None => Ok((line, None)),
            // A quoted message or another literal where only the message was asked for.
            Some(_) => Err(strange("fetch")),
        }
    }

    /// Reads to the end of the line and leaves its line end away.
    async fn text(&mut self, line: &mut Line) -> Result<()> {
        loop {
            let buffer = timeout(self.patience, self.stream.fill_buf())
                .await
                .map_err(|_| Error::retry("mailbox-silent"))?
                .map_err(lost)?;
            if buffer.is_empty() {
                return Err(Error::retry("mailbox-lost"));
            }
            let end = memchr::memchr(b'\n', buffer);
            let n = end.map_or(buffer.len(), |end| end + 1);
            line.text.extend_from_slice(&buffer[..n]);
            self.stream.consume(n);
            if line.text.len() > LINE_BYTES_MAX {
                return Err(strange("line"));
            }
            if end.is_some() {
                let length = line.text.len();
                line.text.truncate(length - if line.text.ends_with(b"\r\n") { 2 } else { 1 });
                return Ok(());
            }
        }
    }

    /// Takes one line: data is kept, the end of the command tells its code.
    fn heard(&mut self, name: &'static str, tag: &str, (line, lines): (Line, &mut Vec<Line>)) -> Result<Option<String>> {
        if let Some(data) = line.text.strip_prefix(b"* ") {
            if data.get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"BYE")) && name != "logout" {
                return Err(Error::retry("mailbox-lost"));
            }
            let data = Line { text: data.to_vec() };
            self.has_news |= parse::exists(std::slice::from_ref(&data)).is_some();
            lines.push(data);
            return Ok(None);
        }
        let ended = line.text.strip_prefix(tag.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
        let Some(ended) = ended else {
            return if line.text.starts_with(b"+") { Ok(None) } else { Err(strange(name)) };
        };
        let code = parse::code(ended);
        if ended.get(..2).is_some_and(|word| word.eq_ignore_ascii_case(b"OK")) {
            return Ok(Some(code));
        }
        Err(Error::retry("mailbox-refused").with("what", name).with("code", code))
    }
}

/// A server that does not keep to the protocol; `what` is where.
pub(super) fn strange(what: &'static str) -> Error {
    Error::retry("mailbox-strange").with("what", what)
}

fn lost(error: std::io::Error) -> Error {
    Error::retry("mailbox-lost").because(error)
}
