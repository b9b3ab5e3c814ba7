//! The static files of the edge, which `ripple dev` serves too: the page `/app`, and what the page `/docs` loads.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::node::{self, Package};
use crate::process::run;
use crate::workspace::{self, root};

/// The program that shows the OpenAPI document.
const SCALAR: Package = Package {
    name: "@scalar/api-reference",
    version: "1.72.1",
    integrity: "sha512-XpEJ0rfc/cXbCrR+iC4kK0o/WwX2dTtGQbT049OlPKAHD6IMIFdTeGz2r+M27P2EDWKyUITRm/NzlP8z2pw/Ow==",
};

/// Returns the folder of the files. wrangler.toml has the same path.
pub(crate) fn folder() -> PathBuf {
    root().join("edge/site")
}

/// Assembles the files, unless they are there already. The document is that of the files in `resources/`.
pub(crate) fn build() -> Result<()> {
    let deploy = root().join("deploy");
    copy(&node::file_of(&SCALAR, "dist/browser/standalone.js")?, "docs/scalar.js")?;
    copy(&deploy.join("site/docs/page.js"), "docs/page.js")?;
    copy(&deploy.join("site/docs.html"), "docs.html")?;
    copy(&deploy.join("site/index.html"), "index.html")?;
    copy(&deploy.join("site/_headers"), "_headers")?;
    copy(&root().join("edge/openapi.json"), "openapi.json")?;
    build_app()
}

/// Bundles the page `/app` with the client in `clients/typescript`.
fn build_app() -> Result<()> {
    let app = root().join("app");
    let made = workspace::target()?.join("xtask").join("app");
    for (source, name) in [("src/main.ts", "app.js"), ("app.css", "app.css")] {
        let mut esbuild = node::command("esbuild")?;
        esbuild.arg(app.join(source)).args(["--bundle", "--minify", "--format=esm", "--target=es2022"]);
        esbuild.arg(format!("--outfile={}", made.join(name).display()));
        run(esbuild.arg("--log-level=warning"))?;
        copy(&made.join(name), &format!("app/{name}"))?;
    }
    for name in ["icon.svg", "offline.js"] {
        copy(&app.join(name), &format!("app/{name}"))?;
    }
    copy(&app.join("app.html"), "app.html")
}

fn copy(from: &Path, to: &str) -> Result<()> {
    let text = fs::read(from).with_context(|| format!("{} cannot be read", from.display()))?;
    let to = folder().join(to);
    if fs::read(&to).is_ok_and(|there| there == text) {
        return Ok(()); // a watching `wrangler dev` would see a change
    }
    let parent = to.parent().expect("it is in a folder");
    fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
    fs::write(&to, text).with_context(|| format!("{} cannot be written", to.display()))
}
