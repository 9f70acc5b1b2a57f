//! A wire that the test can cut and slow down, where there are no network namespaces: a TCP proxy on loopback.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Default)]
struct Shared {
    target: Mutex<Option<SocketAddr>>,
    down: AtomicBool,
    /// Bytes per second each way; 0 is no limit.
    rate: AtomicU64,
    end: AtomicBool,
}

/// See the module. Its threads end with it.
pub struct Proxy {
    pub port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, shared) = (listener.local_addr().unwrap().port(), Arc::new(Shared::default()));
        listener.set_nonblocking(true).unwrap();
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || serve(&listener, &of_thread));
        Self { port, shared }
    }

    /// Where it leads.
    pub fn lead_to(&self, port: u16) {
        *self.shared.target.lock().unwrap() = Some(SocketAddr::from(([127, 0, 0, 1], port)));
    }

    pub fn set_up(&self, up: bool) {
        self.shared.down.store(!up, Ordering::SeqCst);
    }

    pub fn slow_to(&self, bytes_per_second: u64) {
        self.shared.rate.store(bytes_per_second, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.end.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    fn is_cut(&self) -> bool {
        self.down.load(Ordering::SeqCst) || self.end.load(Ordering::SeqCst)
    }
}

fn serve(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.end.load(Ordering::SeqCst) {
        let Ok((near, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        let target = *shared.target.lock().unwrap();
        let Some(far) = target.filter(|_| !shared.is_cut()).and_then(|to| TcpStream::connect(to).ok()) else {
            continue;
        };
        near.set_nonblocking(false).unwrap();
        for (from, to) in [(&near, &far), (&far, &near)] {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            let shared = Arc::clone(shared);
            std::thread::spawn(move || carry(from, to, &shared));
        }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, shared: &Shared) {
    from.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    to.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut bytes = [0; 4096];
    while !shared.is_cut() {
        let n = match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => break,
        };
        let rate = shared.rate.load(Ordering::SeqCst);
        if rate > 0 {
            std::thread::sleep(Duration::from_secs_f64(n as f64 / rate as f64));
        }
        if shared.is_cut() || to.write_all(&bytes[..n]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both); // the other direction may have done it
    let _ = to.shutdown(Shutdown::Both);
}
