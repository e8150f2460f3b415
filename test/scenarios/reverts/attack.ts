/** What an attack on AWS is, as moto has it, and what several of them make first. The tables of attacks stand beside it. */

import type { CallFailure } from '../../../server/src/vendors/aws/calls.ts';
import type { Recorded } from './recorded.ts';

export const ACCOUNT = '123456789012';
export type Json = Readonly<Record<string, unknown>>;
export type Aws = (service: string, operation: string, input?: Json) => Promise<Json>;
/** What was made, for the attack and the look to know. */
export type Made = Record<string, string>;

/** An event as CloudTrail tells it: `cloudtrail:StopLogging`, the request and the answer in its spelling. */
export interface Told {
  readonly event: string;
  readonly request: Json;
  readonly response?: Json;
  /** A record of a real attack that tells the same, to be taken instead where there is the data. */
  readonly recorded?: Recorded;
}

export interface Attack {
  readonly row: number;
  readonly name: string;
  /** Makes the trusted state. */
  readonly before: (aws: Aws) => Promise<Made>;
  /** What the event will name, so that it is enrolled before it happens. Left out: nobody vouched, and the event alone must do. */
  readonly names?: (made: Made) => Told;
  readonly attack: (aws: Aws, made: Made) => Promise<Told>;
  /** The resource as somebody else reads it. */
  readonly look: (aws: Aws, made: Made) => Promise<unknown>;
  /** For what cannot become what it was: what it is instead. */
  readonly becomes?: (before: unknown, made: Made) => unknown;
}

let names = 0;
export const fresh = (stem: string) => `${stem}-${(names += 1)}`;

/** Without what is new each time. */
export const leaveOut = (of: Json, ...names: readonly string[]): Json =>
  Object.fromEntries(Object.entries(of).filter(([name]) => !names.includes(name)));

/** AWS's word for why not. */
export const failureOf = (error: unknown): string => (error as CallFailure).code;

export const bucket = async (aws: Aws) => {
  const name = fresh('shop-bucket');
  await aws('s3', 'CreateBucket', { Bucket: name });
  return name;
};

export const user = async (aws: Aws) => {
  const name = fresh('deployer');
  await aws('iam', 'CreateUser', { UserName: name });
  return name;
};

export const TRUST = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};
export const OPEN_TRUST = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
};
export const policy = async (aws: Aws, document: Json = READ) => {
  const input = { PolicyName: fresh('reads'), PolicyDocument: JSON.stringify(document) };
  const { Policy } = await aws('iam', 'CreatePolicy', input);
  return String((Policy as Json)['Arn']);
};
export const READ = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }] };
export const ANYTHING = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };

export const role = async (aws: Aws, trust: Json = TRUST) => {
  const name = fresh('runner');
  await aws('iam', 'CreateRole', { RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) });
  return name;
};
