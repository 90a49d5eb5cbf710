//! Secrets that stand in files, read anew each time: whoever renews one need not tell us.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Trouble, blocking};
use crate::text::Text;

/// Bytes of a secret, at most.
const MAX_BYTES: u64 = 64 << 10;

/// A secret without the white space around it.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Text> {
    let shown = Text::from(path);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
        .map_err(|e| Text::new(&format!("cannot read {shown}: {e}")))?;
    let secret = bytes.trim_ascii();
    if secret.is_empty() {
        return Err(Text::new(&format!("{shown} is empty: put the secret into it")));
    }
    Ok(secret.to_vec())
}

/// As [`read`], from a task. A secret that is not there may be on its way.
pub(super) async fn fetch(path: PathBuf) -> Result<Vec<u8>, Trouble> {
    blocking(move || read(&path)).await?.map_err(Trouble::transient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_no_newline_and_is_not_empty() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, "abc\n").expect("room");
        assert_eq!(read(&path), Ok(b"abc".to_vec()));
        std::fs::write(&path, " \n").expect("room");
        assert!(read(&path).is_err_and(|what| what.as_str().ends_with("is empty: put the secret into it")));
    }
}
