//! Checks of the API's and the edge's answers.

use std::time::{Duration, SystemTime};

use humantime::format_duration;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ripple_core::auth::ApiKey;
use ripple_core::http::origin_secret::ORIGIN_SECRET;
use ripple_core::record::schema::Resource;
use ripple_core::replica::refresh::STALE;
use ureq::Agent;
use ureq::http::Response;

use super::{CLOCKS, Finding};

/// How long an answer may take. API Gateway gives up after 29 s.
const LIMIT: Duration = Duration::from_secs(30);
/// The number of tries, since records may be saved between the two requests.
const TRIES: usize = 3;

/// The parameter of `Cache-Status` by which a replica tells that the feed is silent.
const FEED_SILENT: &str = "detail=feed-silent";

/// Checks the API and the edge. `newest` is the request of [`newest`]. `secret` is shared by the API and the edge,
/// and is sent to no other host.
pub(super) fn look(
    url: &str,
    edge_url: Option<&str>,
    newest: &str,
    key: Option<&ApiKey>,
    secret: Option<&str>,
) -> Vec<Finding> {
    let config = Agent::config_builder().timeout_global(Some(LIMIT)).http_status_as_error(false);
    let hosts = Hosts { agent: config.build().into(), url, newest, key, secret };
    let mut findings = hosts.host("api", url);
    match edge_url {
        None => findings.push(Finding::good("edge", "not checked: give --edge-url, or set RIPPLE_EDGE_URL")),
        Some(edge_url) => {
            findings.extend(hosts.host("edge", edge_url));
            if findings.iter().all(|finding| finding.told.is_ok()) && key.is_some() {
                findings.push(hosts.freshness(edge_url));
                findings.push(hosts.edge(edge_url));
            }
        }
    }
    findings
}

/// Returns a request for the version of a resource's newest record.
pub(super) fn newest(resource: &Resource) -> String {
    let encoded = |name: &str| utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
    let (updated_at, version) = (encoded(&resource.names.updated_at), encoded(&resource.names.version));
    format!("/{}?limit=1&sort=-{updated_at}&fields={version}", resource.name)
}

struct Hosts<'a> {
    agent: Agent,
    url: &'a str,
    /// A request for the newest record's version. Its answer distinguishes two tables.
    newest: &'a str,
    key: Option<&'a ApiKey>,
    secret: Option<&'a str>,
}

type Answer = Response<String>;

impl Hosts<'_> {
    fn get(&self, base: &str, path: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
        let mut request = self.agent.get(format!("{}{path}", base.trim_end_matches('/')));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(secret) = self.secret.filter(|_| base == self.url) {
            request = request.header(ORIGIN_SECRET, secret);
        }
        let mut answer = request.call().map_err(|error| format!("{base} does not respond: {error}"))?;
        let body = answer
            .body_mut()
            .read_to_string()
            .map_err(|error| format!("the response of {base} is incomplete: {error}"))?;
        let (parts, _) = answer.into_parts();
        Ok(Response::from_parts(parts, body))
    }

    fn keyed(&self, base: &str, path: &str, newest: bool) -> Result<Answer, String> {
        let mut headers = Vec::from_iter(self.key.map(|key| ("x-api-key", key.reveal())));
        if newest {
            headers.push(("cache-control", "no-cache"));
        }
        self.get(base, path, &headers)
    }

    /// Checks that a host answers, has the right time, refuses requests without a key, and accepts the key.
    fn host(&self, what: &'static str, base: &str) -> Vec<Finding> {
        let health = match self.get(base, "/health", &[]) {
            Err(error) => return vec![Finding::bad(what, format!("{error}: check the URL and the deployment"))],
            Ok(answer) if answer.status() != 200 || !answer.body().contains(r#""status":"ok""#) => {
                let status = answer.status();
                return vec![Finding::bad(
                    what,
                    format!(
                        "{base}/health responds with {status}: check that the URL is ripple's and includes the stage"
                    ),
                )];
            }
            Ok(answer) => answer,
        };
        let mut findings = vec![Finding::good(what, format!("{base} responds"))];
        findings.push(clock(what, &health));
        findings.push(self.version(what, base));
        findings.push(match self.get(base, self.newest, &[]) {
            Ok(answer) if answer.status() == 403 => Finding::good(what, "refuses requests without a key"),
            Ok(answer) => Finding::bad(
                what,
                format!(
                    "responds with {} to a request without a key: check the proxies in front of it",
                    answer.status()
                ),
            ),
            Err(error) => Finding::bad(what, error),
        });
        if self.key.is_some() {
            findings.push(match self.keyed(base, self.newest, false) {
                Ok(answer) if answer.status() == 200 => Finding::good(what, "accepts the key"),
                Ok(answer) => {
                    Finding::bad(what, format!("responds with {} to the key: {}", answer.status(), said(&answer)))
                }
                Err(error) => Finding::bad(what, error),
            });
        }
        findings
    }

    /// Checks which version of ripple a host runs. The host's OpenAPI document states it.
    fn version(&self, what: &'static str, base: &str) -> Finding {
        let document = match self.get(base, "/openapi.json", &[]) {
            Ok(answer) if answer.status() == 200 => serde_json::from_str::<serde_json::Value>(answer.body()).ok(),
            Ok(answer) if answer.status() == 403 => {
                let told =
                    "responds with 403 to /openapi.json: if it requires the edge's secret, set RIPPLE_ORIGIN_SECRET";
                return Finding::bad(what, told);
            }
            Ok(answer) => {
                let status = answer.status();
                return Finding::bad(
                    what,
                    format!("responds with {status} to /openapi.json, so its version is unknown"),
                );
            }
            Err(error) => return Finding::bad(what, error),
        };
        let own = env!("CARGO_PKG_VERSION");
        match document.as_ref().and_then(|document| document["info"]["version"].as_str()) {
            Some(version) if version == own => Finding::good(what, format!("runs ripple {version}")),
            Some(version) => Finding::good(what, format!("runs ripple {version}; this program is {own}")),
            None => Finding::bad(what, "its /openapi.json has no version: check the proxies in front of it"),
        }
    }

    /// Checks the age of the edge's list, requested without `Cache-Control`.
    fn freshness(&self, edge_url: &str) -> Finding {
        let told = self.keyed(edge_url, self.newest, false).and_then(|answer| {
            let told = |name| header(&answer, name).unwrap_or("none");
            match answer.status().as_u16() {
                200 => Ok(format!("its list has Age: {}, Cache-Status: {}", told("age"), told("cache-status"))),
                status => Err(format!("responds with {status} to a list: {}", said(&answer))),
            }
        });
        Finding { what: "edge", told }
    }

    /// Checks that the edge reads the table that the API writes, keeps its list fresh, and is told of changes if it has a
    /// feed.
    fn edge(&self, edge_url: &str) -> Finding {
        let mut last = Err("it was not checked".to_owned());
        for _ in 0..TRIES {
            last = (|| {
                let (there, here) =
                    (self.keyed(self.url, self.newest, false)?, self.keyed(edge_url, self.newest, true)?);
                let age = header(&here, "age").and_then(|age| age.parse().ok()).map(Duration::from_secs);
                let Some(age) = age else {
                    return Err(format!("responds without Age, so not from a snapshot: {}", said(&here)));
                };
                if age > STALE {
                    return Err(format!(
                        "its list is {} old: it cannot read DynamoDB; check its credentials and AWS_REGION",
                        format_duration(age)
                    ));
                }
                if there.body() != here.body() {
                    return Err(
                        "shows other records than the API: check that RIPPLE_SITE, AWS_REGION and the account agree"
                            .to_owned(),
                    );
                }
                if header(&here, "cache-status").is_some_and(|status| status.contains(FEED_SILENT)) {
                    return Err(
                        "its list equals the API's, but for a minute or longer the feed has not told the replica \
                                of a change: check that the feed runs, and FeedUrls and FeedSecrets"
                            .to_owned(),
                    );
                }
                Ok(format!("its list equals the API's and is {} old", format_duration(age)))
            })();
            if last.is_ok() {
                break;
            }
        }
        Finding { what: "edge", told: last }
    }
}

/// Compares this machine's clock with the host's, as `Date` shows it (RFC 9110 §6.6.1).
fn clock(what: &'static str, answer: &Answer) -> Finding {
    let Some(there) = header(answer, "date").and_then(|date| httpdate::parse_http_date(date).ok()) else {
        return Finding::good(what, "sends no Date header");
    };
    let here = SystemTime::now();
    let apart = here.duration_since(there).unwrap_or_else(|error| error.duration());
    if apart <= CLOCKS {
        return Finding::good(what, "its clock agrees with this machine's");
    }
    let apart = format_duration(Duration::from_secs(apart.as_secs()));
    Finding::bad(what, format!("its clock differs from this machine's by {apart}: synchronize the wrong clock by NTP"))
}

/// Returns the text of a problem.
fn said(answer: &Answer) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_str(answer.body()).ok();
    let text = |name: &str| Some(problem.as_ref()?.get(name)?.as_str()?.to_owned());
    text("detail")
        .or_else(|| text("message"))
        .unwrap_or_else(|| "no problem details, so it may not be ripple".to_owned())
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use ripple_core::record::schema::Resources;

    use super::*;

    #[test]
    fn the_newest_record_is_that_of_the_first_resource_by_its_own_names() {
        let path = |members: &str| {
            let file = format!(
                r#"{{"title": "Task", "x-ripple": {{"resource": "task", "key": "ref"{members}}}, "type": "object"}}"#
            );
            newest(Resources::read(&[("task.json", file)]).expect("a valid file").first())
        };
        assert_eq!(path(""), "/task?limit=1&sort=-updated%5Fat&fields=version");
        let renamed = r#", "members": {"version": "rev", "updated_at": "at & on"}"#;
        assert_eq!(path(renamed), "/task?limit=1&sort=-at%20%26%20on&fields=rev");
    }
}
