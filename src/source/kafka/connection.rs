//! How a configuration says to connect: what may stand in it, and files for what may not.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::Properties;
use crate::text::Text;

/// librdkafka's properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// Those that stand in the configuration; no secrets.
    pub values: BTreeMap<String, String>,
    /// Those whose values stand in files.
    pub files: BTreeMap<String, PathBuf>,
}

impl Connection {
    /// All of them, those in files as they are now.
    ///
    /// # Errors
    ///
    /// The first file that cannot be read.
    pub fn read(&self) -> Result<Properties, String> {
        let mut all = self.values.clone();
        for (key, path) in &self.files {
            let value = fs::read_to_string(path)
                .map_err(|e| format!("{}, the file of {}: {e}", Text::from(path.as_path()), Text::new(key)))?;
            all.insert(key.clone(), value.trim_end().to_owned());
        }
        Ok(all.into_iter().collect())
    }
}
