//! THE SPINE: the steps of the three travellers, in order; what an error means (retry, hold, refuse).
