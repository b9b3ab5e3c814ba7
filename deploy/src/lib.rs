//! # ripple-deploy
//!
//! What of ripple's deployment follows from the route table, made of it:
//!
//! | file | what is made |
//! |---|---|
//! | `openapi.json` | all of it: the OpenAPI document |
//! | `template.yaml` | the resources and methods of API Gateway, and what it answers by itself |
//! | `site/_headers` | the headers of what the edge serves as static files |
//!
//! In scope: these files. They are committed, since hosts are built with them and a change of the API shows in them; a test
//! holds them against the table, and `cargo run -p ripple-deploy` writes them anew.
//! Out of scope: a server. `ripple-core` serves the document as it is.

mod gateway;
mod openapi;
mod schema;
mod site;
mod template;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// What writes the files anew.
pub const COMMAND: &str = "cargo run -p ripple-deploy";

/// A file as the route table makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Where it lies.
    pub path: PathBuf,
    /// All of its text.
    pub text: String,
}

/// Every file there is.
///
/// # Errors
/// When the template cannot be read, or has lost the marks between which its resources stand.
pub fn files() -> Result<Vec<Made>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let template = folder.join("template.yaml");
    let before = fs::read_to_string(&template).with_context(|| format!("{} cannot be read", template.display()))?;
    Ok(vec![
        Made { path: folder.join("openapi.json"), text: openapi::text()? },
        Made { path: folder.join("site/_headers"), text: site::headers()? },
        Made { text: template::made_anew(&before)?, path: template },
    ])
}
