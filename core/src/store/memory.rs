//! A table in memory that behaves like DynamoDB's, for tests and simulation.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Capacity, Commit, Consistency, Page, Position, Store, StoreError};
use crate::key::{KeyHash, KeyRecord};
use crate::project::{Project, ProjectId, Timestamp};

/// DynamoDB ends a page of a scan or a query at 1 MB.
const PAGE: usize = 1024 * 1024;

/// Projects and keys in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    tables: Arc<Mutex<Tables>>,
}

#[derive(Debug, Default)]
struct Tables {
    projects: BTreeMap<ProjectId, Project>,
    keys: HashMap<String, KeyRecord>,
    /// Commits done, by their tokens. (DynamoDB forgets them after ten minutes.)
    tokens: HashMap<[u8; 16], Project>,
}

impl Memory {
    /// Empty tables.
    #[must_use]
    pub fn new() -> Memory {
        Memory::default()
    }

    /// Puts a record in as it is, as a writer that is not ripple would.
    pub fn put(&self, project: Project) {
        self.tables().projects.insert(project.id.clone(), project);
    }

    /// Puts an API key in.
    pub fn put_key(&self, record: KeyRecord) {
        self.tables().keys.insert(record.key_hash.clone(), record);
    }

    /// A panic elsewhere leaves the maps whole: each change is one insert.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    async fn get(&self, id: &ProjectId, read: Consistency, cost: &mut Capacity) -> Result<Option<Project>, StoreError> {
        let project = self.tables().projects.get(id).cloned();
        cost.read += read_units(project.as_ref().map_or(0, Project::stored_size), read);
        Ok(project)
    }

    async fn scan(&self, from: Option<Position>, cost: &mut Capacity) -> Result<Page, StoreError> {
        let tables = self.tables();
        let after = |project: &&Project| from.as_ref().is_none_or(|from| project.id > from.id);
        Ok(page(tables.projects.values().filter(after), |_| None, cost))
    }

    async fn changes(
        &self,
        _shard: u16,
        since: Timestamp,
        from: Option<Position>,
        cost: &mut Capacity,
    ) -> Result<Page, StoreError> {
        let tables = self.tables();
        let mut written: Vec<&Project> = tables.projects.values().collect();
        written.retain(|project| project.updated_at.is_some_and(|at| at >= since));
        written.sort_by_key(|project| (project.updated_at, &project.id));
        let from = from.map(|from| (from.updated_at, from.id));
        let after =
            |project: &&Project| from.as_ref().is_none_or(|(at, id)| (project.updated_at, &project.id) > (*at, id));
        Ok(page(written.into_iter().filter(after), |project| project.updated_at, cost))
    }

    fn shards(&self) -> u16 {
        1
    }

    async fn commit(
        &self,
        before: Option<&Project>,
        after: &Project,
        token: [u8; 16],
        cost: &mut Capacity,
    ) -> Result<Commit, StoreError> {
        let mut tables = self.tables();
        let current = tables.projects.get(&after.id);
        let size = current.map_or(0, Project::stored_size).max(after.stored_size());
        cost.write += 2.0 * units(size, 1024); // a transaction prepares and commits
        if tables.tokens.get(&token) == Some(after) {
            return Ok(Commit::Done);
        }
        if current != before {
            return Ok(Commit::Conflict(current.cloned()));
        }
        tables.projects.insert(after.id.clone(), after.clone());
        tables.tokens.insert(token, after.clone());
        Ok(Commit::Done)
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        cost.read += read_units(0, Consistency::Eventual);
        Ok(self.tables().keys.get(&hash.to_hex()).cloned())
    }
}

fn page<'a>(
    projects: impl Iterator<Item = &'a Project>,
    place: impl Fn(&Project) -> Option<Timestamp>,
    cost: &mut Capacity,
) -> Page {
    let mut page = Page::default();
    let mut size = 0;
    for project in projects {
        size += project.stored_size();
        page.projects.push(project.clone());
        if size >= PAGE {
            page.next = Some(Position { id: project.id.clone(), updated_at: place(project) });
            break;
        }
    }
    cost.read += read_units(size, Consistency::Eventual);
    page
}

fn read_units(size: usize, read: Consistency) -> f64 {
    let units = units(size, 4 * 1024);
    match read {
        Consistency::Strong => units,
        Consistency::Eventual => units / 2.0,
    }
}

/// Nothing costs one unit too.
fn units(size: usize, unit: usize) -> f64 {
    size.div_ceil(unit).max(1) as f64
}
