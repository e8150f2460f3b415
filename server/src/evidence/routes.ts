/** Evidence over HTTP: the review of a case as Markdown. */
import type { CaseDetail } from '@countersign/contract';
import { Type } from 'typebox';
import { Failure } from '../ground/failure.ts';
import type { HttpServer } from '../ground/http.ts';
import { type Guards, signedInOf } from '../people/sign-in/guard.ts';
import { writeReview } from './review.ts';

export interface EvidenceRoutesOptions {
  readonly guards: Guards;
  readonly publicUrl: () => string;
  readonly viewCase: (caseId: string, viewerId: string) => Promise<CaseDetail | null>;
}

const Params = Type.Object({ id: Type.String({ maxLength: 64, pattern: '^[\\w-]+$' }) });

export function registerEvidenceRoutes(
  server: HttpServer,
  { guards, publicUrl, viewCase }: EvidenceRoutesOptions,
): void {
  server.get(
    '/api/cases/:id/review.md',
    { config: { access: guards.person }, schema: { params: Params } },
    async (request, reply) => {
      const { id } = request.params;
      const detail = await viewCase(id, signedInOf(request).person.id);
      if (detail === null) {
        throw new Failure('there is no such case', { code: 'case-not-found', httpStatus: 404, retryable: false });
      }
      return reply.type('text/markdown; charset=utf-8').send(writeReview(detail, `${publicUrl()}/cases/${id}`));
    },
  );
}
