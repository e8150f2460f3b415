/** What keeps damage small: the processes, containers, peers, pods and nodes of the case, each with a plan before anything happens. */
import type { Containment as Wish, RevertView } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, ApiFailure } from '../../data/api.ts';
import type { Words } from '../../words/en.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { Fault } from '../loading.tsx';

export function Containment({ caseId }: { readonly caseId: string }) {
  const { words } = useSpeech();
  const client = useQueryClient();
  const found = useQuery({ queryKey: ['case', caseId, 'containments'], queryFn: () => api.containments(caseId) });
  const contain = useMutation({
    mutationFn: (wish: Wish) => api.contain(caseId, wish),
    onSuccess: () => client.invalidateQueries({ queryKey: ['reverts', caseId] }),
  });
  // Whoever may not respond to the case may not contain either.
  if (found.error instanceof ApiFailure && found.error.status === 403) return null;
  const fault = found.isError && <Fault error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined || found.data.choices.length === 0) return fault;
  return (
    <section className="panel form">
      <h2>{words.responding.contain}</h2>
      {fault}
      <p className="small quiet">{words.responding.containText}</p>
      {contain.isError && <Fault error={contain.error} />}
      {found.data.choices.map(({ wish, about }) => (
        <button
          key={JSON.stringify(wish)}
          type="button"
          className="button long"
          disabled={contain.isPending}
          onClick={() => contain.mutate(wish)}
        >
          {fill(words.responding.wishes[wish.action], about)}
        </button>
      ))}
      {contain.isSuccess && (
        <p className="small" role="status">
          {outcomeOf(contain.data.reverts, words)}
        </p>
      )}
    </section>
  );
}

function outcomeOf(reverts: readonly RevertView[], words: Words): string {
  if (reverts.some(({ state }) => state === 'planned')) return words.responding.planned;
  const stuck = reverts.find(({ state }) => state === 'failed' || state === 'conflict');
  if (stuck === undefined) return words.responding.nothingToDo;
  return fill(words.responding.notPlanned, { failure: stuck.failure ?? words.common.unknown });
}
