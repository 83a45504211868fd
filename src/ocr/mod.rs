//! What words stand on a page? `text`: words with boxes and confidence, from an engine behind one port.
