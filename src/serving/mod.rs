//! Serving: gold as people want to look at it. Reads gold's columns, never its code.

pub mod overview;
