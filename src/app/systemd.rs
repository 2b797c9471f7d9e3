//! What a service manager is told, by the protocol of systemd, and the sockets that it keeps for this process.
//! Owns the way to the manager; where there is none, nothing is told.
//! Never waits for it, and never fails because of it.

use super::sockets::{Keeper, Passed};
use rustix::{
    net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg},
    time::{ClockId, clock_gettime},
};
use std::{
    env,
    ffi::OsStr,
    fmt::Display,
    io::{self, IoSlice},
    mem::MaybeUninit,
    net::TcpListener,
    os::{
        fd::AsFd,
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

#[derive(Default)]
pub struct Manager {
    socket: Option<UnixDatagram>,
    /// How often it wants a sign of life.
    pub watchdog: Option<Duration>,
}

/// Of a socket in the manager's store: which of ours it is.
const KEPT: &str = "kept-";

impl Manager {
    /// As the environment says.
    pub fn of_environment() -> Self {
        let socket = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let socket = socket.and_then(|name| match connect(&name) {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!(event = "manager.not_told", %error, "the service manager cannot be told anything");
                None
            }
        });
        Self { socket, watchdog: watchdog(&|name| env::var(name).ok(), std::process::id()) }
    }

    pub fn ready(&self, status: impl Display) {
        // One line, whatever an error has to say.
        let status = status.to_string().replace(char::is_control, " ");
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}\nSTATUS=Reading the configuration"));
    }

    /// For how long at most, so that it does not lose its patience before.
    pub fn stopping(&self, within: Duration, status: impl Display) {
        self.tell(&format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={}\nSTATUS={status}", within.as_micros()));
    }

    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// Has a socket kept over a restart, with what waits in it. A manager that has it already takes it once.
    pub fn keep(&self, name: &str, socket: &TcpListener) {
        let text = format!("FDSTORE=1\nFDPOLL=0\nFDNAME={KEPT}{name}");
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut room);
        let sockets = [socket.as_fd()];
        control.push(SendAncillaryMessage::ScmRights(&sockets));
        self.send(&text, &mut control);
    }

    /// What was kept and is not configured any more.
    fn let_go(&self, name: &str) {
        self.tell(&format!("FDSTOREREMOVE=1\nFDNAME={name}"));
    }

    fn tell(&self, text: &str) {
        self.send(text, &mut SendAncillaryBuffer::default());
    }

    fn send(&self, text: &str, control: &mut SendAncillaryBuffer<'_, '_, '_>) {
        let Some(socket) = &self.socket else { return };
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        if let Err(error) = sendmsg(socket, &[IoSlice::new(text.as_bytes())], control, flags) {
            tracing::debug!(%error, "the service manager could not be told");
        }
    }

    /// The sockets that it passes to this process, from its own units and from its store. To be called once, before there
    /// are threads: it takes what it has read out of the environment.
    pub fn sockets(&self) -> io::Result<Vec<Passed>> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        // Without it, they are a parent's that has left its variables behind.
        let is_ours = env::var("LISTEN_PID").is_ok_and(|pid| pid == std::process::id().to_string());
        let mut passed = listenfd::ListenFd::from_env();
        if !is_ours {
            return Ok(Vec::new());
        }
        let mut sockets = Vec::new();
        for at in 0..passed.len() {
            let name = names.next().unwrap_or_default().to_owned();
            if let Some(socket) = passed.take_tcp_listener(at)? {
                socket.set_nonblocking(true)?;
                sockets.push(Passed { name, socket, keeper: Keeper::Other });
            }
        }
        Ok(sockets)
    }

    /// Without what was kept for addresses that are not configured any more: nobody else could put that right.
    pub fn wanted(&self, passed: Vec<Passed>, is_configured: impl Fn(&str, &TcpListener) -> bool) -> Vec<Passed> {
        let mut wanted = Vec::new();
        for Passed { name, socket, .. } in passed {
            match name.strip_prefix(KEPT) {
                Some(own) if is_configured(own, &socket) => {
                    wanted.push(Passed { name: own.to_owned(), socket, keeper: Keeper::This });
                }
                Some(_) => self.let_go(&name),
                None => wanted.push(Passed { name, socket, keeper: Keeper::Other }),
            }
        }
        wanted
    }
}

/// A path, or a name that begins with `@`.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

fn watchdog(variable: &dyn Fn(&str) -> Option<String>, process: u32) -> Option<Duration> {
    let every = variable("WATCHDOG_USEC")?.parse().ok().filter(|every| *every > 0)?;
    let is_ours = variable("WATCHDOG_PID").is_none_or(|pid| pid == process.to_string());
    is_ours.then(|| Duration::from_micros(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_of_life_is_owed_by_this_process_only() {
        let asked = |usec: &str, pid: Option<&str>| {
            let variable = |name: &str| match name {
                "WATCHDOG_USEC" => Some(usec.to_owned()),
                _ => pid.map(str::to_owned),
            };
            watchdog(&variable, 7)
        };
        assert_eq!(asked("2000000", None), Some(Duration::from_secs(2)));
        assert_eq!(asked("2000000", Some("7")), Some(Duration::from_secs(2)));
        assert_eq!(asked("2000000", Some("8")), None);
        assert_eq!((asked("0", None), asked("soon", None)), (None, None));
    }
}
