/** Turns notifications in this browser on and off, and says in plain words why that may not be possible. */
import type { NotificationView } from '@countersign/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useId } from 'react';
import { ApiFailure, api } from '../data/api.ts';
import { leaveThisBrowser, lookAtThisBrowser, NotAllowed, notifyThisBrowser } from '../data/this-browser.ts';
import { fill, useSpeech } from '../words/speech.tsx';
import { Fault, Skeleton } from './loading.tsx';

export function ThisBrowser({ view }: { readonly view: NotificationView }) {
  const { words } = useSpeech();
  const text = words.settings.thisBrowser;
  const title = useId();
  const client = useQueryClient();
  const { pushKey, browsers } = view;
  const here = useQuery({
    queryKey: ['this-browser', pushKey, browsers],
    queryFn: () => lookAtThisBrowser(view),
    placeholderData: (before) => before,
  });
  const settle = {
    onSuccess: (changed: NotificationView) => client.setQueryData(['notifications'], changed),
    onSettled: () => client.invalidateQueries({ queryKey: ['this-browser'] }),
  };
  const start = useMutation({ mutationFn: notifyThisBrowser, ...settle });
  const leave = useMutation({ mutationFn: leaveThisBrowser, ...settle });
  const leaveAll = useMutation({ mutationFn: () => api.endPush(null), ...settle });
  const pending = start.isPending || leave.isPending || leaveAll.isPending;
  const change = (run: () => void) => {
    for (const mutation of [start, leave, leaveAll]) mutation.reset();
    run();
  };
  if (here.data === undefined) return here.isError ? <Fault error={here.error} /> : <Skeleton lines={1} />;
  const isOn = here.data === 'on';
  const others = browsers.length - (isOn ? 1 : 0);
  const failed = [start, leave, leaveAll].find(({ isError }) => isError)?.error;
  return (
    <section className="panel form" aria-labelledby={title}>
      <h2 id={title}>{text.title}</h2>
      <p className="small" role="status">
        {text.states[here.data]}
      </p>
      {failed instanceof ApiFailure && <Fault error={failed} />}
      {failed !== undefined && failed !== null && !(failed instanceof ApiFailure) && (
        <p className="fault" role="alert">
          {failed instanceof NotAllowed ? text.notAllowed : text.failed}
        </p>
      )}
      <div className="row">
        {(isOn || here.data === 'off') && (
          <button
            type="button"
            className="button"
            disabled={pending || pushKey === null}
            onClick={() => change(() => (isOn ? leave.mutate() : start.mutate(pushKey ?? '')))}
          >
            {isOn ? text.stop : text.start}
          </button>
        )}
        {others > 0 && (
          <button type="button" className="button" disabled={pending} onClick={() => change(() => leaveAll.mutate())}>
            {fill(text.stopAll, { count: browsers.length })}
          </button>
        )}
      </div>
    </section>
  );
}
