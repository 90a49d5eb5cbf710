//! Whom a certificate is asked for: the subject of a PKCS#10 request (RFC 2986).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::request::CertReq;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// The longest request that is read, encoded twice: with an RSA key of 16,384 bits one takes 8 KiB.
const MAX_BYTES: usize = 64 << 10;

/// A request's subject: the username and the groups of whoever holds the certificate.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CertificateSubject {
    pub(super) common_name: String,
    pub(super) organizations: Vec<String>,
}

/// The subject of a request as it stands in `spec.request`: PEM in base64.
pub(super) fn subject(encoded: &str) -> Option<CertificateSubject> {
    if encoded.len() > MAX_BYTES {
        return None;
    }
    let pem = String::from_utf8(base64(encoded)?).ok()?;
    let (_, body) = pem.split_once("-----BEGIN CERTIFICATE REQUEST-----")?;
    let (body, _) = body.split_once("-----END")?;
    let request = CertReq::from_der(&base64(body)?).ok()?;
    let mut subject = CertificateSubject::default();
    for attribute in request.info.subject.iter() {
        match attribute.oid {
            COMMON_NAME => subject.common_name = text(attribute),
            ORGANIZATION => subject.organizations.push(text(attribute)),
            _ => {}
        }
    }
    Some(subject)
}

/// All string types that Go reads as the bytes they are: what is no UTF-8 in there is shown as such.
fn text(attribute: &AttributeTypeAndValue) -> String {
    String::from_utf8_lossy(attribute.value.value()).into_owned()
}

/// Decodes what may be broken into lines.
fn base64(text: &str) -> Option<Vec<u8>> {
    let packed: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(packed).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ed25519, CN=kubernetes-admin, O=system:masters, O=dev, made by OpenSSL.
    const REQUEST: &str = "-----BEGIN CERTIFICATE REQUEST-----\n\
        MIHBMHUCAQAwQjEXMBUGA1UECgwOc3lzdGVtOm1hc3RlcnMxDDAKBgNVBAoMA2Rl\n\
        djEZMBcGA1UEAwwQa3ViZXJuZXRlcy1hZG1pbjAqMAUGAytlcAMhACzoT0TCJBSD\n\
        gszF1WT0ksG2RqX2PVPIidcIRs1GdYa/oAAwBQYDK2VwA0EAk7x0FTnqfgP72WgK\n\
        qmizvFPaSG8aXephTjPQnHqVUAMmY3EDP0tGTovIa+PfYJnFMqjGkV5Vq3NclTqG\n\
        O9rqBg==\n\
        -----END CERTIFICATE REQUEST-----";

    #[test]
    fn a_subject_is_read_however_its_request_is_broken_into_lines() {
        let expected = CertificateSubject {
            common_name: "kubernetes-admin".to_owned(),
            organizations: vec!["system:masters".to_owned(), "dev".to_owned()],
        };
        assert_eq!(subject(&STANDARD.encode(REQUEST)), Some(expected));
        let body = REQUEST.lines().filter(|line| !line.starts_with('-')).collect::<String>();
        let pem = format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----");
        let broken: Vec<String> =
            STANDARD.encode(pem).as_bytes().chunks(7).map(|c| String::from_utf8_lossy(c).into()).collect();
        assert_eq!(subject(&broken.join("\n")), subject(&STANDARD.encode(REQUEST)));
    }

    #[test]
    fn what_is_no_request_has_no_subject() {
        for text in ["", "!", "aGVsbG8=", &"A".repeat(MAX_BYTES + 4)] {
            assert_eq!(subject(text), None);
        }
        assert_eq!(subject(&STANDARD.encode(REQUEST.replace("MI", "AA"))), None);
    }
}
