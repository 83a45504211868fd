-- Schema 1. Every row belongs to an ente. Instants are microseconds since 1970, UTC; dates ISO 8601; digests hexadecimal.

CREATE TABLE enti (
    id      TEXT    NOT NULL PRIMARY KEY,
    body    TEXT    NOT NULL,               -- the ente as JSON
    key     BLOB    NOT NULL,               -- of the keyed digests in its journal (invariant 6)
    served  INTEGER NOT NULL DEFAULT 0      -- larger: served by a claim more lately
) STRICT;

CREATE TABLE blobs (
    ente        TEXT    NOT NULL REFERENCES enti (id),
    sha256      TEXT    NOT NULL,
    bytes       INTEGER NOT NULL,
    quarantined INTEGER NOT NULL DEFAULT 0,
    destroyed   TEXT,                       -- when, and by which authorisation, as JSON; the row stays
    PRIMARY KEY (ente, sha256)
) STRICT;

CREATE TABLE arrivals (
    seq          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    ente         TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    door         TEXT    NOT NULL,
    name         BLOB    NOT NULL,
    bytes        INTEGER NOT NULL,
    mtime_ns     INTEGER NOT NULL,
    sha256       TEXT    NOT NULL,
    admitted_at  INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    duplicate_of TEXT,
    reason       TEXT,
    UNIQUE (ente, id),
    FOREIGN KEY (ente, sha256) REFERENCES blobs (ente, sha256)
) STRICT;

CREATE INDEX arrivals_by_digest ON arrivals (ente, sha256);

CREATE TABLE aggregations (
    seq           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    ente          TEXT    NOT NULL REFERENCES enti (id),
    id            TEXT    NOT NULL,
    tipo          TEXT    NOT NULL,
    fascicolo     TEXT    NOT NULL,         -- empty of a serie
    anno          INTEGER NOT NULL,
    voce          TEXT    NOT NULL,
    serie         TEXT    NOT NULL,
    thread        TEXT    NOT NULL,
    oggetto       TEXT    NOT NULL,
    progressivo   INTEGER NOT NULL,
    data_apertura TEXT    NOT NULL,
    data_chiusura TEXT,
    UNIQUE (ente, id)
) STRICT;

CREATE UNIQUE INDEX aggregations_by_thread ON aggregations (ente, anno, voce, fascicolo, thread) WHERE tipo = 'Fascicolo';
CREATE UNIQUE INDEX aggregations_by_number ON aggregations (ente, anno, voce, progressivo) WHERE tipo = 'Fascicolo';

CREATE TABLE pdvs (
    seq          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    ente         TEXT    NOT NULL REFERENCES enti (id),
    id           TEXT    NOT NULL,
    aggregazione TEXT    NOT NULL,
    profile      TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    planned_at   INTEGER NOT NULL,
    plan         TEXT    NOT NULL,
    path         TEXT,
    sha256       TEXT,
    bytes        INTEGER,
    UNIQUE (ente, id),
    FOREIGN KEY (ente, aggregazione) REFERENCES aggregations (ente, id)
) STRICT;

CREATE TABLE documents (
    seq          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    ente         TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    arrival      TEXT    NOT NULL,
    position     INTEGER NOT NULL,
    name         BLOB    NOT NULL,
    state        TEXT    NOT NULL,
    formed_at    INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    aggregazione TEXT,
    filed        INTEGER,                   -- order of filing
    UNIQUE (ente, id),
    FOREIGN KEY (ente, arrival) REFERENCES arrivals (ente, id),
    FOREIGN KEY (ente, aggregazione) REFERENCES aggregations (ente, id)
) STRICT;

CREATE INDEX documents_by_arrival ON documents (ente, arrival);
CREATE INDEX documents_by_state ON documents (ente, state);
CREATE INDEX documents_by_aggregation ON documents (ente, aggregazione, filed);

CREATE TABLE pdv_documents (
    ente     TEXT    NOT NULL,
    document TEXT    NOT NULL,
    pdv      TEXT    NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (ente, document),           -- a document is in one Pdv at most
    FOREIGN KEY (ente, document) REFERENCES documents (ente, id),
    FOREIGN KEY (ente, pdv) REFERENCES pdvs (ente, id)
) STRICT;

CREATE INDEX pdv_documents_by_pdv ON pdv_documents (ente, pdv, n);

CREATE TABLE holds (
    ente     TEXT    NOT NULL,
    document TEXT    NOT NULL,
    n        INTEGER NOT NULL,
    body     TEXT    NOT NULL,
    PRIMARY KEY (ente, document, n),
    FOREIGN KEY (ente, document) REFERENCES documents (ente, id)
) STRICT;

CREATE TABLE facts (
    ente  TEXT    NOT NULL REFERENCES enti (id),
    owner TEXT    NOT NULL,
    kind  TEXT    NOT NULL,
    n     INTEGER NOT NULL,
    body  TEXT    NOT NULL,
    PRIMARY KEY (ente, owner, kind, n)
) STRICT;

CREATE TABLE jobs (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    ente       TEXT    NOT NULL REFERENCES enti (id),
    step       TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    priority   INTEGER NOT NULL,
    attempt    INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    until      INTEGER,                     -- end of the lease; null: under none
    reason     TEXT,
    UNIQUE (ente, step, owner)              -- rows are open jobs; a closed one is gone, its story is in the journal
) STRICT;

CREATE INDEX jobs_in_order ON jobs (ente, priority DESC, id);

CREATE TABLE journal (
    ente     TEXT    NOT NULL REFERENCES enti (id),
    n        INTEGER NOT NULL,
    subject  TEXT    NOT NULL,
    body     TEXT    NOT NULL,              -- the event, the very bytes that its digest covers
    previous TEXT    NOT NULL,
    digest   TEXT    NOT NULL,
    PRIMARY KEY (ente, n)
) STRICT;

CREATE INDEX journal_by_subject ON journal (ente, subject, n);

-- What the last line must be: a tail cut off shows even before a package or a backup is asked.
CREATE TABLE journal_heads (
    ente   TEXT    NOT NULL PRIMARY KEY REFERENCES enti (id),
    n      INTEGER NOT NULL,
    digest TEXT    NOT NULL
) STRICT;

CREATE TRIGGER journal_is_not_altered BEFORE UPDATE ON journal BEGIN SELECT RAISE (ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_not_cut BEFORE DELETE ON journal BEGIN SELECT RAISE (ABORT, 'the journal is append-only'); END;
