//! The resources that `ripple dev` serves, and how a change of their files replaces them.
//!
//! ```text
//!  files ──poll──▶ read, check ──▶ create missing tables ──▶ Serving ──▶ front, feed
//! ```
//!
//! A request ends with the resources that it began with.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use aws_sdk_dynamodb::Client;
use dynoxide::Database;
use futures_util::FutureExt as _;
use ripple_core::auth::{Limiter, Trust};
use ripple_core::http::origin_secret::OriginSecret;
use ripple_core::http::origins::{self, Origins};
use ripple_core::record::schema::{Resource, Resources};
use ripple_core::store::dynamodb::{DynamoDb, Fed, TableNames, TableState};
use ripple_core::store::{Capacity, Consistency, Keys as _, Source as _, StoreError};
use ripple_core::{Api, Documents, Record};
use ripple_host::resources::{LoadError, parse, read};
use ripple_lambda::{Delivery, Function};
use tokio::sync::watch;

use super::feed;
use super::live::Live;

/// How often the folder is looked at.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the folder must be as it is before it is read. An editor may write several files, or one in parts.
const QUIET: Duration = Duration::from_millis(200);

/// What answers the requests that begin now.
pub(super) struct Serving {
    pub(super) function: Function<DynamoDb>,
    /// The tables whose streams the feed reads: those of records, and that of the keys.
    pub(super) tables: BTreeSet<String>,
}

/// The value of a channel that a reload replaces.
pub(super) type Current = watch::Receiver<Arc<Serving>>;

/// What stays the same while the resources change.
pub(super) struct Site {
    pub(super) client: Client,
    pub(super) table_names: TableNames,
    pub(super) rate_limit: Option<NonZeroU32>,
    pub(super) secret: Option<OriginSecret>,
    /// Whether missing tables are created.
    pub(super) creates_tables: bool,
    /// The database whose streams the feed reads.
    pub(super) followed: Option<Database>,
    /// The live channel, where the feed tells of changes.
    pub(super) live: Option<Arc<Live>>,
}

impl Site {
    /// Returns the store of a resource.
    pub(super) fn store(&self, resource: &Arc<Resource>) -> DynamoDb {
        DynamoDb::new(self.client.clone(), self.table_names.clone(), Arc::clone(resource))
    }

    /// Returns what serves these resources. Creates their missing tables first, if that is allowed here.
    pub(super) async fn serve(&self, resources: &Resources) -> anyhow::Result<Serving> {
        self.table_names.check(resources)?;
        let documents = Documents { openapi: ripple_deploy::openapi(resources)?.into(), ..ripple_host::documents() };
        let stores: Vec<DynamoDb> = resources.iter().map(|resource| self.store(resource)).collect();
        if self.creates_tables {
            for store in &stores {
                refuse_foreign(store).await?;
                let names = || format!("cannot create the tables {} and {}", store.table(), store.history_table());
                store.create_tables().await.with_context(names)?;
            }
        }
        let tables: BTreeSet<String> =
            stores.iter().map(|store| store.table().to_owned()).chain([self.table_names.keys()]).collect();
        // The feed must tell of a program that writes to a new table at once.
        for (database, table) in
            self.followed.iter().flat_map(|database| tables.iter().map(move |table| (database, table)))
        {
            feed::stream_of(database, table)?;
        }
        let mut fed = Vec::new();
        for store in stores.iter().filter(|_| self.followed.is_some()) {
            if !has_external(store).await.with_context(|| format!("cannot read {}", store.table()))? {
                fed.push(store.resource().name.clone());
            }
        }
        let fed = Fed::from_iter(fed);
        let api = Api::of(resources, |resource| self.store(resource).fed(&fed)).with_origins(origins()?);
        let function = Function::new(api, documents)
            .limited(Limiter::new(self.rate_limit))
            .trusting(Trust::read(ripple_host::environment)?)
            .behind_edge(self.secret.clone())
            .with_live(self.live.as_ref().map(|live| live.secrets()))
            .delivering(Delivery::read(ripple_host::environment, resources, true)?);
        Ok(Serving { function, tables })
    }
}

/// Fails if a table of this name has another key than the resource.
async fn refuse_foreign(store: &DynamoDb) -> anyhow::Result<()> {
    for table in store.describe_tables().await.context("cannot look at the tables")? {
        if let TableState::Foreign(key) = table.state {
            let resource = store.resource();
            bail!(
                "the resource {}: the table {} has the key {key}, and not that of the resource: change \"key\", \
                 \"key_type\" or \"sort_key\", or name another table",
                resource.name,
                table.name
            );
        }
    }
    Ok(())
}

/// Reports whether a table has a record that is not adopted. The feed tells of later changes only.
async fn has_external(store: &DynamoDb) -> Result<bool, StoreError> {
    let mut from = None;
    loop {
        let page = store.scan(from, Consistency::Strong, &mut Capacity::default()).await?;
        if page.records.iter().any(Record::is_external) {
            return Ok(true);
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(false),
        }
    }
}

/// Returns the origins whose pages may open sockets.
fn origins() -> anyhow::Result<Origins> {
    let Some(list) = ripple_host::environment(origins::VARIABLE) else { return Ok(Origins::default()) };
    Origins::parse(&list).with_context(|| format!("{} must be {}", origins::VARIABLE, origins::FORM))
}

/// A folder of resource files, as far as it was seen.
pub(super) struct Folder {
    path: PathBuf,
    /// Names, lengths and times of the files when the folder was last read. `None` before that, or without a folder.
    seen: Option<Vec<Seen>>,
    /// The last files that were read, or why they could not be.
    read: Result<Vec<(String, Vec<u8>)>, String>,
}

type Seen = (PathBuf, u64, Option<SystemTime>);

impl Folder {
    /// Returns a folder whose files are already served.
    pub(super) fn served(path: &Path) -> Folder {
        // If a file changes between the two reads, the next look sees another time.
        let seen = look(path);
        Folder { seen, read: read(path).map_err(|error| error.to_string()), path: path.to_owned() }
    }

    /// Replaces what is served at each change of the files, until it is told to stop. With faulty files, the last good
    /// ones stay.
    pub(super) async fn follow(
        mut self,
        site: Site,
        serving: watch::Sender<Arc<Serving>>,
        mut stopped: watch::Receiver<bool>,
    ) {
        // The wait also ends if the sender is dropped.
        while tokio::time::timeout(PAUSE, stopped.wait_for(|stop| *stop)).await.is_err() {
            let Some(files) = self.changed().await else { continue };
            // Later files are served too. So neither an output that is closed ends this task, nor, where a panic does not
            // end the process, a panic.
            match survived(load(&site, &files)).await {
                Ok((new, names)) => {
                    serving.send_replace(Arc::new(new));
                    let path = self.path.display();
                    let _ = writeln!(std::io::stdout(), "ripple: the resources are now {names}, from {path}");
                }
                Err(faults) => {
                    for fault in faults {
                        let _ = writeln!(std::io::stderr(), "ripple: {fault}; the last good resources stay");
                    }
                }
            }
        }
    }

    /// Returns the files if their content has changed since the last call. Waits until they stop changing.
    async fn changed(&mut self) -> Option<Result<Vec<(String, Vec<u8>)>, String>> {
        let mut now = look(&self.path);
        if now == self.seen {
            return None;
        }
        loop {
            tokio::time::sleep(QUIET).await;
            let later = look(&self.path);
            if later == now {
                break;
            }
            now = later;
        }
        self.seen = now;
        let files = read(&self.path).map_err(|error| error.to_string());
        if files == self.read {
            return None;
        }
        self.read = files.clone();
        Some(files)
    }
}

/// Returns what serves these files, and the names of their resources; or the faults, one line each.
async fn load(site: &Site, files: &Result<Vec<(String, Vec<u8>)>, String>) -> Result<(Serving, String), Vec<String>> {
    let files = files.as_ref().map_err(|error| vec![error.clone()])?;
    let resources = parse(files).map_err(|error| match error {
        LoadError::Faults(faults) => faults.iter().map(ToString::to_string).collect(),
        LoadError::Folder(error) => vec![error.to_string()],
    })?;
    let serving = site.serve(&resources).await.map_err(|error| vec![format!("{error:#}")])?;
    Ok((serving, names(&resources)))
}

/// Returns what a task returns. A panic becomes a fault.
async fn survived<T>(task: impl Future<Output = Result<T, Vec<String>>>) -> Result<T, Vec<String>> {
    AssertUnwindSafe(task).catch_unwind().await.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("without a reason").replace('\n', " ");
        Err(vec![format!("the files cannot be served, which is a fault of ripple: {text}")])
    })
}

/// Returns the names of resources in a sentence.
pub(super) fn names(resources: &Resources) -> String {
    resources.iter().map(|resource| resource.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Returns the names, lengths and times of the JSON files in a folder. Returns `None` if there is no folder.
fn look(folder: &Path) -> Option<Vec<Seen>> {
    let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut seen: Vec<Seen> = files
        .map(|path| match std::fs::metadata(&path) {
            Ok(metadata) => (path, metadata.len(), metadata.modified().ok()),
            Err(_) => (path, 0, None),
        })
        .collect();
    seen.sort();
    Some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_fault_of_one_line() {
        let of_panic = survived::<()>(async { panic!("it is\nbroken {}", 1) }).await;
        let fault = "the files cannot be served, which is a fault of ripple: it is broken 1".to_owned();
        assert_eq!(of_panic, Err(vec![fault]));
        assert_eq!(survived(async { Err::<(), _>(vec!["a fault".to_owned()]) }).await, Err(vec!["a fault".to_owned()]));
        assert_eq!(survived(async { Ok(1) }).await, Ok(1));
    }
}
