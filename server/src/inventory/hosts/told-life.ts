/**
 * What a host tells of a life, as it travels, and the row that it becomes.
 *
 * The surprise: it does not say whose host it is. That stands with whoever tells it, and no host can speak for another: what it names by itself
 * (units, processes, the host) must begin with its own name.
 */
import { type Static, Type } from 'typebox';
import type { Workload } from '../workload.ts';

const Name = Type.String({ maxLength: 600 });
const Ms = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 });
const Texts = Type.Record(Type.String({ maxLength: 1_000 }), Type.String({ maxLength: 1_000 }), { maxProperties: 200 });

export const ToldLife = Type.Object(
  {
    kind: Type.Union([Type.Literal('host'), Type.Literal('container'), Type.Literal('unit'), Type.Literal('process')]),
    id: Type.String({ minLength: 1, maxLength: 600 }),
    name: Name,
    namespace: Name,
    application: Name,
    parent: Type.Union([
      Type.Null(),
      Type.Object(
        {
          kind: Type.Union([
            Type.Literal('account'),
            Type.Literal('host'),
            Type.Literal('pod'),
            Type.Literal('container'),
            Type.Literal('unit'),
            Type.Literal('process'),
          ]),
          id: Name,
        },
        { additionalProperties: false },
      ),
    ]),
    addresses: Type.Array(Type.String({ maxLength: 60 }), { maxItems: 1_000 }),
    labels: Texts,
    facts: Texts,
    firstMs: Ms,
    lastMs: Ms,
    endedMs: Type.Union([Type.Null(), Ms]),
  },
  { additionalProperties: false },
);
export type ToldLife = Readonly<Static<typeof ToldLife>>;

/** Null when the host speaks of what is not its own. */
export function workloadOfHost(host: string, life: ToldLife, toldMs: number): Workload | null {
  const { kind, id, firstMs } = life;
  if (kind === 'host' ? id !== host : kind !== 'container' && !id.startsWith(`${host}/`)) return null;
  // A host lives through its starts: each is told by a teller of its own, and all of them are one host.
  const teller = kind === 'host' ? `agent ${host} since ${firstMs}` : `agent ${host}`;
  return { ...life, teller, host, cluster: '', toldMs };
}
