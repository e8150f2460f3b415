/** Every attack that the reverts are proven against, by what it is aimed at. */
import type { Attack } from './attack.ts';
import { AUDIT_ATTACKS } from './audit-attacks.ts';
import { DATA_ATTACKS } from './data-attacks.ts';
import { DETECTION_ATTACKS } from './detection-attacks.ts';
import { EDGE_ATTACKS } from './edge-attacks.ts';
import { FUNCTION_ATTACKS } from './function-attacks.ts';
import { IDENTITY_ATTACKS } from './identity-attacks.ts';
import { MACHINE_ATTACKS } from './machine-attacks.ts';
import { NETWORK_ATTACKS } from './network-attacks.ts';
import { ORGANIZATION_ATTACKS } from './organization-attacks.ts';
import { SHARING_ATTACKS } from './sharing-attacks.ts';
import { STORAGE_ATTACKS } from './storage-attacks.ts';
import { WATCHING_ATTACKS } from './watching-attacks.ts';

export const ATTACKS: readonly Attack[] = [
  ...AUDIT_ATTACKS,
  ...DATA_ATTACKS,
  ...DETECTION_ATTACKS,
  ...EDGE_ATTACKS,
  ...FUNCTION_ATTACKS,
  ...IDENTITY_ATTACKS,
  ...MACHINE_ATTACKS,
  ...NETWORK_ATTACKS,
  ...ORGANIZATION_ATTACKS,
  ...SHARING_ATTACKS,
  ...STORAGE_ATTACKS,
  ...WATCHING_ATTACKS,
];
