/** The server's API: typed calls, and every failure as an `ApiFailure` with the code that the words know. */
import type {
  ActivityHold,
  ActivityHolds,
  NewActivityHold,
  ActivityGaps,
  ActivityHistogram,
  ActivityView,
  AgentInvitation,
  ApiError,
  CapacityProcesses,
  CapacitySeries,
  CapacityView,
  CaseDetail,
  CaseList,
  ChallengeAnswer,
  ChallengeOutcome,
  ChallengeView,
  ClusterList,
  ContainmentChoices,
  Containment,
  EnrolmentFinish,
  EnrolmentStart,
  ExemptionParts,
  ExemptionPreview,
  ExemptionView,
  FleetView,
  HandOverTarget,
  HostEvidence,
  InventoryView,
  HostsCapacity,
  JournalCheck,
  MaintenanceView,
  MapLevel,
  MapView,
  NewExemption,
  NewMaintenance,
  NewOverride,
  NewSavedSearch,
  NewToken,
  NotificationSettings,
  NotificationView,
  NowView,
  NumbersBy,
  NumbersView,
  OnCallView,
  PasskeyFinish,
  PasskeyListing,
  PeopleList,
  Priority,
  PushStart,
  RevertList,
  RevertProof,
  SampleStarted,
  SampleView,
  SavedSearch,
  ProcessSessionView,
  SavedSearches,
  SearchView,
  SessionView,
  SignIn,
  SignInLinkCreated,
  SimilarCases,
  TokenCreated,
  TokenList,
  TreeView,
  WebhookDeliveries,
  WorkloadCard,
} from '@countersign/contract';
import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/browser';
import type { CapacityRange, WorkloadName } from './capacity-query.ts';

export class ApiFailure extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const TIMEOUT_MS = 20_000;

async function call<T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      credentials: 'same-origin',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new ApiFailure('network', 'the server does not answer', 0);
  }
  const text = await response.text();
  const value: unknown = text === '' ? null : safeParse(text);
  if (response.ok) return value as T;
  const error = value as Partial<ApiError> | null;
  throw new ApiFailure(error?.code ?? 'other', error?.message ?? response.statusText, response.status);
}

function safeParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const id = encodeURIComponent;

export const api = {
  session: () => call<SessionView>('GET', '/api/session'),
  signIn: (input: SignIn) => call<SessionView>('POST', '/api/session', input),
  signInByLink: (token: string) => call<SessionView>('POST', '/api/session/link', { token }),
  signOut: () => call<SessionView>('DELETE', '/api/session'),
  startEnrolment: () => call<EnrolmentStart>('POST', '/api/enrolment/start', {}),
  finishEnrolment: (input: EnrolmentFinish) => call<SessionView>('POST', '/api/enrolment/finish', input),
  now: () => call<NowView>('GET', '/api/now'),
  agents: () => call<FleetView>('GET', '/api/agents'),
  inviteAgent: () => call<AgentInvitation>('POST', '/api/agents/invitations', {}),
  retireAgent: (agentId: string) => call<unknown>('DELETE', `/api/agents/${id(agentId)}`),
  activity: (query: string, before: string | null) =>
    call<ActivityView>('GET', `/api/activity?${query}${before === null ? '' : `&before=${before}`}`),
  activityHistogram: (query: string) => call<ActivityHistogram>('GET', `/api/activity/histogram?${query}`),
  activityGaps: (query: string) => call<ActivityGaps>('GET', `/api/activity/gaps?${query}`),
  savedSearches: () => call<SavedSearches>('GET', '/api/activity/searches'),
  savedSearch: (searchId: string) => call<SavedSearch>('GET', `/api/activity/searches/${id(searchId)}`),
  saveSearch: (input: NewSavedSearch) => call<SavedSearch>('POST', '/api/activity/searches', input),
  holds: () => call<ActivityHolds>('GET', '/api/activity/holds'),
  placeHold: (query: string, input: NewActivityHold) =>
    call<ActivityHold>('POST', `/api/activity/holds?${query}`, input),
  releaseHold: (holdId: string) => call<unknown>('DELETE', `/api/activity/holds/${id(holdId)}`),
  removeSearch: (searchId: string) => call<unknown>('DELETE', `/api/activity/searches/${id(searchId)}`),
  processTree: (host: string, at: string) =>
    call<TreeView>('GET', `/api/activity/tree?${new URLSearchParams({ host, at })}`),
  sessionBehind: (host: string, pid: number, at: string) =>
    call<ProcessSessionView>('GET', `/api/activity/session?${new URLSearchParams({ host, pid: String(pid), at })}`),
  map: (query: { readonly level: MapLevel; readonly from: string; readonly to: string }) =>
    call<MapView>('GET', `/api/map?${new URLSearchParams(query)}`),
  inventory: (query: string) => call<InventoryView>('GET', `/api/inventory?${query}`),
  workload: (query: string) => call<WorkloadCard>('GET', `/api/inventory/card?${query}`),
  clusters: () => call<ClusterList>('GET', '/api/inventory/clusters'),
  cases: (states: readonly string[], after: string | null, text = '') => {
    const query = new URLSearchParams();
    if (text !== '') query.set('q', text);
    if (states.length > 0) query.set('state', states.join(','));
    if (after !== null) query.set('after', after);
    return call<CaseList>('GET', `/api/cases?${query}`);
  },
  case: (caseId: string) => call<CaseDetail>('GET', `/api/cases/${id(caseId)}`),
  search: (text: string) => call<SearchView>('GET', `/api/search?${new URLSearchParams({ q: text })}`),
  similarCases: (caseId: string) => call<SimilarCases>('GET', `/api/cases/${id(caseId)}/similar`),
  handOverTargets: () => call<HandOverTarget[]>('GET', '/api/cases/targets'),
  unacknowledge: (caseId: string) => call<unknown>('POST', `/api/cases/${id(caseId)}/unacknowledge`, {}),
  containments: (caseId: string) => call<ContainmentChoices>('GET', `/api/cases/${id(caseId)}/containments`),
  contain: (caseId: string, wish: Containment) =>
    call<RevertList>('POST', `/api/cases/${id(caseId)}/containments`, wish),
  acknowledge: (caseId: string) => call<unknown>('POST', `/api/cases/${id(caseId)}/acknowledge`, {}),
  resolve: (caseId: string, note: string) => call<unknown>('POST', `/api/cases/${id(caseId)}/resolve`, { note }),
  challengeLink: (caseId: string) => call<{ url: string }>('POST', `/api/cases/${id(caseId)}/challenge-link`, {}),
  viewChallenge: (token: string) => call<ChallengeView>('POST', '/api/challenges/view', { token }),
  snooze: (caseId: string, seconds: number) => call<unknown>('POST', `/api/cases/${id(caseId)}/snooze`, { seconds }),
  escalate: (caseId: string) => call<unknown>('POST', `/api/cases/${id(caseId)}/escalate`, {}),
  reassign: (caseId: string, target: string) =>
    call<unknown>('POST', `/api/cases/${id(caseId)}/reassign`, { targets: [target] }),
  addResponders: (caseId: string, target: string) =>
    call<unknown>('POST', `/api/cases/${id(caseId)}/responders`, { targets: [target] }),
  merge: (caseId: string, into: string) => call<unknown>('POST', `/api/cases/${id(caseId)}/merge`, { into }),
  note: (caseId: string, text: string) => call<unknown>('POST', `/api/cases/${id(caseId)}/notes`, { text }),
  prioritise: (caseId: string, priority: Priority | null) =>
    call<unknown>('POST', `/api/cases/${id(caseId)}/priority`, { priority }),
  reopen: (caseId: string) => call<unknown>('POST', `/api/cases/${id(caseId)}/reopen`, {}),
  onCall: (from: string, to: string) => call<OnCallView>('GET', `/api/on-call?${new URLSearchParams({ from, to })}`),
  addOverride: (override: NewOverride) => call<unknown>('POST', '/api/on-call/overrides', override),
  endOverride: (overrideId: string) => call<unknown>('DELETE', `/api/on-call/overrides/${id(overrideId)}`),
  notifications: () => call<NotificationView>('GET', '/api/me/notifications'),
  saveNotifications: (settings: NotificationSettings) =>
    call<NotificationView>('PUT', '/api/me/notifications', settings),
  startPush: (browser: PushStart) => call<NotificationView>('PUT', '/api/me/push', browser),
  endPush: (endpoint: string | null) => call<NotificationView>('DELETE', '/api/me/push', { endpoint }),
  passkeys: () => call<{ passkeys: PasskeyListing[] }>('GET', '/api/passkeys'),
  startPasskey: () => call<{ options: PublicKeyCredentialCreationOptionsJSON }>('POST', '/api/passkeys/start', {}),
  finishPasskey: (input: PasskeyFinish) => call<unknown>('POST', '/api/passkeys/finish', input),
  removePasskey: (passkeyId: string, code: string) =>
    call<unknown>('POST', `/api/passkeys/${id(passkeyId)}/remove`, { code }),
  challengePasskey: (token: string, digest: string) =>
    call<{ options: PublicKeyCredentialRequestOptionsJSON | null }>('POST', '/api/challenges/passkey', {
      token,
      digest,
    }),
  answerChallenge: (answer: ChallengeAnswer) => call<ChallengeOutcome>('POST', '/api/challenges/answer', answer),
  numbers: (query: { readonly from: string; readonly to: string; readonly by: NumbersBy }) =>
    call<NumbersView>('GET', `/api/numbers?${new URLSearchParams(query)}`),
  capacity: (range: CapacityRange) => call<CapacityView>('GET', `/api/capacity?${new URLSearchParams({ ...range })}`),
  capacityHosts: (range: CapacityRange) =>
    call<HostsCapacity>('GET', `/api/capacity/hosts?${new URLSearchParams({ ...range })}`),
  capacitySeries: (workload: WorkloadName, range: CapacityRange) =>
    call<CapacitySeries>('GET', `/api/capacity/series?${new URLSearchParams({ ...workload, ...range })}`),
  capacityProcesses: (application: string, range: CapacityRange) =>
    call<CapacityProcesses>('GET', `/api/capacity/processes?${new URLSearchParams({ application, ...range })}`),
  exemptions: () => call<{ exemptions: ExemptionView[] }>('GET', '/api/exemptions'),
  previewExemption: (parts: ExemptionParts) => call<ExemptionPreview>('POST', '/api/exemptions/preview', parts),
  makeExemption: (input: NewExemption) => call<unknown>('POST', '/api/exemptions', input),
  endExemption: (exemptionId: string) => call<unknown>('DELETE', `/api/exemptions/${id(exemptionId)}`),
  reverts: (caseId: string) => call<RevertList>('GET', `/api/cases/${id(caseId)}/reverts`),
  approveRevert: (revertId: string, proof: RevertProof) =>
    call<unknown>('POST', `/api/reverts/${id(revertId)}/approve`, proof),
  undoRevert: (revertId: string, proof: RevertProof) =>
    call<unknown>('POST', `/api/reverts/${id(revertId)}/undo`, proof),
  deliveries: () => call<WebhookDeliveries>('GET', '/api/webhooks/deliveries'),
  lookAgain: (revertId: string) => call<unknown>('POST', `/api/reverts/${id(revertId)}/again`),
  maintenance: () => call<{ windows: MaintenanceView[] }>('GET', '/api/maintenance'),
  planMaintenance: (input: NewMaintenance) => call<unknown>('POST', '/api/maintenance', input),
  endMaintenance: (windowId: string) => call<unknown>('DELETE', `/api/maintenance/${id(windowId)}`),
  tokens: () => call<TokenList>('GET', '/api/tokens'),
  makeToken: (input: NewToken) => call<TokenCreated>('POST', '/api/tokens', input),
  revokeToken: (tokenId: string) => call<unknown>('DELETE', `/api/tokens/${id(tokenId)}`),
  watchThisMachine: () => call<unknown>('POST', '/api/hosts/this/watch', {}),
  recordingsAt: (host: string, at: string) =>
    call<HostEvidence>('GET', `/api/recordings?${new URLSearchParams({ host, at })}`),
  recordings: (caseId: string) => call<HostEvidence>('GET', `/api/cases/${id(caseId)}/recordings`),
  samples: () => call<SampleView[]>('GET', '/api/samples'),
  replaySample: (sample: string) => call<SampleStarted>('POST', `/api/samples/${id(sample)}/replay`, {}),
  checkJournal: () => call<JournalCheck>('GET', '/api/journal/check'),
  people: () => call<PeopleList>('GET', '/api/people'),
  signInLink: (personId: string) => call<SignInLinkCreated>('POST', `/api/people/${id(personId)}/link`, {}),
};
