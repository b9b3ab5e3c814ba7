//! The embedded DynamoDB: an engine in this process that speaks DynamoDB's protocol on a loopback port, for ripple
//! and for whoever wants to look in with the AWS CLI or boto3.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region};
use dynoxide::{Database, server};
use ripple_core::store::dynamodb::{DynamoDb, Layout};
use ripple_lambda::config::{client_config, process_environment};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::connection::Place;

/// Serves a database, in a file or in memory, until told to stop.
pub(super) fn serve(
    listener: TcpListener,
    file: Option<PathBuf>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    let database = match file {
        None => Database::memory().context("cannot make a database in memory")?,
        Some(file) => {
            let path = file.to_str().context("the data folder's path is not UTF-8")?;
            Database::new(path).with_context(|| format!("cannot open the database {path}"))?
        }
    };
    let stop = async move {
        // Also ends when whoever would say so is gone.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    Ok(tokio::spawn(async move {
        server::serve_with_shutdown(listener, database, stop).await.map_err(|error| anyhow!("the database: {error}"))
    }))
}

/// A store on the embedded database, whatever credentials the environment has for others.
pub(super) async fn store(place: &Place) -> anyhow::Result<DynamoDb> {
    let Place::Endpoint(url) = place else { anyhow::bail!("an embedded database has an endpoint") };
    let config = client_config(Some(url.clone()), None)?
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "ripple dev"))
        .build();
    Ok(DynamoDb::new(Client::from_conf(config), Layout::read(process_environment)?))
}
