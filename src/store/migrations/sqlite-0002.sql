-- Schema 2. The keys under which pages that look alike are found: of an ente, and never compared across enti.

CREATE TABLE likeness (
    ente     TEXT    NOT NULL,
    band     INTEGER NOT NULL,
    value    INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (ente, band, value, document),
    FOREIGN KEY (ente, document) REFERENCES documents (ente, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX likeness_by_document ON likeness (ente, document);
