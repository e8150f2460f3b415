/** The rows of the activity: when, what, where, who, and what exactly. Every value can be included or excluded. */
import type { ActivityRowView } from '@countersign/contract';
import { bytesText } from '../../data/bytes.ts';
import { type ActivityFilter, rowKey } from '../../data/activity-query.ts';
import { useSpeech } from '../../words/speech.tsx';
import { FilterValue } from './filter-value.tsx';

/** As much of a container's id as runtimes show. */
const SHORT_ID = 12;

export interface ActivityTableProps {
  readonly rows: readonly ActivityRowView[];
  /** They were asked for before, and others are on their way. */
  readonly isOld: boolean;
  readonly add: (filter: ActivityFilter) => void;
  /** Shows the processes of the row's host at that moment. */
  readonly showTree: (row: ActivityRowView) => void;
}

export function ActivityTable({ rows, isOld, add, showTree }: ActivityTableProps) {
  const { words } = useSpeech();
  return (
    <section className="panel sheet" tabIndex={0} aria-label={words.activity.title} aria-busy={isOld}>
      <table className="data lines activity">
        <thead>
          <tr>
            <th scope="col">{words.activity.when}</th>
            <th scope="col">{words.activity.what}</th>
            <th scope="col">{words.activity.exactly}</th>
            <th scope="col">{words.activity.who}</th>
            <th scope="col">{words.activity.where}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={rowKey(row)} {...{ row, add, showTree }} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ row, add, showTree }: Pick<ActivityTableProps, 'add' | 'showTree'> & { readonly row: ActivityRowView }) {
  const { words, language, absolute, brief, number } = useSpeech();
  const isCall = row.kind === 'cloud-call' || row.kind === 'cluster-call';
  return (
    <tr>
      <td className="number" title={absolute(row.at)}>
        {isCall ? (
          brief(row.at)
        ) : (
          <button type="button" className="plain" title={words.activity.tree} onClick={() => showTree(row)}>
            {brief(row.at)}
          </button>
        )}
      </td>
      <td>
        <FilterValue field="kind" value={row.kind} shown={words.activity.kinds[row.kind]} add={add} />
        {row.count > 1 && <span className="quiet small number"> ×{number(row.count)}</span>}
        {row.result !== '' && <FilterValue field="result" value={row.result} add={add} />}
      </td>
      <td className="exactly">
        <FilterValue field="name" value={row.name} add={add} />
        {!isCall && <FilterValue field="pid" value={String(row.pid)} add={add} />}
        <FilterValue field="detail" value={row.detail} add={add} />
        {row.bytes > 0 && <span className="quiet small number">{bytesText(row.bytes, language)}</span>}
      </td>
      <td>
        <FilterValue field="user" value={row.user} add={add} />
        {row.loginUser !== row.user && <FilterValue field="login_user" value={row.loginUser} add={add} />}
      </td>
      <td>
        <FilterValue field="host" value={row.host} add={add} />
        <FilterValue field="application" value={row.application} add={add} />
        <FilterValue field="container" value={row.container} shown={row.container.slice(0, SHORT_ID)} add={add} />
      </td>
    </tr>
  );
}
