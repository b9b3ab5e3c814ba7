//! The object's sockets. What is kept of a socket is a text, which a crash leaves.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use ripple_core::live::Reader;
use ripple_core::replica::stored::{self, Outcome, Sockets};
use ripple_core::store::StoreError;

use super::object::Copy;
use super::sql::Sql;
use super::world::{Fault, World};

/// The object's end of a socket, and what is under way to the page.
#[derive(Default)]
pub(super) struct Line {
    /// The id of its key.
    pub(super) key: String,
    pub(super) is_open: Cell<bool>,
    kept: RefCell<Option<String>>,
    pub(super) down: RefCell<VecDeque<String>>,
}

impl World {
    pub(super) fn open_sockets(&self) -> Vec<Rc<Line>> {
        let mut sockets = self.object.sockets.borrow_mut();
        sockets.retain(|line| line.is_open.get());
        sockets.clone()
    }

    /// Tells the sockets what was committed.
    pub(super) async fn tell_sockets(self: &Rc<Self>) {
        let Ok(Some(position)) = stored::position(&Sql(Rc::clone(self))) else { return };
        if self.object.position.borrow().as_ref() == Some(&position) {
            return;
        }
        self.scheduler.pass(Duration::ZERO).await;
        if self.everyone(|table, all| table.tell(all)).is_ok() {
            *self.object.position.borrow_mut() = Some(position);
        }
    }

    /// Runs an event of all sockets.
    pub(super) fn everyone(
        self: &Rc<Self>,
        event: impl FnOnce(&Copy, Sockets<'_>) -> Result<Outcome, StoreError>,
    ) -> Result<(), StoreError> {
        let lines = self.open_sockets();
        if lines.is_empty() {
            return Ok(());
        }
        let kept: Vec<String> = lines.iter().map(|line| line.kept.borrow().clone().unwrap_or_default()).collect();
        let rooms = self.object.rooms.borrow().clone();
        let outcome = event(&self.open()?, Sockets { kept: &kept, rooms: &rooms })?;
        self.carry_out(&outcome, &lines);
        Ok(())
    }

    fn carry_out(&self, outcome: &Outcome, lines: &[Rc<Line>]) {
        let line = |at: &u64| &lines[usize::try_from(*at).expect("a place")];
        for (at, text) in &outcome.keep {
            *line(at).kept.borrow_mut() = Some(text.clone());
        }
        for (at, text) in &outcome.send {
            line(at).down.borrow_mut().push_back(text.clone());
        }
        for (at, code, reason) in &outcome.close {
            self.tell(format_args!("a socket is closed: {code} {reason}"));
            line(at).is_open.set(false);
        }
        outcome.rooms.clone_into(&mut self.object.rooms.borrow_mut());
    }

    /// Opens a socket of a page, whose key is never revoked. Returns `None` if the object has none.
    pub(super) async fn connect(self: &Rc<Self>, since: Option<&str>) -> Option<Rc<Line>> {
        let reader = Reader { key_id: "k".to_owned(), person: None, ticket: None };
        self.connect_as(&reader, since).await
    }

    /// Opens a socket. Returns `None` if the object has none.
    pub(super) async fn connect_as(self: &Rc<Self>, reader: &Reader, since: Option<&str>) -> Option<Rc<Line>> {
        let opened = self.request(async {
            let table = self.open().ok()?;
            self.object_answers(&table)?;
            let open = self.open_sockets().len();
            // From here on, nothing is awaited until the outcome is carried out.
            let outcome = table.open_socket(reader, since, open).ok()?;
            if !outcome.close.is_empty() {
                return None;
            }
            self.check_accepted(&reader.key_id);
            let line = Rc::new(Line { key: reader.key_id.clone(), ..Line::default() });
            line.is_open.set(true);
            self.object.sockets.borrow_mut().push(Rc::clone(&line));
            if self.fault == Some(Fault::AcceptsEarly) {
                *line.kept.borrow_mut() = outcome.keep.first().map(|(_, text)| text.clone());
                self.wait(Duration::from_secs(1)).await;
                let outcome = Outcome { keep: Vec::new(), ..outcome };
                self.carry_out(&outcome, &[Rc::clone(&line)]);
            } else {
                self.carry_out(&outcome, &[Rc::clone(&line)]);
            }
            Some(line)
        });
        opened.await.flatten()
    }

    /// Reports whether the copy answers anything.
    fn object_answers(&self, table: &Copy) -> Option<()> {
        table.standing().ok()?.confirmed.map(|_| ())
    }

    /// Takes a text of a page.
    pub(super) async fn message(self: &Rc<Self>, line: &Rc<Line>, text: &str) {
        self.enter();
        let event = async {
            let Some(kept) = line.kept.borrow().clone().filter(|_| line.is_open.get()) else { return };
            let rooms = self.object.rooms.borrow().clone();
            let taken = self.open().and_then(|table| table.receive(Sockets { kept: &[kept], rooms: &rooms }, text));
            match taken {
                Ok(outcome) => self.carry_out(&outcome, &[Rc::clone(line)]),
                Err(_) => line.is_open.set(false),
            }
        };
        let _ = self.guarded(event).await;
    }
}
