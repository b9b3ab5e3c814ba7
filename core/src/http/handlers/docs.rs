//! `GET /docs`: a page that shows the OpenAPI document. The page loads files from the folder `docs` beside it, which
//! `ripple dev` and the edge serve as static files. On hosts without them, the page links to the document itself.

use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};

use super::{Answer, Call};
use crate::http::Error;
use crate::http::contract::{Contract, Success, TEXT};

/// Allows scripts, fonts and requests of the same origin only. Scalar writes styles into the page at run time.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

pub(crate) const CONTRACT: Contract =
    Contract::of(Success { body: Some(("text/html", TEXT)), ..Success::json("The page.", TEXT) });

pub(crate) fn run<S>(call: &Call<'_, S>) -> Result<Answer, Error> {
    let documents = call.documents.ok_or(Error::NoSuchResource)?;
    Ok(Answer::json(documents.page.clone())
        .with_header(CONTENT_TYPE, "text/html; charset=utf-8")
        .with_header(CONTENT_SECURITY_POLICY, POLICY)
        .with_header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .with_header(X_FRAME_OPTIONS, "DENY")
        .with_header(REFERRER_POLICY, "no-referrer"))
}
