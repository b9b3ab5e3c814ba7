//! The Runtime API: sends events to a function and receives their outcomes.

use std::io::{self, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::http::{self, Request};

/// The time that the function may take: as long as API Gateway waits, and one second more.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The time limit for an outcome, with the start of the function, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// The outcome of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function's response.
    Answered(String),
    /// The function's error: JSON with `errorType` and `errorMessage`.
    Failed(String),
    /// The function cannot start. The same form of JSON.
    NotStarted(String),
    /// The function ended without an outcome.
    Ended,
    /// The function took too long.
    Late,
}

/// An event that was sent to a function.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Lambda's id of the event.
    pub request_id: String,
    /// The outcome.
    pub outcome: Outcome,
}

/// The Runtime API of one function. The function finds it through `AWS_LAMBDA_RUNTIME_API`.
#[derive(Debug)]
pub struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The number of events so far. Request ids count them.
    count: u64,
    /// The event that the function has not taken yet, with its request id.
    waiting: Option<(String, String)>,
    /// The outcome of the current event.
    outcome: Option<Outcome>,
    /// Whether the function has ended, or no caller waits for it.
    over: bool,
}

impl RuntimeApi {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// If there is none.
    pub fn start() -> io::Result<RuntimeApi> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let of_listener = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if of_listener.lock().over {
                    return;
                }
                let shared = Arc::clone(&of_listener);
                thread::spawn(move || shared.serve(&connection));
            }
        });
        Ok(RuntimeApi { address, shared })
    }

    /// Returns the value of `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends an event to the function, and returns its outcome.
    pub fn invoke(&self, event: impl Into<String>) -> Invocation {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.lock();
        state.count += 1;
        let request_id = format!("{:08x}-0000-4000-8000-000000000000", state.count);
        // A function that could not start says so before any event. That is the outcome of this event.
        if state.outcome.is_none() && !state.over {
            state.waiting = Some((request_id.clone(), event.into()));
            self.shared.changed.notify_all();
        }
        let outcome = loop {
            if let Some(outcome) = state.outcome.take() {
                break outcome;
            }
            if state.over {
                break Outcome::Ended;
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { break Outcome::Late };
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        Invocation { request_id, outcome }
    }

    /// Tells waiting callers that the function has ended.
    pub(crate) fn end(&self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_all();
        // A connection wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    /// A panic in a test leaves the state consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves one connection until it ends. A broken connection needs no response.
    fn serve(&self, connection: &TcpStream) {
        let _ = connection.set_nodelay(true);
        let (mut reader, mut writer) = (BufReader::new(connection), connection);
        while let Ok(Some(request)) = http::read(&mut reader) {
            if self.answer(&request, &mut writer).is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: &Request, connection: &mut impl io::Write) -> io::Result<()> {
        let path = request.path.strip_prefix("/2018-06-01/runtime/").unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        let body = || request.body.clone();
        let outcome = match (request.method.as_str(), path, last) {
            ("GET", "invocation/next", _) => return self.hand_out(connection),
            ("POST", "init/error", _) => Outcome::NotStarted(body()),
            ("POST", _, "response") => Outcome::Answered(body()),
            ("POST", _, "error") => Outcome::Failed(body()),
            _ => return http::write(connection, "404 Not Found", &[], "{}"),
        };
        self.lock().outcome = Some(outcome);
        self.changed.notify_all();
        http::write(connection, "202 Accepted", &[], r#"{"status":"OK"}"#)
    }

    /// Waits for an event and sends it.
    fn hand_out(&self, connection: &mut impl io::Write) -> io::Result<()> {
        let mut state = self.lock();
        let (request_id, event) = loop {
            if state.over {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if let Some(waiting) = state.waiting.take() {
                break waiting;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + TIMEOUT;
        let headers = [
            ("Lambda-Runtime-Aws-Request-Id", request_id.as_str()),
            ("Lambda-Runtime-Deadline-Ms", &deadline.as_millis().to_string()),
            ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:ripple_prj"),
            ("Lambda-Runtime-Trace-Id", "Root=1-5e1b4151-43a0913a1234567890123456;Parent=53995c3f42cd8ad8;Sampled=0"),
        ];
        http::write(connection, "200 OK", &headers, &event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};

    /// Sends a request, and returns the response on a connection that it closes.
    fn send(api: &RuntimeApi, request: &str) -> String {
        let mut connection = TcpStream::connect(api.address()).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        connection.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn an_event_goes_out_and_its_answer_comes_back() {
        let api = RuntimeApi::start().unwrap();
        thread::scope(|scope| {
            let invocation = scope.spawn(|| api.invoke("{\"a\":1}"));
            let next = send(&api, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n");
            assert!(next.ends_with("\r\n\r\n{\"a\":1}"), "{next}");
            let id = "00000001-0000-4000-8000-000000000000";
            assert!(next.contains(&format!("Lambda-Runtime-Aws-Request-Id: {id}\r\n")), "{next}");
            let path = format!("/2018-06-01/runtime/invocation/{id}/response");
            let accepted = send(&api, &format!("POST {path} HTTP/1.1\r\nContent-Length: 2\r\n\r\n42"));
            assert!(accepted.starts_with("HTTP/1.1 202 "), "{accepted}");
            let invocation = invocation.join().unwrap();
            assert_eq!(invocation.request_id, id);
            assert_eq!(invocation.outcome, Outcome::Answered("42".to_owned()));
        });
    }

    #[test]
    fn a_function_that_cannot_start_answers_the_first_event() {
        let api = RuntimeApi::start().unwrap();
        send(&api, "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
        assert_eq!(api.invoke("{}").outcome, Outcome::NotStarted("{}".to_owned()));
    }

    #[test]
    fn an_ended_function_is_not_waited_for() {
        let api = RuntimeApi::start().unwrap();
        api.end();
        assert_eq!(api.invoke("{}").outcome, Outcome::Ended);
    }
}
