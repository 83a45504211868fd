//! Who touches hostile bytes? Child processes of this binary: framed messages, limits, sandbox, restart.
