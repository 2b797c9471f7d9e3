//! Listening sockets: bound here, or passed on by who had them before; each address once for every core.
//! Owns the sockets until the cores take them.
//! Never shares an address with another process that did not pass it on, not even of the same user.

use super::{Addresses, AppError};
use crate::{config::Listen, proxy::Entry};
use socket2::{Domain, Socket, Type};
use std::{
    collections::BTreeMap,
    io,
    net::{SocketAddr, TcpListener},
};

const BACKLOG: i32 = 4096;

pub struct Sockets {
    pub admin: TcpListener,
    /// One list per core.
    pub cores: Vec<Vec<(Entry, TcpListener)>>,
    addresses: Addresses,
    /// Every socket once more, by what it is for.
    all: Vec<(String, TcpListener, Keeper)>,
}

/// A socket that was passed to this process.
pub struct Passed {
    /// What whoever passed it calls it.
    pub name: String,
    pub socket: TcpListener,
    pub keeper: Keeper,
}

/// Who sees to it that a socket outlasts this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keeper {
    This,
    /// A unit of its own, of which this process only borrows it.
    Other,
}

impl Sockets {
    pub fn open(listen: &Listen, workers: usize, passed: Vec<Passed>) -> Result<Self, AppError> {
        let mut given = Given(passed);
        let mut cores: Vec<Vec<(Entry, TcpListener)>> = (0..workers).map(|_| Vec::new()).collect();
        let mut all = Vec::new();
        let mut open = |name: &str, address, count| {
            let mut opened = || {
                let mut sockets = Vec::new();
                for Passed { socket, keeper, .. } in given.take(name, address) {
                    sockets.push((socket, keeper));
                }
                if sockets.is_empty() {
                    sockets.extend(bind_for_all(address, count)?.into_iter().map(|socket| (socket, Keeper::This)));
                }
                for (socket, keeper) in &sockets {
                    all.push((name.to_owned(), socket.try_clone()?, *keeper));
                }
                let sockets: Vec<_> = sockets.into_iter().map(|(socket, _)| socket).collect();
                let bound = sockets.first().map_or(Ok(address), TcpListener::local_addr)?;
                Ok((sockets, bound))
            };
            opened().map_err(|error| AppError::Listen { address, error })
        };
        let mut spread = |entry, sockets: &[TcpListener]| -> io::Result<()> {
            for (core, socket) in deal(sockets.len(), workers) {
                cores[core].push((entry, sockets[socket].try_clone()?));
            }
            Ok(())
        };
        let (sockets, proxy) = open(PROXY, listen.proxy, workers)?;
        spread(Entry::Shared, &sockets).map_err(AppError::Threads)?;
        let mut providers = BTreeMap::new();
        for (place, (id, address)) in (0..).zip(&listen.providers) {
            let (sockets, bound) = open(&provider(id), *address, workers)?;
            spread(Entry::Provider(place), &sockets).map_err(AppError::Threads)?;
            providers.insert(id.clone(), bound);
        }
        let address = listen.admin;
        let (admin, bound) = open(ADMIN, address, 1)?;
        let [admin] = <[TcpListener; 1]>::try_from(admin)
            .map_err(|_| AppError::Inherited(io::Error::other("the admin listener has one socket")))?;
        given.none_is_left(listen)?;
        Ok(Self { admin, cores, addresses: Addresses { proxy, admin: bound, providers }, all })
    }

    pub fn addresses(&self) -> Addresses {
        self.addresses.clone()
    }

    /// What a service manager that has a store should have in it.
    pub fn to_be_kept(&self) -> impl Iterator<Item = (&str, &TcpListener)> {
        self.all.iter().filter(|(.., keeper)| *keeper == Keeper::This).map(|(name, socket, _)| (&**name, socket))
    }

    /// For whoever takes over. A socket stays open for as long as one of its copies is.
    pub fn copies(&mut self) -> Vec<(String, TcpListener)> {
        std::mem::take(&mut self.all).into_iter().map(|(name, socket, _)| (name, socket)).collect()
    }
}

const PROXY: &str = "proxy";
const ADMIN: &str = "admin";

struct Given(Vec<Passed>);

impl Given {
    /// Those at the address; where any free port is asked for, those of the name at any port of it.
    fn take(&mut self, name: &str, address: SocketAddr) -> Vec<Passed> {
        self.0.extract_if(.., |passed| is_for((name, address), &passed.name, &passed.socket)).collect()
    }

    fn none_is_left(&self, listen: &Listen) -> Result<(), AppError> {
        let Some(passed) = self.0.first() else { return Ok(()) };
        let providers = listen.providers.iter().map(|(id, address)| format!(", {address} (listen.providers.{id})"));
        Err(AppError::Passed {
            name: passed.name.clone(),
            address: passed.socket.local_addr().map_or_else(|_| "an unknown address".into(), |at| at.to_string()),
            configured: format!(
                "{} (listen.proxy), {} (listen.admin){}",
                listen.proxy,
                listen.admin,
                providers.collect::<String>()
            ),
        })
    }
}

/// Whether a socket of this name is one of those that the configuration asks for.
pub fn is_configured(listen: &Listen, name: &str, socket: &TcpListener) -> bool {
    let providers = listen.providers.iter().map(|(id, address)| (provider(id), *address));
    let listeners = [(PROXY.to_owned(), listen.proxy), (ADMIN.to_owned(), listen.admin)];
    listeners.into_iter().chain(providers).any(|(own, address)| is_for((&own, address), name, socket))
}

fn is_for((own, address): (&str, SocketAddr), name: &str, socket: &TcpListener) -> bool {
    match socket.local_addr() {
        Ok(at) if address.port() == 0 => name == own && at.ip() == address.ip(),
        Ok(at) => at == address,
        Err(_) => false,
    }
}

fn provider(id: &str) -> String {
    format!("provider-{id}")
}

/// Which core listens at which socket: each core at one, and each socket on one. A socket that several cores listen at is
/// one queue, from which whoever is first takes.
fn deal(sockets: usize, cores: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..sockets.max(cores)).filter(move |_| sockets > 0).map(move |at| (at % cores, at % sockets))
}

/// The first socket is bound without SO_REUSEPORT, which fails if anybody has the address, and shares it only then:
/// the kernel spreads connections over the cores, and a second Bellhop is an error and not a competitor.
fn bind_for_all(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let first = socket(address)?;
    first.bind(&address.into())?;
    first.set_reuse_port(true)?;
    let bound = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..count {
        let next = socket(address)?;
        next.set_reuse_port(true)?;
        next.bind(&bound)?;
        sockets.push(next);
    }
    sockets.iter().try_for_each(|socket| socket.listen(BACKLOG))?;
    Ok(sockets.into_iter().map(Into::into).collect())
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Lets a restart take the address while old connections linger; a listening socket still conflicts.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// What to do about an address that cannot be had.
pub fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            ". Something listens there already: end it, or set another address (port 0 takes any free one). If it is a \
             Bellhop that this one replaces, `bellhop serve --take-over` takes its place"
        }
        io::ErrorKind::PermissionDenied => ". Ports below 1024 need a privilege: choose a higher one",
        io::ErrorKind::AddrNotAvailable => ". This machine has no such address",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_serves_all_cores_and_nobody_else() {
        let sockets = bind_for_all("127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let address = sockets[0].local_addr().unwrap();
        assert!(sockets.iter().all(|socket| socket.local_addr().unwrap() == address));
        assert_eq!(bind_for_all(address, 2).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn every_core_listens_and_every_socket_is_listened_at() {
        for (sockets, cores) in [(1, 1), (1, 4), (3, 4), (4, 4), (5, 4), (9, 2)] {
            let dealt: Vec<_> = deal(sockets, cores).collect();
            assert!((0..cores).all(|core| dealt.iter().any(|(at, _)| *at == core)), "{sockets} for {cores}");
            assert!((0..sockets).all(|socket| dealt.iter().any(|(_, at)| *at == socket)), "{sockets} for {cores}");
        }
        assert_eq!(deal(0, 2).count(), 0);
    }

    #[test]
    fn what_was_passed_is_taken_or_complained_about() {
        let socket = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (proxy, other) = (socket(), socket());
        let admin = "127.0.0.1:0".parse().unwrap();
        let listen = Listen { proxy: proxy.local_addr().unwrap(), admin, ..Listen::default() };
        let passed = |socket: &TcpListener| Passed {
            name: "any".into(),
            socket: socket.try_clone().unwrap(),
            keeper: Keeper::Other,
        };
        let sockets = Sockets::open(&listen, 2, vec![passed(&proxy)]).unwrap();
        assert_eq!(sockets.addresses().proxy, listen.proxy);

        let error = Sockets::open(&listen, 2, vec![passed(&proxy), passed(&other)]).err().unwrap().to_string();
        assert!(error.contains(&other.local_addr().unwrap().to_string()) && error.contains("listen.proxy"), "{error}");
    }
}
