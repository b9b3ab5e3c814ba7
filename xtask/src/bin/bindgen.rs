//! `bindgen <module.wasm> <folder>`: wasm-bindgen for the edge worker.
//!
//! This is `wasm-bindgen-cli` without its web server and test runner, which would take minutes to install. Cargo.lock
//! pins it to the version that the worker is built with. Another version would not work.

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
    // A panic ends the instance. edge/worker.js recovers with this function, which begins a new one.
    bindgen.input_path(&module).module(true)?.typescript(false).reset_state_function(true);
    let mut output = bindgen.generate_output().with_context(|| format!("wasm-bindgen cannot read {module}"))?;
    for function in output.wasm_mut().funcs.iter_mut() {
        function.name = function.name.take().map(by_trait);
    }
    output.emit(&folder)?;

    let name = Path::new(&module).with_extension("js");
    let script = Path::new(&folder).join(name.file_name().context("a module has a name")?);
    let text = fs::read_to_string(&script)?;
    // A Worker's imports of modules always give modules. Not all tools know the syntax that says so.
    fs::write(&script, text.replacen("import source ", "import ", 1))?;
    Ok(())
}

/// Returns the name by which a function is placed in the module: `<T as Trait>::method` becomes `<Trait>::method::T`. The
/// implementations of one trait are alike, and side by side they compress better: 3 KB.
fn by_trait(name: String) -> String {
    let parts = name.strip_prefix('<').and_then(|rest| rest.rsplit_once(">::"));
    match parts.and_then(|(implementation, method)| Some((implementation.split_once(" as ")?, method))) {
        Some(((implementor, implemented), method)) => format!("<{implemented}>::{method}::{implementor}"),
        None => name,
    }
}
