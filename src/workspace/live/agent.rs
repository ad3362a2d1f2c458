//! The process of an agent: in the workspace, in a copy, or in a layer with a network of its own.

use super::{LiveWorkspace, blocking};
use crate::base::limits::AGENT_LINK_MESSAGES_MAX;
use crate::port::{AgentChild, AgentSpawn, AgentWays, WorkspaceError};
use crate::workspace::egress::{self, Endpoints};
use crate::workspace::layer::Layer;
use crate::workspace::run::{self, Spec, environment};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

impl LiveWorkspace {
    pub(super) async fn start_agent(&self, spawn: AgentSpawn) -> Result<AgentChild, WorkspaceError> {
        let argv = spawn.argv.into_iter().map(Into::into).collect();
        let environment = environment(&spawn.pass_env, &spawn.env);
        let spec = Spec { argv, cwd: spawn.cwd, environment, piped_stdin: true, merged: false };
        if let Some(missing) = run::missing(&spec) {
            return Err(WorkspaceError::Refused(missing));
        }
        let (layer, own) = match spawn.layer {
            Some(of) => {
                let (layers, root, rules) = (self.layers.clone(), self.root.clone(), self.listing.rules().clone());
                let program = run::program_of(&spec);
                let made = move || Ok(layers.for_agent((&root, &rules), &of, program.as_deref()));
                let (layer, own) = blocking(made).await?.map_err(WorkspaceError::Refused)?;
                (Some(layer), own)
            }
            None => (None, None),
        };
        let what = format!("cannot start the agent in {}", spec.cwd.display());
        let spawner = match &layer {
            Some(layer) => self.spawner.clone().within(layer.plan().clone()),
            None => self.spawner.clone(),
        };
        self.view.close();
        let mut running = spawner.spawn(&spec).map_err(|source| WorkspaceError::Io { what, source })?;
        if layer.is_some() {
            self.view.follow(running.pid);
        }
        let ended = CancellationToken::new();
        let ways = own.and_then(|own| open_ways(&mut running, (own, self.turn.clone()), &ended));
        agent_child(running, layer, (ways, ended))
    }
}

/// Serves the network of an agent in a layer until it has ended.
fn open_ways(
    running: &mut run::Running,
    (own, turn): (Endpoints, Arc<AtomicU64>),
    ended: &CancellationToken,
) -> Option<AgentWays> {
    let door = running.take_door()?;
    let about = own.about();
    let tree = egress::Tree { tracker: running.tree().0, launcher: running.pid };
    let (tell, asks) = mpsc::channel(AGENT_LINK_MESSAGES_MAX);
    let ways = egress::Ways { own: Some(Arc::new(own)), turn, ..egress::Ways::default() };
    let serving = async move { egress::serve(door, &tree, tell, ways).await };
    tokio::spawn(ended.clone().run_until_cancelled_owned(serving));
    Some(AgentWays { about, asks })
}

/// An agent's process; the tree ends when its owner drops `end`.
fn agent_child(
    mut running: run::Running,
    layer: Option<Layer>,
    (ways, ended): (Option<AgentWays>, CancellationToken),
) -> Result<AgentChild, WorkspaceError> {
    let ends = ended.drop_guard();
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (running.stdin.take(), running.stdout.take(), running.stderr.take())
    else {
        return Err(WorkspaceError::Refused("the agent has no pipes".to_owned()));
    };
    let mut exit = running.exit_watch();
    let exited = Box::pin(async move {
        let status = exit.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        if let Some(no) = layer.as_ref().and_then(Layer::refusal) {
            tracing::error!("the agent was not started in its layer: {no}");
        }
        drop(layer);
        status.and_then(run::exit_code)
    });
    let pid = u32::try_from(running.pid).unwrap_or(0);
    let end = move |grace: Duration| -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let _ends = ends;
            let (tracker, scope) = running.tree();
            let _ = tokio::task::spawn_blocking(move || tracker.terminate(scope)).await;
            if tokio::time::timeout(grace, running.exited()).await.is_err() {
                let _ = running.end().await;
            }
        })
    };
    Ok(AgentChild {
        pid,
        stdin: Box::new(stdin),
        stdout: Box::new(stdout),
        stderr: Box::new(stderr),
        exited,
        end: Box::new(end),
        ways,
    })
}
