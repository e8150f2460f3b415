/** The shapes that server and web both sign. */
export * from './activity.ts';
export * from './cases.ts';
export * from './challenge.ts';
export * from './errors.ts';
export * from './exemptions.ts';
export * from './findings.ts';
export * from './hosts.ts';
export * from './maintenance.ts';
export * from './map.ts';
export * from './now.ts';
export * from './numbers.ts';
export * from './on-call.ts';
export * from './passkeys.ts';
export * from './people.ts';
export * from './reverts.ts';
export * from './tokens.ts';
export * from './webhooks.ts';
