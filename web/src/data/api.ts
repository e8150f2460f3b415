/** The server's API: typed calls, and every failure as an `ApiFailure` with the code that the words know. */
import type {
  ApiError,
  CaseDetail,
  CaseList,
  ChallengeAnswer,
  ChallengeOutcome,
  ChallengeView,
  EnrolmentFinish,
  EnrolmentStart,
  JournalCheck,
  NowView,
  PeopleList,
  SampleStarted,
  SampleView,
  SessionView,
  SignIn,
  SignInLinkCreated,
} from '@countersign/contract';

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

async function call<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T> {
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
  cases: (states: readonly string[], after: string | null) => {
    const query = new URLSearchParams();
    if (states.length > 0) query.set('state', states.join(','));
    if (after !== null) query.set('after', after);
    return call<CaseList>('GET', `/api/cases?${query}`);
  },
  case: (caseId: string) => call<CaseDetail>('GET', `/api/cases/${id(caseId)}`),
  acknowledge: (caseId: string) => call<unknown>('POST', `/api/cases/${id(caseId)}/acknowledge`, {}),
  resolve: (caseId: string, note: string) => call<unknown>('POST', `/api/cases/${id(caseId)}/resolve`, { note }),
  challengeLink: (caseId: string) => call<{ url: string }>('POST', `/api/cases/${id(caseId)}/challenge-link`, {}),
  viewChallenge: (token: string) => call<ChallengeView>('POST', '/api/challenges/view', { token }),
  answerChallenge: (answer: ChallengeAnswer) => call<ChallengeOutcome>('POST', '/api/challenges/answer', answer),
  samples: () => call<SampleView[]>('GET', '/api/samples'),
  replaySample: (sample: string) => call<SampleStarted>('POST', `/api/samples/${id(sample)}/replay`, {}),
  checkJournal: () => call<JournalCheck>('GET', '/api/journal/check'),
  people: () => call<PeopleList>('GET', '/api/people'),
  signInLink: (personId: string) => call<SignInLinkCreated>('POST', `/api/people/${id(personId)}/sign-in-link`, {}),
};
