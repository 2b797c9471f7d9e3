//! Reading preset files: those that an operator names, and those in folders that an operator names.
//! The one place among the facts that touches the disk, when Bellhop starts or reloads; everything else gets texts.
//! Never parses.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A preset's text, and what its mistakes are told with.
#[derive(Clone, Debug)]
pub struct PresetFile {
    pub name: String,
    pub text: String,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot read the preset {}: {source}", path.display())]
pub struct Unreadable {
    pub path: PathBuf,
    source: io::Error,
}

impl PresetFile {
    /// Reads files as they are named, and of each folder those that end in `.yaml`, `.yml` or `.json`, by name.
    pub fn read(paths: &[PathBuf]) -> Result<Vec<Self>, Unreadable> {
        let mut files = Vec::new();
        for path in paths {
            let found = list(path).map_err(|source| Unreadable { path: path.clone(), source })?;
            for path in found {
                let text = fs::read_to_string(&path).map_err(|source| Unreadable { path: path.clone(), source })?;
                files.push(Self { name: path.display().to_string(), text });
            }
        }
        Ok(files)
    }
}

fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let ending = path.extension().and_then(|e| e.to_str());
        if matches!(ending, Some("yaml" | "yml" | "json")) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_preset_files_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.json", "c.yml", "notes.txt"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        fs::create_dir(folder.path().join("fixtures")).unwrap();
        let files = PresetFile::read(&[folder.path().to_owned()]).unwrap();
        assert_eq!(files.iter().map(|f| f.text.as_str()).collect::<Vec<_>>(), ["a.json", "b.yaml", "c.yml"]);
        let missing = PresetFile::read(&[folder.path().join("missing.yaml")]).unwrap_err();
        assert!(missing.to_string().contains("missing.yaml"));
    }
}
