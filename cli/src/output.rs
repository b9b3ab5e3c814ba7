//! Output: lines of JSON for programs, and progress bars, which appear only on a terminal, on standard error.

use std::io::Write as _;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// The option of commands whose result a program may read.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Format {
    /// Print JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}

/// Prints a value as a line of JSON.
pub(crate) fn line(value: &impl Serialize) -> anyhow::Result<()> {
    let line = serde_json::to_string(value)?;
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

/// Returns a bar over `total` things, or a counter if the total is unknown.
pub(crate) fn bar(total: Option<u64>, what: &str) -> ProgressBar {
    let template = match total {
        Some(_) => "{bar:30} {pos}/{len} {msg}, {per_sec}, {eta} left",
        None => "{spinner} {pos} {msg}, {per_sec}",
    };
    let style = ProgressStyle::with_template(template).expect("the template is well formed");
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.with_style(style).with_message(what.to_owned())
}
