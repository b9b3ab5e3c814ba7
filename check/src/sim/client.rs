//! A person who reads, edits and saves the record, and repeats a save that got no response.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LINK};
use http::{Method, Request};
use ripple_core::auth::Caller;
use ripple_core::value::{Members, Value, parse};
use ripple_core::{Api, RecordId, RequestContext, limits};

use super::Sim;
use super::store::{Link, Table};
use crate::model::heard::{Heard, number, version};
use crate::model::record::new_record;
use crate::model::script::{Ask, Key, Step};
use crate::model::transcript::{Asked, Probe, Read, Reply, Save, What};

/// The smallest number in the text of a place that a writer sets.
const PLACES: u64 = 1_000;

/// The fate of a request between client and host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Well,
    RequestLost,
    AnswerLost,
}

/// One request to the record's path, or to a path below it.
#[derive(Clone)]
struct Errand {
    method: Method,
    path: String,
    media: Option<&'static str>,
    body: Vec<u8>,
    key: Option<String>,
}

impl Errand {
    fn get(path: String) -> Errand {
        Errand { method: Method::GET, path, media: None, body: Vec::new(), key: None }
    }

    fn request(self) -> Request<Bytes> {
        let mut request = Request::builder().method(self.method).uri(self.path);
        if let Some(key) = self.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(media) = self.media {
            request = request.header(CONTENT_TYPE, media);
        }
        request.body(self.body.into()).expect("a path of letters and digits")
    }
}

/// The record on a person's screen, from one phase to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Screen {
    pub(crate) view: Option<Members>,
    tombstone: Option<i64>,
    /// The last request, its base, and the record that the author saw.
    last: Option<(What, Option<i64>, Option<Members>)>,
    steps: usize,
}

impl Screen {
    pub(crate) fn showing(view: Option<Members>) -> Screen {
        Screen { view, ..Screen::default() }
    }

    fn see(&mut self, heard: &Heard) {
        match heard.status() {
            200 | 201 => self.view = heard.body().cloned(),
            410 => self.tombstone = heard.version(),
            204 => {
                let receipt = heard.answer().and_then(|answer| answer.receipt.as_ref());
                self.tombstone = receipt.map(|receipt| receipt.version);
            }
            _ => {}
        }
    }
}

/// A person.
#[derive(Clone)]
pub(crate) struct Client<S> {
    pub(crate) sim: Rc<Sim>,
    pub(crate) store: S,
    pub(crate) id: RecordId,
    pub(crate) name: String,
    pub(crate) api_key: String,
}

impl<S: Table> Client<S> {
    pub(crate) async fn play(self, steps: Vec<Step>, screen: Rc<RefCell<Screen>>) {
        for step in steps {
            let mut seen = screen.borrow().clone();
            seen.steps += 1;
            let by = format!("{}.{}", self.name, seen.steps);
            if step.reads {
                seen.see(&self.fetch(&by, &format!("/prj/{}", self.id)).await);
            }
            if let Some((what, base)) = self.compose(&step, &by, &seen) {
                let view = match step.ask {
                    Ask::Repeat => seen.last.as_ref().and_then(|(.., view)| view.clone()),
                    _ => seen.view.clone(),
                };
                seen.last = Some((what.clone(), base, view.clone()));
                let heard = self.save(by, &step, view, what.clone(), base).await;
                if step.ahead {
                    seen.view = seen.view.map(|view| edited(view, &what));
                } else {
                    seen.see(&heard);
                }
            }
            *screen.borrow_mut() = seen;
        }
    }

    /// Returns the request and its base. Returns `None` if the screen does not allow the request.
    fn compose(&self, step: &Step, by: &str, screen: &Screen) -> Option<(What, Option<i64>)> {
        let view = screen.view.as_ref();
        let fresh = || self.sim.scheduler.number();
        let edit = |record: &mut Members| {
            for edit in &step.edits {
                let number = fresh();
                edit.make(record, &format!("{by} #{number}"), PLACES + number);
            }
        };
        let shown = view.and_then(version);
        let based = |version: Option<i64>| if step.based { version } else { None };
        match step.ask {
            Ask::Put => {
                let mut record = view?.clone();
                edit(&mut record);
                let gone = view?.keys().filter(|name| !record.contains_key(*name)).cloned().collect::<Vec<_>>();
                record.extend(gone.into_iter().map(|name| (name, Value::Null)));
                Some((What::Put(without_version(record)), based(shown)))
            }
            Ask::Patch | Ask::MergePatch => {
                let mut record = view?.clone();
                edit(&mut record);
                let patch = difference(view?, &record);
                let what = if step.ask == Ask::Patch { What::Patch(patch) } else { What::MergePatch(patch) };
                Some((what, based(shown)))
            }
            Ask::Edit => {
                let mut record = view?.clone();
                edit(&mut record);
                let names =
                    view?.keys().chain(record.keys().filter(|name| !view.is_some_and(|v| v.contains_key(*name))));
                let changed: Vec<&String> =
                    names.filter(|name| view.and_then(|v| v.get(*name)) != record.get(*name)).collect();
                let seen =
                    changed.iter().filter_map(|name| Some(((*name).clone(), view?.get(*name)?.clone()))).collect();
                let set = changed.iter().map(|name| ((*name).clone(), record.get(*name).cloned())).collect();
                Some((What::Edit { seen, set }, based(shown)))
            }
            Ask::Revive => {
                let mut record = view.cloned().unwrap_or_else(|| new_record(by));
                edit(&mut record);
                record.insert("deleted".to_owned(), Value::Bool(false));
                Some((What::Put(without_version(record)), based(screen.tombstone)))
            }
            Ask::Create => {
                let mut record = new_record(&format!("{by} #{}", fresh()));
                edit(&mut record);
                Some((What::Create(record), None))
            }
            Ask::Delete => Some((What::Delete, None)),
            Ask::Restore(back) => Some((What::Restore((shown? - back - 1).max(0)), based(shown))),
            Ask::Repeat => screen.last.clone().map(|(what, base, _)| (what, base)),
        }
    }

    /// Sends a save, and repeats it as a client would.
    pub(crate) async fn save(
        &self,
        by: String,
        step: &Step,
        view: Option<Members>,
        what: What,
        base: Option<i64>,
    ) -> Heard {
        let transcript = &self.sim.transcript;
        let errand = self.errand(&by, step, &what, base);
        let saved = {
            let mut saves = transcript.saves.borrow_mut();
            let request = format!("{} {} {}", errand.method, errand.path, String::from_utf8_lossy(&errand.body));
            let (at, place) = (self.sim.scheduler.now(), transcript.place());
            let (by, key, api_key, unheard) = (by.clone(), errand.key.clone(), self.api_key.clone(), step.twice);
            saves.push(Save { by, what, view, base, api_key, key, request, unheard, at, place, heard: Vec::new() });
            saves.len() - 1
        };
        if step.twice {
            let (client, by, errand) = (self.clone(), by.clone(), errand.clone());
            self.sim.scheduler.under_way(async move {
                client.answer(&by, format!("{by}, a second time,"), errand).await;
            });
        }
        let mut heard = Heard::Nothing;
        for attempt in 0..=step.again {
            let who = if attempt == 0 { by.clone() } else { format!("{by}, again,") };
            let asked;
            (heard, asked) = self.answer(&by, who, errand.clone()).await;
            let (at, place) = (self.sim.scheduler.now(), transcript.place());
            transcript.saves.borrow_mut()[saved].heard.push(Reply { heard: heard.clone(), at, place, asked });
            if !heard.asks_again() {
                break;
            }
        }
        heard
    }

    fn errand(&self, by: &str, step: &Step, what: &What, base: Option<i64>) -> Errand {
        let record = format!("/prj/{}", self.id);
        let json = |members: Members| {
            serde_json::to_vec(&Value::Map(members)).expect("names are strings and numbers valid JSON")
        };
        let with_base = |members: &Members| {
            let mut members = members.clone();
            members.extend(base.map(|base| ("version".to_owned(), number(base))));
            json(members)
        };
        let mut media = None;
        let (method, path, body) = match what {
            What::Put(members) => (Method::PUT, record, with_base(members)),
            What::Patch(members) => (Method::PATCH, record, with_base(members)),
            What::MergePatch(members) => {
                media = Some("application/merge-patch+json");
                (Method::PATCH, record, with_base(members))
            }
            What::Edit { seen, set } => {
                media = Some("application/vnd.ripple.edit+json");
                let removed = set.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name.as_str().into());
                let body = Members::from([
                    ("seen".to_owned(), Value::Map(seen.clone())),
                    ("remove".to_owned(), Value::List(removed.collect())),
                    (
                        "set".to_owned(),
                        Value::Map(
                            set.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect(),
                        ),
                    ),
                ]);
                (Method::PATCH, record, with_base(&body))
            }
            What::Delete => (Method::DELETE, record, Vec::new()),
            What::Restore(version) => {
                let body = if base.is_some() { with_base(&Members::new()) } else { Vec::new() };
                (Method::POST, format!("{record}/versions/{version}"), body)
            }
            What::Create(members) => {
                let mut members = members.clone();
                members.insert("prj_id".to_owned(), self.id.as_str().into());
                (Method::POST, "/prj".to_owned(), with_base(&members))
            }
        };
        let key = match step.key {
            Key::None => None,
            Key::Own => Some(format!("{}/{by}", self.id)),
            Key::Shared(key) => Some(format!("{}/{key}", self.id)),
        };
        Errand { method, path, media, body, key }
    }

    /// Reads a path.
    pub(crate) async fn fetch(&self, by: &str, path: &str) -> Heard {
        let who = format!("{by}, before,");
        let (heard, _) = self.answer(by, who, Errand::get(path.to_owned())).await;
        self.sim.transcript.reads.borrow_mut().push(Read { by: by.to_owned(), heard: heard.clone() });
        heard
    }

    /// Returns the response to a request. `by` is the name under which ripple writes, and `who` is for the schedule.
    async fn answer(&self, by: &str, who: String, errand: Errand) -> (Heard, Rc<Asked>) {
        let Sim { scheduler, faults, transcript } = &*self.sim;
        let asked = Rc::new(Asked::default());
        let fate = faults.fate(scheduler, &[Fate::Well, Fate::AnswerLost, Fate::RequestLost]);
        if fate == Fate::RequestLost {
            transcript.tell(format_args!("{who} sends a request that is lost"));
            return (Heard::Nothing, asked);
        }
        let link = Link {
            sim: Rc::clone(&self.sim),
            store: self.store.clone(),
            by: by.to_owned(),
            who: who.clone(),
            asked: Rc::clone(&asked),
        };
        // Each save has its own name, so the history shows which save made a version.
        let caller = Some(Caller { name: by.to_owned(), ..Caller::checked_by_gateway(&self.api_key) });
        let moment = RequestContext { now: scheduler.now(), random: scheduler.bytes(&self.id), caller };
        let api = Api::new(link);
        let response = scheduler.unless_crashed(api.answer(errand.request(), moment)).await;
        let contended = asked.commits.get() >= limits::SAVE_TRIES && !asked.failed.get();
        let heard = match response {
            Some(response) if fate == Fate::Well => Heard::of(&response, contended),
            _ => Heard::Nothing,
        };
        transcript.tell(format_args!("{who} {}", heard.text()));
        (heard, asked)
    }

    /// Reads the whole history while no participant is active.
    pub(crate) async fn probe(&self) -> Probe {
        let api = Api::new(self.store.clone());
        let now = self.sim.scheduler.now();
        let get = async |path: String| {
            let caller = Some(Caller::checked_by_gateway("judge"));
            let moment = RequestContext { now, random: self.sim.scheduler.bytes(&self.id), caller };
            api.answer(Errand::get(path).request(), moment).await
        };
        let mut rows = Vec::new();
        let mut page = Some(format!("/prj/{}/versions", self.id));
        while let Some(path) = page {
            let answer = get(path).await;
            match parse(answer.body()) {
                Ok(Value::List(found)) => rows.extend(found),
                _ => break, // the record never existed
            }
            let link = answer.headers().get(LINK).and_then(|link| link.to_str().ok());
            let next = link.and_then(|link| Some(link.strip_prefix('<')?.split_once('>')?.0));
            page = next.map(|next| format!("/prj/{}/{next}", self.id));
        }
        let mut found = Vec::new();
        for row in rows {
            let Value::Map(row) = row else { continue };
            let Some(number) = version(&row) else { continue };
            let state = get(format!("/prj/{}/versions/{number}", self.id)).await;
            found.push((number, row, Heard::of(&state, false)));
        }
        Probe { at: now, place: self.sim.transcript.place(), rows: found }
    }
}

fn without_version(mut record: Members) -> Members {
    record.remove("version");
    record
}

/// Returns the view after a sent edit.
fn edited(mut view: Members, what: &What) -> Members {
    let What::Edit { set, .. } = what else { return view };
    for (name, value) in set {
        match value {
            Some(value) => drop(view.insert(name.clone(), value.clone())),
            None => drop(view.remove(name)),
        }
    }
    view
}

/// Returns the merge patch from one record to another. Lists are whole, and objects are compared member by member.
fn difference(before: &Members, after: &Members) -> Members {
    let mut patch = Members::new();
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    for (name, value) in after.iter().filter(|(name, value)| before.get(*name) != Some(*value)) {
        let value = match (before.get(name), value) {
            (Some(Value::Map(before)), Value::Map(after)) => Value::Map(difference(before, after)),
            _ => value.clone(),
        };
        patch.insert(name.clone(), value);
    }
    patch
}
