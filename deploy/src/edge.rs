//! Generates the module by which the edge knows the resources: a summary of each, and the records of its check.

use anyhow::{Result, ensure};
use crc32fast::Hasher;
use ripple_core::record::schema::{Access, KeyType, Resource, Resources};
use ripple_core::value::Value;
use serde_json::{Value as Json, json};

use crate::sample;

/// The id of the records of the edge's check.
const CHECKED: &str = "ripple-check";

/// Returns the text of `edge/resources.js`. `files` are the resources' files by name.
pub(crate) fn resources(resources: &Resources, files: &[(String, Vec<u8>)]) -> Result<String> {
    let names: Vec<&str> = resources.iter().map(|resource| resource.name.as_str()).collect();
    let names = serde_json::to_string(&names)?;
    let summaries = resources.summaries();
    let parts = |text: &String| text.contains(['\t', '\n', '\r']);
    ensure!(
        !summaries.iter().flatten().any(parts),
        "a name in a resource file has a tab or a line end, which the edge cannot have"
    );
    let lines: Vec<String> = summaries.iter().map(|texts| texts.join("\t")).collect();
    let summaries = serde_json::to_string(&lines.join("\n"))?;
    let checks: Vec<Json> = resources.iter().filter_map(|resource| check(resource)).collect();
    let checks = serde_json::to_string(&checks)?;
    Ok(format!(
        "// Made from resources/ by `{}`. The CRC-32 of the files is {}.\nexport const NAMES = {names};\n\
         export const SUMMARIES = {summaries};\nexport const CHECKS = {checks};\n",
        crate::COMMAND,
        crc(files),
    ))
}

/// Returns the CRC-32 of resource files. `cargo xtask edge` compares it with that of the present files.
fn crc(files: &[(String, Vec<u8>)]) -> String {
    let mut crc = Hasher::new();
    for (path, text) in files {
        let name = std::path::Path::new(path).file_name().unwrap_or_default().to_string_lossy();
        for part in [name.as_bytes(), text] {
            crc.update(&(part.len() as u64).to_le_bytes());
            crc.update(part);
        }
    }
    format!("{:08x}", crc.finalize())
}

/// Returns what the check at the edge saves and reads back. Returns `None` for a resource without writes, with another
/// key than a text, or with a schema for which no record is found.
fn check(resource: &Resource) -> Option<Json> {
    let names = &resource.names;
    let is_checked = resource.access == Access::ReadWrite && names.has_plain_key() && names.key_type == KeyType::String;
    let mut record = sample::record(resource).filter(|_| is_checked)?;
    record.insert(names.key.to_string(), CHECKED.into());
    Some(json!({ "path": format!("/{}", resource.name), "key": names.key, "record": Value::Map(record) }))
}
