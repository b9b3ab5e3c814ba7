//! `bindgen <module.wasm> <folder>`: wasm-bindgen for the edge worker.
//!
//! This is `wasm-bindgen-cli` without what it has beside: a web server and a test runner, which would take minutes to
//! install. Cargo.lock holds it to the version that the worker is built with; another one would not do.

use std::path::Path;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(module), Some(folder), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        bail!("usage: bindgen <module.wasm> <folder>");
    };
    let mut bindgen = Bindgen::new();
    // A panic ends the instance; the function to begin a new one is what edge/worker.js recovers with.
    bindgen.input_path(&module).module(true)?.typescript(false).reset_state_function(true);
    bindgen.generate(&folder).with_context(|| format!("wasm-bindgen cannot read {module}"))?;

    let name = Path::new(&module).with_extension("js");
    let script = Path::new(&folder).join(name.file_name().context("a module has a name")?);
    let text = fs::read_to_string(&script)?;
    // A Worker's imports of modules give modules as they are; the syntax that says so is not known to all tools yet.
    fs::write(&script, text.replacen("import source ", "import ", 1))?;
    Ok(())
}
