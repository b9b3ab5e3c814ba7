//! Progress bars: on a terminal only, on standard error.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `total` things, or a count where that is not known.
pub(crate) fn bar(total: Option<u64>, what: &str) -> ProgressBar {
    let template = match total {
        Some(_) => "{bar:30} {pos}/{len} {msg}, {per_sec}, {eta} left",
        None => "{spinner} {pos} {msg}, {per_sec}",
    };
    let style = ProgressStyle::with_template(template).expect("the template is well formed");
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.with_style(style).with_message(what.to_owned())
}
