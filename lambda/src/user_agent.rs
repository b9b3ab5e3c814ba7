//! The user agent of requests to DynamoDB.

use aws_runtime::user_agent::UserAgentInterceptor;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::interceptors::disable_interceptor;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use http::header::USER_AGENT;

/// The name and the version of ripple.
const RIPPLE: &str = concat!("ripple/", env!("CARGO_PKG_VERSION"));

/// Names ripple in place of the SDK. The SDK puts together two long headers for each request, from the environment and the
/// settings of the client. That takes a twentieth of the CPU of a get.
#[derive(Debug)]
pub(crate) struct UserAgent;

impl Intercept for UserAgent {
    fn name(&self) -> &'static str {
        "user agent"
    }

    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(disable_interceptor::<UserAgentInterceptor>("ripple names itself"));
        Ok(())
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().headers_mut().insert(USER_AGENT.as_str(), RIPPLE);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use ripple_core::store::dynamodb::{Access, DynamoDb, TableNames};

    #[tokio::test]
    async fn a_request_names_ripple_and_nothing_of_its_environment() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let server = thread::spawn(move || {
            let (connection, _) = listener.accept().expect("a connection");
            let lines = BufReader::new(&connection).lines().map(|line| line.expect("text"));
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            (&connection).write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}").expect("it is sent");
            head
        });
        let access = Access::read(|name| match name {
            "AWS_ENDPOINT_URL" => Some(endpoint.clone()),
            name => Some(name.to_lowercase().replace('_', "-"))
                .filter(|_| name.starts_with("AWS_") && !name.contains("ENDPOINT")),
        });
        let access = access.expect("region and credentials");
        let config = access.configure(crate::config::client_config(None, None).expect("a configuration")).build();
        let client = aws_sdk_dynamodb::Client::from_conf(config);
        let store = DynamoDb::new(client, TableNames::default(), ripple_core::record::schema::Resource::built_in());
        store.warm_up().await.expect_err("it is refused");
        let head = server.join().expect("the server ends");
        let agents: Vec<&String> = head.iter().filter(|line| line.contains("agent: ")).collect();
        assert_eq!(agents, [&format!("user-agent: ripple/{}", env!("CARGO_PKG_VERSION"))], "{head:?}");
    }
}
