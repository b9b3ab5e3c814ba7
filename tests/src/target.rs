//! One case's view of a host.

use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderValue, Method};
use serde_json::Value;

use crate::{Answer, Body, Call, Host, Kit, Record};

/// A host as one case sees it. It has its own name space. It sends the session token of its last write, as a browser
/// sends a cookie.
pub struct Target {
    host: Arc<Host>,
    /// The resource that the case is about.
    pub kit: &'static Kit,
    /// A text in every id and in the attribute `run` of every record of the case, and in no other record.
    pub run: String,
    /// How every id of the case begins: with `run`, after the number of an id that has one.
    pub stem: String,
    ids: AtomicUsize,
    session: Mutex<Option<HeaderValue>>,
}

impl Target {
    /// Returns a view without a session token.
    #[must_use]
    pub fn new(host: Arc<Host>, kit: &'static Kit) -> Target {
        let run = format!("t{:011x}", fastrand::u64(..1 << 44));
        let number = kit.number_key.map(|_| format!("{},", fastrand::u32(..)));
        let stem = number.unwrap_or_default() + &run;
        Target { host, kit, run, stem, ids: AtomicUsize::new(0), session: Mutex::new(None) }
    }

    /// Returns another client of the same host, which has not seen this client's writes.
    #[must_use]
    pub fn stranger(&self) -> Target {
        Target::new(Arc::clone(&self.host), self.kit)
    }

    /// Returns another client, of another resource of the same host.
    #[must_use]
    pub fn elsewhere(&self) -> Target {
        Target::new(Arc::clone(&self.host), self.kit.other())
    }

    /// Returns the host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the key with only the scope `read`.
    #[must_use]
    pub fn read_key(&self) -> &str {
        self.host.keys.read_key.as_deref().expect("a case that needs the read key runs only where there is one")
    }

    /// Returns the key with only the scope `prj:read`.
    #[must_use]
    pub fn prj_read_key(&self) -> &str {
        self.host.keys.prj_read_key.as_deref().expect("a case that needs this key runs only where there is one")
    }

    pub(crate) fn session(&self) -> Option<HeaderValue> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn remember_session(&self, token: HeaderValue) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    // Requests.

    /// Returns a request. `path` is sent unchanged.
    pub fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        Call::new(self, method, path.into())
    }

    /// Returns a `GET`.
    pub fn get(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::GET, path)
    }

    /// Returns a `HEAD`.
    pub fn head(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::HEAD, path)
    }

    /// Returns an `OPTIONS`.
    pub fn options(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::OPTIONS, path)
    }

    /// Returns a `POST` of a JSON text.
    pub fn post(&self, path: impl Into<String>, body: impl Body) -> Call<'_> {
        self.call(Method::POST, path).json(body)
    }

    /// Returns a `PUT` of a JSON text to a record.
    pub fn put(&self, id: &str, body: impl Body) -> Call<'_> {
        self.call(Method::PUT, self.path(id)).json(body)
    }

    /// Returns a `PATCH` of a record with a merge patch.
    pub fn patch(&self, id: &str, body: impl Body) -> Call<'_> {
        self.call(Method::PATCH, self.path(id)).json(body).header("content-type", "application/merge-patch+json")
    }

    /// Returns a `DELETE` of a record.
    pub fn delete(&self, id: &str) -> Call<'_> {
        self.call(Method::DELETE, self.path(id))
    }

    // Records.

    /// Returns an id that no record has.
    #[must_use]
    pub fn fresh_id(&self) -> String {
        format!("{}-{:04}", self.stem, self.ids.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns the path of a record.
    #[must_use]
    pub fn path(&self, id: &str) -> String {
        format!("{}/{id}", self.kit.path)
    }

    /// Returns a valid record to send, with its own id and the `run` of this case.
    #[must_use]
    pub fn draft(&self) -> Record {
        Record::new(self.kit, &self.fresh_id()).with("run", self.run.as_str())
    }

    /// Creates the record.
    #[track_caller]
    pub fn create(&self, draft: &Record) -> Answer {
        self.post(self.kit.path, draft.to_json()).send().expect(201)
    }

    /// Creates any record and returns its id.
    #[track_caller]
    pub fn some_record(&self) -> String {
        let draft = self.draft();
        self.create(&draft);
        draft.id().to_owned()
    }

    /// Creates a record, deletes it, and returns its id.
    #[track_caller]
    pub fn some_tombstone(&self) -> String {
        let id = self.some_record();
        self.delete(&id).send().expect(204);
        id
    }

    /// Returns the current record.
    #[track_caller]
    pub fn read(&self, id: &str) -> Answer {
        self.get(self.path(id)).send().expect(200)
    }

    /// Returns the state of a record, for comparisons.
    #[track_caller]
    pub fn version(&self, id: &str) -> Version {
        let answer = self.read(id);
        Version { tag: answer.etag(), body: answer.text().to_owned() }
    }

    /// Sends `call`, and asserts that it is refused and leaves the record `id` as it was.
    #[track_caller]
    pub fn refused(&self, id: &str, call: Call<'_>, status: u16, code: &str) -> Answer {
        let before = self.version(id);
        let answer = call.send();
        answer.problem(status, code);
        assert_eq!(self.version(id), before, "{} was refused and yet changed the record", answer.asked());
        answer
    }

    // Lists.

    /// Returns the path of the list of this case's records, with more parameters.
    #[must_use]
    pub fn list_path(&self, parameters: &str) -> String {
        let path = self.kit.path;
        match parameters {
            "" => format!("{path}?run={}", self.run),
            more => format!("{path}?run={}&{more}", self.run),
        }
    }

    /// Returns this case's records, narrowed or ordered by more parameters.
    #[track_caller]
    pub fn list(&self, parameters: &str) -> Vec<Value> {
        self.pages(&self.list_path(parameters)).iter().flat_map(Answer::array).collect()
    }

    /// Returns the ids of these records.
    #[track_caller]
    pub fn list_ids(&self, parameters: &str) -> Vec<String> {
        self.list(parameters).iter().map(|record| self.id_of(record)).collect()
    }

    /// Returns the id of a record.
    #[track_caller]
    pub fn id_of(&self, record: &Value) -> String {
        let key = self.kit.key;
        let text = record[key].as_str().unwrap_or_else(|| panic!("{record} has no {key}"));
        match self.kit.number_key {
            Some(number) => format!("{},{text}", record[number]),
            None => text.to_owned(),
        }
    }

    /// Returns members together with those of an id.
    #[must_use]
    pub fn with_key(&self, id: &str, mut members: Value) -> Value {
        for (name, value) in self.kit.key_members(id) {
            members[name] = value;
        }
        members
    }

    /// Returns every page from `path` on, along `Link`.
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

/// More pages than the suite should follow, even in a table of some hundred thousand records.
const MOST_PAGES: usize = 5000;

/// A state of a record, as a client sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct Version {
    /// The entity tag.
    pub tag: String,
    /// The JSON.
    pub body: String,
}

/// Returns a text as the value of a parameter.
pub(crate) fn escape(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
