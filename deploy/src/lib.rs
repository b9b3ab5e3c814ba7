//! # ripple-deploy
//!
//! Generates those parts of a deployment that follow from the route table and the resource files:
//!
//! | file | what is generated |
//! |---|---|
//! | `openapi.json` | all of it: the OpenAPI document |
//! | `template.yaml` | `template.in.yaml` with API Gateway's resources, methods and own answers, and with the tables, policies, alarms and dashboard of each resource |
//! | `_headers` | the headers of the edge's static files |
//! | `../edge/resources.js`, `../edge/openapi.json` | of all files in `resources/`: what the edge knows of them, and the document that it serves |
//!
//! In scope: these files. They are committed, since hosts are built with them, and since they show each change of the
//! API. Except those of the edge, they are of `resources/prj.json` alone. A test compares them with the table, and `cargo run -p ripple-deploy` writes them
//! again. [`deployment`] returns those of any resource files. Out of scope: a server. `ripple-core` serves the document
//! as it is.

mod edge;
mod example;
mod extension;
mod gateway;
mod made;
mod openapi;
mod property;
mod sample;
mod schema;
mod site;
mod template;
mod words;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use ripple_core::record::schema::Resources;

pub use made::{Made, write};
pub use openapi::text as openapi;
pub use site::{APP, APP_WORKER, FIRST, FIRST_PAGE};

/// The command that writes the files again.
pub const COMMAND: &str = "cargo run -p ripple-deploy";
/// The function's zip file, as `cargo xtask package` makes it.
const ZIP: &str = "../target/lambda/bootstrap/bootstrap.zip";
/// The folder of a deployment that has the function's binary and what is beside it.
pub const FUNCTION: &str = "function";

/// Returns every generated file that is committed, by its absolute path: those of `resources/prj.json`, those of the edge,
/// and the golden template of `resources/prj.json` and `resources/task.json` together.
///
/// # Errors
/// If a resource file cannot be read, or the template's source has an unknown placeholder.
pub fn files() -> Result<Vec<Made>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let one = Resources::built_in();
    let sources = ripple_host::resources::read(&folder.join("../resources"))?;
    let whole = ripple_host::resources::parse(&sources)?;
    let read = |name: &str| {
        let path = folder.join("../resources").join(name);
        Ok((name.to_owned(), fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?))
    };
    let two = Resources::read(&["prj.json", "task.json"].into_iter().map(read).collect::<Result<Vec<_>>>()?);
    let two = two.map_err(|faults| anyhow::anyhow!("{}", faults[0]))?;
    let golden = folder.join("tests/golden/two");
    Ok(vec![
        Made { path: folder.join("openapi.json"), text: openapi::text(&one)? },
        Made { path: folder.join("site/_headers"), text: site::headers()? },
        Made { path: folder.join("template.yaml"), text: template::text(&one, ZIP)? },
        Made { path: folder.join("../edge/resources.js"), text: edge::resources(&whole, &sources)? },
        Made { path: folder.join("../edge/openapi.json"), text: openapi::text(&whole)? },
        Made { path: golden.join("template.yaml"), text: template::text(&two, FUNCTION)? },
    ])
}

/// Returns the files of a deployment of these resource files, by their paths in its folder:
///
/// | path | |
/// |---|---|
/// | `template.yaml` | the SAM template. It takes the folder `function` as the function's code |
/// | `openapi.json`, `_headers` | static files of the edge |
/// | `edge/resources.js` | the module by which the edge knows the resources |
/// | `function/` | the OpenAPI document and a copy of the resource files. The binary `bootstrap` belongs beside them |
///
/// ```
/// use ripple_core::record::schema::Resources;
///
/// let file = br#"{"title": "Task", "x-ripple": {"resource": "task", "key": "ref"}, "type": "object"}"#;
/// let files = [("task.json".to_owned(), file.to_vec())];
/// let made = ripple_deploy::deployment(&Resources::read(&files).unwrap(), &files).unwrap();
/// let paths: Vec<_> = made.iter().map(|made| made.path.to_str().unwrap()).collect();
/// assert_eq!(paths, [
///     "template.yaml", "openapi.json", "_headers", "edge/resources.js", "function/openapi.json",
///     "function/resources/task.json",
/// ]);
/// ```
///
/// # Errors
/// If the resources do not fit into one template.
pub fn deployment(resources: &Resources, files: &[(String, Vec<u8>)]) -> Result<Vec<Made>> {
    let document = openapi::text(resources)?;
    let function = Path::new(FUNCTION);
    let mut made = vec![
        Made { path: "template.yaml".into(), text: template::text(resources, FUNCTION)? },
        Made { path: "openapi.json".into(), text: document.clone() },
        Made { path: "_headers".into(), text: site::headers()? },
        Made { path: "edge/resources.js".into(), text: edge::resources(resources, files)? },
        Made { path: function.join("openapi.json"), text: document },
    ];
    for (path, text) in files {
        let name = Path::new(path).file_name().with_context(|| format!("{path} has no name"))?;
        let text = String::from_utf8(text.clone()).with_context(|| format!("{path} is not UTF-8"))?;
        made.push(Made { path: function.join("resources").join(name), text });
    }
    Ok(made)
}
