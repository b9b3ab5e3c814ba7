//! Writes the generated files of the deployment again: `cargo run -p ripple-deploy`.

use std::fs;

use anyhow::{Context as _, Result};

fn main() -> Result<()> {
    for made in ripple_deploy::files()? {
        let same = fs::read_to_string(&made.path).is_ok_and(|text| text == made.text);
        if !same {
            fs::write(&made.path, &made.text).with_context(|| format!("{} cannot be written", made.path.display()))?;
            println!("{}", made.path.display());
        }
    }
    Ok(())
}
