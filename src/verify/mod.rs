//! Is this package whole and true? `report`: bytes in, findings out; shares no code with `package`.
