//! The address of DynamoDB, and the credentials for it.

use aws_sdk_dynamodb::config::{Builder, Credentials, Region};

/// The address and the credentials in a host's environment, in the variables of AWS's own SDKs.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>
#[derive(Clone, Debug)]
pub struct Access {
    /// `AWS_REGION`, otherwise `AWS_DEFAULT_REGION`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`. Debug output does not show the secrets.
    pub credentials: Credentials,
    /// `AWS_ENDPOINT_URL_DYNAMODB`, otherwise `AWS_ENDPOINT_URL`: a DynamoDB other than AWS's.
    pub endpoint: Option<String>,
}

/// A required variable that is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not set")]
pub struct NotSet(pub &'static str);

impl Access {
    /// Reads the variables of the environment.
    ///
    /// ```
    /// use ripple_core::store::dynamodb::{Access, NotSet};
    ///
    /// let region = |name: &str| (name == "AWS_REGION").then(|| "eu-central-1".to_owned());
    /// assert_eq!(Access::read(region).unwrap_err(), NotSet("AWS_ACCESS_KEY_ID"));
    /// ```
    ///
    /// # Errors
    /// If a required one is not set.
    pub fn read(env: impl Fn(&str) -> Option<String>) -> Result<Access, NotSet> {
        let required = |name: &'static str| env(name).ok_or(NotSet(name));
        let region = env("AWS_REGION").or_else(|| env("AWS_DEFAULT_REGION")).ok_or(NotSet("AWS_REGION"))?;
        let (id, secret) = (required("AWS_ACCESS_KEY_ID")?, required("AWS_SECRET_ACCESS_KEY")?);
        let credentials = Credentials::new(id, secret, env("AWS_SESSION_TOKEN"), None, "environment");
        let endpoint = env("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| env("AWS_ENDPOINT_URL"));
        Ok(Access { region, credentials, endpoint })
    }

    /// Adds these settings to a client's configuration.
    #[must_use]
    pub fn configure(&self, config: Builder) -> Builder {
        let config = config.region(Region::new(self.region.clone())).credentials_provider(self.credentials.clone());
        match &self.endpoint {
            Some(endpoint) => config.endpoint_url(endpoint),
            None => config,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 4] = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
        ("AWS_SESSION_TOKEN", "hushed"),
    ];

    fn read(more: &[(&str, &str)], without: &str) -> Result<Access, NotSet> {
        Access::read(|name| {
            let entry = more.iter().chain(&COMPLETE).find(|(entry, _)| *entry == name && name != without);
            entry.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn what_is_missing_is_named() {
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            assert_eq!(read(&[], name).expect_err(name), NotSet(name));
        }
        assert!(read(&[], "AWS_SESSION_TOKEN").is_ok());
    }

    #[test]
    fn what_names_the_service_goes_before_what_names_none() {
        let general = ("AWS_ENDPOINT_URL", "http://a");
        assert_eq!(read(&[general], "").expect("complete").endpoint.as_deref(), Some("http://a"));
        let access = read(&[general, ("AWS_ENDPOINT_URL_DYNAMODB", "http://b")], "").expect("complete");
        assert_eq!(access.endpoint.as_deref(), Some("http://b"));
        let access = read(&[("AWS_DEFAULT_REGION", "us-east-1")], "AWS_REGION").expect("complete");
        assert_eq!(access.region, "us-east-1");
    }

    #[test]
    fn debug_output_keeps_the_secrets() {
        assert!(!format!("{:?}", read(&[], "").expect("complete")).contains("hush"));
    }
}
