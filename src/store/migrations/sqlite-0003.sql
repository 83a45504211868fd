-- Schema 3. Full text. The words come folded and stemmed; the index keeps no text of its own, that stands beside it.

CREATE VIRTUAL TABLE findable USING fts5 (
    oggetto, mittente, destinatario, testo, campi,
    content = '', contentless_delete = 1, tokenize = "ascii tokenchars '_'"
);

-- Same number as the row of the index and of the document, whose ente it is.
CREATE TABLE findable_texts (
    seq       INTEGER NOT NULL PRIMARY KEY REFERENCES documents (seq),
    riservato INTEGER NOT NULL,
    testo     TEXT    NOT NULL
) STRICT;

-- Enti whose index is being made anew, and the last document that it has reached.
CREATE TABLE reindexing (
    ente    TEXT    NOT NULL PRIMARY KEY REFERENCES enti (id),
    reached INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO reindexing (ente, reached) SELECT DISTINCT ente, 0 FROM documents;
