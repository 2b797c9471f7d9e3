//! A restart without a gap: `serve --take-over` asks the Bellhop that runs for its listening sockets.
//! Owns the socket in `data_dir` by which it is asked, and a copy of each listening socket until they are handed on or
//! the process ends.
//! Never hands them to another user, and lets go of nothing before the successor listens.
//!
//! The words: the successor greets; each listening socket comes with the length of its name, and then the name; a length
//! of zero ends the list. Once it accepts, the successor says so, and is told that nobody is in its place any more.

use super::sockets::{Keeper, Passed};
use rustix::{
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
        recvmsg, sendmsg, sockopt::socket_peercred,
    },
    process::geteuid,
};
use std::{
    fs,
    io::{self, IoSlice, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    net::{SocketAddr, TcpListener},
    os::{
        fd::AsFd,
        unix::{
            fs::{MetadataExt, PermissionsExt},
            net::UnixStream,
        },
    },
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::{UnixListener, unix::UCred},
    sync::Notify,
    time::{sleep, timeout},
};

const GREETING: &[u8] = b"bellhop take-over 1\n";
const LISTENING: u8 = b'L';
const YOURS: u8 = b'Y';
/// From the question to the moment at which the successor listens.
const PATIENCE: Duration = Duration::from_secs(60);
/// For each word of the one that is asked.
const WORD: Duration = Duration::from_secs(10);

type Copies = Vec<(String, TcpListener)>;

#[derive(Debug, thiserror::Error)]
pub enum NotTakenOver {
    #[error("{}: it belongs to another user", .0.display())]
    Foreign(PathBuf),
    #[error("{}: the Bellhop that runs does not hand over its listeners: {}", .0.display(), .1)]
    Refused(PathBuf, io::Error),
}

/// Two Bellhops may share a folder, and not an address.
fn place(data_dir: &Path, proxy: SocketAddr) -> PathBuf {
    let name: String =
        proxy.to_string().chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    data_dir.join(format!("take-over-{name}.sock"))
}

/// The side that is asked.
pub struct Handover {
    path: PathBuf,
    /// Which file it is, as somebody else's may stand there one day.
    file: (u64, u64),
    copies: Mutex<Option<Copies>>,
    taken: Notify,
}

impl Handover {
    /// Within a runtime.
    pub fn offer(data_dir: &Path, proxy: SocketAddr, copies: Copies) -> io::Result<(Self, UnixListener)> {
        let path = place(data_dir, proxy);
        if UnixStream::connect(&path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        // Under a name that nobody asks until nobody else can.
        let new = path.with_extension(std::process::id().to_string());
        let _ = fs::remove_file(&new);
        let listener = UnixListener::bind(&new)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600))?;
        let file = fs::symlink_metadata(&new).map(|data| (data.dev(), data.ino()))?;
        fs::rename(&new, &path)?;
        Ok((Self { path, file, copies: Mutex::new(Some(copies)), taken: Notify::new() }, listener))
    }

    /// Ends when a successor listens.
    pub async fn is_taken(&self) {
        self.taken.notified().await;
    }

    /// Answers whoever asks, one after another.
    pub async fn serve(&self, listener: UnixListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                sleep(WORD).await;
                continue;
            };
            match timeout(PATIENCE, self.hand_over(stream)).await {
                Ok(Ok(())) => return self.taken.notify_one(),
                Ok(Err(error)) => {
                    tracing::warn!(event = "handover.failed", %error, "the listeners were asked for and not taken over");
                }
                Err(_) => tracing::warn!(
                    event = "handover.failed",
                    "whoever asked for the listeners did not come to listen; nothing has changed"
                ),
            }
        }
    }

    async fn hand_over(&self, mut stream: tokio::net::UnixStream) -> io::Result<()> {
        if !is_ours(stream.peer_cred().as_ref().map(UCred::uid).ok()) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut greeting = [0; GREETING.len()];
        stream.read_exact(&mut greeting).await?;
        let copies = self.locked().as_ref().map(|copies| {
            copies.iter().map(|(name, socket)| Ok((name.clone(), socket.try_clone()?))).collect::<io::Result<Copies>>()
        });
        let Some(copies) = copies.filter(|_| greeting == *GREETING) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        for (name, socket) in copies? {
            let length = [u8::try_from(name.len()).map_err(io::Error::other)?];
            stream.async_io(Interest::WRITABLE, || send(&stream, length, &socket)).await?;
            stream.write_all(name.as_bytes()).await?;
        }
        stream.write_all(&[0]).await?;
        match stream.read_u8().await? {
            LISTENING => {
                self.withdraw();
                // It listens, whether or not it hears this.
                let _ = stream.write_all(&[YOURS]).await;
                Ok(())
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// From now on nobody can take over, and the sockets are those of the cores alone.
    pub fn withdraw(&self) {
        if self.locked().take().is_none() {
            return;
        }
        let is_own = fs::symlink_metadata(&self.path).is_ok_and(|data| (data.dev(), data.ino()) == self.file);
        if is_own {
            let _ = fs::remove_file(&self.path);
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Option<Copies>> {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of this user, or of one who may do anything here anyway.
fn is_ours(uid: Option<u32>) -> bool {
    uid.is_some_and(|uid| uid == 0 || uid == geteuid().as_raw())
}

fn send(stream: &tokio::net::UnixStream, length: [u8; 1], socket: &TcpListener) -> io::Result<()> {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut room);
    let sockets = [socket.as_fd()];
    control.push(SendAncillaryMessage::ScmRights(&sockets));
    sendmsg(stream, &[IoSlice::new(&length)], &mut control, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?;
    Ok(())
}

/// The side that asks, from the question until it listens.
pub struct Predecessor {
    stream: UnixStream,
}

impl Predecessor {
    /// `None` when nobody runs there. Blocks.
    pub fn ask(data_dir: &Path, proxy: SocketAddr) -> Result<Option<(Self, Vec<Passed>)>, NotTakenOver> {
        let path = place(data_dir, proxy);
        let Ok(stream) = UnixStream::connect(&path) else { return Ok(None) };
        if !is_ours(socket_peercred(&stream).ok().map(|peer| peer.uid.as_raw())) {
            return Err(NotTakenOver::Foreign(path));
        }
        let mut predecessor = Self { stream };
        match predecessor.receive() {
            Ok(passed) => Ok(Some((predecessor, passed))),
            Err(error) => Err(NotTakenOver::Refused(path, error)),
        }
    }

    fn receive(&mut self) -> io::Result<Vec<Passed>> {
        self.stream.set_read_timeout(Some(WORD))?;
        self.stream.set_write_timeout(Some(WORD))?;
        self.stream.write_all(GREETING)?;
        let mut passed = Vec::new();
        while let Some((length, socket)) = self.receive_one()? {
            let mut name = vec![0; usize::from(length)];
            self.stream.read_exact(&mut name)?;
            socket.set_nonblocking(true)?;
            let name = String::from_utf8_lossy(&name).into_owned();
            passed.push(Passed { name, socket, keeper: Keeper::This });
        }
        Ok(passed)
    }

    fn receive_one(&self) -> io::Result<Option<(u8, TcpListener)>> {
        let mut length = [0];
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut room);
        let into = &mut [IoSliceMut::new(&mut length)];
        let received = recvmsg(&self.stream, into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
        let socket = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
            _ => None,
        });
        match (received.bytes, length, socket) {
            (1, [0], None) => Ok(None),
            (1, [length], Some(socket)) => Ok(Some((length, socket.into()))),
            (0, ..) => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// This process accepts: the other one may end. Returns when its place in the folder is free.
    pub fn release(mut self) {
        let mut answer = [0];
        let released = self.stream.write_all(&[LISTENING]).and_then(|()| self.stream.read_exact(&mut answer));
        let said = match released {
            Ok(()) if answer == [YOURS] => {
                return tracing::info!(event = "handover.taken", "took over the listeners of the Bellhop that ran");
            }
            Ok(()) => "another word than expected".to_owned(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            event = "handover.unsure",
            said,
            "the Bellhop whose listeners were taken over does not say that it ends"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    }

    #[test]
    fn sockets_go_from_one_to_the_other_and_only_then_is_the_place_free() {
        let folder = tempfile::tempdir().unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let runtime = runtime();
        let inside = runtime.enter();
        let (handover, listener) = Handover::offer(folder.path(), address, vec![("proxy".into(), socket)]).unwrap();
        let handover = std::sync::Arc::new(handover);
        let mode = fs::metadata(place(folder.path(), address)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(Handover::offer(folder.path(), address, Vec::new()).is_err(), "its place is taken");
        let serving = std::sync::Arc::clone(&handover);
        runtime.spawn(async move { serving.serve(listener).await });
        drop(inside);

        let (gone, _) = Predecessor::ask(folder.path(), address).unwrap().unwrap();
        drop(gone);
        let (predecessor, passed) = Predecessor::ask(folder.path(), address).unwrap().unwrap();
        assert_eq!((&*passed[0].name, passed[0].socket.local_addr().unwrap()), ("proxy", address));
        assert!(place(folder.path(), address).exists());
        predecessor.release();

        runtime.block_on(handover.is_taken());
        assert!(!place(folder.path(), address).exists());
        assert!(Predecessor::ask(folder.path(), address).unwrap().is_none(), "nobody runs there any more");
    }

    #[test]
    fn what_a_killed_process_left_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:8080".parse().unwrap();
        drop(std::os::unix::net::UnixListener::bind(place(folder.path(), address)).unwrap());
        assert!(Predecessor::ask(folder.path(), address).unwrap().is_none());

        let runtime = runtime();
        let _inside = runtime.enter();
        let (handover, _listener) = Handover::offer(folder.path(), address, Vec::new()).unwrap();
        handover.withdraw();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
