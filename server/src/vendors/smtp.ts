/**
 * Mail by SMTP (nodemailer). STARTTLS is demanded unless the server is on loopback or speaks TLS from the first byte.
 *
 * The surprise: `Message-ID` is given by the caller, the same for every try, so that a mail that was sent twice is one mail in
 * the mailboxes that look at it.
 */
import { createTransport } from 'nodemailer';
import type { PostResult } from './post.ts';

export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly user: string | null;
  readonly password: string | null;
  readonly from: string;
}

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** Without angle brackets. */
  readonly id: string;
  /** What it continues: mails about one case stand together. */
  readonly thread?: string;
}

const TIMEOUT_MS = 10_000;
const LONGEST_SUBJECT = 200;
const LOOPBACK: readonly string[] = ['127.0.0.1', '::1', 'localhost'];
const FIRST_PERMANENT = 500;

/** Rejects never. */
export async function sendMail(settings: SmtpSettings, mail: Mail): Promise<PostResult> {
  const { host, port, secure, user, password, from } = settings;
  const transport = createTransport({
    host,
    port,
    secure,
    requireTLS: !secure && !LOOPBACK.includes(host),
    ...(user === null ? {} : { auth: { user, pass: password ?? '' } }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail({
      from,
      to: { name: '', address: mail.to },
      subject: oneLine(mail.subject).slice(0, LONGEST_SUBJECT),
      text: mail.text,
      messageId: `<${oneLine(mail.id)}>`,
      ...(mail.thread === undefined
        ? {}
        : { references: `<${oneLine(mail.thread)}>`, inReplyTo: `<${oneLine(mail.thread)}>` }),
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
    return { type: 'accepted' };
  } catch (error) {
    return failureOf(error);
  } finally {
    transport.close();
  }
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\0]+/g, ' ');
}

function failureOf(error: unknown): PostResult {
  const { responseCode, code } = error as { readonly responseCode?: number; readonly code?: string };
  if (responseCode === undefined)
    return { type: 'unreachable', reason: `the mail server cannot be used (${code ?? 'no answer'})` };
  return {
    type: 'refused',
    status: responseCode,
    reason: `the mail server answers ${responseCode}`,
    retryAfterMs: null,
    retryable: responseCode < FIRST_PERMANENT,
  };
}
