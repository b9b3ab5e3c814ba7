//! Generates the module by which the edge knows the resources: a summary of each.

use anyhow::Result;
use ripple_core::record::schema::Resources;

/// Returns the text of `edge/resources.js`.
pub(crate) fn resources(resources: &Resources) -> Result<String> {
    let names: Vec<&str> = resources.iter().map(|resource| resource.name.as_str()).collect();
    let names = serde_json::to_string(&names)?;
    // A string and not an array: WebAssembly takes it as it is.
    let summaries = serde_json::to_string(&serde_json::to_string(&resources.summaries())?)?;
    Ok(format!(
        "// Made from resources/ by `{}`.\nexport const NAMES = {names};\nexport const SUMMARIES = {summaries};\n",
        crate::COMMAND
    ))
}
