/** A small mail server that keeps what it gets, and refuses or hangs up when told to. */
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

export interface FakeSmtp {
  readonly port: number;
  /** Mails to an address, oldest first. */
  inbox(address: string): readonly ParsedMail[];
  expect(address: string, fits: (mail: ParsedMail) => boolean): Promise<ParsedMail>;
  /** The next mails are answered with these codes; 0 hangs up after the data. */
  fail(...codes: number[]): void;
  close(): Promise<void>;
}

export async function startSmtp(account?: { readonly user: string; readonly password: string }): Promise<FakeSmtp> {
  const mails: { readonly to: string; readonly mail: ParsedMail }[] = [];
  const failures: number[] = [];
  const server = new SMTPServer({
    disabledCommands: account === undefined ? ['AUTH', 'STARTTLS'] : ['STARTTLS'],
    authOptional: account === undefined,
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      username === account?.user && password === account?.password
        ? done(null, { user: username })
        : done(Object.assign(new Error('wrong'), { responseCode: 535 })),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const failure = failures.shift();
        if (failure !== undefined && failure !== 0) return done(refusalOf(failure));
        const keep = async () => {
          const mail = await simpleParser(Buffer.concat(chunks));
          for (const { address } of session.envelope.rcptTo) mails.push({ to: address, mail });
          done(failure === 0 ? refusalOf(421) : null);
        };
        return void keep();
      });
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const inbox = (address: string) => mails.filter(({ to }) => to === address).map(({ mail }) => mail);
  return {
    port: (server.server.address() as { port: number }).port,
    inbox,
    expect: async (address, fits) => {
      for (let tries = 0; tries < 200; tries += 1) {
        const found = inbox(address).find(fits);
        if (found !== undefined) return found;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(
        `no such mail came to ${address}; there are: ${inbox(address)
          .map(({ subject }) => subject)
          .join(' | ')}`,
      );
    },
    fail: (...codes) => failures.push(...codes),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function refusalOf(responseCode: number): Error {
  return Object.assign(new Error('told to'), { responseCode });
}
