//! Generates the headers of the edge's static files, which are those of the API's own answers.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::Request;
use ripple_core::store::memory::Memory;
use ripple_core::{Api, Documents, RequestContext, Timestamp};

/// The resources of the API that the edge serves as files.
const FILES: [&str; 2] = ["/docs", "/openapi.json"];
/// The headers of the page `/app`, which has only files of its own. The demonstration shows the page in two frames of
/// itself.
pub const APP: [(&str, &str); 6] = [
    ("content-type", "text/html; charset=utf-8"),
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "SAMEORIGIN"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-cache"),
];
/// The page at `/`, which leads a browser to the others.
pub const FIRST_PAGE: &str = include_str!("../site/index.html");
/// The headers of that page.
pub const FIRST: [(&str, &str); 6] = [
    ("content-type", "text/html; charset=utf-8"),
    (
        "content-security-policy",
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-cache"),
    ("vary", "accept"),
];
/// The header by which the page's service worker, which is one of the files in `/app/`, may serve the page itself.
pub const APP_WORKER: (&str, &str) = ("service-worker-allowed", "../app");
/// Headers that belong to one answer, or that the server of the file sets.
const OWN: [&str; 2] = ["x-request-id", "content-length"];

/// Returns the file `_headers`: <https://developers.cloudflare.com/workers/static-assets/headers/>
pub(crate) fn headers() -> Result<String> {
    let mut text = format!("# Made of the API's own answers: `{}` writes it.\n", crate::COMMAND);
    for path in FILES {
        write!(text, "\n{path}\n")?;
        for (name, value) in answer(path)?.headers() {
            if !OWN.contains(&name.as_str()) {
                writeln!(text, "  {name}: {}", value.to_str()?)?;
            }
        }
    }
    for (path, headers) in [("/app", APP), ("/", FIRST)] {
        writeln!(text, "\n{path}")?;
        for (name, value) in headers {
            writeln!(text, "  {name}: {value}")?;
        }
    }
    // The files of the pages, whose names stay the same when their content changes.
    for files in ["/docs/*", "/app/*"] {
        write!(text, "\n{files}\n  allow: GET, HEAD\n  cache-control: no-cache\n  x-content-type-options: nosniff\n")?;
    }
    let (name, value) = APP_WORKER;
    write!(text, "\n/app/offline.js\n  {name}: {value}\n")?;
    Ok(text)
}

fn answer(path: &str) -> Result<http::Response<Bytes>> {
    // Only the headers of the answers are used here.
    let api = Api::new(Memory::new()).documented(Documents { openapi: Bytes::from_static(b"{}"), page: Bytes::new() });
    let moment = RequestContext { now: Timestamp(0), random: [0; 32], caller: None };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let response = runtime.block_on(api.answer(Request::get(path).body(Bytes::new())?, moment));
    ensure!(response.status() == 200, "{path} is answered with {}", response.status());
    Ok(response)
}
