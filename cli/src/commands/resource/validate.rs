//! `ripple resource validate`: which bodies a resource file takes. It exists for comparisons with other implementations
//! of JSON Schema, and is hidden from the help.
//!
//! A line of standard input is `{"file": …, "bodies": […]}`, with a file of the resource `test`. Its line of standard
//! output is a list of booleans, or the first fault of the file as a string.

use std::io::{BufRead as _, Write as _};

use anyhow::Context as _;
use ripple_core::record::schema::Resources;
use ripple_core::value::{Value, parse};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A file and bodies, as text: numbers keep their digits.
#[derive(Deserialize)]
struct Case {
    file: Box<RawValue>,
    bodies: Vec<Box<RawValue>>,
}

pub(super) fn run() -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let case: Case = serde_json::from_str(&line?).context("a line is no file with bodies")?;
        writeln!(output, "{}", verdict(&case))?;
    }
    Ok(())
}

fn verdict(case: &Case) -> serde_json::Value {
    let resources = match Resources::read(&[("test.json", case.file.get())]) {
        Ok(resources) => resources,
        Err(faults) => return faults.first().map_or_else(String::new, ToString::to_string).into(),
    };
    let schema = &resources.first().schema;
    let is_valid = |body: &RawValue| match parse(body.get().as_bytes()) {
        Ok(Value::Map(members)) => schema.check_new(&members).is_ok(),
        _ => false,
    };
    case.bodies.iter().map(|body| is_valid(body)).collect()
}
