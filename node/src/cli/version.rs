//! What `node --version` says.

use crate::net;

/// Release and commit.
pub const SHORT: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("PODIUM_BUILD_COMMIT"), ")");

/// Everything that a report of trouble should say about the program.
pub fn long() -> String {
    format!(
        "{SHORT}\n\
         build          {}, {}\n\
         arithmetic     {}\n\
         local socket   version {}\n\
         network        {}; TCP, QUIC, mDNS; gossip of {}",
        env!("PODIUM_BUILD_PROFILE"),
        env!("PODIUM_BUILD_TARGET"),
        arithmetic(),
        api::API_VERSION,
        net::EXCHANGE,
        net::TOPIC,
    )
}

/// Proofs take about a third of the time with AVX-512 IFMA.
fn arithmetic() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512ifma") && std::arch::is_x86_feature_detected!("avx512f") {
        return "AVX-512 IFMA";
    }
    "portable"
}
