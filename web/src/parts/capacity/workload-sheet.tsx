/** One workload over time: processor and memory as lines, the same as a table, and who inside of it used most. */
import type { CapacityPoint, CapacitySeries } from '@countersign/contract';
import { useQuery } from '@tanstack/react-query';
import { api } from '../../data/api.ts';
import { bytesText } from '../../data/bytes.ts';
import { type CapacityRange, type WorkloadName, workloadTitle } from '../../data/capacity-query.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { Fault, Skeleton } from '../loading.tsx';
import { amountText, coresText, type Resource } from './amounts.ts';
import { type ChartLine, LineChart } from './line-chart.tsx';

const ROWS = 400;
/** A window that came late is no gap. */
const GAP_STEPS = 2.5;

export interface WorkloadSheetProps {
  readonly workload: WorkloadName;
  readonly range: CapacityRange;
  readonly close: () => void;
}

export function WorkloadSheet({ workload, range, close }: WorkloadSheetProps) {
  const { words } = useSpeech();
  const found = useQuery({
    queryKey: ['capacity-series', workload, range],
    queryFn: () => api.capacitySeries(workload, range),
  });
  return (
    <section className="panel" aria-labelledby="workload-title">
      <div className="row between">
        <h2 id="workload-title" className="whole">
          {fill(words.capacity.overTime, { name: workloadTitle(workload) })}
        </h2>
        <button type="button" className="button" onClick={close}>
          {words.common.close}
        </button>
      </div>
      <p className="small quiet">{words.capacity.together}</p>
      {found.isPending && <Skeleton lines={8} />}
      {found.isError && <Fault error={found.error} retry={() => void found.refetch()} />}
      {found.data !== undefined && <Lines workload={workload} series={found.data} />}
      <Processes workload={workload} range={range} />
    </section>
  );
}

function Lines({ workload, series }: { readonly workload: WorkloadName; readonly series: CapacitySeries }) {
  const speech = useSpeech();
  const { words } = speech;
  const { points, stepSeconds } = series;
  if (points.length === 0) return <p className="quiet">{words.capacity.noPoints}</p>;
  const times = points.map(({ at }) => Date.parse(at));
  const name = workloadTitle(workload);
  return (
    <>
      <div className="columns">
        {(['cpu', 'memory'] as const).map((resource) => (
          <div key={resource}>
            <h3 className="small">{words.capacity[resource]}</h3>
            <LineChart
              label={fill(words.capacity.chart, { what: words.capacity[resource], name })}
              times={times}
              gapMs={stepSeconds * 1_000 * GAP_STEPS}
              lines={linesOf(resource, points, words.capacity.lines)}
              amount={(value) => amountText(resource, value, speech)}
            />
          </div>
        ))}
      </div>
      <details>
        <summary>{words.capacity.asTable}</summary>
        <Points points={points} />
      </details>
    </>
  );
}

function linesOf(
  resource: Resource,
  points: readonly CapacityPoint[],
  labels: Readonly<Record<ChartLine['name'], string>>,
): readonly ChartLine[] {
  const read = {
    cpu: {
      used: ({ cpu }: CapacityPoint) => cpu,
      most: ({ cpuMax }: CapacityPoint) => cpuMax,
      request: ({ cpuRequest }: CapacityPoint) => cpuRequest,
      limit: ({ cpuLimit }: CapacityPoint) => cpuLimit,
    },
    memory: {
      used: ({ memory }: CapacityPoint) => memory,
      most: ({ memoryMax }: CapacityPoint) => memoryMax,
      request: ({ memoryRequest }: CapacityPoint) => memoryRequest,
      limit: ({ memoryLimit }: CapacityPoint) => memoryLimit,
    },
  }[resource];
  return (['used', 'most', 'request', 'limit'] as const).map((name) => ({
    name,
    label: labels[name],
    values: points.map(read[name]),
  }));
}

function Points({ points }: { readonly points: readonly CapacityPoint[] }) {
  const speech = useSpeech();
  const { words, language, brief, number } = speech;
  const bytes = (value: number | null) => (value === null ? '–' : bytesText(value, language));
  return (
    <div className="sheet" tabIndex={0} role="group" aria-label={words.capacity.asTable}>
      <table className="data">
        <thead>
          <tr>
            <th scope="col">{words.capacity.time}</th>
            <th scope="col">{words.capacity.cpu}</th>
            <th scope="col">{words.capacity.memory}</th>
            <th scope="col">{words.capacity.network}</th>
            <th scope="col">{words.capacity.disk}</th>
            <th scope="col">{words.capacity.kills}</th>
          </tr>
        </thead>
        <tbody>
          {points.slice(-ROWS).map((point) => (
            <tr key={point.at}>
              <th scope="row">{brief(point.at)}</th>
              <td>{amountText('cpu', point.cpu, speech)}</td>
              <td>{amountText('memory', point.memory, speech)}</td>
              <td>
                {bytes(point.receivedBytes)} · {bytes(point.sentBytes)}
              </td>
              <td>
                {bytes(point.readBytes)} · {bytes(point.writtenBytes)}
              </td>
              <td>{number(point.oomKills)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Processes({ workload, range }: Omit<WorkloadSheetProps, 'close'>) {
  const { words, language } = useSpeech();
  const { application } = workload;
  const found = useQuery({
    queryKey: ['capacity-processes', application, range],
    queryFn: () => api.capacityProcesses(application, range),
  });
  if (found.data === undefined) return null;
  const { processes } = found.data;
  return (
    <>
      <h3 className="small">{words.capacity.processes}</h3>
      {processes.length === 0 ? (
        <p className="quiet small">{words.capacity.noProcesses}</p>
      ) : (
        <div className="sheet" tabIndex={0} role="group" aria-label={words.capacity.processes}>
          <table className="data">
            <thead>
              <tr>
                <th scope="col">{words.capacity.process}</th>
                <th scope="col">{words.capacity.host}</th>
                <th scope="col">{words.capacity.cpu}</th>
                <th scope="col">{words.capacity.memory}</th>
              </tr>
            </thead>
            <tbody>
              {processes.map(({ host, pid, name, cpu, memoryMax, lastAt }) => (
                <tr key={`${host} ${pid} ${lastAt}`}>
                  <th scope="row">
                    <span className="machine">
                      {name} {pid}
                    </span>
                  </th>
                  <td>{host}</td>
                  <td>{coresText(cpu, language)}</td>
                  <td>{bytesText(memoryMax, language)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
