/** `networks:` of the configuration: where names of ranges come from. */
import { type Static, Type } from 'typebox';
import type { ConfigProblem } from '../../ground/config.ts';
import { readCidr } from './cidr.ts';
import type { NetworkFiles } from './networks.ts';

const strict = { additionalProperties: false } as const;
const Path = Type.String({ minLength: 1, maxLength: 1_000 });
const Own = Type.Object(
  { cidr: Type.String({ maxLength: 50 }), name: Type.String({ minLength: 1, maxLength: 200 }) },
  strict,
);

export const NetworksSection = Type.Object(
  {
    /** Files as clouds publish them, and ranges of one's own. */
    ranges: Type.Optional(Type.Array(Type.Union([Path, Own]), { maxItems: 1_000 })),
    /** As iptoasn.com publishes it. */
    asn: Type.Optional(Type.Union([Path, Type.Array(Path, { maxItems: 10 })])),
  },
  strict,
);

export function buildNetworks({ ranges = [], asn = [] }: Static<typeof NetworksSection>): {
  readonly networks: NetworkFiles;
  readonly problems: readonly ConfigProblem[];
} {
  const problems: ConfigProblem[] = [];
  const own = ranges.flatMap((one, index) => {
    if (typeof one === 'string') return [];
    const ends = readCidr(one.cidr);
    if (ends !== null) return [{ ...ends, name: one.name }];
    problems.push({
      severity: 'error',
      path: ['networks', 'ranges', index, 'cidr'],
      message: 'this is no range of addresses',
      hint: 'write 192.0.2.0/24, 2001:db8::/32 or one address',
    });
    return [];
  });
  const published = ranges.filter((one) => typeof one === 'string');
  return { networks: { published, own, announced: [asn].flat() }, problems };
}
