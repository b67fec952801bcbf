//! Layout and rewrites, text in, text out.
