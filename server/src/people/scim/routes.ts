/**
 * SCIM 2.0 (RFC 7643 and 7644) under `/scim/v2`: how Okta, Entra and others keep people and groups here.
 *
 * The surprise: bodies, answers and errors have the RFC's shapes and media type, not the API's, and a deleted user is gone from here
 * though their person stays, put out of service.
 */
import type { FastifyError } from 'fastify';
import { Type } from 'typebox';
import { Failure } from '../../ground/failure.ts';
import type { HttpServer } from '../../ground/http.ts';
import type { Random } from '../../ground/random.ts';
import type { State } from '../../ground/state.ts';
import { MAXIMUM_PEOPLE } from '../directory.ts';
import { type Guards, signedInOf } from '../sign-in/guard.ts';
import { describeProvider } from './description.ts';
import {
  createGroup,
  findGroup,
  listGroups,
  lockGroup,
  removeGroup,
  replaceGroup,
  type ScimGroup,
  withMembers,
} from './groups.ts';
import { equalTo, matching, readPage } from './listing.ts';
import { patched } from './patch.ts';
import { GROUP_SCHEMA, IDENTITY_SCHEMA, readGroup, readUser, scimFailure, USER_SCHEMA } from './resource.ts';
import {
  createUser,
  findUser,
  listUsers,
  lockUser,
  removeUser,
  replaceUser,
  type ScimChange,
  type ScimUser,
} from './users.ts';

export interface ScimRoutesOptions {
  readonly state: State;
  readonly guards: Guards;
  readonly random: Random;
  readonly nowMs: () => number;
  readonly publicUrl: () => string;
  readonly responderGroups: readonly string[];
  readonly onError: (
    error: unknown,
    request: { readonly id: string; readonly method: string; readonly route: string },
  ) => void;
}

const MEDIA_TYPE = 'application/scim+json; charset=utf-8';
const BODY_LIMIT = 1024 * 1024;
const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';
const Id = Type.Object({ id: Type.String({ maxLength: 64 }) });
const text = Type.Optional(Type.String({ maxLength: 1_000 }));
const Listing = Type.Object({
  filter: text,
  startIndex: text,
  count: text,
  attributes: text,
  excludedAttributes: text,
});
type Resource = Readonly<Record<string, unknown>>;

export async function registerScimRoutes(server: HttpServer, options: ScimRoutesOptions): Promise<void> {
  await server.register(
    async (scoped: HttpServer) => {
      speakScim(scoped, options);
      registerUsers(scoped, options);
      registerGroups(scoped, options);
      registerDescriptions(scoped, options);
    },
    { prefix: '/scim/v2' },
  );
}

function speakScim(server: HttpServer, { onError }: ScimRoutesOptions): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.addContentTypeParser('application/scim+json', { parseAs: 'string', bodyLimit: BODY_LIMIT }, parse);
  server.addHook('onSend', async (_request, reply) => {
    if (reply.statusCode !== 204) reply.header('content-type', MEDIA_TYPE);
    if (reply.statusCode === 401) reply.header('www-authenticate', 'Bearer');
    reply.header('cache-control', 'no-store');
  });
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const failure = toScimFailure(error);
    if (failure.httpStatus >= 500)
      onError(error, { id: request.id, method: request.method, route: request.routeOptions.url ?? 'none' });
    const { scimType } = failure.parameters;
    return reply.code(failure.httpStatus).send(
      JSON.stringify({
        schemas: [ERROR_SCHEMA],
        status: String(failure.httpStatus),
        ...(scimType === undefined ? {} : { scimType }),
        detail: failure.httpStatus >= 500 ? 'something went wrong here; it is logged' : failure.message,
      }),
    );
  });
}

function toScimFailure(error: FastifyError | Failure): Failure {
  if (error instanceof Failure) return error;
  const { statusCode = 500 } = error;
  if (statusCode === 413) return scimFailure(413, null, 'the request is too large');
  if (statusCode === 415) return scimFailure(415, null, 'send application/scim+json');
  if (statusCode >= 400 && statusCode < 500) return scimFailure(400, 'invalidSyntax', 'the body is no JSON');
  return scimFailure(500, null, error.message);
}

function registerUsers(server: HttpServer, options: ScimRoutesOptions): void {
  const { state, guards } = options;
  const config = { access: guards.provider };
  const view = (user: ScimUser) => viewUser(user, options);

  server.get('/Users', { config, schema: { querystring: Listing } }, async (request) => {
    const by = equalTo(request.query.filter);
    const users = await listUsers(state.db, by, MAXIMUM_PEOPLE);
    return listed(users.map(view), request.query);
  });
  server.post('/Users', { config, bodyLimit: BODY_LIMIT }, async (request, reply) => {
    const user = readUser(request.body);
    const made = await state.transaction((trx) => createUser(trx, user, changeBy(request, options)));
    return reply.code(201).header('location', view(made).meta.location).send(view(made));
  });
  server.get('/Users/:id', { config, schema: { params: Id, querystring: Listing } }, async (request) =>
    projected(view(found(await findUser(state.db, request.params.id), 'user', request.params.id)), request.query),
  );
  server.put('/Users/:id', { config, bodyLimit: BODY_LIMIT, schema: { params: Id } }, async (request) => {
    const { id } = request.params;
    const change = changeBy(request, options);
    const changed = await state.transaction(async (trx) => {
      const { attributes } = found(await lockUser(trx, id), 'user', id);
      return replaceUser(trx, id, readUser(request.body, attributes.active), change);
    });
    return view(changed);
  });
  server.patch('/Users/:id', { config, bodyLimit: BODY_LIMIT, schema: { params: Id } }, async (request) => {
    const { id } = request.params;
    const change = changeBy(request, options);
    const changed = await state.transaction(async (trx) => {
      const { attributes } = found(await lockUser(trx, id), 'user', id);
      return replaceUser(trx, id, readUser(patched('User', attributes, request.body)), change);
    });
    return view(changed);
  });
  server.delete('/Users/:id', { config, schema: { params: Id } }, async (request, reply) => {
    await state.transaction((trx) => removeUser(trx, request.params.id, changeBy(request, options)));
    return reply.code(204).send();
  });
}

function registerGroups(server: HttpServer, options: ScimRoutesOptions): void {
  const { state, guards } = options;
  const config = { access: guards.provider };
  const view = (group: ScimGroup) => viewGroup(group, options);

  server.get('/Groups', { config, schema: { querystring: Listing } }, async (request) => {
    const { filter = '', attributes, excludedAttributes } = request.query;
    const groups = await listGroups(state.db);
    if (/\bmembers\b/i.test(filter)) return listed((await withMembers(state.db, groups)).map(view), request.query);
    // Members are read for the page alone, and not where nobody asks for them: a provider looks for one group by its name.
    const { total, page } = paged(groups.map(view), request.query);
    const unasked = !namesIn(attributes ?? 'members').has('members') || namesIn(excludedAttributes).has('members');
    const ids = new Set(page.map(({ id }) => id));
    const shown = groups.filter(({ id }) => ids.has(id));
    const full = unasked ? shown : await withMembers(state.db, shown);
    return listOf(full.map(view), total, request.query);
  });
  server.post('/Groups', { config, bodyLimit: BODY_LIMIT }, async (request, reply) => {
    const group = readGroup(request.body);
    const made = await state.transaction((trx) => createGroup(trx, group, changeBy(request, options)));
    return reply.code(201).header('location', view(made).meta.location).send(view(made));
  });
  server.get('/Groups/:id', { config, schema: { params: Id, querystring: Listing } }, async (request) =>
    projected(view(found(await findGroup(state.db, request.params.id), 'group', request.params.id)), request.query),
  );
  server.put('/Groups/:id', { config, bodyLimit: BODY_LIMIT, schema: { params: Id } }, async (request) => {
    const group = readGroup(request.body);
    const change = changeBy(request, options);
    return view(await state.transaction((trx) => replaceGroup(trx, request.params.id, group, change)));
  });
  server.patch('/Groups/:id', { config, bodyLimit: BODY_LIMIT, schema: { params: Id } }, async (request) => {
    const { id } = request.params;
    const change = changeBy(request, options);
    const changed = await state.transaction(async (trx) => {
      const { displayName, externalId, members } = found(await lockGroup(trx, id), 'group', id);
      const before = {
        displayName,
        ...(externalId === null ? {} : { externalId }),
        members: (members ?? []).map((value) => ({ value })),
      };
      return replaceGroup(trx, id, readGroup(patched('Group', before, request.body)), change);
    });
    return view(changed);
  });
  server.delete('/Groups/:id', { config, schema: { params: Id } }, async (request, reply) => {
    await state.transaction((trx) => removeGroup(trx, request.params.id, changeBy(request, options)));
    return reply.code(204).send();
  });
}

function registerDescriptions(server: HttpServer, { guards, publicUrl }: ScimRoutesOptions): void {
  const config = { access: guards.provider };
  const describe = () => describeProvider(`${publicUrl()}/scim/v2`);
  server.get('/ServiceProviderConfig', { config }, async () => describe().configuration);
  for (const [path, read] of [
    ['/ResourceTypes', () => describe().resourceTypes],
    ['/Schemas', () => describe().schemas],
  ] as const) {
    server.get(path, { config }, async () => listed(read(), {}));
    server.get(
      `${path}/:id`,
      { config, schema: { params: Type.Object({ id: Type.String({ maxLength: 200 }) }) } },
      async (request) => {
        const one = read().find(({ id }) => id === request.params.id);
        if (one === undefined) throw scimFailure(404, null, 'there is nothing of this name');
        return one;
      },
    );
  }
  server.all('/*', { config }, async () => {
    throw scimFailure(404, null, 'there is nothing at this address');
  });
}

function changeBy(request: Parameters<typeof signedInOf>[0], options: ScimRoutesOptions): ScimChange {
  const { random, nowMs, responderGroups } = options;
  return { by: signedInOf(request).sessionId, nowMs: nowMs(), random, responderGroups };
}

function found<T>(one: T | null, what: 'user' | 'group', id: string): T {
  if (one === null) throw scimFailure(404, null, `there is no ${what} ${id}`);
  return one;
}

function viewUser({ id, attributes, createdMs, updatedMs }: ScimUser, { publicUrl }: ScimRoutesOptions) {
  const schemas = attributes[IDENTITY_SCHEMA] === undefined ? [USER_SCHEMA] : [USER_SCHEMA, IDENTITY_SCHEMA];
  return { schemas, id, ...attributes, meta: metaOf('User', { id, createdMs, updatedMs }, publicUrl()) };
}

function viewGroup(group: ScimGroup, { publicUrl }: ScimRoutesOptions) {
  const { id, displayName, externalId, members } = group;
  const ref = (value: string) => ({ value, $ref: `${publicUrl()}/scim/v2/Users/${value}`, type: 'User' });
  return {
    schemas: [GROUP_SCHEMA],
    id,
    displayName,
    ...(externalId === null ? {} : { externalId }),
    ...(members === null ? {} : { members: members.map(ref) }),
    meta: metaOf('Group', group, publicUrl()),
  };
}

function metaOf(
  resourceType: 'User' | 'Group',
  { id, createdMs, updatedMs }: { readonly id: string; readonly createdMs: number; readonly updatedMs: number },
  publicUrl: string,
) {
  return {
    resourceType,
    created: new Date(createdMs).toISOString(),
    lastModified: new Date(updatedMs).toISOString(),
    location: `${publicUrl}/scim/v2/${resourceType}s/${id}`,
  };
}

interface Query extends Projection {
  readonly filter?: string;
  readonly startIndex?: string;
  readonly count?: string;
}

function listed(all: readonly Resource[], query: Query) {
  const { total, page } = paged(all, query);
  return listOf(page, total, query);
}

function paged<T extends Resource>(
  all: readonly T[],
  query: Query,
): { readonly total: number; readonly page: readonly T[] } {
  const matched = matching(all, query.filter);
  const { startIndex, count } = readPage(query);
  return { total: matched.length, page: matched.slice(startIndex - 1, startIndex - 1 + count) };
}

function listOf(page: readonly Resource[], totalResults: number, query: Query) {
  const { startIndex } = readPage(query);
  const resources = page.map((one) => projected(one, query));
  return { schemas: [LIST_SCHEMA], totalResults, startIndex, itemsPerPage: resources.length, Resources: resources };
}

interface Projection {
  readonly attributes?: string;
  readonly excludedAttributes?: string;
}

/** Top-level names, in lower case. */
function namesIn(list: string | undefined): ReadonlySet<string> {
  return new Set((list ?? '').split(',').map((name) => name.trim().split('.')[0]?.toLowerCase() ?? ''));
}

/** Only the asked top-level attributes; `schemas`, `id` and `meta` always. */
function projected(resource: Resource, { attributes, excludedAttributes }: Projection): Resource {
  const wanted = attributes === undefined ? null : namesIn(attributes);
  const unwanted = namesIn(excludedAttributes);
  const kept = Object.entries(resource).filter(([name]) => {
    const key = name.toLowerCase();
    return ['schemas', 'id', 'meta'].includes(key) || (wanted === null ? !unwanted.has(key) : wanted.has(key));
  });
  return Object.fromEntries(kept);
}
