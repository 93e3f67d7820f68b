//! Unpublished: golden files, closeness, scripted generators.
