//! Examples to segments: named templates, presets of the papers, Jinja chat templates.
