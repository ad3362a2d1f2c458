//! Typed settings in layers; a project may only tighten.
