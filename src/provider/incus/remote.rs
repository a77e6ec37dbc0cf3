//! Which daemon `--on incus` and `--on incus:REMOTE` mean: the socket of this machine, or a remote of the Incus client's own
//! configuration, with its certificates.
//!
//! It reads that configuration and never writes it: trust between machines is made with `incus remote add`.

use super::{Settings, error::ApiError, wire::Address};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};

/// Where the daemon of this machine listens, where nothing else is set.
const SOCKET: &str = "/var/lib/incus/unix.socket";
const HTTPS_PORT: u16 = 8443;

/// A daemon elsewhere, as the Incus client knows it.
#[derive(Clone)]
pub(super) struct Remote {
    /// Its name in the client's configuration.
    pub(super) name: String,
    /// Its host name or address.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
    /// The project to work in; `None`: the default one.
    pub(super) project: Option<String>,
    folder: PathBuf,
    tls: OnceLock<Arc<ClientConfig>>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remote({} at {}:{})", self.name, self.host, self.port)
    }
}

/// The daemon that is meant: that of this machine, or a remote by its name.
pub(super) fn find(remote: Option<&str>, settings: &Settings) -> Result<Address, ApiError> {
    let Some(name) = remote else {
        return Ok(Address::Socket(settings.socket.clone().unwrap_or_else(|| PathBuf::from(SOCKET))));
    };
    let folder = settings
        .folder
        .clone()
        .or_else(configuration_folder)
        .ok_or_else(|| ApiError::Configuration("this user has no home folder".into()))?;
    read(&folder, name)
}

/// Where the Incus client keeps its remotes.
fn configuration_folder() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|folders| folders.config_dir().join("incus"))
}

fn read(folder: &Path, name: &str) -> Result<Address, ApiError> {
    let file = folder.join("config.yml");
    let text = fs::read_to_string(&file)
        .map_err(|error| ApiError::Configuration(format!("the remotes of the Incus client cannot be read: {}: {error}", file.display())))?;
    let Some(entry) = remotes(&text).into_iter().find(|entry| entry.name == name) else {
        return Err(ApiError::Configuration(format!("there is no remote {name:?} in {}", file.display())));
    };
    if let Some(path) = entry.address.strip_prefix("unix://") {
        let path = if path.is_empty() { SOCKET } else { path };
        return Ok(Address::Socket(path.into()));
    }
    let refuse = |why: &str| Err(ApiError::Configuration(format!("the remote {name} {why}")));
    if entry.protocol.is_some_and(|protocol| protocol != "incus") {
        return refuse("is a server of images, not an Incus daemon");
    }
    let Some((host, port)) = host_and_port(&entry.address) else { return refuse("has no address of the form https://HOST:PORT") };
    Ok(Address::Remote(Box::new(Remote {
        name: name.to_owned(),
        host,
        port,
        project: entry.project,
        folder: folder.to_owned(),
        tls: OnceLock::new(),
    })))
}

fn host_and_port(address: &str) -> Option<(String, u16)> {
    let rest = address.strip_prefix("https://")?.trim_end_matches('/');
    let (host, port) = match rest.strip_prefix('[') {
        Some(six) => {
            let (host, port) = six.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => HTTPS_PORT,
    };
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Entry {
    name: String,
    address: String,
    protocol: Option<String>,
    project: Option<String>,
}

/// The remotes in the client's `config.yml`. The client writes that file itself, always in the same plain form of YAML: keys
/// by indentation, one scalar a line; more than that is not understood here.
fn remotes(text: &str) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let mut inside = false;
    let mut depth = None;
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        let indent = line.len() - line.trim_start().len();
        let Some((key, value)) = line.trim().split_once(':') else { continue };
        let (key, value) = (plain(key), plain(value));
        if indent == 0 {
            inside = key == "remotes";
        } else if inside {
            let depth = *depth.get_or_insert(indent);
            if indent == depth {
                found.push(Entry { name: key, ..Entry::default() });
            } else if let Some(entry) = found.last_mut() {
                match key.as_str() {
                    "addr" => entry.address = value,
                    "protocol" => entry.protocol = Some(value).filter(|value| !value.is_empty()),
                    "project" => entry.project = Some(value).filter(|value| !value.is_empty()),
                    _ => {}
                }
            }
        }
    }
    found
}

fn plain(text: &str) -> String {
    let text = text.trim();
    let quoted = ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    quoted.unwrap_or(text).to_owned()
}

impl Remote {
    pub(super) fn server_name(&self) -> Result<ServerName<'static>, ApiError> {
        ServerName::try_from(self.host.clone()).map_err(|_| ApiError::Configuration(format!("{:?} is no host", self.host)))
    }

    /// Our certificate, and theirs pinned.
    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, ApiError> {
        if let Some(made) = self.tls.get() {
            return Ok(Arc::clone(made));
        }
        let wrong = |file: &Path, why: &dyn std::fmt::Display| {
            ApiError::Configuration(format!("{}: {why}; `incus remote add {}` makes it", file.display(), self.name))
        };
        let certificate = |file: &Path| CertificateDer::from_pem_file(file).map_err(|error| wrong(file, &error));
        let ours = certificate(&self.folder.join("client.crt"))?;
        let key_file = self.folder.join("client.key");
        let key = PrivateKeyDer::from_pem_file(&key_file).map_err(|error| wrong(&key_file, &error))?;
        let theirs = certificate(&self.folder.join("servercerts").join(format!("{}.crt", self.name)))?;
        let provider = Arc::new(ring::default_provider());
        let pinned = Pinned { certificate: theirs, provider: Arc::clone(&provider) };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ApiError::Configuration(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(pinned))
            .with_client_auth_cert(vec![ours], key)
            .map_err(|error| wrong(&key_file, &error))?;
        Ok(Arc::clone(self.tls.get_or_init(|| Arc::new(config))))
    }
}

/// Takes the one certificate that `incus remote add` was shown, and no other: Incus makes its own, which no authority signs.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("the daemon shows another certificate than the one that was trusted".into()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `incus` 6.0.4 writes it.
    const CONFIG: &str = "default-remote: local\nremotes:\n  images:\n    addr: https://images.example\n    protocol: simplestreams\n    public: true\n  \
                          lab-two:\n    addr: https://192.0.2.7:8444\n    auth_type: tls\n    project: default\n    protocol: incus\n    public: false\n  \
                          local:\n    addr: unix://\n    public: false\naliases: {}\n";

    #[test]
    fn remotes_are_read_as_the_client_writes_them() {
        let found = remotes(CONFIG);
        assert_eq!(found.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["images", "lab-two", "local"]);
        let two = &found[1];
        assert_eq!(
            (two.address.as_str(), two.project.as_deref(), two.protocol.as_deref()),
            ("https://192.0.2.7:8444", Some("default"), Some("incus"))
        );
    }

    #[test]
    fn a_name_becomes_an_address_or_says_why_not() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path(), "lab-two").unwrap_err().to_string().contains("config.yml"));
        fs::write(folder.path().join("config.yml"), CONFIG).unwrap();
        let Address::Remote(two) = read(folder.path(), "lab-two").unwrap() else { panic!("a remote") };
        assert_eq!((two.host.as_str(), two.port), ("192.0.2.7", 8444));
        assert!(two.tls().unwrap_err().to_string().contains("client.crt"));
        assert!(matches!(read(folder.path(), "local").unwrap(), Address::Socket(_)));
        assert!(read(folder.path(), "images").unwrap_err().to_string().contains("server of images"));
        assert!(read(folder.path(), "none").unwrap_err().to_string().contains("no remote"));
    }

    #[test]
    fn hosts_and_ports() {
        assert_eq!(host_and_port("https://[2001:db8::1]:8443"), Some(("2001:db8::1".into(), 8443)));
        assert_eq!(host_and_port("https://lab.example/"), Some(("lab.example".into(), 8443)));
        assert_eq!(host_and_port("http://lab.example"), None);
        assert_eq!(host_and_port("https://lab.example:x"), None);
    }
}
