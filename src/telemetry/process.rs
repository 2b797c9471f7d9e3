//! What the operating system says of this process, under the names that Prometheus's own libraries use.
//! Owns nothing; asked anew for each reading.
//! Says nothing where the system has no `/proc`, and never fails.

use super::exposition::Exposition;
use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};
use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

/// When this process began.
pub struct Began(SystemTime);

impl Default for Began {
    fn default() -> Self {
        Self(SystemTime::now())
    }
}

impl Began {
    pub fn render(&self, out: &mut Exposition) {
        let started = self.0.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        out.gauge("process_start_time_seconds", "When this process began, in seconds since 1970.", started);
        let spent = clock_gettime(ClockId::ProcessCPUTime);
        let spent = spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9;
        out.counter("process_cpu_seconds_total", "Processor time of this process, in seconds.", spent);
        let mut family = out.gauges("process_resident_memory_bytes", "Memory that this process has in use.");
        if let Some(bytes) = status_bytes("VmRSS:") {
            family.sample(&[], bytes);
        }
        let mut family = out.gauges("process_open_fds", "Files and sockets that are open.");
        // The folder that is being read is one of them.
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            family.sample(&[], files.count().saturating_sub(1) as f64);
        }
        let mut family = out.gauges("process_max_fds", "Files and sockets that may be open.");
        if let Some(most) = getrlimit(Resource::Nofile).current {
            family.sample(&[], most as f64);
        }
    }
}

fn status_bytes(field: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}
