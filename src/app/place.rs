//! The place of a process among others: whose listening sockets it has, whom it tells what it does, and who may come after.
//! Owns the way to the service manager, to the predecessor and from the successor.
//! Never leaves a predecessor alone before its listeners are served here.

use super::{
    AppError,
    handover::{Handover, Predecessor},
    sockets::{self, Passed, Sockets},
    systemd::Manager,
};
use crate::config::Config;
use std::{future::pending, net::TcpListener, sync::Arc};
use tokio::{runtime::Runtime, task::JoinSet};

/// Whether a process takes the place of one that runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Place {
    #[default]
    Free,
    TakenOver,
}

/// What a process finds when it starts.
#[derive(Default)]
pub struct Surroundings {
    manager: Manager,
    passed: Vec<Passed>,
    place: Place,
}

pub struct Standing {
    pub manager: Arc<Manager>,
    /// Until it is told that its listeners are served.
    predecessor: Option<Predecessor>,
    /// Of the listening sockets, for a successor.
    copies: Vec<(String, TcpListener)>,
    handover: Option<Arc<Handover>>,
}

impl Surroundings {
    /// To be called before there are threads.
    pub fn of_environment(config: &Config, place: Place) -> Result<Self, AppError> {
        let manager = Manager::of_environment();
        let passed = manager.sockets().map_err(AppError::Inherited)?;
        let passed = manager.wanted(passed, |name, socket| sockets::is_configured(&config.listen, name, socket));
        Ok(Self { manager, passed, place })
    }

    /// The listening sockets: passed, handed over, or bound here.
    pub fn listen(self, config: &Config, workers: usize) -> Result<(Sockets, Standing), AppError> {
        let Self { manager, mut passed, place } = self;
        let mut predecessor = None;
        if place == Place::TakenOver
            && let Some((asked, theirs)) = Predecessor::ask(&config.data_dir, config.listen.proxy)?
        {
            predecessor = Some(asked);
            passed.extend(theirs);
        }
        let mut sockets = Sockets::open(&config.listen, workers, passed)?;
        sockets.to_be_kept().for_each(|(name, socket)| manager.keep(name, socket));
        let (manager, copies) = (Arc::new(manager), sockets.copies());
        Ok((sockets, Standing { manager, predecessor, copies, handover: None }))
    }
}

impl Standing {
    /// This process listens: whoever did before may end, and whoever comes after may ask.
    pub fn take(&mut self, config: &Config, control: &Runtime, tasks: &mut JoinSet<()>) {
        if let Some(predecessor) = self.predecessor.take() {
            predecessor.release();
        }
        let _inside = control.enter();
        match Handover::offer(&config.data_dir, config.listen.proxy, std::mem::take(&mut self.copies)) {
            Ok((handover, listener)) => {
                let handover = Arc::new(handover);
                self.handover = Some(Arc::clone(&handover));
                tasks.spawn(async move { handover.serve(listener).await });
            }
            Err(error) => {
                tracing::warn!(event = "handover.impossible", %error, "no successor can take over: the socket for it cannot be made in data_dir");
            }
        }
    }

    pub async fn is_taken_over(&self) {
        match &self.handover {
            Some(handover) => handover.is_taken().await,
            None => pending().await,
        }
    }

    /// Nobody can take over any more, and the listening sockets are those of the cores alone.
    pub fn leave(&mut self) {
        self.copies.clear();
        if let Some(handover) = self.handover.take() {
            handover.withdraw();
        }
    }
}
