//! What can go wrong, said once: one typed error for the whole house.
//!
//! An [`Error`] answers three questions: does trying again help, or must a person look (its [`Kind`]); what
//! happened and where (its [`Message`], whose words stand in the catalogue, Italian and English); and what to do
//! (the advice of the same catalogue entry). Rooms return it; only the rim (`main`, `worker`, later `web`) shows it.
//! Internal causes are kept for the log and are never personal data.

use crate::messages::Message;

/// The result of everything that can fail in the house.
pub type Result<T> = std::result::Result<T, Error>;

/// What an error means for the traveller that met it, and for the exit code of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Trying again later may help (a busy file, a full disk): the worker retries with a ceiling, then holds.
    Retry,
    /// A doubt that a person must settle: the traveller waits in `review`.
    Hold,
    /// The input cannot be taken: it is refused with a report, its bytes kept in quarantine.
    Refuse,
    /// Our own fault: an invariant did not hold. Held like a doubt, and logged as an error.
    Bug,
    /// Wrong use of the command line (exit 2).
    Usage,
    /// Configuration or environment (exit 3).
    Environment,
    /// Store or disk failure, nothing lost, run again (exit 4).
    Store,
    /// Stopped by the person, resumable (exit 130).
    Stopped,
}

/// One error: kind, message from the catalogue, and the technical cause for the log.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: Message,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` whose words are the catalogue entry `code`.
    pub fn new(kind: Kind, code: &'static str) -> Self {
        Self { kind, message: Message::new(code), cause: None }
    }

    /// An error said elsewhere (by a child process): its kind and its message.
    pub fn of(kind: Kind, message: Message) -> Self {
        Self { kind, message, cause: None }
    }

    /// The same error once more, without its technical cause.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { kind: self.kind, message: self.message.clone(), cause: None }
    }

    /// A doubt for a person.
    pub fn hold(code: &'static str) -> Self {
        Self::new(Kind::Hold, code)
    }

    /// An input that cannot be taken.
    pub fn refuse(code: &'static str) -> Self {
        Self::new(Kind::Refuse, code)
    }

    /// A failure that may pass by itself.
    pub fn retry(code: &'static str) -> Self {
        Self::new(Kind::Retry, code)
    }

    /// A broken invariant of ours; `what` is technical, English, and free of personal data.
    pub fn bug(what: impl std::fmt::Display) -> Self {
        Self::new(Kind::Bug, "bug").with("what", what)
    }

    /// A task of ours that ended by panic or was cut off. What it said is not repeated: it may quote what it worked on.
    pub fn panicked(_: impl std::error::Error) -> Self {
        Self::bug("a task ended by panic")
    }

    /// A store or disk failure: nothing is lost, the command may be run again.
    pub fn store(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let cause = cause.into();
        Self::new(Kind::Store, "store-failed").with("what", &cause).because(cause)
    }

    /// A failed disk operation on `path`: a full disk and an interrupted call are worth another try, the rest is a store failure.
    pub fn disk(what: &'static str, path: &std::path::Path, cause: std::io::Error) -> Self {
        let kind = match cause.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::Interrupted | std::io::ErrorKind::QuotaExceeded => Kind::Retry,
            _ => Kind::Store,
        };
        Self::new(kind, "disk-failed").with("what", what).with("path", path.display()).with("cause", &cause).because(cause)
    }

    /// Adds one value to the sentence; the name is the placeholder in the catalogue.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        self.message = self.message.with(name, value);
        self
    }

    /// Adds the technical cause, for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// True where a disk or the store has no room, is out of order or too busy, or too much waits: what is tried next
    /// would fail too, so that whoever tries pauses and no traveller is to blame.
    pub fn is_pressure(&self) -> bool {
        self.kind == Kind::Store || matches!(self.code(), "disk-failed" | "store-busy" | "queue-full")
    }

    /// True where a disk has no room, or its quota is used up.
    pub fn is_no_room(&self) -> bool {
        self.code() == "store-no-room" || (self.code() == "disk-failed" && self.kind == Kind::Retry)
    }

    /// The stable code of the message, as in `holds.code`.
    pub fn code(&self) -> &str {
        self.message.code()
    }

    /// The message, to be rendered in the reader's language.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The exit code of a command that ends with this error (design.md section 5).
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Hold | Kind::Refuse => 1,
            Kind::Usage => 2,
            Kind::Environment => 3,
            Kind::Retry | Kind::Store | Kind::Bug => 4,
            Kind::Stopped => 130,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message.sentence(crate::messages::Lang::En))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
