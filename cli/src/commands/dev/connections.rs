//! The front's connections: how many there are, and what one may take. Whoever opens a thousand, says little on them or
//! never stops saying it holds up nobody else.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections at once. What comes beyond waits in the system's queue.
const CONNECTIONS: usize = 2000;
/// How long a connection may wait for a request, and for the rest of one that it has begun: hyper's own default.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of a request's line and headers. API Gateway takes 10,240 of each.
const HEAD: usize = 32 * 1024;
/// After a connection that could not be accepted, for want of file descriptors most likely.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves `app` until told to stop; then no new connection, and the end of what is under way.
pub(super) async fn serve(listener: TcpListener, app: Router, stop: impl Future<Output = ()>) {
    // Each connection takes a file descriptor. Where no more can be had, fewer do too.
    let _ = rlimit::increase_nofile_limit(2 * CONNECTIONS as u64);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(HEAD);
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let accept = async {
        loop {
            let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes it");
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let service = TowerToHyperService::new(app.clone());
            let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
            tokio::spawn(async move {
                // A connection that breaks is its client's affair.
                let _ = connection.await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = stop => {}
    }
    drop(listener);
    connections.shutdown().await;
}
