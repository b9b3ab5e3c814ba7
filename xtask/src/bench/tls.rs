//! TLS in front of the embedded DynamoDB, so that functions make the handshakes of a real DynamoDB.
//!
//! ```text
//!  function ──TLS──▶ front ──plain──▶ engine
//! ```

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use anyhow::{Context as _, Result};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A TLS listener on a loopback port that forwards every byte. It ends when dropped.
pub(super) struct TlsFront {
    port: u16,
    bundle: PathBuf,
    _stop: oneshot::Sender<()>,
}

impl TlsFront {
    /// Starts the front for `engine`. The certificate to trust goes into `folder`.
    pub(super) fn start(engine: SocketAddr, folder: &Path) -> Result<TlsFront> {
        // ECDSA over P-256, like DynamoDB's own certificate. It is self-signed.
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
        fs::create_dir_all(folder)?;
        let bundle = folder.join("ca.pem");
        fs::write(&bundle, cert.pem()).with_context(|| format!("{} cannot be written", bundle.display()))?;

        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).ok().context("a new key is a key")?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));

        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        thread::spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::spawn(async move {
                    while let Ok((connection, _)) = listener.accept().await {
                        tokio::spawn(pass_on(acceptor.clone(), connection, engine));
                    }
                });
                let _ = stopped.await; // a dropped sender also stops
            });
        });
        Ok(TlsFront { port, bundle, _stop: stop })
    }

    /// Returns the URL at which functions find DynamoDB.
    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Returns the certificates that functions trust.
    pub(super) fn bundle(&self) -> &Path {
        &self.bundle
    }
}

/// Forwards a connection. The function notices a broken connection itself.
async fn pass_on(acceptor: TlsAcceptor, connection: TcpStream, engine: SocketAddr) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut outside = acceptor.accept(connection).await?;
    let mut inside = TcpStream::connect(engine).await?;
    inside.set_nodelay(true)?;
    copy_bidirectional(&mut outside, &mut inside).await?;
    Ok(())
}
