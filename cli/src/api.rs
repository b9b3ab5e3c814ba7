//! The HTTP API, as a command asks it.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use ripple_host::environment;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Method, Request, Response};

use crate::dev_file::DevFile;
use crate::target;

/// How long an answer may take. API Gateway gives up after 29 s.
const LIMIT: Duration = Duration::from_secs(60);

/// The API refused the request, and nothing was changed.
const REFUSED: u8 = 3;
/// The API did not answer, or could not say whether the write was made.
const NO_ANSWER: u8 = 4;

/// The exit codes of commands that ask the API.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  another failure
  2  the arguments are not valid
  3  the API refused the request, and nothing was changed
  4  the API did not answer, or could not say whether the write was made: the same command may be sent again";

/// The options of a command that asks the API.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "API")]
pub(crate) struct Options {
    /// Base URL of the API or of an edge, including its stage [default: the `ripple dev` that runs in --data].
    /// The key is in RIPPLE_KEY, otherwise it is that of the `ripple dev`
    #[arg(long, env = "RIPPLE_URL", value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    chosen: target::Chosen,
}

/// A resource of an API, and a key for it.
pub(crate) struct Api {
    agent: Agent,
    url: String,
    key: String,
    /// The resource's name.
    pub(crate) resource: String,
    /// The member that is the key of a record.
    pub(crate) key_name: String,
    /// The member that is the version of a record.
    pub(crate) version_name: String,
}

/// An answer of the API that is a success.
pub(crate) struct Answer {
    response: Response<String>,
}

/// Why a command has another exit code than 1.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    told: String,
}

impl Failure {
    /// Reports whether the write may have been made.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.code == NO_ANSWER
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

impl std::error::Error for Failure {}

impl Options {
    /// Returns the API that the options and the environment name.
    pub(crate) fn open(&self, connection: &target::Options) -> anyhow::Result<Api> {
        let dev = DevFile::of_running(&connection.data);
        let url = self.url.clone().filter(|url| !url.is_empty());
        // The key of a `ripple dev` is for no other host.
        let of_dev = dev.as_ref().filter(|dev| {
            url.as_ref().is_none_or(|url| *url == dev.url || dev.edge_url.as_ref().is_some_and(|edge| edge == url))
        });
        let key = environment("RIPPLE_KEY").or_else(|| of_dev.map(|dev| dev.key.clone()));
        let url = url.or_else(|| dev.as_ref().map(|dev| dev.url.clone()));
        if url.is_none() {
            DevFile::refuse_ended(&connection.data, "select another API with --url or RIPPLE_URL")?;
        }
        let url = url.context("the URL of the API is unknown: give --url, or set RIPPLE_URL")?;
        let key = key.context("there is no key: set RIPPLE_KEY")?;
        let resources = connection.resources()?;
        let resource = self.chosen.of(&resources)?;
        let config = Agent::config_builder().timeout_global(Some(LIMIT)).http_status_as_error(false);
        Ok(Api {
            agent: config.build().into(),
            url: url.trim_end_matches('/').to_owned(),
            key,
            resource: resource.name.clone(),
            key_name: resource.names.key.to_string(),
            version_name: resource.names.version.to_string(),
        })
    }
}

impl Api {
    /// Returns the path of a record, whatever its id.
    pub(crate) fn path(&self, id: &str) -> String {
        let id = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC);
        format!("/{}/{id}", self.resource)
    }

    /// Sends a request, and returns its answer if it is a success.
    pub(crate) fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> anyhow::Result<Answer> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        request = request.header("x-api-key", &self.key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let failed = |told: String| Failure { code: NO_ANSWER, told };
        let sent = match body {
            Some(body) => self.agent.run(request.body(body).context("the request is not valid")?),
            None => self.agent.run(request.body(()).context("the request is not valid")?),
        };
        let mut response = sent.map_err(|error| failed(format!("{} does not respond: {error}", self.url)))?;
        // A page has 5 MB, and one record more.
        let read = response.body_mut().with_config().limit(64 * 1024 * 1024).read_to_string();
        let body = read.map_err(|error| failed(format!("the response of {} is incomplete: {error}", self.url)))?;
        let (parts, _) = response.into_parts();
        let answer = Answer { response: Response::from_parts(parts, body) };
        let status = answer.response.status();
        if status.is_success() {
            return Ok(answer);
        }
        let code = if status.is_server_error() { NO_ANSWER } else { REFUSED };
        Err(Failure { code, told: answer.problem() }.into())
    }
}

impl Answer {
    /// Returns the body.
    pub(crate) fn body(&self) -> &str {
        self.response.body()
    }

    /// Returns the body as JSON.
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(self.body()).context("the response is not JSON, so it may not be ripple's")
    }

    /// Returns a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Returns the path of the next page. A link is relative to the resource's folder.
    pub(crate) fn next(&self, folder: &str) -> Option<String> {
        let target = self.header("link")?.strip_prefix('<')?.strip_suffix(r#">; rel="next""#)?;
        Some(format!("{folder}{target}"))
    }

    /// Returns what a problem says, with each of its faults.
    fn problem(&self) -> String {
        let status = self.response.status();
        let Ok(problem) = serde_json::from_str::<Value>(self.body()) else {
            return format!("{status}, without problem details, so it may not be ripple");
        };
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let detail = [text(&problem, "detail"), text(&problem, "message")].into_iter().find(|text| !text.is_empty());
        let mut told = format!("{} {}: {}", status.as_u16(), text(&problem, "code"), detail.unwrap_or_default());
        for fault in problem["errors"].as_array().into_iter().flatten() {
            let place = ["pointer", "parameter", "header"].iter().find_map(|place| fault[*place].as_str());
            told.push_str(&format!("; {} {}", place.unwrap_or_default(), text(fault, "detail")));
        }
        told
    }
}
