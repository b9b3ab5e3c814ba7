//! Retries: throttling, conflicts, 5xx and lost answers are tried again, with the SDK's exponential backoff and jitter,
//! within [`limits::STORE_BUDGET`]. Afterwards [`Unconfirmed`] says whether a write may have been applied.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, ConfigBag, Intercept, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, InterceptorContext,
};
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use crate::limits;

/// The largest number of attempts. The budget usually ends first.
const ATTEMPTS: u32 = 10;
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const GREATEST_BACKOFF: Duration = Duration::from_secs(2);

/// Sets what ripple requires of a client, except the host's HTTP stack, clock, sleep and credentials.
#[must_use]
pub fn configure(config: Builder) -> Builder {
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(GREATEST_BACKOFF);
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(limits::STORE_BUDGET)
        .operation_attempt_timeout(limits::STORE_ATTEMPT)
        .build();
    config
        .behavior_version(BehaviorVersion::latest())
        .retry_config(retries)
        .timeout_config(timeouts)
        // The time limit of an attempt includes its bodies, so watching how fast they come is not needed.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .retry_classifier(CancelledTransaction)
}

/// Reports whether an error's code means that a later try may succeed.
pub(super) fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "ThrottlingException"
            | "LimitExceededException"
            | "TransactionInProgressException"
            | "TransactionConflict"
            | "ThrottlingError"
            | "ProvisionedThroughputExceeded"
    )
}

/// A classifier that retries cancelled transactions. The SDK treats them as final, but another transaction or
/// throttling is a temporary reason.
#[derive(Debug)]
struct CancelledTransaction;

impl ClassifyRetry for CancelledTransaction {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = match context.output_or_error() {
            Some(Err(error)) => error.as_operation_error(),
            _ => None,
        };
        match error.and_then(|error| error.downcast_ref()) {
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => RetryAction::transient_error(),
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let mut codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
                if codes.any(is_passing) { RetryAction::throttling_error() } else { RetryAction::NoActionIndicated }
            }
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "cancelled transaction"
    }
}

/// The number of an operation's requests that were sent and not refused. Each of them may have been applied. The last
/// error does not tell, since an operation that is throttled in the end may have succeeded at first.
#[derive(Clone, Debug, Default)]
pub(super) struct Unconfirmed(Arc<AtomicUsize>);

impl Unconfirmed {
    pub(super) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Intercept for Unconfirmed {
    fn name(&self) -> &'static str {
        "unconfirmed requests"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.response().status().is_client_error() {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
