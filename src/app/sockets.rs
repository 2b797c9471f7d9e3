//! Listening sockets: each address once for every core, and never an address that somebody else has.
//! Owns the bound sockets until the cores take them.
//! Never shares an address with another process, not even of the same user.

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
}

impl Sockets {
    pub fn bind(listen: &Listen, workers: usize) -> Result<Self, AppError> {
        let mut cores: Vec<Vec<(Entry, TcpListener)>> = (0..workers).map(|_| Vec::new()).collect();
        let mut spread = |entry, address| -> Result<SocketAddr, AppError> {
            let sockets = bind_for_all(address, workers).map_err(|error| AppError::Listen { address, error })?;
            let bound = sockets.first().map_or(Ok(address), TcpListener::local_addr);
            for (core, socket) in cores.iter_mut().zip(sockets) {
                core.push((entry, socket));
            }
            bound.map_err(|error| AppError::Listen { address, error })
        };
        let proxy = spread(Entry::Shared, listen.proxy)?;
        let mut providers = BTreeMap::new();
        for (place, (id, address)) in (0..).zip(&listen.providers) {
            providers.insert(id.clone(), spread(Entry::Provider(place), *address)?);
        }
        let address = listen.admin;
        let admin = bind_for_all(address, 1).map_err(|error| AppError::Listen { address, error })?;
        let admin = admin.into_iter().next().ok_or(AppError::Listen { address, error: io::ErrorKind::Other.into() })?;
        let bound = admin.local_addr().map_err(|error| AppError::Listen { address, error })?;
        Ok(Self { admin, cores, addresses: Addresses { proxy, admin: bound, providers } })
    }

    pub fn addresses(&self) -> Addresses {
        self.addresses.clone()
    }
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
            ". Something listens there already: end it, or set another address (port 0 takes any free one)"
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
}
