//! What does the document say? `fields`: identifiers with check digits, dates, parties, protocol stamp, oggetto.
