/**
 * A value that can be pressed: show only that, everything but that, copy it.
 *
 * The surprise: its menu lies on the top layer of the browser, beside no table that would cut it off; Escape, a press elsewhere or scrolling
 * closes it.
 */
import type { ActivityField } from '@countersign/contract';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { ActivityFilter } from '../../data/activity-query.ts';
import { fill, useSpeech } from '../../words/speech.tsx';
import { shorten } from '../machine-value.tsx';

export interface FilterValueProps {
  readonly field: ActivityField;
  readonly value: string;
  /** What is shown of it; the whole when left out. */
  readonly shown?: string;
  readonly add: (filter: ActivityFilter) => void;
}

export function FilterValue({ field, value, shown = shorten(value), add }: FilterValueProps) {
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  if (value === '') return null;
  return (
    <>
      <button
        ref={button}
        type="button"
        className={field === 'kind' ? 'value-button' : 'value-button machine'}
        title={value}
        aria-haspopup="true"
        aria-expanded={isOpen}
        onClick={() => setOpen(true)}
      >
        {shown}
      </button>
      {isOpen && <ValueMenu anchor={button.current} close={() => setOpen(false)} {...{ field, value, add }} />}
    </>
  );
}

interface ValueMenuProps extends Pick<FilterValueProps, 'field' | 'value' | 'add'> {
  readonly anchor: HTMLElement | null;
  readonly close: () => void;
}

const MARGIN = 8;

function ValueMenu({ anchor, close, field, value, add }: ValueMenuProps) {
  const { words } = useSpeech();
  const menu = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const box = anchor?.getBoundingClientRect();
    const own = menu.current;
    if (own === null || box === undefined) return;
    own.showPopover();
    const { width, height } = own.getBoundingClientRect();
    const below = box.bottom + height + MARGIN <= window.innerHeight;
    own.style.left = `${Math.max(MARGIN, Math.min(box.left, window.innerWidth - width - MARGIN))}px`;
    own.style.top = `${below ? box.bottom : Math.max(MARGIN, box.top - height)}px`;
    own.querySelector('button')?.focus();
  }, [anchor]);
  useEffect(() => {
    // Hidden, and not only taken away: the browser then gives the focus back to what it was opened from.
    const hide = () => menu.current?.hidePopover();
    window.addEventListener('scroll', hide, { capture: true, passive: true });
    window.addEventListener('resize', hide);
    return () => {
      window.removeEventListener('scroll', hide, { capture: true });
      window.removeEventListener('resize', hide);
    };
  }, []);
  const act = (deed: () => void) => () => {
    menu.current?.hidePopover();
    deed();
  };
  const copy = () => void navigator.clipboard.writeText(value).catch(() => undefined);
  return (
    <div
      ref={menu}
      popover="auto"
      className="value-menu"
      role="group"
      aria-label={fill(words.activity.valueOf, { field: words.activity.fields[field], value: shorten(value) })}
      onToggle={(event) => event.newState === 'closed' && close()}
    >
      <button type="button" onClick={act(() => add({ field, value, include: true }))}>
        {words.activity.only}
      </button>
      <button type="button" onClick={act(() => add({ field, value, include: false }))}>
        {words.activity.without}
      </button>
      <button type="button" onClick={act(copy)}>
        {words.common.copy}
      </button>
    </div>
  );
}
