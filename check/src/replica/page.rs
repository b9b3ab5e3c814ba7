//! A page with a socket: it connects, resumes from its cursor, acknowledges late or never, and disconnects.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use ripple_core::service::changes::{Cursor, Reading, changes};
use ripple_core::session::Session;
use ripple_core::store::{Capacity, Consistency, Source};
use ripple_core::{Record, RecordId, Timestamp};
use serde_json::Value as Json;

use super::sockets::Line;
use super::world::World;
use crate::sim::scheduler::at_once;

/// How long a page does nothing at most.
const PAUSE: Duration = Duration::from_secs(4);

#[derive(Default)]
struct State {
    line: Option<Rc<Line>>,
    cursor: Option<String>,
    /// The epoch of the log, and the last event that the page has stored.
    place: Option<(String, u64)>,
    /// The newest version of each record that the page has heard of.
    heard: BTreeMap<String, u64>,
    /// The newest version of each record that this socket has told.
    told: BTreeMap<String, u64>,
    /// Whether the page must read `_changes`.
    lacks: bool,
}

pub(super) struct OpenPage {
    world: Rc<World>,
    number: usize,
    state: RefCell<State>,
}

impl OpenPage {
    pub(super) fn new(world: Rc<World>, number: usize) -> OpenPage {
        OpenPage { world, number, state: RefCell::default() }
    }

    pub(super) fn name(&self) -> String {
        format!("page {}", self.number)
    }

    pub(super) fn heard(&self, id: &RecordId) -> u64 {
        self.state.borrow().heard.get(id.as_str()).copied().unwrap_or(0)
    }

    /// Comes and goes until the storm ends.
    pub(super) async fn stay(self: Rc<Self>) {
        // It may acknowledge nothing at all.
        let is_lazy = self.world.chance(4);
        while !self.world.is_over() {
            self.world.wait(PAUSE).await;
            if self.line().is_none() {
                self.connect().await;
            }
            self.read(self.world.chance(3));
            self.read_changes().await;
            if !is_lazy && self.world.scheduler.below(2) == 1 {
                self.acknowledge().await;
            }
            if self.world.chance(6) {
                self.world.tell(format_args!("{} leaves", self.name()));
                self.leave();
            }
        }
    }

    /// Comes back until it has nothing left to read.
    pub(super) async fn catch_up(self: Rc<Self>) {
        self.leave();
        while !self.world.is_over() {
            if self.line().is_none() {
                self.connect().await;
            }
            self.read(false);
            self.read_changes().await;
            self.acknowledge().await;
            self.world.scheduler.pass(Duration::from_secs(3)).await;
        }
        self.read(false);
    }

    fn line(&self) -> Option<Rc<Line>> {
        self.state.borrow().line.clone().filter(|line| line.is_open.get())
    }

    fn leave(&self) {
        if let Some(line) = self.state.borrow_mut().line.take() {
            line.is_open.set(false);
        }
    }

    async fn connect(&self) {
        let since = {
            let state = self.state.borrow();
            let place = state.place.as_ref().map_or(String::new(), |(epoch, seq)| format!("~{epoch}.{seq}"));
            state.cursor.as_ref().map(|cursor| format!("{cursor}{place}"))
        };
        let line = self.world.connect(since.as_deref()).await;
        self.state.borrow_mut().line = line;
    }

    /// Reads what was sent. `part`: the rest is still under way.
    fn read(&self, part: bool) {
        let Some(line) = self.state.borrow().line.clone() else { return };
        let count = line.down.borrow().len();
        let count = if part { self.world.scheduler.below(count + 1) } else { count };
        for _ in 0..count {
            let frame = line.down.borrow_mut().pop_front();
            let Some(frame) = frame else { break };
            let frame: Json = serde_json::from_str(&frame).expect("JSON");
            if let Err(how) = self.take(&frame) {
                self.world.breaks("I6", format!("{}: {how}: {frame}", self.name()));
            }
        }
    }

    fn take(&self, frame: &Json) -> Result<(), String> {
        let state = &mut *self.state.borrow_mut();
        let text = |name: &str| frame[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| frame[name].as_u64().unwrap_or_default();
        let seq = number("seq");
        if frame.get("hello").is_some() {
            let place = (text("epoch"), seq);
            state.told.clear();
            if frame.get("resync").is_some() || state.cursor.is_none() {
                // It is told what comes, and reads what was before.
                state.lacks = true;
                state.cursor.get_or_insert_with(|| text("cursor"));
            } else if let Some((epoch, own)) = state.place.take()
                && epoch == place.0
                && own != seq
            {
                return Err(format!("it was at {own}"));
            } else {
                state.cursor = Some(text("cursor"));
            }
            state.place = Some(place);
        } else if frame.get("id").is_some() {
            let Some((_, last)) = &mut state.place else { return Err("it comes before the first frame".to_owned()) };
            if seq != *last + 1 {
                return Err(format!("it was at {last}"));
            }
            *last = seq;
            let (id, version) = (text("id"), number("version"));
            let before = state.told.insert(id.clone(), version).unwrap_or(0);
            if version <= before {
                return Err(format!("version {before} was told before"));
            }
            let heard = state.heard.entry(id).or_default();
            *heard = version.max(*heard);
        } else if frame.get("mark").is_some() {
            state.cursor = Some(text("mark"));
        }
        Ok(())
    }

    async fn acknowledge(&self) {
        let seq = self.state.borrow().place.as_ref().map(|(_, seq)| *seq);
        if let (Some(line), Some(seq)) = (self.line(), seq) {
            self.world.message(&line, &format!(r#"{{"ack":{seq}}}"#)).await;
        }
    }

    /// Reads `_changes` from its own cursor, at the object or at the origin.
    async fn read_changes(&self) {
        if !self.state.borrow().lacks {
            return;
        }
        let now = self.world.now();
        let near = self.world.on_copy(async |table| {
            self.learn(table, now);
            Some(())
        });
        if near.await.is_none() && !self.world.is_away() {
            self.learn(&self.world.table.memory, self.world.now());
        }
    }

    /// Learns all records, in one event.
    fn learn<S: Source>(&self, store: &S, now: Timestamp) {
        let (session, cost) = (Session::new("prj"), &mut Capacity::default());
        let mut since: Option<Cursor> = None;
        loop {
            let reading = &mut Reading { store, session: &session, now, cost };
            let Ok(page) = at_once(changes(reading, since, None)) else { return };
            let changed: Vec<Json> = serde_json::from_slice(&page.changed).expect("JSON");
            let changed = changed.iter().filter_map(|record| record["prj_id"].as_str()).map(str::to_owned);
            for id in changed.chain(page.deleted) {
                self.know(store, &RecordId::stored(id));
            }
            let cursor = page.cursor.to_token("prj");
            if !page.more {
                // The list has no tombstones. A page drops what is not in it.
                for (id, ..) in self.world.table.now() {
                    self.know(store, &id);
                }
                let state = &mut *self.state.borrow_mut();
                state.lacks = false;
                state.cursor = Some(cursor);
                return;
            }
            since = Cursor::parse(&cursor, "prj");
        }
    }

    fn know<S: Source>(&self, store: &S, id: &RecordId) {
        let found = at_once(store.get(id, Consistency::Eventual, &mut Capacity::default())).ok().flatten();
        if let Some(version) = found.as_ref().and_then(Record::number) {
            let state = &mut *self.state.borrow_mut();
            let heard = state.heard.entry(id.as_str().to_owned()).or_default();
            *heard = version.max(*heard);
        }
    }
}
