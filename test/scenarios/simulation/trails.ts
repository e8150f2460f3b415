/**
 * CloudTrail's trails in memory, as far as reverts call it. AWS throttles, is slow, and does things whose answer is lost; strangers
 * change trails, too.
 */
import { type Call, type Caller, CallFailure } from '../../../server/src/vendors/aws/calls.ts';
import { canonical, type Json } from '../../../server/src/cases/revert/state.ts';
import type { Chaos, Process } from './chaos.ts';

export interface Trail {
  bucket: string;
  logging: boolean;
  readonly tags: readonly unknown[];
  selectors: readonly unknown[];
}

const SELECTORS = [
  { ReadWriteType: 'All', IncludeManagementEvents: true, DataResources: [], ExcludeManagementEventSources: [] },
];
const THROTTLED_SHARE = 0.06;
const LOST_SHARE = 0.05;
const SLOW_SHARE = 0.04;
const REFUSED_SHARE = 0.01;
/** Longer than a run may hold its lock without saying so. */
const SLOW_MS = 3 * 60_000;

export class SimulatedTrails {
  readonly trails = new Map<string, Trail>();
  /** Calls of ours that changed something. */
  calls = 0;

  /** @param pass lets time go by. */
  caller(
    process: Process,
    chaos: Chaos,
    options: { readonly pass: (ms: number) => void; readonly lying: boolean },
  ): Caller {
    return {
      call: async (call) => {
        chaos.step(process, 'AWS: before it is called');
        if (chaos.happens('AWS throttles', THROTTLED_SHARE))
          throw new CallFailure('ThrottlingException', 'slow down', true);
        if (chaos.happens('AWS refuses', REFUSED_SHARE)) throw new CallFailure('AccessDenied', 'not now', false);
        if (chaos.happens('AWS is slow', SLOW_SHARE)) options.pass(SLOW_MS);
        const answer = this.#answer(call, options.lying);
        chaos.step(process, 'AWS: after it was called');
        if (chaos.happens('answers of AWS are lost', LOST_SHARE)) throw new CallFailure('TimeoutError', 'cut', true);
        return answer;
      },
    };
  }

  make(name: string): void {
    this.trails.set(name, { bucket: 'trusted-logs', logging: true, tags: [], selectors: SELECTORS });
  }

  /** What a trail is, for comparing. */
  look(name: string): string {
    const trail = this.trails.get(name);
    return JSON.stringify(
      trail === undefined ? null : [trail.bucket, trail.logging, canonical(trail.selectors as Json)],
    );
  }

  #answer({ operation, input }: Call, lying: boolean): Readonly<Record<string, unknown>> {
    const name = (textIn(input, 'Name') ?? textIn(input, 'TrailName') ?? '').replace(/^.*:trail\//, '');
    const trail = this.trails.get(name);
    if (/^(?:Get|List)/.test(operation)) return this.#read(operation, name, trail);
    this.calls += 1;
    if (lying) return {};
    if (operation === 'CreateTrail') {
      if (trail !== undefined) throw new CallFailure('TrailAlreadyExistsException', 'there is one', false);
      this.trails.set(name, { bucket: String(input['S3BucketName']), logging: false, tags: [], selectors: SELECTORS });
      return {};
    }
    if (trail === undefined) throw new CallFailure('TrailNotFoundException', 'there is none', false);
    this.#change(operation, trail, input);
    if (operation === 'DeleteTrail') this.trails.delete(name);
    return {};
  }

  #change(operation: string, trail: Trail, input: Call['input']): void {
    switch (operation) {
      case 'StartLogging':
      case 'StopLogging':
        trail.logging = operation === 'StartLogging';
        return;
      case 'UpdateTrail':
        trail.bucket = textIn(input, 'S3BucketName') ?? trail.bucket;
        return;
      case 'PutEventSelectors':
        trail.selectors = (input['EventSelectors'] ?? []) as readonly unknown[];
        return;
      case 'DeleteTrail':
      case 'PutInsightSelectors':
        return;
      default:
        throw new CallFailure('NoSuchOperation', operation, false);
    }
  }

  #read(operation: string, name: string, trail: Trail | undefined): Readonly<Record<string, unknown>> {
    if (operation === 'ListTags') return { ResourceTagList: [{ TagsList: [] }] };
    if (trail === undefined) throw new CallFailure('TrailNotFoundException', 'there is none', false);
    switch (operation) {
      case 'GetTrail':
        return {
          Trail: {
            Name: name,
            TrailARN: `arn:aws:cloudtrail:eu-west-1:111122223333:trail/${name}`,
            S3BucketName: trail.bucket,
            IncludeGlobalServiceEvents: true,
            IsMultiRegionTrail: true,
            LogFileValidationEnabled: true,
            IsOrganizationTrail: false,
          },
        };
      case 'GetTrailStatus':
        return { IsLogging: trail.logging };
      case 'GetEventSelectors':
        return { EventSelectors: trail.selectors };
      case 'GetInsightSelectors':
        throw new CallFailure('InsightNotEnabledException', 'none', false);
      default:
        throw new CallFailure('NoSuchOperation', operation, false);
    }
  }
}

function textIn(input: Call['input'], name: string): string | undefined {
  const value = input[name];
  return typeof value === 'string' ? value : undefined;
}
