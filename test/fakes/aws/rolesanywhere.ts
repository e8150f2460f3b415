/** IAM Roles Anywhere, of which moto has nothing: trust anchors and profiles, made, listed, enabled and disabled. */
import { answer, type Gap, type Json, refuse } from './server.ts';

const MEMBERS = { trustanchor: 'trustAnchor', profile: 'profile' } as const;

export function rolesanywhere(): Gap {
  const kept = new Map<string, Json>();
  let made = 0;
  return ({ method, path, body }) => {
    const [, kind = '', id, verb] = path.split('/');
    const singular = kind.replace(/s$/, '');
    const member = singular in MEMBERS ? MEMBERS[singular as keyof typeof MEMBERS] : null;
    if (member === null) return null;
    const idName = `${member}Id`;
    if (id === undefined && method === 'GET') {
      const all = [...kept.values()].filter((one) => idName in one);
      return answer({ [`${member}s`]: all });
    }
    if (id === undefined) {
      made += 1;
      const name = `910042eb-8463-427d-8095-${String(made).padStart(12, '0')}`;
      const one = { ...body, enabled: body['enabled'] === true, [idName]: name };
      kept.set(name, one);
      return { status: 201, body: { [member]: one } };
    }
    const found = kept.get(id);
    if (found === undefined) return refuse('ResourceNotFoundException', 'there is no such thing', 404);
    const next = verb === undefined ? found : { ...found, enabled: verb === 'enable' };
    kept.set(id, next);
    return answer({ [member]: next });
  };
}
