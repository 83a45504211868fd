//! What does an arrival hold? `documents`: one file, mail, archive or batch of sheets as 1..n documents.
