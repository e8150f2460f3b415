/** Agents on hosts: what they send goes where everything goes. Joins the fleet's doors with the stores. */
import type { Clusters } from './clusters.ts';
import { CaptureIntake } from './fleet/captures.ts';
import { registerFleetRoutes } from './fleet/routes.ts';
import { agentSettings } from './fleet/settings.ts';
import { createTaker } from './fleet/take.ts';
import type { Clock } from './ground/clock.ts';
import type { HttpServer } from './ground/http.ts';
import type { Random } from './ground/random.ts';
import type { State } from './ground/state.ts';
import type { RollUpStores } from './host-roll-up.ts';
import type { CustomGroup } from './inventory/application.ts';
import type { Guards } from './people/sign-in/guard.ts';
import { bundledRulesets } from './rules/pack.ts';
import { agentCaptures } from './sources/sensor/recording/recording-file.ts';
import { saveGap, saveRecording } from './sources/sensor/store.ts';

export interface FleetOptions {
  readonly state: State;
  /** Clusters that answer for their pods. */
  readonly clusters: Pick<Clusters, 'nodeOf'>;
  /** Where what hosts tell goes. */
  readonly told: RollUpStores;
  readonly clock: Clock;
  readonly random: Random;
  readonly guards: Guards;
  /** Rule files that agents judge with; empty: those that come with Countersign. */
  readonly rules: readonly string[];
  /** Applications by names of one's own. */
  readonly groups: readonly CustomGroup[];
  /** Where captures of this server lie; those of agents are put below it. */
  readonly capturesDirectory: string;
}

export function registerFleet(server: HttpServer, options: FleetOptions): void {
  const { state, clock, rules } = options;
  const taker = createTaker({
    ...options,
    ...options.told,
    saveGap: (host, gap) => saveGap(state, host, gap),
    saveCapture: (host, recording) =>
      state.transaction((trx) => saveRecording(trx, { host, recording, isOfAgent: true }, clock.nowMs())),
  });
  const captures = new CaptureIntake({ state, clock, directory: agentCaptures(options.capturesDirectory) });
  const settings = agentSettings(rules.length > 0 ? rules : bundledRulesets(), options.groups);
  const nodeOf = (cluster: string, token: string) => options.clusters.nodeOf(cluster, token);
  registerFleetRoutes(server, { ...options, taker, captures, settings, nodeOf });
}
