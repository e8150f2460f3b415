/** EC2's and IAM's calls that moto lacks: forms in, XML out. */
import { answerXml, type Gap, refuseXml, type Wire, type WireAnswer } from './server.ts';

/** Null: moto knows. */
type Calls = Readonly<Record<string, (form: URLSearchParams) => WireAnswer | null>>;

function gapOf(calls: Calls): Gap {
  return ({ form }: Wire) => calls[form.get('Action') ?? '']?.(form) ?? null;
}

/** EC2 answers without a layer between. */
function ec2Answer(action: string, members: Readonly<Record<string, string>>): WireAnswer {
  const inner = Object.entries(members).map(([name, value]) => `<${name}>${value}</${name}>`);
  const space = 'http://ec2.amazonaws.com/doc/2016-11-15/';
  return answerXml(`<${action}Response xmlns="${space}"><requestId>r</requestId>${inner.join('')}</${action}Response>`);
}

/** The guards of an account in a region. */
export function ec2(): Gap {
  const state = { snapshots: 'unblocked', images: 'unblocked', console: 'false' };
  const guard = (kind: 'snapshots' | 'images', name: string, member: string): Calls => ({
    [`Enable${name}BlockPublicAccess`]: (form) => {
      const wanted = form.get(member) ?? '';
      if (!wanted.startsWith('block-')) return refuseXml('InvalidParameterValue', `no such state: ${wanted}`);
      state[kind] = wanted;
      return ec2Answer(`Enable${name}BlockPublicAccess`, { [lower(member)]: wanted });
    },
    [`Disable${name}BlockPublicAccess`]: () => {
      state[kind] = 'unblocked';
      return ec2Answer(`Disable${name}BlockPublicAccess`, { [lower(member)]: 'unblocked' });
    },
    [`Get${name}BlockPublicAccessState`]: () =>
      ec2Answer(`Get${name}BlockPublicAccessState`, { [lower(member)]: state[kind] }),
  });
  const access = (action: string, enabled?: string) => () => {
    if (enabled !== undefined) state.console = enabled;
    return ec2Answer(action, { serialConsoleAccessEnabled: state.console });
  };
  return gapOf({
    ...guard('snapshots', 'Snapshot', 'State'),
    ...guard('images', 'Image', 'ImageBlockPublicAccessState'),
    EnableSerialConsoleAccess: access('EnableSerialConsoleAccess', 'true'),
    DisableSerialConsoleAccess: access('DisableSerialConsoleAccess', 'false'),
    GetSerialConsoleAccessStatus: access('GetSerialConsoleAccessStatus'),
  });
}

function lower(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function iamAnswer(action: string, inner = ''): WireAnswer {
  const result = `<${action}Result>${inner}</${action}Result>`;
  const space = 'https://iam.amazonaws.com/doc/2010-05-08/';
  return answerXml(`<${action}Response xmlns="${space}">${result}</${action}Response>`);
}

/** Boundaries of users, and the clients of a provider that it was made with here. */
export function iam(): Gap {
  const boundaries = new Map<string, string | null>();
  const clients = new Map<string, Set<string>>();
  const providerOf = (form: URLSearchParams) => form.get('OpenIDConnectProviderArn') ?? '';
  const members = (all: Iterable<string>) => [...all].map((one) => `<member>${one}</member>`).join('');
  return gapOf({
    PutUserPermissionsBoundary: (form) => {
      boundaries.set(form.get('UserName') ?? '', form.get('PermissionsBoundary'));
      return iamAnswer('PutUserPermissionsBoundary');
    },
    DeleteUserPermissionsBoundary: (form) => {
      boundaries.set(form.get('UserName') ?? '', null);
      return iamAnswer('DeleteUserPermissionsBoundary');
    },
    GetUser: (form) => {
      const name = form.get('UserName') ?? '';
      const boundary = boundaries.get(name);
      // Of users that nobody bounded here moto knows more.
      if (boundary === undefined) return null;
      const told = `<PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>${boundary}</PermissionsBoundaryArn>`;
      const bound = boundary === null ? '' : `<PermissionsBoundary>${told}</PermissionsBoundary>`;
      return iamAnswer('GetUser', `<User><UserName>${name}</UserName><UserId>AIDA1</UserId>${bound}</User>`);
    },
    AddClientIDToOpenIDConnectProvider: (form) => {
      const known = clients.get(providerOf(form)) ?? new Set(['sts.amazonaws.com']);
      clients.set(providerOf(form), known.add(form.get('ClientID') ?? ''));
      return iamAnswer('AddClientIDToOpenIDConnectProvider');
    },
    RemoveClientIDFromOpenIDConnectProvider: (form) => {
      clients.get(providerOf(form))?.delete(form.get('ClientID') ?? '');
      return iamAnswer('RemoveClientIDFromOpenIDConnectProvider');
    },
    GetOpenIDConnectProvider: (form) => {
      const known = clients.get(providerOf(form));
      if (known === undefined) return null;
      const url = `<Url>${providerOf(form).split('oidc-provider/')[1]}</Url>`;
      const prints = `<ThumbprintList>${members(['d'.repeat(40)])}</ThumbprintList>`;
      return iamAnswer('GetOpenIDConnectProvider', `${url}<ClientIDList>${members(known)}</ClientIDList>${prints}`);
    },
  });
}
