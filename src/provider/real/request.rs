//! One request from outside over HTTP/1.1, plain or over TLS, and what became of it.
//!
//! Certificates are not checked: this measures whether an answer comes, and a lab's certificates are its own authority's.

use std::{io::ErrorKind, net::SocketAddrV4, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, ClientConfig, DigitallySignedStruct, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, IpAddr, ServerName, UnixTime},
    },
};

/// How long somebody outside waits for an answer, all in all.
const TIMEOUT: Duration = Duration::from_secs(4);
/// What is read of an answer, in bytes; what comes after is nobody's business.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nobody listens there.
    Refused,
    /// There is no way there.
    NoRoute,
    /// No answer came in time.
    Late,
    /// The connection broke, or what came was no answer.
    Broken,
    /// No encrypted connection came about.
    Tls,
    /// The answer says that it failed.
    Status(u16),
}

/// Asks for the first page. Gives the node that says it answered, where one does.
///
/// # Errors
/// Where no good answer (2xx or 3xx) came in time.
pub(super) async fn get(at: SocketAddrV4, tls: Option<TlsConnector>) -> Result<Option<String>, Trouble> {
    let ask = async {
        let stream = TcpStream::connect(at).await.map_err(|error| match error.kind() {
            ErrorKind::ConnectionRefused => Trouble::Refused,
            ErrorKind::TimedOut => Trouble::Late,
            ErrorKind::ConnectionReset => Trouble::Broken,
            _ => Trouble::NoRoute,
        })?;
        // A request is one small packet; it is not to wait for another.
        let _slower = stream.set_nodelay(true);
        match tls {
            None => talk(stream, at).await,
            Some(connector) => {
                let name = ServerName::IpAddress(IpAddr::from(std::net::IpAddr::V4(*at.ip())));
                let stream = connector.connect(name, stream).await.map_err(|_| Trouble::Tls)?;
                talk(stream, at).await
            }
        }
    };
    timeout(TIMEOUT, ask).await.unwrap_or(Err(Trouble::Late))
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, at: SocketAddrV4) -> Result<Option<String>, Trouble> {
    let request = format!("GET / HTTP/1.1\r\nHost: {at}\r\nUser-Agent: sandtable\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|_| Trouble::Broken)?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = match stream.read(&mut piece).await {
            Ok(0) => break,
            Ok(count) => count,
            // Many servers end TLS without a good-bye (RFC 8446, section 6.1, notwithstanding): what came before counts.
            Err(_) if is_whole(&answer) => break,
            Err(_) => return Err(Trouble::Broken),
        };
        answer.extend_from_slice(piece.get(..count).unwrap_or_default());
        if answer.len() >= ANSWER_BYTES_MAX || is_whole(&answer) {
            break;
        }
    }
    read(&answer)
}

/// The head of an answer and what follows it.
fn parts(answer: &[u8]) -> Option<(String, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = answer.split_at(end);
    Some((String::from_utf8_lossy(head).into_owned(), body.get(4..).unwrap_or_default()))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

/// Whether all of an answer has come that says how long it is. One that does not ends with its connection.
fn is_whole(answer: &[u8]) -> bool {
    let Some((head, body)) = parts(answer) else { return false };
    header(&head, "content-length").and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| body.len() >= length)
}

fn read(answer: &[u8]) -> Result<Option<String>, Trouble> {
    let (head, _) = parts(answer).ok_or(Trouble::Broken)?;
    let mut words = head.split([' ', '\r', '\n']);
    let status = match (words.next(), words.next().and_then(|word| word.parse::<u16>().ok())) {
        (Some(version), Some(status)) if version.starts_with("HTTP/1.") => status,
        _ => return Err(Trouble::Broken),
    };
    if !(200..400).contains(&status) {
        return Err(Trouble::Status(status));
    }
    let by = header(&head, "x-served-by").map(|name| name.chars().filter(|letter| !letter.is_control()).take(64).collect());
    Ok(by)
}

/// What makes encrypted connections; `None` where this machine cannot.
pub(super) fn tls() -> Option<TlsConnector> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().ok()?;
    let verifier = Arc::new(Anybody(provider));
    let config = config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    Some(TlsConnector::from(Arc::new(config)))
}

/// Takes every certificate, and yet checks that who shows it has its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_with_who_gave_them() {
        for (text, expected) in [
            ("HTTP/1.1 200 OK\r\nX-Served-By: app1\r\nContent-Length: 2\r\n\r\nhi", Ok(Some("app1".to_owned()))),
            ("HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n", Ok(None)),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", Err(Trouble::Status(503))),
            ("HTTP/1.1 200 OK\r\nX-Served", Err(Trouble::Broken)),
            ("SSH-2.0-OpenSSH\r\n\r\n", Err(Trouble::Broken)),
            ("", Err(Trouble::Broken)),
        ] {
            assert_eq!(read(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn an_answer_that_says_how_long_it_is_ends_there() {
        assert!(is_whole(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\n\r\nhi"), "it ends with its connection");
    }
}
