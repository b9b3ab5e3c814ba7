//! The front's connections, with limits on their number and on each one. A client that opens a thousand, sends slowly,
//! or never stops sending does not delay other clients.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// The number of connections at once. Further ones wait in the system's queue.
const CONNECTIONS: u32 = 2000;
/// How long a connection may wait for a request, or for the rest of one. It is hyper's default.
const PATIENCE: Duration = Duration::from_secs(30);
/// The size of a request's line and headers, in bytes. API Gateway takes 10,240 of each.
const HEAD: usize = 32 * 1024;
/// The pause after a connection that could not be accepted, most likely for lack of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves `app` until it is told to stop. Then it accepts no new connections, and finishes current requests.
pub(super) async fn serve(listener: TcpListener, app: Router, stop: impl Future<Output = ()>) {
    // Each connection takes a file descriptor. If the limit cannot be raised, fewer connections are possible.
    let _ = rlimit::increase_nofile_limit(2 * u64::from(CONNECTIONS));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(HEAD);
    let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
    let (ending, ends) = watch::channel(false);
    let accept = async {
        loop {
            let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let service = TowerToHyperService::new(app.clone());
            let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
            let mut ends = ends.clone();
            let end = async move {
                let _ = ends.wait_for(|ends| *ends).await;
            };
            tokio::spawn(async move {
                let mut connection = pin!(connection);
                // A connection that breaks concerns only its client.
                tokio::select! {
                    _ = connection.as_mut() => {}
                    () = end => {
                        connection.as_mut().graceful_shutdown();
                        let _ = connection.await;
                    }
                }
                drop(place);
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = stop => {}
    }
    drop(listener);
    ending.send_replace(true);
    // Each connection holds a place. One that was upgraded no longer does.
    let _ = places.acquire_many(CONNECTIONS).await;
}
