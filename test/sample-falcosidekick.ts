/**
 * What a real falcosidekick 2.34.1 sent to a webhook: an alert of Falco's that it was handed, and its own `/test`. Recorded header for header
 * and byte for byte; only host and key are those of the sample.
 */
export interface RecordedRequest {
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

const COMMON = [
  ['User-Agent', 'Falcosidekick'],
  ['Content-Type', 'application/json; charset=utf-8'],
  ['Accept-Encoding', 'gzip'],
] as const;

export const SIDEKICK_ALERT: RecordedRequest = {
  headers: COMMON,
  body: String.raw`{"uuid":"0ceeeb05-3815-47ae-b3d0-f59f1d6ad29e","output":"14:03:22.512345678: Critical Fileless execution via memfd_create | container_start_ts=1700000000 process=run user=root container=3ad7f2c0ffee","priority":"Critical","rule":"Fileless execution via memfd_create","time":"2026-11-26T14:03:22.512345678Z","output_fields":{"container.id":"3ad7f2c0ffee","container.name":"shop","evt.time":1764165802512345678,"k8s.ns.name":"shop","k8s.pod.name":"shop-7d9f","proc.cmdline":"memfd:run --quiet","proc.name":"3","user.name":"root"},"source":"syscall","tags":["T1620","maturity_stable","mitre_defense_evasion"],"hostname":"node-1"}
`,
};

export const SIDEKICK_TEST: RecordedRequest = {
  headers: COMMON,
  body: String.raw`{"uuid":"216b2dbd-920d-4e20-a7a5-472912a3c6df","output":"This is a test from falcosidekick","priority":"Debug","rule":"Test rule","time":"2026-11-26T03:38:59Z","output_fields":{"proc.name":"falcosidekick","user.name":"falcosidekick"},"source":"internal","tags":["example","test"],"hostname":"falcosidekick"}
`,
};
