//! Somebody who reads the record, edits it and saves it, and sends a save again when they do not hear of it.

use std::rc::Rc;

use bytes::Bytes;
use http::header::LINK;
use http::{Method, Request};
use ripple_core::key::Caller;
use ripple_core::store::{Capacity, Consistency};
use ripple_core::value::{Members, Value, parse};
use ripple_core::{Api, Moment, Record, RecordId};

use crate::heard::{Heard, version};
use crate::script::{Ask, Edit, Foreign, Id, Script, Step, foreign_record, new_record};
use crate::table::{Asked, Link, Table, look};
use crate::world::{Operation, World};

/// A save that somebody asked for, once or more.
#[derive(Debug)]
pub(crate) struct Sent {
    /// The name that it is written under.
    pub(crate) by: String,
    pub(crate) what: What,
    /// What its author had in front of them.
    pub(crate) view: Option<Members>,
    /// The version it says it was made on.
    pub(crate) base: Option<u64>,
    pub(crate) keyed: bool,
    /// Whether one was sent that nobody waited for.
    pub(crate) unheard: bool,
    /// What came back, for each time that it was sent.
    pub(crate) heard: Vec<Heard>,
    /// What each of them asked of the table.
    pub(crate) asked: Vec<Rc<Asked>>,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Put(Members),
    Patch(Members),
    Create(Members),
    Delete,
    Restore(u64),
}

/// What becomes of a request between client and host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Well,
    RequestLost,
    AnswerLost,
}

/// One request to the record's path, or below it.
#[derive(Clone)]
struct Errand {
    method: Method,
    path: String,
    body: Vec<u8>,
    key: Option<String>,
}

impl Errand {
    fn get(path: String) -> Errand {
        Errand { method: Method::GET, path, body: Vec::new(), key: None }
    }

    fn request(self) -> Request<Bytes> {
        let mut request = Request::builder().method(self.method).uri(self.path);
        if let Some(key) = self.key {
            request = request.header("idempotency-key", key);
        }
        request.body(self.body.into()).expect("a path of letters and digits")
    }
}

/// Who writes what.
#[derive(Clone)]
pub(crate) struct Writer<S> {
    pub(crate) world: Rc<World>,
    pub(crate) store: S,
    pub(crate) id: RecordId,
    pub(crate) name: String,
}

impl<S: Table> Writer<S> {
    /// Plays a part. `view` is what the record was when this began.
    pub(crate) async fn play(self, script: Script, view: Option<Members>) {
        match script {
            Script::Writer(steps) => self.save_all(steps, view).await,
            Script::Foreign(times, what) => {
                for _ in 0..times {
                    self.world.turn(Operation::Write).await;
                    self.put(what).await;
                }
            }
        }
    }

    /// As the article's function does it.
    pub(crate) async fn put(&self, what: Foreign) {
        let who = format!("{} {}", self.name, self.world.number());
        let found = self.store.get(&self.id, Consistency::Strong, &mut Capacity::default()).await.ok().flatten();
        let found = found.filter(|found| what == Foreign::Edited && !found.is_deleted());
        let told = if found.is_some() { "puts the item as it is, edited" } else { "puts the item whole" };
        let attributes = match found {
            Some(Record { mut attributes, .. }) => {
                let text = format!("edited by {who}");
                for edit in [Edit::Add(9, Id::Writer), Edit::Set("goal")] {
                    edit.make(&mut attributes, &text);
                }
                attributes
            }
            None => foreign_record(&who),
        };
        let (id, version, updated_at, updated_by, tombstone) = (self.id.clone(), 0, None, None, None);
        // It counts in its own way, or not at all.
        let stray = (what == Foreign::Anew).then_some(Value::Bool(true));
        self.store.put(Record { id, version, stray, updated_at, updated_by, tombstone, attributes });
        self.world.tell(format_args!("{} {told}", self.name));
        look(&self.world, &self.store, &self.id).await;
    }

    async fn save_all(&self, steps: Vec<Step>, mut view: Option<Members>) {
        let mut tombstone = None;
        for (number, step) in steps.into_iter().enumerate() {
            let by = format!("{}.{}", self.name, number + 1);
            if step.reads {
                let heard = self.fetch(&by, &format!("/prj/{}", self.id)).await;
                see(&heard, &mut view, &mut tombstone);
            }
            let Some((what, base)) = self.compose(&step, &by, view.as_ref(), tombstone) else { continue };
            let heard = self.save(by, &step, view.clone(), what, base).await;
            see(&heard, &mut view, &mut tombstone);
        }
    }

    /// What is sent, and the version it says it was made on; `None`: it cannot be made.
    fn compose(
        &self,
        step: &Step,
        by: &str,
        view: Option<&Members>,
        tombstone: Option<u64>,
    ) -> Option<(What, Option<u64>)> {
        let text = || format!("{by} #{}", self.world.number());
        let edit = |record: &mut Members| step.edits.iter().for_each(|edit| edit.make(record, &text()));
        let shown = view.and_then(version);
        let based = |version: Option<u64>| if step.based { version } else { None };
        match step.ask {
            Ask::Put => {
                let mut record = view?.clone();
                edit(&mut record);
                let gone = view?.keys().filter(|name| !record.contains_key(*name)).cloned().collect::<Vec<_>>();
                record.extend(gone.into_iter().map(|name| (name, Value::Null)));
                Some((What::Put(without_version(record)), based(shown)))
            }
            Ask::Patch => {
                let mut record = view?.clone();
                edit(&mut record);
                Some((What::Patch(difference(view?, &record)), based(shown)))
            }
            Ask::Revive => {
                let mut record = view.cloned().unwrap_or_else(|| new_record(by));
                edit(&mut record);
                record.insert("deleted".to_owned(), Value::Bool(false));
                Some((What::Put(without_version(record)), based(tombstone)))
            }
            Ask::Create => Some((What::Create(new_record(&text())), None)),
            Ask::Delete => Some((What::Delete, None)),
            Ask::Restore(back) => Some((What::Restore(shown?.saturating_sub(back + 1)), based(shown))),
        }
    }

    /// Sends a save, and sends it again while it has come to nothing or nobody knows to what, and somebody still wants it.
    pub(crate) async fn save(
        &self,
        by: String,
        step: &Step,
        view: Option<Members>,
        what: What,
        base: Option<u64>,
    ) -> Heard {
        let errand = self.errand(&by, step, &what, base);
        let sent = {
            let mut sent = self.world.sent.borrow_mut();
            let (by, keyed) = (by.clone(), step.keyed);
            let unheard = step.twice;
            sent.push(Sent { by, what, view, base, keyed, unheard, heard: Vec::new(), asked: Vec::new() });
            sent.len() - 1
        };
        if step.twice {
            let (writer, by, errand) = (self.clone(), by.clone(), errand.clone());
            self.world.under_way(async move {
                writer.answer(&by, format!("{by}, a second time,"), errand).await;
            });
        }
        let mut heard = Heard::Nothing;
        for attempt in 0..=step.again {
            let who = if attempt == 0 { by.clone() } else { format!("{by}, again,") };
            let asked;
            (heard, asked) = self.answer(&by, who, errand.clone()).await;
            let mut all = self.world.sent.borrow_mut();
            all[sent].heard.push(heard.clone());
            all[sent].asked.push(asked);
            if !heard.asks_again() {
                break;
            }
        }
        heard
    }

    fn errand(&self, by: &str, step: &Step, what: &What, base: Option<u64>) -> Errand {
        let record = format!("/prj/{}", self.id);
        let with_base = |members: &Members| {
            let mut members = members.clone();
            members.extend(base.map(|base| ("version".to_owned(), base.into())));
            serde_json::to_vec(&Value::Map(members)).expect("names are strings and numbers valid JSON")
        };
        let (method, path, body) = match what {
            What::Put(members) => (Method::PUT, record, with_base(members)),
            What::Patch(members) => (Method::PATCH, record, with_base(members)),
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
        Errand { method, path, body, key: step.keyed.then(|| format!("{}/{by}", self.id)) }
    }

    /// Reads a path.
    pub(crate) async fn fetch(&self, by: &str, path: &str) -> Heard {
        let who = format!("{by}, before,");
        let (heard, _) = self.answer(by, who, Errand::get(path.to_owned())).await;
        self.world.seen.borrow_mut().push((by.to_owned(), heard.clone()));
        heard
    }

    /// What a client hears of a request. It is written under the name `by`; `who` is for the schedule.
    async fn answer(&self, by: &str, who: String, errand: Errand) -> (Heard, Rc<Asked>) {
        let world = &self.world;
        let asked = Rc::new(Asked::default());
        let fate = world.fate(&[Fate::Well, Fate::AnswerLost, Fate::RequestLost]);
        if fate == Fate::RequestLost {
            world.tell(format_args!("{who} sends a request that is lost"));
            return (Heard::Nothing, asked);
        }
        let link = Link { world: Rc::clone(world), store: self.store.clone(), who: who.clone(), asked };
        let asked = Rc::clone(&link.asked);
        // A key of its own: whose it is does not matter to what is checked.
        let caller = Some(Caller { name: by.to_owned(), ..Caller::checked_by_gateway(&self.name) });
        let moment = Moment { now: world.now(), random: world.bytes(&self.id), caller };
        let api = Api::new(link);
        let response = world.unless_crashed(api.answer(errand.request(), moment)).await;
        let heard = match response {
            Some(response) if fate == Fate::Well => Heard::of(&response),
            _ => Heard::Nothing,
        };
        world.tell(format_args!("{who} {}", heard.text()));
        (heard, asked)
    }

    /// Looks at the whole history from outside, in quiet: the rows, newest first, and the state after each.
    pub(crate) async fn history(&self) -> (Vec<Members>, Vec<(u64, Heard)>) {
        let api = Api::new(self.store.clone());
        let get = async |path: String| {
            let caller = Some(Caller::checked_by_gateway("judge"));
            let moment = Moment { now: self.world.now(), random: self.world.bytes(&self.id), caller };
            api.answer(Errand::get(path).request(), moment).await
        };
        let mut rows = Vec::new();
        let mut page = Some(format!("/prj/{}/versions", self.id));
        while let Some(path) = page {
            let answer = get(path).await;
            match parse(answer.body()) {
                Ok(Value::List(found)) => rows.extend(found),
                _ => break, // there never was a record
            }
            let link = answer.headers().get(LINK).and_then(|link| link.to_str().ok());
            let next = link.and_then(|link| Some(link.strip_prefix('<')?.split_once('>')?.0));
            page = next.map(|next| format!("/prj/{}/{next}", self.id));
        }
        let row = |row| match row {
            Value::Map(members) => Some(members),
            _ => None,
        };
        let rows: Vec<Members> = rows.into_iter().filter_map(row).collect();
        let mut states = Vec::new();
        for number in rows.iter().filter_map(version) {
            let state = get(format!("/prj/{}/versions/{number}", self.id)).await;
            states.push((number, Heard::of(&state)));
        }
        (rows, states)
    }
}

/// What an answer tells its reader.
fn see(heard: &Heard, view: &mut Option<Members>, tombstone: &mut Option<u64>) {
    match heard {
        Heard::Answer { status: 200 | 201, body, .. } => view.clone_from(body),
        Heard::Answer { status: 410, .. } => *tombstone = heard.version(),
        Heard::Answer { status: 204, receipt, .. } => *tombstone = crate::judge::receipt_version(receipt),
        _ => {}
    }
}

fn without_version(mut record: Members) -> Members {
    record.remove("version");
    record
}

/// The merge patch from one record to another: lists whole, objects member by member.
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
