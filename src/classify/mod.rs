//! What is it and where does it belong? `filing`: tipo, voce, aggregation, with reasons; below threshold a doubt.
