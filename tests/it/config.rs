//! The reference configuration is true.

use std::fs;
use std::path::Path;

use sawatch::config::{Config, reference};

#[test]
fn the_reference_file_has_every_key_at_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sawatch.yaml");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, reference(), "config/sawatch.yaml is not what sawatch::config::reference() says");
    assert_eq!(Config::load(&path).unwrap(), Config::default());
}
