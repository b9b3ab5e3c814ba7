//! The embedded DynamoDB: an engine in this process that speaks DynamoDB's protocol on a loopback port. It serves
//! ripple, and users who inspect the tables with the AWS CLI or boto3.
//!
//! ```text
//!  AWS CLI, boto3, the edge ──▶ guard (on the printed port) ──▶ engine (on a hidden port)
//!                                            this process's store ──▶ engine
//! ```

mod guard;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region};
use dynoxide::{Database, server};
use ripple_host::random;
use ripple_lambda::config::client_config;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A running engine.
pub(super) struct Engine {
    /// The URL at which this process reaches the engine.
    pub(super) url: String,
    /// The database, for its streams.
    pub(super) database: Database,
    /// The result of the engine.
    pub(super) ended: JoinHandle<anyhow::Result<()>>,
}

/// Serves a database, in a file or in memory, until it is told to stop. Other programs reach it at `listener`.
pub(super) async fn serve(
    listener: TcpListener,
    file: Option<PathBuf>,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<Engine> {
    let database = match file {
        None => Database::memory().context("cannot create a database in memory")?,
        Some(file) => {
            let path = file.to_str().context("the path of the data folder is not UTF-8")?;
            Database::new(path).with_context(|| format!("cannot open the database {path}"))?
        }
    };
    let inner = hidden_listener().await?;
    let address = inner.local_addr()?;
    let stop = |mut stopped: watch::Receiver<bool>| async move {
        // This also ends if the sender is dropped.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let guard = guard::serve(listener, address, stop(stopped.clone()));
    let engine = server::serve_with_shutdown(inner, database.clone(), stop(stopped));
    let ended = tokio::spawn(async move {
        let ((), ended) = tokio::join!(guard, engine);
        ended.map_err(|error| anyhow!("the embedded DynamoDB failed: {error}"))
    });
    Ok(Engine { url: format!("http://{address}"), database, ended })
}

/// Returns a listener on a loopback address that a page in a browser cannot guess, since the engine answers every
/// origin. macOS has no loopback address except 127.0.0.1, so there only the port is unknown.
async fn hidden_listener() -> anyhow::Result<TcpListener> {
    let [b, c, d]: [u8; 3] = random();
    for host in [Ipv4Addr::new(127, b, c, d.clamp(1, 254)), Ipv4Addr::LOCALHOST] {
        if let Ok(listener) = TcpListener::bind(SocketAddr::new(IpAddr::V4(host), 0)).await {
            return Ok(listener);
        }
    }
    Err(anyhow!("cannot listen on 127.0.0.1"))
}

/// Returns a client of the engine. It ignores credentials in the environment.
pub(super) fn client(url: &str) -> anyhow::Result<Client> {
    let config = client_config(Some(url.to_owned()), None)?
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "ripple dev"))
        .build();
    Ok(Client::from_conf(config))
}
