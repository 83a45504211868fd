//! What are these bytes? `format`: by content, PRONOM PUID, verdict of Allegato 2.
