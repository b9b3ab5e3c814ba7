//! `ripple dev`: the whole backend on this machine.
//!
//! ```text
//!  HTTP ──▶ front ──v1 proxy event──▶ ripple-lambda's Function ──▶ DynamoDB: embedded, or the one that a flag names
//!  feed ──batch of a stream─────────────────▲                              │
//!   ▲ └──changes──▶ live ──▶ sockets of pages                              │
//!   └─────────────────────── streams of the embedded DynamoDB ◀────────────┘
//! ```
//!
//! With `--edge`, the worker of a release runs in front of it.
//!
//! The environment alone does not select another DynamoDB, since `AWS_PROFILE` is often exported for other work.

mod connections;
mod edge;
mod embedded;
mod feed;
mod front;
mod live;
mod site;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use ripple_core::auth::{ApiKey, Scope};
use ripple_core::http::origin_secret::OriginSecret;
use ripple_core::record::schema::Resources;
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::{Capacity, Keys as _};
use ripple_host::environment;
use ripple_lambda::log;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::dev_file::{DevFile, lock};
use crate::keys;
use crate::share::Share;
use crate::target::{self, Place};

use edge::Edge;
use live::Live;
use site::{Folder, Site};

/// How long current requests may take to end after Ctrl-C.
const FAREWELL: Duration = Duration::from_secs(5);
/// The port of Amazon's own DynamoDB Local. If it is in use, another one is chosen.
const DYNAMODB_PORT: u16 = 8000;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Port of the API on 127.0.0.1; 0 picks a free port
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Port of the embedded DynamoDB on 127.0.0.1; 0 picks a free port [default: 8000, or a free port]
    #[arg(long)]
    dynamodb_port: Option<u16>,
    /// Maximum requests per second and key, as in a usage plan of API Gateway [default: unlimited]
    #[arg(long, value_name = "N")]
    rate_limit: Option<NonZeroU32>,
    /// Keep the database in memory; its data is lost when the process ends
    #[arg(long)]
    in_memory: bool,
    /// Do not adopt what other programs write to the embedded DynamoDB
    #[arg(long, env = "RIPPLE_NO_FEED")]
    no_feed: bool,
    /// Start the edge in front of the API, with `npx wrangler dev`; it needs Node.js 22 or newer
    #[arg(long)]
    edge: bool,
    /// Port of the edge on 127.0.0.1; 0 picks a free port
    #[arg(long, default_value_t = 8787)]
    edge_port: u16,
    /// Folder of the page /app and of the scripts that /docs loads [default: that of the unpacked archive]
    #[arg(long, value_name = "DIR")]
    pages: Option<PathBuf>,
}

pub(crate) async fn run(connection: &target::Options, options: Options) -> anyhow::Result<()> {
    // The terminal shows the output below, and the log is for diagnosis. (The embedded database would warn of every
    // table that does not exist yet.)
    log::start(Some(environment("RIPPLE_LOG").as_deref().unwrap_or("warn,dynoxide=error")));
    let data = &connection.data;
    std::fs::create_dir_all(data).with_context(|| format!("cannot create {}", data.display()))?;
    let _lock = lock::take(data)?;
    // Read like in the function, so that an edge can be tested with it.
    let secret = OriginSecret::read(environment)?;
    let front = listen(options.port).await?;
    let (stop, stopped) = watch::channel(false);

    let asked_for = connection.asked_for_by_flag().filter(|_| !options.in_memory);
    let folder = Folder::served(connection.folder());
    let resources = connection.resources()?;
    let table_names = connection.table_names()?;
    let (place, client, embedded) = match asked_for {
        Some(place) => {
            let client = connection.open_at(&place, table_names.clone()).await?.client;
            (place, client, None)
        }
        None => {
            let listener = dynamodb_listener(&options).await?;
            let place = Place::Endpoint(format!("http://{}", listener.local_addr()?));
            let file = (!options.in_memory).then(|| data.join("dynamodb.sqlite"));
            let engine = embedded::serve(listener, file, stopped.clone()).await?;
            (place, embedded::client(&engine.url)?, Some(engine))
        }
    };
    if embedded.is_some() && connection.names_another_unasked() {
        println!("`ripple dev` uses its embedded DynamoDB. --aws, --profile or --endpoint-url selects another one.");
        println!("It ignores the credentials and the endpoint in the environment.\n");
    }
    ensure!(
        !options.edge || place.is_here(),
        "--edge works with the embedded DynamoDB, or with another one on this machine"
    );
    let url = format!("http://{}", front.local_addr()?);
    let rate_limit = options.rate_limit;
    let followed = embedded.as_ref().filter(|_| !options.no_feed).map(|engine| engine.database.clone());
    // Without the feed, nothing would tell of what others write.
    let live = followed.is_some().then(|| Arc::new(Live::new()));
    let creates_tables = place.is_here();
    let site = Site {
        client,
        table_names: table_names.clone(),
        rate_limit,
        secret,
        creates_tables,
        followed: followed.clone(),
        live: live.clone(),
    };
    let keys = site.store(resources.first());
    let serving = site.serve(&resources).await.with_context(|| format!("cannot serve on {place}"))?;
    let (replace, current) = watch::channel(Arc::new(serving));
    // A program that reads dev.json may write at once, and the feed must tell of that.
    let following = match followed.zip(live.clone()) {
        Some((database, live)) => {
            let folder = (!options.in_memory).then_some(&**data);
            let feed = feed::Feed::open(database, current.clone(), Arc::clone(&live), folder)?;
            Some([tokio::spawn(feed.follow(stopped.clone())), tokio::spawn(live.tend(stopped.clone()))])
        }
        None => None,
    };
    // Before dev.json says that it serves: a program that reads the file may end it at once.
    let interruption = Interruption::listen()?;
    let key = match &place {
        Place::Endpoint(endpoint) if place.is_here() => {
            let key = development_key(&keys, data).await?;
            let dynamodb_endpoint = endpoint.clone();
            DevFile { url: url.clone(), key: key.reveal().to_owned(), dynamodb_endpoint, edge_url: None }
                .write(data)?;
            Some(key)
        }
        // Nothing is created in an AWS account without a request. The file of an earlier run would lead to another
        // place.
        _ => {
            DevFile::remove(data)?;
            None
        }
    };
    let reloading = tokio::spawn(folder.follow(site, replace, stopped.clone()));
    let pages = options.pages.or_else(|| Share::find().map(|share| share.site()));
    let has_pages = pages.is_some();
    let serving = tokio::spawn(front::serve(front, current, live, pages, stopped.clone()));
    greet(&url, &place, key.as_ref(), &resources);
    if has_pages {
        println!("\nThe page for people is at {url}/app, and asks for the key.");
    } else {
        println!("\nThere is no page /app here: {}.", front::NO_PAGES);
    }
    println!("\nThe resources are {}, from {}. Press Ctrl-C to stop.", site::names(&resources), connection.source());
    let tending = match DevFile::read(data).filter(|_| options.edge) {
        Some(dev) => {
            match Edge::start(options.edge_port, data, &dev, &table_names, resources, connection.folder()).await {
                Ok(edge) => Some(tokio::spawn(edge.tend(data.clone(), stopped))),
                Err(error) => {
                    eprintln!("ripple: cannot start the edge: {error:#}. The API continues.");
                    None
                }
            }
        }
        None => None,
    };

    interruption.wait().await?;
    stop.send_replace(true);
    let ends = async {
        serving.await.context("the HTTP server failed")?;
        reloading.await.context("the task that reads the resource files failed")?;
        for following in following.into_iter().flatten() {
            following.await.context("the task of the feed, or that of the live channel, failed")?;
        }
        if let Some(tending) = tending {
            tending.await.context("the task of the edge failed")?;
        }
        match embedded {
            Some(engine) => engine.ended.await.context("the task of the embedded DynamoDB failed")?,
            None => Ok(()),
        }
    };
    // A connection that stays open does not keep the process alive.
    tokio::time::timeout(FAREWELL, ends).await.unwrap_or(Ok(()))
}

async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let hint = || format!("cannot listen on {address}; if the port is in use, --port 0 picks a free port");
    TcpListener::bind(address).await.with_context(hint)
}

async fn dynamodb_listener(options: &Options) -> anyhow::Result<TcpListener> {
    match options.dynamodb_port {
        Some(port) => listen(port).await,
        None if options.port == 0 => listen(0).await,
        None => match listen(DYNAMODB_PORT).await {
            Ok(listener) => Ok(listener),
            Err(_) => listen(0).await,
        },
    }
}

/// Returns the key of the last start if the table still has it. Otherwise returns a new key.
async fn development_key(store: &DynamoDb, data: &Path) -> anyhow::Result<ApiKey> {
    if let Some(key) = DevFile::read(data).and_then(|dev| ApiKey::parse(&dev.key)) {
        let record =
            store.key(&key.hash(), &mut Capacity::default()).await.context("cannot read the record of the key")?;
        if record.is_some_and(|record| record.admits(&key.hash(), ripple_host::now())) {
            return Ok(key);
        }
    }
    let (key, _) = keys::create(store, "dev", vec![Scope::Read, Scope::Write].into(), None, None).await?;
    Ok(key)
}

fn greet(url: &str, place: &Place, key: Option<&ApiKey>, resources: &Resources) {
    let Some(key) = key else {
        println!("ripple is at {url}, on {place}. It has created nothing there.");
        let there = match place {
            Place::Endpoint(url) => format!(" --endpoint-url {url}"),
            Place::Aws => String::new(),
        };
        println!("`ripple table create{there}` and `ripple key create{there}` create missing tables and a key.");
        return;
    };
    let (key, Place::Endpoint(dynamodb)) = (key.reveal(), place) else { return };
    println!("\nripple is at {url}\nDynamoDB at {dynamodb} (any credentials, region us-east-1)");
    let first = &resources.first().name;
    println!("\n  curl -H 'x-api-key: {key}' {url}/{first}");
    // The example is a record of the project's own file.
    if resources.first() != Resources::built_in().first() {
        return;
    }
    println!(
        r#"
  curl -H 'x-api-key: {key}' -H 'content-type: application/json' {url}/prj -d '{{
    "prj_id": "prj0001", "name": "Garden", "goal": "Beans by June", "issue": "Snails",
    "description": "Raised beds behind the house", "term": 3, "term_unit": "month", "create_date": "2026-03-01"}}'

  curl -H 'x-api-key: {key}' {url}/prj/prj0001"#
    );
}

/// Ctrl-C, and the signal that ends a process. While it is listened for, neither ends this process by itself.
struct Interruption {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

impl Interruption {
    fn listen() -> anyhow::Result<Interruption> {
        #[cfg(unix)]
        let signals = {
            use tokio::signal::unix::{SignalKind, signal};
            [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]
        };
        Ok(Interruption {
            #[cfg(unix)]
            signals,
        })
    }

    #[cfg_attr(not(unix), allow(unused_mut))]
    async fn wait(mut self) -> anyhow::Result<()> {
        #[cfg(unix)]
        {
            let [interrupt, terminate] = &mut self.signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await?;
        Ok(())
    }
}
