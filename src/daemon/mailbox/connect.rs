//! How is a mailbox reached? Over TLS with certificates that are checked, or not at all (on this machine only: in the clear).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::client::{Client, Stream, strange};
use super::parse::{capabilities, quoted};
use crate::error::{Error, Kind, Result};
use crate::mailbox::{Auth, Mailbox, Tls};
use crate::secret::Secret;

/// How long a server may take to answer the call.
const PATIENCE: Duration = Duration::from_secs(30);

/// The certificates that are trusted: the system's, and those of `file` if there is one.
pub(super) fn connector(file: &Path) -> Result<TlsConnector> {
    let wrong = |what: String| Error::new(Kind::Environment, "mailbox-certificates").with("what", what);
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    let (known, _) = roots.add_parsable_certificates(native.certs);
    if !file.as_os_str().is_empty() {
        let own = CertificateDer::pem_file_iter(file).map_err(|e| wrong(format!("{}: {e}", file.display())))?;
        for certificate in own {
            let certificate = certificate.map_err(|e| wrong(format!("{}: {e}", file.display())))?;
            roots.add(certificate).map_err(|e| wrong(format!("{}: {e}", file.display())))?;
        }
    }
    if roots.is_empty() {
        return Err(wrong(format!("{known}")));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| wrong(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Opens a conversation: connected, protected, logged in.
pub(super) async fn open(mailbox: &Mailbox, tls: &TlsConnector, password: &Secret) -> Result<Client> {
    let unreachable = |e: std::io::Error| Error::retry("mailbox-unreachable").with("cause", e.kind()).because(e);
    let connecting = TcpStream::connect((mailbox.host.as_str(), mailbox.port));
    let silent = |_| Error::retry("mailbox-silent");
    let stream = timeout(PATIENCE, connecting).await.map_err(silent)?.map_err(unreachable)?;
    let mut client = match mailbox.tls {
        Tls::Implicit => Client::new(protected(mailbox, tls, Box::new(stream)).await?),
        Tls::Starttls | Tls::None => Client::new(Box::new(stream)),
    };
    client.greeted().await?;
    if mailbox.tls == Tls::Starttls {
        client.command("starttls", "STARTTLS").await?;
        // What was said in the clear is forgotten with the client that heard it.
        client = Client::new(protected(mailbox, tls, client.into_stream()?).await?);
    }
    client.able = capabilities(&client.command("capability", "CAPABILITY").await?.lines);
    login(&mut client, mailbox, password).await?;
    // A server may be able to do more once it knows who asks.
    client.able = capabilities(&client.command("capability", "CAPABILITY").await?.lines);
    Ok(client)
}

async fn protected(mailbox: &Mailbox, tls: &TlsConnector, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>> {
    let failed = |e: std::io::Error| Error::retry("mailbox-tls").with("cause", &e).because(e);
    let name = ServerName::try_from(mailbox.host.clone()).map_err(|_| strange("host"))?;
    let stream = timeout(PATIENCE, tls.connect(name, stream)).await.map_err(|_| Error::retry("mailbox-silent"))?;
    Ok(Box::new(stream.map_err(failed)?))
}

async fn login(client: &mut Client, mailbox: &Mailbox, password: &Secret) -> Result<()> {
    let (user, word) = (&mailbox.user, password.expose());
    let encoded = |words: String| base64::engine::general_purpose::STANDARD.encode(words);
    let logged_in = if mailbox.auth == Auth::Xoauth2 {
        let words = encoded(format!("user={user}\x01auth=Bearer {word}\x01\x01"));
        client.command_with("login", ("AUTHENTICATE XOAUTH2", &words)).await
    } else if client.can("AUTH=PLAIN") {
        client.command_with("login", ("AUTHENTICATE PLAIN", &encoded(format!("\0{user}\0{word}")))).await
    } else if client.can("LOGINDISABLED") {
        Err(Error::retry("mailbox-login").with("code", "LOGINDISABLED"))
    } else {
        client.command("login", &format!("LOGIN {} {}", quoted(user), quoted(word))).await
    };
    logged_in.map(drop).map_err(|error| match error.code() {
        "mailbox-refused" => Error::retry("mailbox-login").with("code", error.message().value("code").unwrap_or_default()),
        _ => error,
    })
}
