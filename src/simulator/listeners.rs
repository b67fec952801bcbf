//! Game servers of simulated guests: each running guest a.b.c.d answers its status protocol on 127.b.c.d, same port.
//!
//! Only status is answered; nobody can play. What each protocol says lives in `status_ping`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Mutex;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::machine::{Game, Machine};
use super::status_ping;

/// The listening game servers of one lab.
#[derive(Default)]
pub struct Listeners {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The guest generation the listeners were last compared with.
    generation: Option<u64>,
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
    /// Opens and closes listeners so that they match the running guests. Must be called inside a tokio runtime.
    pub fn follow(&self, machine: &Machine, generation: u64) {
        let mut state = self.state.lock().expect("nothing panics while listeners change");
        if state.generation == Some(generation) {
            return;
        }
        state.generation = Some(generation);
        state.problems.clear();
        let wanted = wanted(machine, &mut state.problems);
        state.running.retain(|address, running| wanted.get(address).is_some_and(|(_, game)| *game == running.game));
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
    pub fn problems(&self) -> Vec<String> {
        self.state.lock().expect("nothing panics while listeners change").problems.clone()
    }

    /// Returns where games answer now.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.state.lock().expect("nothing panics while listeners change").running.keys().copied().collect()
    }
}

fn wanted(machine: &Machine, problems: &mut Vec<String>) -> BTreeMap<SocketAddr, (String, Game)> {
    let mut wanted: BTreeMap<SocketAddr, (String, Game)> = BTreeMap::new();
    for guest in machine.serving_guests() {
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
