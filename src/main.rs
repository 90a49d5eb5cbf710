//! The `sawatch` binary.

fn main() {}
