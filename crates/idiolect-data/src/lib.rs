//! Examples on disk: alpaca, sharegpt, messages and text data sets, JSON Lines journals, pairing by id, seeded splits.
