//! # ripple-deploy
//!
//! Generates those parts of ripple's deployment that follow from the route table:
//!
//! | file | what is generated |
//! |---|---|
//! | `openapi.json` | all of it: the OpenAPI document |
//! | `template.yaml` | the resources and methods of API Gateway, and API Gateway's own answers |
//! | `site/_headers` | the headers of the edge's static files |
//! | `../edge/resources.js` | the summaries of the resources, for the edge |
//!
//! In scope: these files. They are committed, since hosts are built with them, and since they show each change of the
//! API. A test compares them with the table, and `cargo run -p ripple-deploy` writes them again. Out of scope: a
//! server. `ripple-core` serves the document as it is.

mod edge;
mod gateway;
pub mod openapi;
mod property;
mod schema;
mod site;
mod template;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use ripple_core::record::schema::Resources;

/// The command that writes the files again.
pub const COMMAND: &str = "cargo run -p ripple-deploy";

/// A generated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The path of the file.
    pub path: PathBuf,
    /// The whole text of the file.
    pub text: String,
}

/// Returns every generated file.
///
/// # Errors
/// If the template cannot be read, or lacks the marks around its generated parts.
pub fn files() -> Result<Vec<Made>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let resources = Resources::built_in();
    let whole = ripple_host::resources::load(&folder.join("../resources"))?;
    let template = folder.join("template.yaml");
    let before = fs::read_to_string(&template).with_context(|| format!("{} cannot be read", template.display()))?;
    Ok(vec![
        Made { path: folder.join("openapi.json"), text: openapi::text(&resources)? },
        Made { path: folder.join("site/_headers"), text: site::headers()? },
        Made { path: folder.join("../edge/resources.js"), text: edge::resources(&whole)? },
        Made { text: template::made_anew(&before, &resources)?, path: template },
    ])
}
