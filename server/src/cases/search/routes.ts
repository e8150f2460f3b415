/** Search and similar cases over HTTP; the shapes are in `contract/src/search.ts`. */
import type { SearchView, SimilarCases } from '@countersign/contract';
import { Type } from 'typebox';
import { httpFailures } from '../../ground/http-error.ts';
import type { HttpServer } from '../../ground/http.ts';
import { type Guards, mayAct, signedInOf } from '../../people/sign-in/guard.ts';
import { search, type SearchRooms } from './search.ts';
import { similarCases } from './similar.ts';
import { LONGEST_QUERY } from './words.ts';

/** A person types a few letters a second, and the console waits for a pause. */
const LIMIT = { max: 120, timeWindow: 60_000 };
const Query = Type.Object({ q: Type.String({ minLength: 1, maxLength: LONGEST_QUERY }) });
const Params = Type.Object({ id: Type.String({ maxLength: 64, pattern: '^[\\w-]+$' }) });

export function registerSearchRoutes(
  server: HttpServer,
  { guards, ...rooms }: SearchRooms & { readonly guards: Guards },
): void {
  server.get(
    '/api/search',
    { config: { access: guards.person, rateLimit: LIMIT }, schema: { querystring: Query } },
    async (request): Promise<SearchView> =>
      search(rooms, { text: request.query.q, showsPeople: mayAct(signedInOf(request).person, 'responder') }),
  );
  server.get(
    '/api/cases/:id/similar',
    { config: { access: guards.person }, schema: { params: Params } },
    async (request): Promise<SimilarCases> => {
      const cases = await similarCases(rooms.state, request.params.id);
      if (cases === null) throw httpFailures.notFound();
      return { cases: [...cases] };
    },
  );
}
