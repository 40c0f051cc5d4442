//! What a run needs of the machine, and what to say if it isn't there.

use std::fs;
use std::net::Ipv4Addr;

use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that a process has besides its connections', generously.
const BESIDES: u64 = 300;

/// How long Linux keeps a port after a connection that was closed here first.
const TIME_WAIT_SECONDS: u64 = 60;

/// Raises the soft limit as far as `connections` need it, which takes no privilege.
pub fn raise_descriptors(connections: u64) -> Result<()> {
    let needed = connections + BESIDES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let hard = limit.maximum.unwrap_or(u64::MAX);
    ensure!(
        hard >= needed,
        "{connections} connections need {needed} descriptors in each process, but the hard limit \
         (ulimit -Hn) is {hard}: at most --connections {}",
        hard.saturating_sub(BESIDES)
    );
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(needed),
            maximum: limit.maximum,
        },
    )?;
    Ok(())
}

/// Addresses to listen on: as many as it takes for the ports of the clients to suffice, those
/// included that wait for late packets.
pub fn addresses(connections: u64, churn: u64) -> Result<Vec<Ipv4Addr>> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    addresses_for(ports(&range).unwrap_or(28_232), connections, churn)
}

fn ports(range: &str) -> Option<u64> {
    let mut ends = range.split_whitespace().map(str::parse::<u64>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    (last + 1).checked_sub(first)
}

fn addresses_for(ports: u64, connections: u64, churn: u64) -> Result<Vec<Ipv4Addr>> {
    // Half of each range: looking for a free port gets slow when few are left.
    let needed = (connections + churn * TIME_WAIT_SECONDS).div_ceil((ports / 2).max(1));
    ensure!(
        needed <= 250,
        "{connections} connections and {churn} new ones each second need the ports of {needed} \
         addresses, with {ports} ports each (net.ipv4.ip_local_port_range); 127.0.0.1 to 127.0.0.250 \
         are what there is"
    );
    let addresses = 1..=needed.max(4) as u8;
    Ok(addresses
        .map(|last| Ipv4Addr::new(127, 0, 0, last))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_counted() {
        assert_eq!(ports("32768\t60999\n"), Some(28_232));
        assert_eq!(ports(""), None);
        assert_eq!(ports("5 x"), None);
    }

    #[test]
    fn addresses_suffice_or_the_reason_is_given() {
        assert_eq!(addresses_for(28_232, 15_000, 1000).unwrap().len(), 6);
        assert_eq!(addresses_for(28_232, 10, 1).unwrap().len(), 4);
        let error = addresses_for(100, 15_000, 1000).unwrap_err().to_string();
        assert!(error.contains("ip_local_port_range"), "{error}");
    }

    #[test]
    fn too_low_a_hard_limit_is_explained() {
        let error = raise_descriptors(1 << 40).unwrap_err().to_string();
        assert!(error.contains("ulimit -Hn"), "{error}");
        raise_descriptors(10).unwrap();
    }
}
