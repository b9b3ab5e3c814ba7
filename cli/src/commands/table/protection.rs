//! Point-in-time recovery and deletion protection of a table, as in the template.
//!
//! An engine without continuous backups is an emulator. Its tables are created and deleted by tests, and are not
//! protected.

use anyhow::{Context as _, anyhow};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use aws_sdk_dynamodb::types::{PointInTimeRecoverySpecification, PointInTimeRecoveryStatus};

use super::ready;

/// The protection of a table against loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// An emulator, which has neither.
    Unknown,
    /// A DynamoDB table, which has both, one or none.
    Known {
        /// Any second of the last 35 days can be restored.
        recovery: bool,
        /// The table cannot be deleted until this is disabled.
        deletion: bool,
    },
}

impl Protection {
    /// Returns the protection that the table lacks.
    pub(crate) fn lacking(&self) -> Option<&'static str> {
        match self {
            Protection::Unknown | Protection::Known { recovery: true, deletion: true } => None,
            Protection::Known { recovery: false, deletion: true } => Some("point-in-time recovery"),
            Protection::Known { recovery: true, deletion: false } => Some("deletion protection"),
            Protection::Known { recovery: false, deletion: false } => {
                Some("point-in-time recovery and deletion protection")
            }
        }
    }

    /// Enables missing protection.
    pub(super) async fn complete(self, client: &Client, table: &str) -> anyhow::Result<()> {
        let Protection::Known { recovery, deletion } = self else { return Ok(()) };
        if !recovery {
            let on = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build()?;
            let update = client.update_continuous_backups().table_name(table).point_in_time_recovery_specification(on);
            update.send().await.with_context(|| format!("cannot enable point-in-time recovery of {table}"))?;
        }
        if !deletion {
            ready::wait(client, table).await?;
            let update = client.update_table().table_name(table).deletion_protection_enabled(true);
            update.send().await.with_context(|| format!("cannot enable deletion protection of {table}"))?;
        }
        Ok(())
    }
}

/// Returns the protection of an existing table.
pub(super) async fn look(client: &Client, table: &str) -> anyhow::Result<Protection> {
    let recovery = match client.describe_continuous_backups().table_name(table).send().await {
        Ok(answer) => answer
            .continuous_backups_description()
            .and_then(|backups| backups.point_in_time_recovery_description()?.point_in_time_recovery_status())
            .is_some_and(|status| *status == PointInTimeRecoveryStatus::Enabled),
        Err(error) if error.code() == Some("UnknownOperationException") => return Ok(Protection::Unknown),
        Err(error) => {
            return Err(anyhow!(
                "cannot read whether {table} has point-in-time recovery: {}",
                DisplayErrorContext(error)
            ));
        }
    };
    let described = client.describe_table().table_name(table).send().await;
    let described = described.with_context(|| format!("cannot describe {table}"))?;
    let deletion = described.table().is_some_and(|table| table.deletion_protection_enabled() == Some(true));
    Ok(Protection::Known { recovery, deletion })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_named() {
        let known = |recovery, deletion| Protection::Known { recovery, deletion }.lacking();
        assert_eq!(known(true, true), None);
        assert_eq!(known(true, false), Some("deletion protection"));
        assert_eq!(known(false, true), Some("point-in-time recovery"));
        assert!(known(false, false).is_some_and(|both| both.contains(" and ")));
        assert_eq!(Protection::Unknown.lacking(), None);
    }
}
