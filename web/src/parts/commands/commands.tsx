/**
 * What can be done here, by key or by name: pages say what they offer, the frame listens.
 *
 * The surprise: a key never does anything while somebody types, and none of them calls people by itself: `e` and `r` go to the button, and
 * Enter is what presses it.
 */
import {
  createContext,
  lazy,
  type ReactNode,
  Suspense,
  useContext,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { Boundary, NotLoaded } from '../boundary.tsx';
import './commands.css';

const loadPalette = () => import('./palette.tsx');
const loadKeyHelp = () => import('./key-help.tsx');
const Palette = lazy(() => loadPalette().then((file) => ({ default: file.Palette })));
const KeyHelp = lazy(() => loadKeyHelp().then((file) => ({ default: file.KeyHelp })));
/** The page itself comes first; then what a key opens is fetched before anybody presses it. */
const PRELOAD_MS = 1_000;

export interface Command {
  readonly name: string;
  readonly run: () => void;
  /** One key, as `KeyboardEvent.key` tells it. */
  readonly key?: string;
  /** A move within a list has no name to look for. */
  readonly isMove?: boolean;
  readonly isPage?: boolean;
}

type Shown = 'palette' | 'search' | 'keys';

interface Registry {
  add(offered: () => readonly Command[]): () => void;
  show(what: Shown): void;
}

const Commands = createContext<Registry | null>(null);

/** Offers commands as long as the component is shown. */
export function useCommands(commands: readonly Command[]): void {
  const registry = useContext(Commands);
  const latest = useRef(commands);
  latest.current = commands;
  // Before the page is painted: whoever sees it may press a key.
  useLayoutEffect(() => registry?.add(() => latest.current), [registry]);
}

export function useShowSearch(): () => void {
  const registry = useContext(Commands);
  return () => registry?.show('search');
}

export function CommandsProvider({ children }: { readonly children: ReactNode }) {
  const offers = useRef(new Set<() => readonly Command[]>());
  const [shown, setShown] = useState<Shown | null>(null);
  const [isMissing, setMissing] = useState(false);
  const registry = useMemo<Registry>(
    () => ({
      add: (offered) => {
        offers.current.add(offered);
        return () => void offers.current.delete(offered);
      },
      show: setShown,
    }),
    [],
  );
  const all = () => [...offers.current].flatMap((offered) => offered());
  useEffect(() => {
    // Whoever cannot have them now is told when a key is pressed.
    const timer = setTimeout(() => void Promise.allSettled([loadPalette(), loadKeyHelp()]), PRELOAD_MS);
    return () => clearTimeout(timer);
  }, []);
  const isShown = shown !== null;
  useLayoutEffect(() => {
    // What is typed while the palette is still on its way is meant for it, and acts on nothing.
    if (isShown) return undefined;
    const press = (event: KeyboardEvent) => {
      const done = keyPressed(event, all());
      if (done === null) return;
      event.preventDefault();
      if (typeof done === 'string') setShown(done);
      else done.run();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, [isShown]);
  const close = () => setShown(null);
  // The keys are the page's again, which stays as it is.
  const fail = () => {
    setShown(null);
    setMissing(true);
  };
  return (
    <Commands value={registry}>
      {children}
      <Boundary key={shown} fallback={null} onFail={fail}>
        <Suspense fallback={null}>
          {(shown === 'palette' || shown === 'search') && (
            <Palette
              commands={all().filter(({ isMove }) => isMove !== true)}
              searchOnly={shown === 'search'}
              close={close}
            />
          )}
          {shown === 'keys' && <KeyHelp commands={all()} close={close} />}
        </Suspense>
      </Boundary>
      {isMissing && <NotLoaded close={() => setMissing(false)} />}
    </Commands>
  );
}

/** What a key asks for; null: nothing of ours. */
function keyPressed(event: KeyboardEvent, commands: readonly Command[]): Command | Shown | null {
  if (event.isComposing || document.querySelector('dialog[open]') !== null) return null;
  const isChord = event.ctrlKey || event.metaKey;
  if (isChord && !event.altKey && event.key.toLowerCase() === 'k') return 'palette';
  if (isChord || event.altKey || isTyping(event.target)) return null;
  if (event.key === '/') return 'search';
  if (event.key === '?') return 'keys';
  const command = commands.find(({ key }) => key === event.key);
  if (command === undefined || (event.repeat && command.isMove !== true)) return null;
  // Enter presses what has the focus; only where nothing has, it opens what is chosen.
  if (event.key === 'Enter' && event.target !== document.body) return null;
  return command;
}

const NO_TEXT = new Set(['button', 'checkbox', 'radio', 'submit', 'reset', 'range', 'color', 'file']);

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !NO_TEXT.has(target.type);
  return target.isContentEditable || target.matches('textarea, select');
}

/** A dialog over the page. Whatever had the focus has it again when it is closed. */
export function Dialog({
  label,
  className,
  close,
  children,
}: {
  readonly label: string;
  readonly className: string;
  readonly close: () => void;
  readonly children: (leave: (then?: () => void) => void) => ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const after = useRef<() => void>(undefined);
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  const leave = (then?: () => void) => {
    after.current = then;
    dialog.current?.close();
  };
  return (
    <dialog
      ref={dialog}
      className={`dialog ${className}`}
      aria-label={label}
      onClose={() => {
        close();
        after.current?.();
      }}
      onClick={(event) => event.target === dialog.current && leave()}
    >
      {children(leave)}
    </dialog>
  );
}
