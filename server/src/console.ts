/** Hands out the console as it was built. It holds nothing itself; what it shows comes from guarded routes. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import staticFiles from '@fastify/static';
import { Failure } from './ground/failure.ts';
import { httpFailures } from './ground/http-error.ts';
import { type HttpHouse, publicRoute } from './ground/http.ts';

const CONSOLE = fileURLToPath(new URL('../../web/dist/', import.meta.url));

/** The built console; every path that is no file and no API is the console's own. */
export async function serveConsole({ server }: HttpHouse): Promise<void> {
  const page = join(CONSOLE, 'index.html');
  if (!existsSync(page)) return;
  const html = readFileSync(page, 'utf8');
  const workerFile = join(CONSOLE, 'push-worker.js');
  const worker = existsSync(workerFile) ? readFileSync(workerFile) : null;
  const access = publicRoute('the console itself holds nothing; what it shows comes from guarded routes');
  await server.register(staticFiles, {
    root: join(CONSOLE, 'assets'),
    prefix: '/assets/',
    immutable: true,
    maxAge: '365d',
    wildcard: true,
    serve: false,
  });
  server.get('/assets/*', { config: { access } }, async (request, reply) =>
    reply.sendFile((request.params as { '*': string })['*']),
  );
  server.get('/push-worker.js', { config: { access } }, async (_request, reply) => {
    if (worker === null) throw httpFailures.notFound();
    // Always asked for anew: a worker that somebody's browser kept would show pages in an old way.
    return reply.type('text/javascript; charset=utf-8').header('cache-control', 'no-cache').send(worker);
  });
  server.get('/*', { config: { access } }, async (request, reply) => {
    if (request.url.startsWith('/api/')) {
      throw new Failure('there is no such route', { code: 'route-not-found', httpStatus: 404, retryable: false });
    }
    const nonce = (reply as { cspNonce?: { style?: string } }).cspNonce?.style ?? '';
    return reply.type('text/html').header('cache-control', 'no-store').send(html.replaceAll('__STYLE_NONCE__', nonce));
  });
}
