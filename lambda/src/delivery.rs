//! Delivery: the messages of the feed go to edges and webhooks, signed.
//!
//! A message is sent after the adoption, within two seconds, and once more if that fails. Then it is dropped and
//! counted: a receiver that is down must not block the stream. Receivers catch up by `_changes`.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, TlsContext, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::Uri;
use ripple_core::Timestamp;
use ripple_core::feed::message::Told;
use ripple_core::feed::signature::{self, Secrets, SecretsError};
use ripple_core::record::schema::Resources;
use ripple_host::Environment;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::address::Addresses;

/// The variable with the URLs of edges, separated by commas.
pub const FEED_URLS: &str = "RIPPLE_FEED_URLS";
/// The variable with the secrets that the edges share.
pub const FEED_SECRETS: &str = "RIPPLE_FEED_SECRETS";
/// The variable with the secrets of webhooks. Without it none is sent. An edge must not accept what a webhook accepts.
pub const HOOK_SECRETS: &str = "RIPPLE_HOOK_SECRETS";

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(2);
/// The wait before the second attempt.
const PAUSE: Duration = Duration::from_millis(200);
/// How long all messages of a batch may take. A function has 28 s.
const BATCH: Duration = Duration::from_secs(10);
/// For how long a receiver that failed twice is sent nothing.
const CLOSED: Duration = Duration::from_secs(5);
/// The number of URLs in the variable.
const URLS: usize = 8;

/// An error in the settings of the delivery.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// A variable with secrets has no usable value.
    #[error("{0} {1}")]
    Secrets(&'static str, SecretsError),
    /// There are URLs, but no secrets.
    #[error("{FEED_URLS} needs {FEED_SECRETS}")]
    NoSecrets,
    /// There are too many URLs.
    #[error("{FEED_URLS} has more than {URLS} URLs")]
    TooMany,
    /// A URL cannot be a receiver.
    #[error("{0}: must be an https URL of a public address")]
    Url(String),
}

/// The receivers of the feed.
#[derive(Debug)]
pub struct Delivery {
    edges: Vec<Arc<Receiver>>,
    /// The receiver of each resource that declares one.
    hooks: BTreeMap<String, Arc<Receiver>>,
}

/// A URL, its secrets, and its state.
#[derive(Debug)]
struct Receiver {
    url: Uri,
    secrets: Secrets,
    connector: SharedHttpConnector,
    /// Until when nothing is sent, in milliseconds.
    closed_until: AtomicU64,
}

/// The number of messages of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Messages that a receiver accepted.
    pub(crate) sent: usize,
    /// Messages that were dropped.
    pub(crate) dropped: usize,
}

impl Delivery {
    /// Reads the receivers from the environment and the resources. Returns `None` if there are none. `local` permits
    /// this machine's loopback addresses, without TLS.
    ///
    /// # Errors
    /// If a variable has no usable value, or a URL is no `https` URL or has a private address.
    pub fn read(
        env: impl Environment,
        resources: &Resources,
        local: bool,
    ) -> Result<Option<Arc<Delivery>>, DeliveryError> {
        let secrets = |name: &'static str| {
            let secrets = env(name).map(|text| Secrets::parse(&text)).transpose();
            secrets.map_err(|error| DeliveryError::Secrets(name, error))
        };
        let permitted = if local { Addresses::PublicOrLocal } else { Addresses::Public };
        // It reads the system's root certificates, which takes longer than the rest of a start.
        let connector = LazyCell::new(|| connector(permitted));
        let receiver = |url: &str, secrets: &Secrets| {
            let parsed = permitted.receiver(url).ok_or_else(|| DeliveryError::Url(url.to_owned()))?;
            let (secrets, connector, closed_until) = (secrets.clone(), (*connector).clone(), AtomicU64::new(0));
            Ok(Arc::new(Receiver { url: parsed, secrets, connector, closed_until }))
        };
        let urls = env(FEED_URLS).unwrap_or_default();
        let urls: Vec<&str> = urls.split(',').map(str::trim).filter(|url| !url.is_empty()).collect();
        let edges = match secrets(FEED_SECRETS)? {
            _ if urls.is_empty() => Vec::new(),
            _ if urls.len() > URLS => return Err(DeliveryError::TooMany),
            None => return Err(DeliveryError::NoSecrets),
            Some(secrets) => urls.into_iter().map(|url| receiver(url, &secrets)).collect::<Result<_, _>>()?,
        };
        let mut hooks = BTreeMap::new();
        if let Some(secrets) = secrets(HOOK_SECRETS)? {
            for resource in resources.iter() {
                if let Some(url) = &resource.webhook {
                    hooks.insert(resource.name.clone(), receiver(url, &secrets)?);
                }
            }
        }
        let is_empty = edges.is_empty() && hooks.is_empty();
        Ok((!is_empty).then(|| Arc::new(Delivery { edges, hooks })))
    }

    /// Sends what is told to the webhook of a resource, in order. Each message is tried twice.
    ///
    /// # Errors
    /// If the webhook does not accept a message, with the reason. The later messages are not sent.
    pub async fn send_to_hook(&self, resource: &str, told: &Told) -> Result<(), String> {
        let Some(hook) = self.hooks.get(resource) else { return Err("there is none".to_owned()) };
        for message in told.events(resource).into_iter().map(message) {
            hook.send_twice(&message).await?;
        }
        Ok(())
    }

    /// Sends what a batch tells to each receiver, to all of them at the same time.
    pub(crate) async fn deliver(&self, told: &Told) -> Sent {
        let bodies = |messages: Vec<Vec<u8>>| messages.into_iter().map(message).collect::<Vec<_>>();
        let mut sending = JoinSet::new();
        let mut expected = 0;
        let mut start = |receiver: &Arc<Receiver>, messages: &[Message]| {
            if !messages.is_empty() {
                expected += messages.len();
                sending.spawn(Arc::clone(receiver).send_all(messages.to_vec()));
            }
        };
        if !self.edges.is_empty() {
            let messages = bodies(told.messages());
            self.edges.iter().for_each(|edge| start(edge, &messages));
        }
        for (resource, hook) in &self.hooks {
            start(hook, &bodies(told.events(resource)));
        }
        let mut sent = 0;
        let all = async {
            while let Some(result) = sending.join_next().await {
                sent += result.unwrap_or_default();
            }
        };
        // What is not sent in time is dropped with the set.
        let _ = timeout(BATCH, all).await;
        Sent { sent, dropped: expected - sent }
    }
}

/// A message and its id, which a second attempt repeats.
#[derive(Clone)]
struct Message {
    id: String,
    body: Bytes,
}

fn message(body: Vec<u8>) -> Message {
    let id: String = ripple_host::random::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
    Message { id: format!("msg_{id}"), body: body.into() }
}

impl Receiver {
    /// Sends messages in order, up to the first one that fails twice. Returns the number of accepted ones.
    async fn send_all(self: Arc<Self>, messages: Vec<Message>) -> usize {
        let mut sent = 0;
        for message in messages {
            if ripple_host::now() < Timestamp(self.closed_until.load(Ordering::Relaxed)) {
                break;
            }
            if let Err(error) = self.send_twice(&message).await {
                let host = self.url.host();
                tracing::warn!(target: "ripple", host, error, "a receiver of the feed does not accept a message");
                let closed = ripple_host::now().after(CLOSED);
                self.closed_until.store(closed.0, Ordering::Relaxed);
                break;
            }
            sent += 1;
        }
        sent
    }

    /// Sends a message, and once more if that fails.
    async fn send_twice(&self, message: &Message) -> Result<(), String> {
        if self.send(message).await.is_err() {
            sleep(PAUSE).await;
            self.send(message).await?;
        }
        Ok(())
    }

    async fn send(&self, message: &Message) -> Result<(), String> {
        let now = ripple_host::now();
        let request = http::Request::post(self.url.clone())
            .header("content-type", "application/json")
            .header("content-length", message.body.len())
            .header(signature::ID, &message.id)
            .header(signature::TIMESTAMP, signature::seconds(now))
            .header(signature::SIGNATURE, self.secrets.sign(&message.id, now, &message.body))
            .body(SdkBody::from(message.body.clone()))
            .map_err(|error| error.to_string())?;
        let request = HttpRequest::try_from(request).map_err(|error| error.to_string())?;
        match timeout(ATTEMPT, self.connector.call(request)).await {
            Ok(Ok(response)) if response.status().is_success() => Ok(()),
            Ok(Ok(response)) => Err(format!("status {}", response.status().as_u16())),
            Ok(Err(error)) => Err(ripple_core::http::chain(&error)),
            Err(_) => Err(format!("no answer within {} s", ATTEMPT.as_secs())),
        }
    }
}

/// Returns a client that connects only to permitted addresses.
fn connector(permitted: Addresses) -> SharedHttpConnector {
    let connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(TlsContext::builder().build().expect("the default trust store is all it takes"))
        .build_with_resolver(permitted);
    SharedHttpConnector::new(connector)
}

#[cfg(test)]
mod tests {
    use ripple_core::record::schema::Resource;
    use ripple_core::value::Members;
    use ripple_core::{Record, RecordId};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const LOCAL: Addresses = Addresses::PublicOrLocal;
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn settings_are_checked_together() {
        let read = |variables: &[(&str, &str)]| {
            let variables: BTreeMap<String, String> =
                variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Delivery::read(|name: &str| variables.get(name).cloned(), &Resources::built_in(), false)
        };
        assert!(matches!(read(&[]), Ok(None)));
        assert!(matches!(read(&[(FEED_SECRETS, SECRET), (HOOK_SECRETS, SECRET)]), Ok(None)));
        let urls = (FEED_URLS, "https://a.example/_feed, https://b.example/_feed");
        let delivery = read(&[urls, (FEED_SECRETS, SECRET)]).expect("settings").expect("receivers");
        assert_eq!(delivery.edges.len(), 2);
        assert!(matches!(read(&[urls]), Err(DeliveryError::NoSecrets)));
        assert!(matches!(read(&[urls, (FEED_SECRETS, "x")]), Err(DeliveryError::Secrets(FEED_SECRETS, _))));
        assert!(matches!(read(&[(FEED_URLS, "http://a.example"), (FEED_SECRETS, SECRET)]), Err(DeliveryError::Url(_))));
    }

    #[test]
    fn a_declared_webhook_needs_its_own_secrets() {
        let file = br#"{"title": "Task", "x-ripple": {"resource": "task", "key": "ref", "webhook": "https://a.example/x"}, "type": "object"}"#;
        let resources = Resources::read(&[("task.json", file)]).expect("a resource");
        let read = |name: &'static str| {
            Delivery::read(move |asked: &str| (asked == name).then(|| SECRET.to_owned()), &resources, false)
        };
        assert!(read(FEED_SECRETS).expect("settings").is_none());
        assert_eq!(read(HOOK_SECRETS).expect("settings").expect("a receiver").hooks.len(), 1);
    }

    /// Answers one request after another with these statuses, then ends. Returns the id and the body of each.
    async fn answering(listener: TcpListener, statuses: &[u16]) -> Vec<(String, String)> {
        let mut heard = Vec::new();
        for status in statuses {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut text = String::new();
            let request = loop {
                let mut part = [0; 4096];
                let length = stream.read(&mut part).await.expect("a request");
                text.push_str(str::from_utf8(&part[..length]).expect("ASCII"));
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let header = |name: &str| {
                    let value = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    value.unwrap_or_else(|| panic!("no {name}: {head}")).to_owned()
                };
                if header("content-length") == body.len().to_string() {
                    break (header("webhook-id"), body.to_owned());
                }
            };
            heard.push(request);
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.expect("an answer");
        }
        heard
    }

    fn told() -> Told {
        let mut told = Told::default();
        let record = Record::new(RecordId::stored("p".to_owned()), Members::new());
        told.add_state(&Resource::built_in(), record.written(None, 3, Timestamp(5), "Ann"));
        told
    }

    fn receiver(listener: &TcpListener) -> Arc<Receiver> {
        let url = format!("http://{}/x", listener.local_addr().expect("it is bound"));
        let (url, secrets) = (LOCAL.receiver(&url).expect("a URL"), Secrets::parse(SECRET).expect("a secret"));
        Arc::new(Receiver { url, secrets, connector: connector(LOCAL), closed_until: AtomicU64::new(0) })
    }

    #[tokio::test]
    async fn a_message_is_sent_once_more_under_its_id() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let delivery = Delivery { edges: vec![receiver(&listener)], hooks: BTreeMap::new() };
        let told = told();
        let (sent, heard) = tokio::join!(delivery.deliver(&told), answering(listener, &[500, 200]));
        assert_eq!(sent, Sent { sent: 1, dropped: 0 });
        assert_eq!(heard[0], heard[1]);
        assert!(heard[0].1.starts_with(r#"{"type":"ripple.states""#), "{heard:?}");
    }

    #[tokio::test]
    async fn a_receiver_that_fails_twice_is_left_out_for_a_while_and_the_others_are_told() {
        let (bad, good) = tokio::join!(TcpListener::bind(("127.0.0.1", 0)), TcpListener::bind(("127.0.0.1", 0)));
        let (bad, good) = (bad.expect("a port"), good.expect("a port"));
        let hooks = BTreeMap::from([("prj".to_owned(), receiver(&good))]);
        let delivery = Delivery { edges: vec![receiver(&bad)], hooks };
        let told = told();
        // A redirection is not followed: it could lead to a private address.
        let (sent, _, heard) =
            tokio::join!(delivery.deliver(&told), answering(bad, &[307, 503]), answering(good, &[204]));
        assert_eq!(sent, Sent { sent: 1, dropped: 1 });
        assert!(heard[0].1.starts_with(r#"{"type":"prj.changed""#), "{heard:?}");
        assert!(delivery.edges[0].closed_until.load(Ordering::Relaxed) > ripple_host::now().0);
    }
}
