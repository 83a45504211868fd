-- Schema 5. Entries of the protocol register, as the protocol system has given them out. What is there is never overwritten: what differs
-- stands among the contrasti until a person has looked.

CREATE TABLE registrazioni (
    ente     TEXT    NOT NULL REFERENCES enti (id),
    registro TEXT    NOT NULL,
    anno     INTEGER NOT NULL,
    numero   INTEGER NOT NULL,
    giorno   TEXT    NOT NULL,
    body     TEXT    NOT NULL,
    PRIMARY KEY (ente, registro, anno, numero)
) STRICT, WITHOUT ROWID;

CREATE INDEX registrazioni_by_day ON registrazioni (ente, registro, giorno, numero);

CREATE TABLE variazioni (
    ente     TEXT    NOT NULL REFERENCES enti (id),
    registro TEXT    NOT NULL,
    giorno   TEXT    NOT NULL,
    id       TEXT    NOT NULL,               -- of all that it says: the same line again is the same
    body     TEXT    NOT NULL,
    PRIMARY KEY (ente, registro, giorno, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE contrasti (
    ente     TEXT    NOT NULL REFERENCES enti (id),
    registro TEXT    NOT NULL,
    giorno   TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    body     TEXT    NOT NULL,
    settled  TEXT,                           -- by whom, when and why, as JSON; null: open
    PRIMARY KEY (ente, registro, giorno, id)
) STRICT, WITHOUT ROWID;

-- Blobs that a scarto has destroyed, or is about to.
CREATE INDEX blobs_destroyed ON blobs (ente, sha256) WHERE destroyed IS NOT NULL;
