//! Where are the pages and can they be read? `pages`, `image`, `prepare`: files of sheets as page images with verdicts.
