//! `ripple import`

mod source;

use std::collections::HashSet;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::Args;
use futures_util::StreamExt as _;
use http::{Request, StatusCode};
use ripple_core::key::Caller;
use ripple_core::store::dynamodb::{DynamoDb, export};
use ripple_core::store::{Capacity, Source as _};
use ripple_core::{Api, Moment, limits};
use ripple_lambda::{now, random};
use tokio::time::timeout;

use crate::connection;
use crate::progress;

use source::Entry;

/// Creations under way at once.
const CONCURRENCY: usize = 16;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// JSON lines, a JSON array, DynamoDB's own export (`{"Item": …}`) or `aws dynamodb scan`'s output, also as .gz;
    /// `-` reads standard input
    file: PathBuf,
}

/// What became of an entry.
enum Outcome {
    Created,
    Exists,
    /// It tells of a deletion.
    Tombstone,
}

/// Creates each entry as `POST /prj` would, by the same checks; an item of an export as it was. Begun again after an
/// interruption it goes on with what is missing: the ids that are there are read first.
pub(crate) async fn run(connection: &connection::Options, options: Options) -> anyhow::Result<()> {
    let lines = source::read(&options.file)?;
    let api = Api::new(connection.open_to_change().await?.store);
    let mut there = existing_ids(api.store()).await?;
    let (mut created, mut exists, mut tombstones, mut failed) = (0u64, 0u64, 0u64, 0u64);

    let bar = progress::bar(Some(lines.len() as u64), "projects");
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let mut missing = Vec::new();
    for entry in lines {
        // A second one with the same id counts as there already, too.
        if id_of(&entry.json).is_none_or(|id| there.insert(id)) {
            missing.push(entry);
        } else {
            exists += 1;
            bar.inc(1);
        }
    }
    let mut results = futures_util::stream::iter(missing)
        .map(|Entry { place, json }| {
            let api = &api;
            async move { (place, create(api, json).await) }
        })
        .buffer_unordered(CONCURRENCY);
    while let Some((place, outcome)) = results.next().await {
        bar.inc(1);
        match outcome {
            Ok(Outcome::Created) => created += 1,
            Ok(Outcome::Exists) => exists += 1,
            Ok(Outcome::Tombstone) => tombstones += 1,
            Err(error) => {
                bar.suspend(|| eprintln!("{place}: {error:#}"));
                failed += 1;
            }
        }
    }
    bar.finish_and_clear();
    println!("{created} created, {exists} already there, {tombstones} deleted ones left out, {failed} refused");
    if failed == 0 { Ok(()) } else { bail!("some were refused; the others are in") }
}

async fn existing_ids(store: &DynamoDb) -> anyhow::Result<HashSet<String>> {
    let mut ids = HashSet::new();
    let mut from = None;
    loop {
        let page = store.scan(from, &mut Capacity::default()).await.context("cannot read the table")?;
        let live = page.projects.into_iter().filter(|project| !project.is_deleted());
        ids.extend(live.map(|project| project.id.to_string()));
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(ids),
        }
    }
}

fn id_of(line: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Identified {
        prj_id: String,
    }
    if export::is_line(line) {
        return export::project(line)
            .ok()
            .filter(|project| !project.is_deleted())
            .map(|project| project.id.to_string());
    }
    serde_json::from_slice::<Identified>(line).ok().map(|line| line.prj_id)
}

async fn create(api: &Api<DynamoDb>, line: Bytes) -> anyhow::Result<Outcome> {
    let moment = Moment { now: now(), random: random(), caller: Some(Caller::checked_by_gateway("import")) };
    // As every host ends a request: readers of changes count on it.
    let response = if export::is_line(&line) {
        let project = export::project(&line).map_err(anyhow::Error::from_boxed)?;
        if project.is_deleted() {
            return Ok(Outcome::Tombstone);
        }
        timeout(limits::REQUEST, api.bring_in(project, moment)).await
    } else {
        let request = Request::post("/prj").header("content-type", "application/json").body(line)?;
        timeout(limits::REQUEST, api.answer(request, moment)).await
    };
    let response = response.context("DynamoDB did not answer in time: it may be in or not")?;
    match response.status() {
        StatusCode::CREATED | StatusCode::OK => Ok(Outcome::Created),
        StatusCode::CONFLICT => Ok(Outcome::Exists),
        _ => {
            let problem: serde_json::Value = serde_json::from_slice(response.body())?;
            let faults = problem["errors"].as_array().into_iter().flatten();
            let fault = |fault: &serde_json::Value| {
                let text = |name: &str| fault[name].as_str().unwrap_or_default().to_owned();
                format!("; {} {}", text("pointer"), text("detail"))
            };
            bail!("{}{}", problem["detail"].as_str().unwrap_or_default(), faults.map(fault).collect::<String>())
        }
    }
}
