//! Running `sessionize` until gold has everything that silver has.

use crate::Failure;
use crate::host::running::Host;
use clickstream::app::App;
use clickstream::gold;
use clickstream::lake::log::Version;
use clickstream::lake::snapshot::Replay;
use clickstream::lake::table::Table;

/// Activations without any progress after which something is broken.
const MAX_IDLE: u32 = 20;

/// Asks the host for activations, as its timer would, until gold has reached silver. Gold's own log says how far it is.
pub async fn sessionize_until_done(host: &Host, app: &App) -> Result<(), Failure> {
    let mut idle = 0;
    let mut before = reached(&app.gold.table).await?;
    while before.unwrap_or(-1) < silver_version(&app.gold.silver).await? {
        let outcome = host.invoke_timer("sessionize").await?;
        let after = reached(&app.gold.table).await?;
        idle = if after > before { 0 } else { idle + 1 };
        if idle >= MAX_IDLE {
            return Err(format!("`sessionize` makes no progress beyond silver version {after:?}: {outcome:?}").into());
        }
        before = after;
    }
    // Once more: a kill may have left out the control row of the last commit.
    host.invoke_timer("sessionize").await?;
    Ok(())
}

async fn reached(gold: &Table) -> Result<Option<Version>, Failure> {
    if !gold.exists().await? {
        return Ok(None);
    }
    Ok(gold.snapshot(Replay::Txns).await?.txns.get(gold::APP_ID).map(|progress| progress.version))
}

async fn silver_version(silver: &Table) -> Result<Version, Failure> {
    if !silver.exists().await? {
        return Ok(-1);
    }
    Ok(silver.snapshot(Replay::Txns).await?.version)
}
