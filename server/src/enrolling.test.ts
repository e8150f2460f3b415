/** Where an enrolment reads: in every region that there is, or in those that were named, and never where there is none. */
import { expect, test } from 'vitest';
import { readConfiguration } from './configuration.ts';
import { planEnrolment } from './enrolling.ts';
import { CallFailure } from './vendors/aws/calls.ts';

const ACCOUNT = '111122223333';

const plan = (regions: readonly string[], given: { readonly configured?: string; readonly refuses?: boolean } = {}) => {
  const { configured = '', refuses = false } = given;
  const text = `accounts: { "${ACCOUNT}": { name: shop } }\nreverts: { role: countersign-revert${configured} }\n`;
  const { configuration } = readConfiguration(text, 'countersign.yaml');
  if (configuration === null) throw new Error('no configuration');
  const there = { Regions: ['us-east-1', 'eu-west-1'].map((RegionName) => ({ RegionName })) };
  const refused = new CallFailure('AccessDenied', 'not you', false);
  const caller = { call: () => (refuses ? Promise.reject(refused) : Promise.resolve(there)) };
  const aws = { reading: () => caller, acting: () => null };
  return planEnrolment({ configuration, aws }, { account: ACCOUNT, regions, types: [], replaces: false });
};

test.each([
  ['everywhere', [], {}, ['eu-west-1', 'us-east-1']],
  ['where the configuration says', [], { configured: ', regions: [eu-west-1]' }, ['eu-west-1']],
  ['where it was asked for, once', ['us-east-1', 'us-east-1'], {}, ['us-east-1']],
  ['where it was asked for, also when nobody can tell what there is', ['us-east-1'], { refuses: true }, ['us-east-1']],
])('it reads %s', async (_name, regions, given, expected) => {
  expect((await plan(regions, given)).regions).toEqual(expected);
});

test.each([
  [
    'a region that there is not',
    ['eu-west-1', 'eu-wset-1'],
    {},
    `has no region eu-wset-1; it has eu-west-1, us-east-1`,
  ],
  ['all of what cannot be listed', [], { refuses: true }, 'AccessDenied: not you. Name them with --region'],
])('it never asks for %s', async (_name, regions, given, why) => {
  const failure = { code: 'enrolment-impossible', httpStatus: 400, message: expect.stringContaining(why) };
  await expect(plan(regions, given)).rejects.toMatchObject(failure);
});
