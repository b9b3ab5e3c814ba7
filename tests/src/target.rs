//! One case's view of a host.

use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderValue, Method};
use serde_json::Value;

use crate::{Answer, Call, Host, Record};

/// A host as one case sees it: with a name space of its own, and the session token of its last write, which it
/// sends along as a browser does a cookie.
pub struct Target {
    host: Arc<Host>,
    /// In every id and, as the attribute `run`, in every record of the case; in no record of anybody else's.
    pub run: String,
    ids: AtomicUsize,
    session: Mutex<Option<HeaderValue>>,
}

impl Target {
    /// A view that has seen nothing yet.
    #[must_use]
    pub fn new(host: Arc<Host>) -> Target {
        let run = format!("t{:011x}", fastrand::u64(..1 << 44));
        Target { host, run, ids: AtomicUsize::new(0), session: Mutex::new(None) }
    }

    /// Somebody else at the same host, who has seen nothing of this one's writes.
    #[must_use]
    pub fn stranger(&self) -> Target {
        Target::new(Arc::clone(&self.host))
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The key with only the scope `read`.
    #[must_use]
    pub fn read_key(&self) -> &str {
        self.host.read_key.as_deref().expect("a case that needs the read key runs only where there is one")
    }

    pub(crate) fn session(&self) -> Option<HeaderValue> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn remember_session(&self, token: HeaderValue) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    // Requests.

    /// Any request. `path` goes out as it stands.
    pub fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        Call::new(self, method, path.into())
    }

    /// `GET`
    pub fn get(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::GET, path)
    }

    /// `HEAD`
    pub fn head(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::HEAD, path)
    }

    /// `OPTIONS`
    pub fn options(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::OPTIONS, path)
    }

    /// `POST` of a JSON text.
    pub fn post(&self, path: impl Into<String>, body: impl Into<String>) -> Call<'_> {
        self.call(Method::POST, path).json(body)
    }

    /// `PUT` of a JSON text to a record.
    pub fn put(&self, id: &str, body: impl Into<String>) -> Call<'_> {
        self.call(Method::PUT, path(id)).json(body)
    }

    /// `PATCH` of a record with a merge patch.
    pub fn patch(&self, id: &str, body: impl Into<String>) -> Call<'_> {
        self.call(Method::PATCH, path(id)).json(body).header("content-type", "application/merge-patch+json")
    }

    /// `DELETE` of a record.
    pub fn delete(&self, id: &str) -> Call<'_> {
        self.call(Method::DELETE, path(id))
    }

    // Records.

    /// An id that no record has.
    #[must_use]
    pub fn fresh_id(&self) -> String {
        format!("{}-{:04}", self.run, self.ids.fetch_add(1, Ordering::Relaxed))
    }

    /// A new project with everything required, an id of its own, and the `run` of this case.
    #[must_use]
    pub fn project(&self) -> Record {
        Record::new(&self.fresh_id()).with("run", self.run.as_str())
    }

    /// Creates it.
    #[track_caller]
    pub fn create(&self, project: &Record) -> Answer {
        self.post("/prj", project.to_json()).send().expect(201)
    }

    /// Creates a project of which nothing matters but that it is there; gives its id.
    #[track_caller]
    pub fn some_project(&self) -> String {
        let project = self.project();
        self.create(&project);
        project.id().to_owned()
    }

    /// Creates a project and deletes it; gives its id.
    #[track_caller]
    pub fn some_tombstone(&self) -> String {
        let id = self.some_project();
        self.delete(&id).send().expect(204);
        id
    }

    /// The record as it is now.
    #[track_caller]
    pub fn read(&self, id: &str) -> Answer {
        self.get(path(id)).send().expect(200)
    }

    /// The state of a record, to see that it stays.
    #[track_caller]
    pub fn version(&self, id: &str) -> Version {
        let answer = self.read(id);
        Version { tag: answer.etag(), body: answer.text().to_owned() }
    }

    /// Sends `call`, which must be refused and must leave the record `id` as it was.
    #[track_caller]
    pub fn refused(&self, id: &str, call: Call<'_>, status: u16, code: &str) -> Answer {
        let before = self.version(id);
        let answer = call.send();
        answer.problem(status, code);
        assert_eq!(self.version(id), before, "{} was refused and yet changed the record", answer.asked());
        answer
    }

    // Lists.

    /// The path of the list of this case's records, with more parameters.
    #[must_use]
    pub fn list_path(&self, parameters: &str) -> String {
        match parameters {
            "" => format!("/prj?run={}", self.run),
            more => format!("/prj?run={}&{more}", self.run),
        }
    }

    /// This case's records, narrowed or ordered by more parameters.
    #[track_caller]
    pub fn list(&self, parameters: &str) -> Vec<Value> {
        self.pages(&self.list_path(parameters)).iter().flat_map(Answer::array).collect()
    }

    /// Their ids.
    #[track_caller]
    pub fn list_ids(&self, parameters: &str) -> Vec<String> {
        self.list(parameters).iter().map(id_of).collect()
    }

    /// Every page from `path` on, as `Link` leads.
    #[track_caller]
    pub fn pages(&self, path: &str) -> Vec<Answer> {
        let first = self.get(path).send().expect(200);
        let pages: Vec<Answer> =
            iter::successors(Some(first), |page| page.next().map(|next| self.get(next).send().expect(200)))
                .take(MOST_PAGES)
                .collect();
        assert!(pages.len() < MOST_PAGES, "{path}: the pages do not end");
        pages
    }
}

/// More than any walk of the suite should take, even through a table of some hundred thousand records.
const MOST_PAGES: usize = 5000;

/// A state of a record, as a caller sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct Version {
    /// Its entity tag.
    pub tag: String,
    /// Its JSON.
    pub body: String,
}

/// The path of a record.
pub(crate) fn path(id: &str) -> String {
    format!("/prj/{id}")
}

/// A text as the value of a parameter.
pub(crate) fn escape(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The id of a record in a list.
#[track_caller]
pub(crate) fn id_of(record: &Value) -> String {
    record["prj_id"].as_str().unwrap_or_else(|| panic!("{record} has no prj_id")).to_owned()
}
