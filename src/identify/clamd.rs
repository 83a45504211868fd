//! Is it malware? Asked of `clamd` by its own words (clamd(8): `INSTREAM`): the bytes go to it in pieces, one line comes back.
//!
//! No answer is no clearance: whoever cannot be asked is asked again later, and what it would not look at is a doubt.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::malware::Malware;

/// Bytes of one piece.
const PIECE_BYTES: usize = 64 << 10;
/// Longest answer, bytes.
const ANSWER_BYTES_MAX: u64 = 4 << 10;

/// What `clamd` said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// Its own version and that of its signatures (`ClamAV 1.4.3/27800/…`).
    pub by: String,
    /// What it found; none is clean.
    pub found: Option<String>,
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

/// Shows all of `source` to `clamd`.
///
/// # Errors
///
/// Retry `malware-unasked`: it cannot be reached or does not answer. Hold `malware-unscanned`: it would not look at all of it.
pub fn scan(source: &mut impl Read, malware: &Malware) -> Result<Scanned> {
    let by = version(malware)?;
    let unasked = |e: std::io::Error| unasked(malware, e);
    let mut wire = connected(malware).map_err(unasked)?;
    let sent = sent(source, &mut wire)?;
    // One that has seen enough answers and hangs up: what it said counts, not that the line is gone.
    let answer = match (answer(&mut wire), sent) {
        (Ok(answer), _) if !answer.is_empty() => answer,
        (_, Err(e)) | (Err(e), Ok(())) => return Err(unasked(e)),
        (Ok(_), Ok(())) => return Err(unasked(ErrorKind::UnexpectedEof.into())),
    };
    match answer.strip_prefix("stream: ").unwrap_or(&answer) {
        "OK" => Ok(Scanned { by, found: None }),
        said => match said.strip_suffix(" FOUND") {
            Some(name) => Ok(Scanned { by, found: Some(name.to_owned()) }),
            None => Err(Error::hold("malware-unscanned").with("why", said)),
        },
    }
}

/// The version of `clamd` and of its signatures.
///
/// # Errors
///
/// Retry `malware-unasked`.
pub fn version(malware: &Malware) -> Result<String> {
    let unasked = |e| unasked(malware, e);
    let mut wire = connected(malware).map_err(unasked)?;
    wire.write_all(b"zVERSION\0").and_then(|()| wire.flush()).map_err(unasked)?;
    let said = answer(&mut wire).map_err(unasked)?;
    if said.is_empty() { Err(unasked(ErrorKind::UnexpectedEof.into())) } else { Ok(said) }
}

fn unasked(malware: &Malware, error: std::io::Error) -> Error {
    Error::retry("malware-unasked").with("clamd", &malware.clamd).with("cause", &error).because(error)
}

fn connected(malware: &Malware) -> std::io::Result<Box<dyn Wire>> {
    let patience = Duration::from_secs(malware.seconds.max(1));
    if malware.clamd.starts_with('/') {
        let wire = UnixStream::connect(&malware.clamd)?;
        wire.set_read_timeout(Some(patience))?;
        wire.set_write_timeout(Some(patience))?;
        return Ok(Box::new(wire));
    }
    let place = malware.clamd.to_socket_addrs()?.next().ok_or(ErrorKind::AddrNotAvailable)?;
    let wire = TcpStream::connect_timeout(&place, patience)?;
    wire.set_read_timeout(Some(patience))?;
    wire.set_write_timeout(Some(patience))?;
    Ok(Box::new(wire))
}

/// Sends all pieces; the inner error is the line's, the outer one the file's.
fn sent(source: &mut impl Read, wire: &mut Box<dyn Wire>) -> Result<std::io::Result<()>> {
    if let Err(e) = wire.write_all(b"zINSTREAM\0") {
        return Ok(Err(e));
    }
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = match source.read(&mut piece) {
            Ok(read) => read,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(Error::store(e)),
        };
        // A piece of no bytes ends the stream.
        let head = (read as u32).to_be_bytes();
        if let Err(e) = wire.write_all(&head).and_then(|()| wire.write_all(&piece[..read])) {
            return Ok(Err(e));
        }
        if read == 0 {
            return Ok(wire.flush());
        }
    }
}

/// One line, without what could drive a terminal.
fn answer(wire: &mut Box<dyn Wire>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while (bytes.len() as u64) < ANSWER_BYTES_MAX {
        match wire.read(&mut byte) {
            Ok(0) => break,
            Ok(_) if byte[0] == 0 || byte[0] == b'\n' => break,
            Ok(_) => bytes.push(byte[0]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// A `clamd` that says `answers`, one to each caller, after as many bytes as it wants; what it was sent comes back.
    fn clamd(answers: Vec<(&'static [u8], usize)>) -> (tempfile::TempDir, Malware, std::thread::JoinHandle<Vec<u8>>) {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("clamd.ctl");
        let listener = UnixListener::bind(&place).unwrap();
        let hand = std::thread::spawn(move || {
            let mut heard = Vec::new();
            for (answer, most) in answers {
                let (mut caller, _) = listener.accept().unwrap();
                let mut bytes = Vec::new();
                let mut piece = [0; 4_096];
                while bytes.len() < most && !bytes.ends_with(b"VERSION\0") && !bytes.ends_with(&[0, 0, 0, 0]) {
                    match caller.read(&mut piece).unwrap() {
                        0 => break,
                        read => bytes.extend_from_slice(&piece[..read]),
                    }
                }
                caller.write_all(answer).unwrap();
                heard = bytes;
            }
            heard
        });
        let malware = Malware { clamd: place.display().to_string(), seconds: 5 };
        (folder, malware, hand)
    }

    /// Bytes that cannot be read: trouble of the disk, never of the file's.
    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("a bad sector"))
        }
    }

    const VERSION: (&[u8], usize) = (b"ClamAV 1.4.3/1/now\0", usize::MAX);

    #[test]
    fn all_bytes_are_sent_in_pieces_and_the_answer_is_understood() {
        let content = vec![7; PIECE_BYTES + 3];
        for (said, found) in
            [(&b"stream: OK\0"[..], None), (b"stream: Eicar-Test-Signature FOUND\0", Some("Eicar-Test-Signature"))]
        {
            let (_folder, malware, hand) = clamd(vec![VERSION, (said, usize::MAX)]);
            let scanned = scan(&mut &content[..], &malware).unwrap();
            assert_eq!((scanned.by.as_str(), scanned.found.as_deref()), ("ClamAV 1.4.3/1/now", found));
            let wanted = [b"zINSTREAM\0\0\x01\0\0", &content[..PIECE_BYTES], b"\0\0\0\x03", &content[..3], &[0; 4]].concat();
            assert_eq!(hand.join().unwrap(), wanted);
        }
    }

    #[test]
    fn no_answer_is_no_clearance() {
        let content = vec![7; 4 << 20];
        let (_folder, malware, hand) = clamd(vec![VERSION, (b"INSTREAM size limit exceeded. ERROR\0", 1_000)]);
        assert_eq!(scan(&mut &content[..], &malware).unwrap_err().code(), "malware-unscanned");
        drop(hand);
        let (_folder, malware, _hand) = clamd(vec![VERSION, (b"", usize::MAX)]);
        let error = scan(&mut &b"abc"[..], &malware).unwrap_err();
        assert_eq!((error.kind(), error.code()), (crate::error::Kind::Retry, "malware-unasked"));
        let nobody = Malware { clamd: "/nobody/listens/here".into(), seconds: 1 };
        assert_eq!(scan(&mut &b"abc"[..], &nobody).unwrap_err().code(), "malware-unasked");
        let (_folder, silent, _hand) = clamd(vec![(b"ClamAV\0", usize::MAX), (b"stream: OK\0", usize::MAX)]);
        assert_eq!(scan(&mut Broken, &silent).unwrap_err().exit_code(), 4);
    }
}
