//! What must the law know of it? `metadata`: Allegato 5 in memory, all breaches collected, then XML.
