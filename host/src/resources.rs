//! The resource files of a site.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ripple_core::record::schema::{Resources, SchemaFault};

/// A file that is read no further than this cannot be a resource file: the core takes 64 KiB.
const LARGEST: u64 = 64 * 1024 + 1;

/// Why a host has no resources.
#[derive(Debug)]
pub enum LoadError {
    /// The folder or a file cannot be read.
    Folder(FolderError),
    /// The files have faults.
    Faults(Vec<SchemaFault>),
}

impl std::fmt::Display for LoadError {
    /// Writes every fault. Each of several has a line of its own.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LoadError::Folder(error) => error.fmt(f),
            LoadError::Faults(faults) if faults.len() > 1 => {
                f.write_str("the resource files have faults:")?;
                faults.iter().try_for_each(|fault| write!(f, "\n{fault}"))
            }
            LoadError::Faults(faults) => faults.iter().try_for_each(|fault| fault.fmt(f)),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<FolderError> for LoadError {
    fn from(error: FolderError) -> Self {
        LoadError::Folder(error)
    }
}

/// Returns the resources of a folder's files.
///
/// # Errors
/// If the folder or a file cannot be read, or a file has faults.
pub fn load(folder: &Path) -> Result<Resources, LoadError> {
    parse(&read(folder)?)
}

/// Returns the resources of files, given by name and bytes.
///
/// # Errors
/// If a file has faults.
pub fn parse(files: &[(String, Vec<u8>)]) -> Result<Resources, LoadError> {
    Resources::read(files).map_err(LoadError::Faults)
}

/// Returns the resources of a folder, or those of [`Resources::built_in`] if there is no such folder.
///
/// # Errors
/// If the folder is there, and it or a file cannot be read, or a file has faults.
pub fn load_or_built_in(folder: &Path) -> Result<Resources, LoadError> {
    if folder.is_dir() { load(folder) } else { Ok(Resources::built_in()) }
}

/// The files of the folder cannot be read.
#[derive(Debug)]
pub struct FolderError {
    /// The folder, or the file in it.
    pub path: PathBuf,
    /// The reason.
    pub error: io::Error,
}

impl std::fmt::Display for FolderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for FolderError {}

/// Returns the names and the bytes of the resource files of a folder, ordered by name: of every `*.json` directly in it,
/// except hidden ones. A larger file than a resource file can be is cut, so that the core refuses it by its size.
///
/// ```
/// let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../resources");
/// let files = ripple_host::resources::read(folder.as_ref()).unwrap();
/// assert!(files.iter().any(|(name, _)| name.ends_with("prj.json")));
/// ```
///
/// # Errors
/// If the folder or one of the files cannot be read, or if an entry of such a name is no file.
pub fn read(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, FolderError> {
    let at = |path: &Path, error| FolderError { path: path.to_owned(), error };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| at(folder, error))? {
        let path = entry.map_err(|error| at(folder, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        // A pipe would be waited for without end.
        let metadata = fs::metadata(&path).map_err(|error| at(&path, error))?;
        if !metadata.is_file() {
            return Err(at(&path, io::Error::new(io::ErrorKind::InvalidInput, "is not a file")));
        }
        let mut text = Vec::with_capacity(metadata.len().min(LARGEST) as usize);
        let file = File::open(&path).map_err(|error| at(&path, error))?;
        file.take(LARGEST).read_to_end(&mut text).map_err(|error| at(&path, error))?;
        files.push((path.display().to_string(), text));
    }
    files.sort();
    Ok(files)
}
