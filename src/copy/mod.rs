//! How is a scan searched and read for ever? `searchable`: PDF/A with invisible text; ALTO, hOCR, plain text.
