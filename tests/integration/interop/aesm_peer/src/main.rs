// SPDX-License-Identifier: Apache-2.0
//! A client of the AESM daemon from public crates: Fortanix's `aesm-client` asks, `dcap-ql` reads
//! the quote. The crate looks for the socket at `/var/run/aesmd/aesm.socket` and nowhere else.
//!
//!     aesm-peer target OUT                         TARGETINFO of the quoting enclave into OUT
//!     aesm-peer quote REPORT NONCE QUOTE QE_REPORT  a quote of a REPORT, and the QE's REPORT
//!     aesm-peer legacy REPORT                      the EPID calls
//!
//! It prints one line of `name=value` pairs. Exit status 1: the daemon refused, or what it sent
//! cannot be read; the line on standard error says which.

use std::{env, error::Error, fs, process::ExitCode};

use aesm_client::{AesmClient, QuoteType};
use dcap_ql::quote::{Qe3CertDataPckCertChain, Quote, Quote3SignatureEcdsaP256, QuoteHeader};
use sgx_isa::Report;

type Outcome = Result<String, Box<dyn Error>>;

/// Where an attestation key id names its algorithm, and which number is ECDSA on P-256.
const ALGORITHM: std::ops::Range<usize> = 154..158;
const ECDSA_P256: [u8; 4] = [2, 0, 0, 0];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["target", out] => target(out),
        ["quote", report, nonce, quote, qe_report] => get_quote(report, nonce, quote, qe_report),
        ["legacy", report] => legacy(report),
        _ => {
            eprintln!("usage: aesm-peer target|quote|legacy ARGUMENT...");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("refused: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Asks which keys there are, as the crate's users do, and returns the one for ECDSA.
fn ecdsa_key(client: &AesmClient) -> Result<Vec<u8>, Box<dyn Error>> {
    client
        .get_supported_att_key_ids()?
        .into_iter()
        .find(|id| id.get(ALGORITHM) == Some(&ECDSA_P256))
        .ok_or_else(|| "no key for ECDSA".into())
}

fn target(out: &str) -> Outcome {
    let client = AesmClient::new();
    let keys = client.get_supported_att_key_ids()?.len();
    let info = client.init_quote_ex(ecdsa_key(&client)?)?;
    fs::write(out, info.target_info())?;
    let key = hex(info.pub_key_id());
    Ok(format!(
        "keys={keys} target_info={} public_key_id={key}",
        info.target_info().len()
    ))
}

fn get_quote(report: &str, nonce: &str, quote: &str, qe_report: &str) -> Outcome {
    let client = AesmClient::new();
    let (report, nonce) = (fs::read(report)?, fs::read(nonce)?);
    let made = client.get_quote_ex(ecdsa_key(&client)?, report, None, nonce)?;
    fs::write(quote, made.quote())?;
    fs::write(qe_report, made.qe_report())?;
    describe(made.quote())
}

/// Says what the crate's parser finds in a quote.
fn describe(bytes: &[u8]) -> Outcome {
    let quote = Quote::parse(bytes)?;
    let QuoteHeader::V3 {
        attestation_key_type,
        pce_svn,
        ..
    } = quote.header();
    let body = padded(quote.report_body());
    let body = Report::try_copy_from(&body).ok_or("body of an odd size")?;
    let signature = quote.signature::<Quote3SignatureEcdsaP256>()?;
    let chain = signature.certification_data::<Qe3CertDataPckCertChain>()?;
    let qe = padded(signature.qe3_report());
    let qe = Report::try_copy_from(&qe).ok_or("QE report of an odd size")?;
    Ok(format!(
        "bytes={} key_type={attestation_key_type:?} pce_svn={pce_svn} mr_enclave={} mr_signer={} \
         report_data={} certificates={} public_key_id={}",
        bytes.len(),
        hex(&body.mrenclave),
        hex(&body.mrsigner),
        hex(&body.reportdata),
        chain.certs.len(),
        hex(&qe.reportdata[..32]),
    ))
}

/// The bytes of a REPORT whose key id and MAC, which quotes leave out, are zero.
fn padded(body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    bytes.resize(Report::UNPADDED_SIZE, 0);
    bytes
}

/// EPID is gone: each call has to end with the daemon's error, not with a hang or a crash.
fn legacy(report: &str) -> Outcome {
    let client = AesmClient::new();
    let init = said(client.init_quote());
    let (report, spid, nonce) = (fs::read(report)?, vec![0; 16], vec![0; 16]);
    let quote = said(client.get_quote(report, spid, vec![], QuoteType::Linkable, nonce));
    Ok(format!("init_quote={init} get_quote={quote}"))
}

fn said<T>(result: aesm_client::Result<T>) -> String {
    match result {
        Ok(_) => "success".to_owned(),
        Err(aesm_client::Error::AesmCode(code)) => format!("{code:?}"),
        Err(error) => format!("{error}").replace(' ', "-"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
