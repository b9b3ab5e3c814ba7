//! The check that the core has no platform.
//!
//! For a Worker and for a WASI host, none of its dependencies holds a clock, a source of randomness, sockets or an
//! executor. `core/clippy.toml` lists the calls of std that its own code may not make. The step `clippy` reads it, and
//! compiles the core for both hosts.

use anyhow::{Result, bail};

use crate::process::output;
use crate::toolchain::Target;
use crate::workspace::cargo;

const CORE: &str = "ripple-core";

/// Crates that bring a platform, and the part that they bring.
const PLATFORMS: &[(&str, &str)] = &[
    ("async-std", "an executor"),
    ("chrono", "a clock"),
    ("futures-executor", "an executor"),
    ("getrandom", "randomness"),
    ("hyper", "an HTTP stack"),
    ("instant", "a clock"),
    ("js-sys", "JavaScript's platform"),
    ("mio", "sockets"),
    ("reqwest", "an HTTP stack"),
    ("rustls", "TLS"),
    ("smol", "an executor"),
    ("socket2", "sockets"),
    ("tokio-util", "an executor"),
    ("wasi", "WASI's platform"),
    ("wasm-bindgen", "JavaScript's platform"),
    ("web-time", "a clock"),
];

/// The features of tokio that run anywhere: channels and locks, which the SDK's interfaces use.
const TOKIO_ANYWHERE: &[&str] = &["default", "sync"];

/// The step `portable`.
pub(crate) fn check() -> Result<()> {
    for target in [Target::Web, Target::Wasi] {
        let tree = output(cargo("tree").args([
            "--package",
            CORE,
            "--edges=normal,no-proc-macro",
            "--prefix=none",
            "--format={p}|{f}",
            "--target",
            target.triple(),
        ]))?;
        if let Some(found) = platform_in(&tree) {
            bail!("{CORE} for {} depends on {found}; `cargo tree -i` shows why", target.triple());
        }
    }
    Ok(())
}

/// Returns the first crate in a dependency tree that brings a platform. A line is `name version|features`.
fn platform_in(tree: &str) -> Option<String> {
    tree.lines().find_map(|line| {
        // A repeated crate has an asterisk in place of its dependencies.
        let (package, features) = line.trim_end_matches(" (*)").split_once('|')?;
        let name = package.split_whitespace().next()?;
        if name == "tokio" {
            let feature =
                features.split(',').find(|feature| !feature.is_empty() && !TOKIO_ANYWHERE.contains(feature))?;
            return Some(format!("tokio's feature `{feature}`"));
        }
        let (_, brings) = PLATFORMS.iter().find(|(platform, _)| *platform == name)?;
        Some(format!("`{name}` ({brings})"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_crates_and_the_portable_part_of_tokio_are_let_in() {
        let tree = "ripple-core v0.1.0 (/ripple/core)|\nbytes v1.12.1|default,std\ntokio v1.54.1|default,sync (*)\n";
        assert_eq!(platform_in(tree), None);
        assert_eq!(platform_in("tokio v1.54.1|"), None);
    }

    #[test]
    fn a_platform_is_named() {
        assert_eq!(platform_in("a v1|\ngetrandom v0.3.4|std\n").as_deref(), Some("`getrandom` (randomness)"));
        assert_eq!(platform_in("tokio v1.54.1|default,rt,sync (*)").as_deref(), Some("tokio's feature `rt`"));
    }
}
