/**
 * What other systems say of their own alerts after raising them: acknowledged, resolved. It reaches the open case of the same
 * key and integration, and is dropped where there is none.
 */
import { alertBurstKey, FOREVER_MS } from './burst.ts';
import { conductInput, type ChangeOptions } from './conduct.ts';
import type { CaseUnit } from './store.ts';

export interface AlertAction {
  readonly action: 'trigger' | 'acknowledge' | 'resolve';
  readonly integration: string;
  readonly dedupKey: string;
}

const EVER = { fromMs: -FOREVER_MS, toMs: FOREVER_MS };

/** False when no open case has the key. */
export async function conductAlertAction(unit: CaseUnit, alert: AlertAction, options: ChangeOptions): Promise<boolean> {
  const burstKey = alertBurstKey(alert.integration, alert.dedupKey);
  await unit.lockBurst(burstKey);
  const current = await unit.openCaseOfBurst(burstKey, EVER.fromMs, EVER.toMs);
  if (current === null || alert.action === 'trigger') return false;
  const by = { id: `integration:${alert.integration}`, name: alert.integration };
  const input =
    alert.action === 'acknowledge'
      ? ({ type: 'acknowledged', by } as const)
      : ({ type: 'resolved', by, note: 'resolved by its sender' } as const);
  await conductInput(unit, current.id, input, options);
  return true;
}
