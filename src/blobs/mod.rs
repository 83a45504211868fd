//! Where do the bytes lie? Blobs by digest, under their ente, written once, checked on reading.
