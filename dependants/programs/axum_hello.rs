//! The smallest axum server: `axum-hello current|multi [ADDRESS]`.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::routing::get;
use programs::control;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let runtime = runtime(arguments.next().as_deref())?;
    let address = arguments.next();
    let address = address.as_deref().unwrap_or("127.0.0.1:0");
    let address: SocketAddr = address.parse().context("ADDRESS is no IP:PORT")?;
    runtime.block_on(serve(address))
}

fn runtime(kind: Option<&str>) -> Result<Runtime> {
    let mut builder = match kind {
        Some("current") => Builder::new_current_thread(),
        Some("multi") => Builder::new_multi_thread(),
        _ => bail!("usage: axum-hello current|multi [ADDRESS]"),
    };
    // For the multi-thread runtime alone; and the same on every machine.
    Ok(builder.worker_threads(2).enable_all().build()?)
}

async fn serve(address: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(address).await?;
    let (stop, stopped) = oneshot::channel::<()>();
    // What the receiver waits for is that the sender goes.
    control::attend(move || drop(stop))?;
    control::announce(listener.local_addr()?)?;
    let app = Router::new().route("/", get(|| async { "Hello, world!" }));
    axum::serve(listener, app)
        .with_graceful_shutdown(async move { drop(stopped.await) })
        .await?;
    Ok(())
}
