//! Generates the headers of the edge's static files, which are those of the API's own answers.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::Request;
use ripple_core::store::memory::Memory;
use ripple_core::{Api, Documents, RequestContext, Timestamp};

/// The resources of the API that the edge serves as files.
const FILES: [&str; 2] = ["/docs", "/openapi.json"];
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
    // The page's scripts, whose names stay the same when their content changes.
    text.push_str("\n/docs/*\n  allow: GET, HEAD\n  cache-control: no-cache\n  x-content-type-options: nosniff\n");
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
