//! Game servers of simulated guests: each running guest a.b.c.d answers its status protocol on 127.b.c.d, same port.
//!
//! Only status is answered; nobody can play. What each protocol says lives in `status_ping`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::machine::{Game, SimulatedGuest};
use super::status_ping;
use super::store::Store;

/// The listening game servers of one lab.
#[derive(Default)]
pub struct Listeners {
    /// The guest generation the listeners were last compared with, plus one.
    compared: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<SocketAddr, Running>,
    problems: Vec<String>,
}

struct Running {
    game: Game,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listeners {
    /// Returns the guests to follow if any changed since the last call.
    pub(super) fn changes(&self, store: &Store) -> Option<Vec<SimulatedGuest>> {
        let current = store.guest_generation() + 1;
        let before = self.compared.swap(current, Ordering::SeqCst);
        (before != current).then(|| store.machine().serving_guests())
    }

    /// Opens and closes listeners so that they match the running guests; when it returns, they do.
    pub(super) async fn follow(&self, guests: Vec<SimulatedGuest>) {
        let mut state = self.state.lock().await;
        state.problems.clear();
        let wanted = wanted(guests, &mut state.problems);
        let is_unwanted = |(address, running): (&SocketAddr, &Running)| {
            wanted.get(address).is_none_or(|(_, game)| *game != running.game)
        };
        let unwanted: Vec<SocketAddr> =
            state.running.iter().filter(|entry| is_unwanted(*entry)).map(|(address, _)| *address).collect();
        for address in unwanted {
            if let Some(mut running) = state.running.remove(&address) {
                running.task.abort();
                // Only when the task is gone is its port free again.
                drop((&mut running.task).await);
            }
        }
        for (address, (guest, game)) in wanted {
            if state.running.contains_key(&address) {
                continue;
            }
            match open(address, game.clone()) {
                Ok(task) => drop(state.running.insert(address, Running { game, task })),
                Err(problem) => state.problems.push(format!("guest `{guest}` cannot answer on {address}: {problem}")),
            }
        }
    }

    /// Returns what went wrong: addresses two guests share, ports something else uses, protocols not simulated.
    pub async fn problems(&self) -> Vec<String> {
        self.state.lock().await.problems.clone()
    }

    /// Returns where games answer now.
    pub async fn addresses(&self) -> Vec<SocketAddr> {
        self.state.lock().await.running.keys().copied().collect()
    }
}

fn wanted(guests: Vec<SimulatedGuest>, problems: &mut Vec<String>) -> BTreeMap<SocketAddr, (String, Game)> {
    let mut wanted: BTreeMap<SocketAddr, (String, Game)> = BTreeMap::new();
    for guest in guests {
        for game in guest.games {
            let [_, b, c, d] = guest.address.octets();
            let address = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(127, b, c, d), game.port));
            if !status_ping::is_simulated(&game.protocol) {
                problems.push(format!("guest `{}`: status protocol `{}` is not simulated", guest.name, game.protocol));
                continue;
            }
            match wanted.get(&address) {
                Some((other, _)) => problems.push(format!("guests `{other}` and `{}` both want {address}", guest.name)),
                None => drop(wanted.insert(address, (guest.name.clone(), game))),
            }
        }
    }
    wanted
}

fn open(address: SocketAddr, game: Game) -> Result<JoinHandle<()>, String> {
    let listener = std::net::TcpListener::bind(address).map_err(|error| error.to_string())?;
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    let listener = TcpListener::from_std(listener).map_err(|error| error.to_string())?;
    Ok(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let game = game.clone();
            // A client that breaks off is no concern of the server.
            tokio::spawn(async move { drop(status_ping::answer(stream, &game).await) });
        }
    }))
}
