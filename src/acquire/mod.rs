//! How does a file get in so that it is never lost? `admit`: digest while copying, blob, row, then release the source.
