//! The addresses to which a client of the function connects.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs as _};

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use http::Uri;
use tokio::task::spawn_blocking;

/// Resolves names, and refuses those of other addresses. The connection goes to the addresses that were checked.
///
/// Every client of the function has this resolver. Another type would be a second HTTP client in the function's zip
/// file, 240 KB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addresses {
    /// Any address: DynamoDB's may be one of a private network.
    Any,
    /// Public ones.
    Public,
    /// Public ones, and those of this machine, for `ripple dev`.
    PublicOrLocal,
}

impl ResolveDns for Addresses {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        let (name, permitted) = (name.to_owned(), *self);
        DnsFuture::new(async move {
            let found = spawn_blocking(move || (name, 0).to_socket_addrs()).await;
            let found = found.map_err(ResolveDnsError::new)?.map_err(ResolveDnsError::new)?;
            let addresses: Vec<IpAddr> = found.map(|found| found.ip()).collect();
            if addresses.iter().all(|address| permitted.contain(*address)) {
                Ok(addresses)
            } else {
                Err(ResolveDnsError::new(io::Error::other("the name has an address that is not public")))
            }
        })
    }
}

impl Addresses {
    /// Parses the URL of a receiver. Returns `None` if it must not be one. The addresses of a name are checked when it
    /// is resolved.
    pub(crate) fn receiver(self, url: &str) -> Option<Uri> {
        let url: Uri = url.parse().ok()?;
        let host = url.host()?.trim_start_matches('[').trim_end_matches(']');
        let address: Option<IpAddr> = host.parse().ok();
        let is_local = host.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback());
        let has_user = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
        let fits = match url.scheme_str() {
            Some("https") => address.is_none_or(|address| self.contain(address)),
            Some("http") => is_local && self == Addresses::PublicOrLocal,
            _ => false,
        };
        (fits && !has_user).then_some(url)
    }

    fn contain(self, address: IpAddr) -> bool {
        let is_public = match address {
            IpAddr::V4(address) => is_public_v4(address),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(address) => is_public_v4(address),
                None => is_public_v6(address),
            },
        };
        match self {
            Addresses::Any => true,
            Addresses::Public => is_public,
            Addresses::PublicOrLocal => is_public || address.is_loopback(),
        }
    }
}

/// Reports whether an address is public: <https://www.iana.org/assignments/iana-ipv4-special-registry>.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || matches!((a, b, c), (0 | 224..=255, ..) | (100, 64..=127, _) | (192, 0, 0) | (198, 18 | 19, _));
    !is_special
}

/// Reports whether an address is global unicast and embeds no other address:
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Teredo, benchmarks, ORCHID and documentation are below 2001:200::, and 2002::/16 is 6to4.
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x2002, ..] | [0x3fff, ..] => false,
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_urls_of_public_addresses_are_receivers() {
        for url in ["https://edge.example/_feed", "https://1.1.1.1/", "https://[2606:4700::1111]/x?y=z"] {
            assert!(Addresses::Public.receiver(url).is_some(), "{url}");
        }
        for url in [
            "http://edge.example/_feed",
            "edge.example",
            "ftp://edge.example/",
            "https://user:password@edge.example/",
            "https://127.0.0.1/",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest",
            "https://192.168.0.1/",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://224.0.0.1/",
            "https://[::1]/",
            "https://[::]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[2002:0a00:0001::]/",
            "https://[64:ff9b::a00:1]/",
            "http://127.0.0.1:8787/_feed",
        ] {
            assert!(Addresses::Public.receiver(url).is_none(), "{url}");
        }
    }

    #[test]
    fn a_local_host_may_send_to_its_own_machine_only() {
        for url in ["http://127.0.0.1:8787/_feed", "http://localhost:8787/", "http://[::1]:1/", "https://127.0.0.1/"] {
            assert!(Addresses::PublicOrLocal.receiver(url).is_some(), "{url}");
        }
        for url in ["http://10.0.0.1/", "http://edge.example/", "http://0.0.0.0/", "https://10.0.0.1/"] {
            assert!(Addresses::PublicOrLocal.receiver(url).is_none(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_of_a_private_address_is_not_resolved() {
        assert!(Addresses::Public.resolve_dns("localhost").await.is_err());
        assert!(Addresses::PublicOrLocal.resolve_dns("localhost").await.is_ok());
        assert!(Addresses::Any.resolve_dns("localhost").await.is_ok());
    }
}
