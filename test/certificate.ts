/** A certificate for `localhost`, made for this run: a private key never stands in the repository. Needs `openssl`. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const OPENSSL_PRESENT = existsSync('/usr/bin/openssl');

export interface Certificate {
  readonly keyFile: string;
  /** To be trusted: NODE_EXTRA_CA_CERTS, `certificate-authority`. */
  readonly certificateFile: string;
  readonly certificate: string;
  remove(): void;
}

export function makeCertificate(): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-tls-'));
  const keyFile = join(folder, 'key.pem');
  const certificateFile = join(folder, 'certificate.pem');
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync('openssl', ['req', ...kind, ...name, '-keyout', keyFile, '-out', certificateFile], { stdio: 'ignore' });
  const certificate = readFileSync(certificateFile, 'utf8');
  return { keyFile, certificateFile, certificate, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
