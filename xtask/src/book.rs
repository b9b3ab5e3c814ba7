//! `cargo xtask book`: the documents as a site. mdBook builds it. The pages keep the paths that their documents have in
//! the project, so every link between documents works in both.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::process::run;
use crate::tools;
use crate::workspace::{self, root};

/// Assembles the documents, builds the site, and checks its links.
pub(crate) fn build() -> Result<()> {
    let folder = workspace::target()?.join("book");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let source = folder.join("src");
    copy(&root().join("book/book.toml"), &folder.join("book.toml"))?;
    assemble(&source)?;
    run(Command::new(tools::MDBOOK.ready()?).arg("build").arg(&folder))?;
    let site = folder.join("book");
    check_links(&site)?;
    println!("the site is in {}", site.display());
    Ok(())
}

/// Copies the chapters, and each file of the project that they link to.
fn assemble(source: &Path) -> Result<()> {
    let summary = fs::read_to_string(root().join("book/SUMMARY.md"))?;
    write(&source.join("SUMMARY.md"), &as_page(&summary))?;
    for chapter in targets(&summary) {
        let text = fs::read_to_string(root().join(chapter)).with_context(|| format!("there is no {chapter}"))?;
        write(&source.join(as_page(chapter)), &as_page(&text))?;
        let place = Path::new(chapter).parent().expect("a chapter is a file");
        for target in targets(&text).filter(|target| !target.contains(':') && !target.ends_with(".md")) {
            let linked = normal(&place.join(target));
            if root().join(&linked).is_file() {
                copy(&root().join(&linked), &source.join(&linked))?;
            }
        }
    }
    Ok(())
}

/// Returns a text with the names of pages: mdBook makes `index.html` of `README.md`, and leaves links to it as they are.
fn as_page(text: &str) -> String {
    text.replace("README.md", "index.md")
}

/// Returns the targets of the links of a Markdown text, without their anchors.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    links.map(|(target, _)| target.split('#').next().unwrap_or_default()).filter(|target| !target.is_empty())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    make_folder_of(to)?;
    fs::copy(from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
    Ok(())
}

fn write(to: &Path, text: &str) -> Result<()> {
    make_folder_of(to)?;
    fs::write(to, text).with_context(|| format!("{} cannot be written", to.display()))
}

fn make_folder_of(file: &Path) -> Result<()> {
    let folder = file.parent().expect("it is in a folder");
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))
}

/// Returns a path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
}

/// Fails if a link within the site leads to no page, or to an anchor that its page does not have.
fn check_links(site: &Path) -> Result<()> {
    let mut pages = BTreeMap::new();
    collect(site, &mut pages)?;
    let mut broken = BTreeSet::new();
    for (page, text) in &pages {
        let place = page.parent().expect("a page is a file");
        for link in attributes(text, "href").filter(|link| !link.contains(':') && !link.starts_with("//")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let linked = if path.is_empty() { page.clone() } else { normal(&place.join(path)) };
            let leads = match pages.get(&linked) {
                Some(text) => anchor.is_empty() || attributes(text, "id").any(|id| id == anchor),
                None => linked.is_file() && anchor.is_empty(),
            };
            if !leads {
                let page = page.strip_prefix(site).unwrap_or(page);
                broken.insert(format!("{} links to {link}", page.display()));
            }
        }
    }
    ensure!(broken.is_empty(), "{}", broken.into_iter().collect::<Vec<_>>().join("\n"));
    Ok(())
}

fn collect(folder: &Path, pages: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // One repeats all others, with anchors of its own. The other is for any address of a server.
        let is_other = path.file_name().is_some_and(|name| name == "print.html" || name == "404.html");
        if path.is_dir() {
            collect(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "html") && !is_other {
            pages.insert(path.clone(), fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// Returns the values of an attribute in a page.
fn attributes<'a>(page: &'a str, name: &'static str) -> impl Iterator<Item = &'a str> {
    page.split(&*format!(" {name}=\""))
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap_or_default())
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_without_their_anchors() {
        let text = "[a](docs/API.md#saving) and [b](#here), [c](https://example.org)";
        assert_eq!(targets(text).collect::<Vec<_>>(), ["docs/API.md", "https://example.org"]);
        assert_eq!(normal(Path::new("docs/../core/src/lib.rs")), Path::new("core/src/lib.rs"));
    }

    #[test]
    fn a_link_that_leads_nowhere_is_an_error() {
        let site = std::env::temp_dir().join(format!("ripple-book-{}", std::process::id()));
        fs::create_dir_all(&site).unwrap();
        fs::write(site.join("a.html"), r#"<h1 id="top"></h1><a href="b.html#there">b</a><a href="a.html#top">a</a>"#)
            .unwrap();
        fs::write(site.join("b.html"), r#"<p id="there"></p>"#).unwrap();
        check_links(&site).unwrap();
        fs::write(site.join("b.html"), "<p></p>").unwrap();
        assert_eq!(check_links(&site).unwrap_err().to_string(), "a.html links to b.html#there");
        fs::remove_dir_all(&site).unwrap();
    }
}
