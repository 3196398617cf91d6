//! Small JSON files that survive a crash: after a write either the old content is there or the new one, never half.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What the file holds, or `None` when it does not exist.
///
/// # Errors
/// When the file cannot be read or does not hold a `T`.
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(content) => serde_json::from_slice(&content)
            .map(Some)
            .map_err(|error| io::Error::other(format!("`{}` is damaged: {error}", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("cannot read `{}`: {error}", path.display()))),
    }
}

/// Replaces the content of the file, creating it and its folder where needed.
///
/// # Errors
/// When the new content is not safely on disk.
pub async fn write<T: Serialize>(path: PathBuf, value: &T) -> io::Result<()> {
    let content = serde_json::to_vec(value)?;
    tokio::task::spawn_blocking(move || replace(&path, &content)).await?
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other(format!("`{}` has no folder", path.display())))?;
    fs::create_dir_all(folder)?;
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    // The rename itself is durable only once the folder is.
    File::open(folder)?.sync_all()
}

/// `name` as one component of a path, distinct for distinct names.
pub fn path_component(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'$');
    let after_first = |index: usize, byte: u8| index > 0 && byte == b'.';
    let encoded = name.bytes().enumerate().map(|(index, byte)| match plain(byte) || after_first(index, byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_created_replaced_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/state.json");
        assert_eq!(read::<Vec<i64>>(&path).unwrap(), None);
        write(path.clone(), &vec![1, 2, 3]).await.unwrap();
        write(path.clone(), &vec![4]).await.unwrap();
        assert_eq!(read::<Vec<i64>>(&path).unwrap(), Some(vec![4]));
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["state.json"]);
    }

    #[test]
    fn a_damaged_file_is_an_error_and_not_an_absent_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "[1,").unwrap();
        assert!(read::<Vec<i64>>(file.path()).unwrap_err().to_string().contains("is damaged"));
    }

    #[test]
    fn names_cannot_leave_their_folder() {
        assert_eq!(path_component("$Default"), "$Default");
        assert_eq!(path_component("local.servicebus"), "local.servicebus");
        assert_eq!(path_component("../a b"), "%2E.%2Fa%20b");
    }
}
