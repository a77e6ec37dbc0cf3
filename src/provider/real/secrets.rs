//! Secrets and certificates of one deployment: made here, kept in the lab's state folder for this user alone, gone with it.
//!
//! No secret is ever in a layout, a note, a log or an error.

use super::core::Core;
use crate::{
    catalog::SecretForm,
    host::state::{LabFolder, Locked, StateError},
    provider::{ProviderError, Retry},
    provision::{
        needs::{Certificate, CertificateNeed, Needs, Secret, Values},
        scene::CERTIFICATE_EARLIER_DAYS,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

/// The file in the lab's state folder.
const SECRETS_FILE: &str = "secrets.json";
const VERSION: u32 = 1;

const DAY_SECS: u64 = 24 * 3600;
/// How long the authority's certificate holds, in days.
const AUTHORITY_DAYS: u64 = 3650;
/// How long a service's certificate holds, in days.
const CERTIFICATE_DAYS: u64 = 730;
/// A certificate with fewer days left is made anew at the next deployment.
const RENEW_DAYS: u64 = 60;

const PASSWORD_LETTERS: usize = 24;
const SHORT_LETTERS: usize = 8;

/// All that is kept.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Store {
    version: u32,
    secrets: BTreeMap<String, Kept>,
    authority: Option<Authority>,
    certificates: BTreeMap<String, KeptCertificate>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Authority {
    certificate: String,
    key: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct KeptCertificate {
    names: Vec<String>,
    addresses: Vec<Ipv4Addr>,
    until_secs: u64,
    certificate: String,
    key: String,
}

/// Whether something had to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    New,
    Nothing,
}

impl Core {
    /// The values of what a service needs; what is not there yet is made and kept.
    ///
    /// # Errors
    /// Where the state folder cannot be read or written, or the system gives no randomness.
    pub(super) fn values(&self, needs: &Needs) -> Result<Values, ProviderError> {
        let now_secs = (self.clock)() / 1000;
        let forms = needs.keys();
        self.with_secrets(|store| {
            let mut made = Made::Nothing;
            let mut values = Values::default();
            for (key, form) in forms {
                values.secrets.insert(key.to_owned(), store.secret(key, form, &mut made)?);
            }
            if let Some(need) = &needs.certificate {
                values.certificate = Some(store.certificate(self.id.as_str(), need, now_secs, &mut made)?);
            }
            Ok((values, made))
        })
    }

    /// A secret by its key; made and kept where it is not there yet.
    ///
    /// # Errors
    /// As [`Core::values`].
    pub(super) fn secret(&self, key: &str, form: SecretForm) -> Result<String, ProviderError> {
        self.with_secrets(|store| {
            let mut made = Made::Nothing;
            let secret = store.secret(key, form, &mut made)?;
            Ok((secret.value, made))
        })
    }

    /// A certificate like a service's own, by the same authority, that held until yesterday. It is not kept.
    ///
    /// # Errors
    /// As [`Core::values`].
    pub(super) fn expired(&self, need: &CertificateNeed) -> Result<Certificate, ProviderError> {
        let now_secs = (self.clock)() / 1000;
        self.with_secrets(|store| {
            let mut made = Made::Nothing;
            let valid = store.certificate(self.id.as_str(), need, now_secs, &mut made)?;
            let authority = store.authority.as_ref().ok_or_else(|| failed("the authority was lost".into()))?;
            let then_secs = now_secs.saturating_sub((CERTIFICATE_DAYS + 1) * DAY_SECS);
            let old = make_certificate(self.id.as_str(), authority, need, then_secs)?;
            Ok((Certificate { certificate: old.certificate, key: old.key, authority: valid.authority }, made))
        })
    }

    fn with_secrets<T>(&self, ask: impl FnOnce(&mut Store) -> Result<(T, Made), ProviderError>) -> Result<T, ProviderError> {
        let mut kept = self.store();
        if kept.is_none() {
            *kept = Some(read_store(&self.folder, self.has_clock())?);
        }
        let store = kept.get_or_insert_with(Store::default);
        let answer = ask(store).and_then(|(answer, made)| {
            if made == Made::New {
                store.version = VERSION;
                let bytes = serde_json::to_vec(store).map_err(|error| failed(error.to_string()))?;
                self.locked(|locked| locked.write(SECRETS_FILE, &bytes))?;
            }
            Ok(answer)
        });
        if answer.is_err() {
            // A secret that is not on the disk must not be used later: the next process would make another.
            *kept = None;
        }
        answer
    }
}

/// The store of a lab's folder. One that is missing once the lab's clock was started is lost: the nodes have what it held.
fn read_store(folder: &LabFolder, has_clock: bool) -> Result<Store, ProviderError> {
    let path = folder.path().join(SECRETS_FILE);
    let failed = |why: String| failed(format!("{}: {why}", path.display()));
    let found = folder.read(SECRETS_FILE).map_err(|error| failed(error.to_string()))?;
    let Some(bytes) = found else {
        return if has_clock { Err(failed("it is missing, and the nodes have what it held".into())) } else { Ok(Store::default()) };
    };
    // The parser's own words could quote the file.
    let store: Store = serde_json::from_slice(&bytes).map_err(|error| failed(format!("line {}: not what was written", error.line())))?;
    if store.version > VERSION {
        return Err(failed(format!("a newer version ({}) wrote it, this one reads {VERSION}", store.version)));
    }
    Ok(store)
}

/// Writes a store without secrets where there is none: from then on one that is missing is lost.
///
/// # Errors
/// Where the disk refuses.
pub(super) fn begin(locked: &Locked) -> Result<(), StateError> {
    if locked.folder().has(SECRETS_FILE) {
        return Ok(());
    }
    let bytes = serde_json::to_vec(&Store { version: VERSION, ..Store::default() }).unwrap_or_default();
    locked.write(SECRETS_FILE, &bytes)
}

fn failed(why: String) -> ProviderError {
    ProviderError {
        what: "keep the lab's secrets".into(),
        node: None,
        why,
        next: format!(
            "Look at {SECRETS_FILE} in the lab's state folder, or put it back; without it the lab has to be destroyed and deployed again: sandtable destroy \
             LAYOUT, or --lab ID."
        ),
        retry: Retry::Useless,
    }
}

impl Store {
    fn secret(&mut self, key: &str, form: SecretForm, made: &mut Made) -> Result<Secret, ProviderError> {
        if !self.secrets.contains_key(key) {
            self.secrets.insert(key.to_owned(), make(form)?);
            *made = Made::New;
        }
        let kept = self.secrets.get(key).ok_or_else(|| failed("a secret was lost".into()))?;
        Ok(Secret { value: kept.value.clone(), public: kept.public.clone() })
    }

    fn certificate(&mut self, lab: &str, need: &CertificateNeed, now_secs: u64, made: &mut Made) -> Result<Certificate, ProviderError> {
        let authority = match &self.authority {
            Some(authority) => authority.clone(),
            None => {
                let authority = make_authority(lab, now_secs)?;
                *made = Made::New;
                self.authority = Some(authority.clone());
                authority
            }
        };
        let holds = |kept: &&KeptCertificate| {
            kept.names == need.names && kept.addresses == need.addresses && kept.until_secs > now_secs + RENEW_DAYS * DAY_SECS
        };
        let kept = match self.certificates.get(&need.key).filter(holds) {
            Some(kept) => kept.clone(),
            None => {
                let fresh = make_certificate(lab, &authority, need, now_secs)?;
                *made = Made::New;
                self.certificates.insert(need.key.clone(), fresh.clone());
                fresh
            }
        };
        Ok(Certificate { certificate: kept.certificate, key: kept.key, authority: authority.certificate })
    }
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], ProviderError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| failed(format!("this system gives no randomness: {error}")))?;
    Ok(bytes)
}

/// Letters and digits, each as likely as any other, and none that is taken for another.
fn letters(count: usize) -> Result<String, ProviderError> {
    const ALPHABET: &[u8; 56] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut text = String::with_capacity(count);
    while text.len() < count {
        for byte in random::<64>()? {
            // The largest multiple of 56 that a byte can hold: what lies beyond would favour the first letters.
            let letter = ALPHABET.get(usize::from(byte) % ALPHABET.len()).filter(|_| byte < 224);
            if let Some(letter) = letter.filter(|_| text.len() < count) {
                text.push(char::from(*letter));
            }
        }
    }
    Ok(text)
}

fn make(form: SecretForm) -> Result<Kept, ProviderError> {
    Ok(match form {
        SecretForm::Password => Kept { value: letters(PASSWORD_LETTERS)?, public: None },
        SecretForm::Short => Kept { value: letters(SHORT_LETTERS)?, public: None },
        SecretForm::WireguardKey => {
            let mut bytes = random::<32>()?;
            // As `wg genkey` writes it (RFC 7748, section 5).
            let [first, .., last] = &mut bytes;
            *first &= 248;
            *last = (*last & 127) | 64;
            let secret = x25519_dalek::StaticSecret::from(bytes);
            let public = x25519_dalek::PublicKey::from(&secret);
            Kept { value: STANDARD.encode(bytes), public: Some(STANDARD.encode(public.as_bytes())) }
        }
        SecretForm::SshKey => {
            let pair = ssh_key::private::Ed25519Keypair::from_seed(&random::<32>()?);
            let key = ssh_key::PrivateKey::from(pair);
            let in_words = |error: ssh_key::Error| failed(format!("an ssh key cannot be written: {error}"));
            let value = key.to_openssh(ssh_key::LineEnding::LF).map_err(in_words)?;
            Kept { value: value.to_string(), public: Some(key.public_key().to_openssh().map_err(in_words)?) }
        }
    })
}

fn in_words(error: rcgen::Error) -> ProviderError {
    failed(format!("a certificate cannot be made: {error}"))
}

/// What the authority is, without its key. It must come out the same each time, for issuers are known by it.
fn authority_params(lab: &str, now_secs: u64) -> Result<CertificateParams, ProviderError> {
    let mut params = CertificateParams::new(Vec::<String>::new()).map_err(in_words)?;
    params.distinguished_name.push(DnType::CommonName, format!("Sandtable {lab}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    hold(&mut params, now_secs, AUTHORITY_DAYS);
    Ok(params)
}

fn hold(params: &mut CertificateParams, now_secs: u64, days: u64) {
    let beginning = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = beginning + Duration::from_secs(now_secs.saturating_sub(CERTIFICATE_EARLIER_DAYS * DAY_SECS));
    params.not_after = beginning + Duration::from_secs(now_secs + days * DAY_SECS);
}

fn make_authority(lab: &str, now_secs: u64) -> Result<Authority, ProviderError> {
    let key = KeyPair::generate().map_err(in_words)?;
    let certificate = authority_params(lab, now_secs)?.self_signed(&key).map_err(in_words)?;
    Ok(Authority { certificate: certificate.pem(), key: key.serialize_pem() })
}

fn make_certificate(lab: &str, authority: &Authority, need: &CertificateNeed, now_secs: u64) -> Result<KeptCertificate, ProviderError> {
    let authority_key = KeyPair::from_pem(&authority.key).map_err(in_words)?;
    let issuer = Issuer::new(authority_params(lab, now_secs)?, authority_key);
    let mut params = CertificateParams::new(need.names.clone()).map_err(in_words)?;
    params.subject_alt_names.extend(need.addresses.iter().map(|address| SanType::IpAddress((*address).into())));
    if let Some(name) = need.names.first() {
        params.distinguished_name.push(DnType::CommonName, name.as_str());
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    hold(&mut params, now_secs, CERTIFICATE_DAYS);
    let key = KeyPair::generate().map_err(in_words)?;
    let certificate = params.signed_by(&key, &issuer).map_err(in_words)?;
    Ok(KeptCertificate {
        names: need.names.clone(),
        addresses: need.addresses.clone(),
        until_secs: now_secs + CERTIFICATE_DAYS * DAY_SECS,
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_looks_as_it_must_and_stays() {
        let mut store = Store::default();
        let mut made = Made::Nothing;
        let password = store.secret("a", SecretForm::Password, &mut made).unwrap();
        assert_eq!((password.value.len(), made), (24, Made::New));
        assert!(password.value.chars().all(|c| c.is_ascii_alphanumeric()));
        let mut again = Made::Nothing;
        assert_eq!(store.secret("a", SecretForm::Password, &mut again).unwrap(), password);
        assert_eq!(again, Made::Nothing);
        assert_ne!(store.secret("b", SecretForm::Password, &mut made).unwrap(), password);
        assert_eq!(store.secret("c", SecretForm::Short, &mut made).unwrap().value.len(), 8);
        let tunnel = store.secret("d", SecretForm::WireguardKey, &mut made).unwrap();
        assert_eq!([tunnel.value.len(), tunnel.public.unwrap().len()], [44, 44]);
        let ssh = store.secret("e", SecretForm::SshKey, &mut made).unwrap();
        assert!(ssh.value.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        assert!(ssh.public.unwrap().starts_with("ssh-ed25519 AAAA"));
    }

    #[test]
    fn a_store_that_is_missing_once_steps_were_done_is_lost() {
        let root = tempfile::tempdir().unwrap();
        let folder = crate::host::state::StateFolder::at(root.path()).lab("lab");
        assert!(read_store(&folder, false).unwrap().secrets.is_empty());
        let locked = folder.lock(crate::host::state::Wait::No).unwrap();
        begin(&locked).unwrap();
        assert!(read_store(&folder, true).unwrap().secrets.is_empty());
        let mut store = Store { version: VERSION, ..Store::default() };
        store.secret("a", SecretForm::Password, &mut Made::Nothing).unwrap();
        locked.write(SECRETS_FILE, &serde_json::to_vec(&store).unwrap()).unwrap();
        begin(&locked).unwrap();
        assert_eq!(read_store(&folder, true).unwrap().secrets.len(), 1, "what is there stays");
        locked.remove_file(SECRETS_FILE).unwrap();
        let Err(lost) = read_store(&folder, true) else { panic!("it is missing") };
        assert!(lost.why.contains("secrets.json: it is missing") && lost.next.contains("sandtable destroy"), "{lost}");
        assert!(!folder.has(SECRETS_FILE), "nothing takes its place");
    }

    #[test]
    fn certificates_are_renewed_where_they_no_longer_fit() {
        let need = |name: &str| CertificateNeed {
            key: "service/web/nginx".into(),
            names: vec![name.into()],
            addresses: vec![Ipv4Addr::new(10, 0, 0, 1)],
        };
        let now = 1_700_000_000;
        let mut store = Store::default();
        let mut made = Made::Nothing;
        let first = store.certificate("lab", &need("web"), now, &mut made).unwrap();
        assert!(first.certificate.contains("BEGIN CERTIFICATE") && first.key.contains("PRIVATE KEY"));
        for (name, at, is_same) in
            [("web", now, true), ("web", now + 600 * DAY_SECS, true), ("www", now, false), ("www", now + 700 * DAY_SECS, false)]
        {
            let before = store.certificates.get("service/web/nginx").unwrap().certificate.clone();
            let then = store.certificate("lab", &need(name), at, &mut made).unwrap();
            assert_eq!(then.certificate == before, is_same, "{name} {at}");
            assert_eq!(then.authority, first.authority);
        }
    }
}
