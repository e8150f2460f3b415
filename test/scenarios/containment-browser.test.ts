/** A pod is cut off from the case page: the plan is shown, a second person lets it happen, it is undone. In a real browser, on a cluster that speaks the protocol. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubernetesSource } from '../../server/src/sources/kubernetes/kubernetes.ts';
import { acceptBatch } from '../../server/src/sources/inbox.ts';
import { createKubernetesCaller } from '../../server/src/vendors/kubernetes/calls.ts';
import { describeInBrowser, openBrowser, openPageAs } from '../browser.ts';
import { type Cluster, startSmallCluster } from '../fakes/kubernetes-api.ts';
import { look } from '../look.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 390, height: 844 };
const POD = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1', namespace: 'shop', labels: { app: 'web' } } };

describeInBrowser('containment on the case page', () => {
  let cluster: Cluster;
  let running: RunningApp;
  let browser: Browser;
  let ann: EnrolledPerson;
  let ben: EnrolledPerson;
  let caseId: string;
  const complaints: string[] = [];
  const read = (object: object) =>
    createKubernetesCaller({ kubeconfig: cluster.kubeconfig })
      .call({ service: 'kubernetes', operation: 'read', input: { object } })
      .catch(() => null);
  const openAs = async (person: EnrolledPerson): Promise<Page> => {
    const page = await openPageAs({ browser, running, person, complaints }, { viewport: WIDE });
    await page.goto(`${running.app.url}/cases/${caseId}`);
    return page;
  };

  beforeAll(async () => {
    cluster = await startSmallCluster();
    await createKubernetesCaller({ kubeconfig: cluster.kubeconfig }).call({
      service: 'kubernetes',
      operation: 'create',
      input: { object: { ...POD, spec: { containers: [{ name: 'web', image: 'registry.example/web:1' }] } } },
    });
    running = await startRunningApp(
      `
accounts: { shop: { name: shop, label: prod } }
people:
  - { email: ann@example.com, name: Ann Example, role: responder }
  - { email: ben@example.com, name: Ben Builder, role: responder }
reverts: { role: countersign-revert, clusters: { shop: { kubeconfig: '${cluster.kubeconfig}' } } }
policy: [{ when: {}, then: page }]
`,
      {},
    );
    ann = await running.enrol('ann@example.com');
    ben = await running.enrol('ben@example.com');
    const record = {
      ...{ kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'Request', stage: 'ResponseComplete', verb: 'create' },
      ...{
        auditID: 'audit-1',
        requestURI: '/api/v1/namespaces/shop/pods/web-1/exec?command=sh',
        user: { username: 'mallory' },
      },
      objectRef: { resource: 'pods', subresource: 'exec', namespace: 'shop', name: 'web-1', apiVersion: 'v1' },
      ...{ sourceIPs: ['203.0.113.7'], responseStatus: { code: 101 }, annotations: { cluster_name: 'shop' } },
      ...{ requestReceivedTimestamp: new Date().toISOString(), stageTimestamp: new Date().toISOString() },
    };
    const admission = kubernetesSource.admit(record);
    if (admission.type !== 'record') throw new Error(admission.reason);
    const records = [{ id: admission.id, timeMs: admission.timeMs, json: JSON.stringify(record) }];
    await acceptBatch(running.app.state, { source: 'k8s_audit', origin: 'test', records }, Date.now());
    caseId = (await running.until('paged', ({ state }) => state === 'paged')).id;
    browser = await openBrowser();
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    await running?.close();
    await cluster?.close();
  });

  test('a pod is cut off by two people and let back', { timeout: 120_000 }, async () => {
    const first = await openAs(ann);
    await first.getByRole('button', { name: 'Cut pod shop/web-1 off the network' }).click();
    await first.getByText('The plan stands under “Put back', { exact: false }).waitFor();
    await first.locator('summary', { hasText: 'Approve' }).click();
    await look(first, 'containment-planned');
    await first.getByLabel(/Six-digit code/).fill(await ann.code());
    await first.getByRole('button', { name: /^Approve/ }).click();
    await first.getByText('Whoever made the change or was asked about it cannot decide', { exact: false }).waitFor();

    const second = await openAs(ben);
    await second.setViewportSize(NARROW);
    await second.locator('summary', { hasText: 'Approve' }).click();
    await second.getByLabel(/Six-digit code/).fill(await ben.code());
    await look(second, 'containment-approving-narrow');
    await second.getByRole('button', { name: /^Approve/ }).click();
    await second.locator('summary', { hasText: 'Undo' }).waitFor();
    expect(await read(POD)).toMatchObject({ metadata: { labels: { 'countersign.dev/quarantine': 'web-1' } } });
    await second.locator('summary', { hasText: 'Undo' }).click();
    await look(second, 'containment-done-narrow');
    await second.getByLabel(/Six-digit code/).fill(await ben.code());
    await second.getByRole('button', { name: 'Undo' }).click();
    await second.getByText('Undone', { exact: true }).waitFor();
    expect(((await read(POD)) as { metadata: { labels: object } }).metadata.labels).toEqual({ app: 'web' });
    await second.emulateMedia({ colorScheme: 'dark' });
    await look(second, 'containment-undone-narrow-dark');
  });

  test('nothing is offered or done where nobody may', async () => {
    expect((await running.call(null, 'GET', `/api/cases/${caseId}/containments`)).status).toBe(401);
    for (const wish of [
      { action: 'BlockPeer', account: 'shop' },
      { action: 'StopProcess', account: 'web-1', pid: 1, at: '2026-01-01T00:00:00Z' },
      { action: 'DropEverything', account: 'shop', name: 'web-1' },
    ])
      expect((await running.call(ann, 'POST', `/api/cases/${caseId}/containments`, wish)).status).toBe(400);
    // The browser says as well that whoever made the plan could not approve it.
    expect(complaints).toEqual([expect.stringContaining('403')]);
    expect(running.log.entries.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
