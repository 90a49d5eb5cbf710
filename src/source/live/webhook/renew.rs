//! Files that are replaced while we run: certificates that are renewed, tokens that are rotated.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::SettingsError;

/// What a change of a file changes: mounted secrets are swapped as links, and the file behind has another time.
type Stamp = Option<(SystemTime, u64)>;

type Load<T> = Box<dyn Fn() -> Result<T, SettingsError> + Send + Sync>;

/// What was made of some files, and is made again when one of them changes.
pub(super) struct Renewed<T> {
    files: Vec<PathBuf>,
    load: Load<T>,
    stamps: Mutex<Vec<Stamp>>,
    value: Mutex<Arc<T>>,
}

impl<T> Renewed<T> {
    pub(super) fn open(
        files: Vec<PathBuf>,
        load: impl Fn() -> Result<T, SettingsError> + Send + Sync + 'static,
    ) -> Result<Self, SettingsError> {
        let stamps = Mutex::new(stamps(&files));
        let value = Mutex::new(Arc::new(load()?));
        Ok(Self { files, load: Box::new(load), stamps, value })
    }

    pub(super) fn current(&self) -> Arc<T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again if one of them changed, and says whether it did. What was there stays if they are broken, and
    /// they are tried again next time.
    pub(super) fn renew(&self) -> Result<bool, SettingsError> {
        let mut known = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        // taken before reading, so that a change in between is seen next time
        let now = stamps(&self.files);
        if *known == now {
            return Ok(false);
        }
        let value = Arc::new((self.load)()?);
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = value;
        *known = now;
        Ok(true)
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |file: &Path| {
        let file = fs::metadata(file).ok()?;
        Some((file.modified().ok()?, file.len()))
    };
    files.iter().map(|file| stamp(file)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn a_broken_new_file_leaves_the_old_value_until_it_is_mended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, "one").unwrap();
        let file = path.clone();
        let renewed = Renewed::open(vec![path.clone()], move || read(&file)).unwrap();
        assert!(!renewed.renew().unwrap());
        fs::remove_file(&path).unwrap();
        assert!(renewed.renew().is_err() && renewed.renew().is_err());
        assert_eq!(*renewed.current(), b"one");
        fs::write(&path, "three").unwrap();
        assert!(renewed.renew().unwrap());
        assert_eq!(*renewed.current(), b"three");
    }
}
