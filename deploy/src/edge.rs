//! Generates the module by which the edge knows the resources: a summary of each.

use anyhow::{Result, ensure};
use ripple_core::record::schema::Resources;

/// Returns the text of `edge/resources.js`.
pub(crate) fn resources(resources: &Resources) -> Result<String> {
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
    Ok(format!(
        "// Made from resources/ by `{}`.\nexport const NAMES = {names};\nexport const SUMMARIES = {summaries};\n",
        crate::COMMAND
    ))
}
