//! Progress bars, which appear only on a terminal, on standard error.

use indicatif::{ProgressBar, ProgressStyle};

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
