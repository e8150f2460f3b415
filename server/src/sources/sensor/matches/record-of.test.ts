/** From a recorded call to whom it can be cut off from: of containers whose addresses nobody knows. */
import { Machine } from '@countersign/scap';
import { expect, test } from 'vitest';
import { dataPath, describeWithData } from '../../../../../test/data.ts';
import { readCaptureFile } from '../../captures/capture-file.ts';
import { factsOf } from '../../syscall/facts.ts';
import { makeRecord } from './record-of.ts';

describeWithData('recorded containers', () => {
  test('whoever calls and whoever answers is cut off from the other end, never from itself', async () => {
    const found = new Map<string, Set<string>>();
    const machine = new Machine({
      isInteresting: () => true,
      onEvent: ({ current, currentThread }) => {
        if (!current.info.isExit || !/^(?:accept4?|connect|sendto)$/.test(current.info.name)) return;
        const record = makeRecord(machine, { host: 'web-1', matches: [], repeats: 0, loginDomain: null });
        const { peer } = factsOf(record).change.request as { readonly peer?: string };
        if (peer === undefined) return;
        const key = `${currentThread?.containerId} ${current.info.name}`;
        found.set(key, (found.get(key) ?? new Set()).add(peer));
      },
    });
    const capture = dataPath('captures', 'old', 'sysdig-inspect__502error.scap');
    await readCaptureFile(capture, machine, () => Promise.resolve());
    // A proxy at 192.168.0.3, called from outside, calls the application at 192.168.0.2.
    expect(Object.fromEntries(found)).toEqual({
      '59fd49aa4072 accept4': new Set(['192.168.0.1']),
      '59fd49aa4072 connect': new Set(['192.168.0.2']),
      '59fd49aa4072 sendto': new Set(['192.168.0.1', '192.168.0.2']),
      'c78a447010cd accept': new Set(['192.168.0.3']),
      'c78a447010cd sendto': new Set(['192.168.0.3']),
    });
  });
});
