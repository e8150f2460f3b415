/**
 * A value that can be pressed: what can be done with it, and to copy it.
 *
 * The surprise: its menu lies on the top layer of the browser, beside no table that would cut it off; Escape, a press elsewhere or scrolling
 * closes it.
 */
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useSpeech } from '../words/speech.tsx';
import { shorten } from './machine-value.tsx';

export interface ValueMenuProps {
  readonly value: string;
  /** What is shown of it; the whole when left out. */
  readonly shown?: string;
  /** What the menu is called to whoever hears it. */
  readonly label: string;
  /** A word of ours, and no machine's. */
  readonly isWord?: boolean;
  readonly deeds: readonly (readonly [name: string, run: () => void])[];
}

export function ValueMenu({ value, shown = shorten(value), label, isWord = false, deeds }: ValueMenuProps) {
  const button = useRef<HTMLButtonElement>(null);
  // The browser tells late that a menu was closed: by then the next one may be open, which that does not close.
  const [{ count, isOpen }, setMenu] = useState({ count: 0, isOpen: false });
  const close = () => setMenu((now) => (now.count === count ? { count, isOpen: false } : now));
  if (value === '') return null;
  return (
    <>
      <button
        ref={button}
        type="button"
        className={isWord ? 'value-button' : 'value-button machine'}
        title={value}
        aria-haspopup="true"
        aria-expanded={isOpen}
        onClick={() => setMenu({ count: count + 1, isOpen: true })}
      >
        {shown}
      </button>
      {isOpen && <Menu key={count} anchor={button.current} {...{ close, value, label, deeds }} />}
    </>
  );
}

interface MenuProps extends Pick<ValueMenuProps, 'value' | 'label' | 'deeds'> {
  readonly anchor: HTMLElement | null;
  readonly close: () => void;
}

const MARGIN = 8;

function Menu({ anchor, close, value, label, deeds }: MenuProps) {
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
    // The word of a scrolling that ended before the press may come after it.
    const top = anchor?.getBoundingClientRect().top;
    // Hidden, and not only taken away: the browser then gives the focus back to what it was opened from.
    const hide = () => anchor?.getBoundingClientRect().top !== top && menu.current?.hidePopover();
    window.addEventListener('scroll', hide, { capture: true, passive: true });
    window.addEventListener('resize', hide);
    return () => {
      window.removeEventListener('scroll', hide, { capture: true });
      window.removeEventListener('resize', hide);
    };
  }, [anchor]);
  const copy = () => void navigator.clipboard.writeText(value).catch(() => undefined);
  return (
    <div
      ref={menu}
      popover="auto"
      className="value-menu"
      role="group"
      aria-label={label}
      onToggle={(event) => event.newState === 'closed' && close()}
    >
      {[...deeds, [words.common.copy, copy] as const].map(([name, run]) => (
        <button
          key={name}
          type="button"
          onClick={() => {
            menu.current?.hidePopover();
            run();
          }}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
