/** The sheet of keys: those of everywhere, and those of the page that is open. */
import { useSpeech } from '../../words/speech.tsx';
import { type Command, Dialog } from './commands.tsx';

export function KeyHelp({ commands, close }: { readonly commands: readonly Command[]; readonly close: () => void }) {
  const { words } = useSpeech();
  const everywhere = [
    ['Ctrl K / ⌘ K', words.commands.palette],
    ['/', words.commands.search],
    ['?', words.commands.help],
    ['Esc', words.common.close],
  ] as const;
  const here = commands.flatMap(({ key, name }) => (key === undefined ? [] : [[key, name] as const]));
  return (
    <Dialog label={words.commands.help} className="key-help" close={close}>
      {(leave) => (
        <>
          <div className="row between">
            <h2>{words.commands.help}</h2>
            <button type="button" className="button" onClick={() => leave()}>
              {words.common.close}
            </button>
          </div>
          <Keys title={words.commands.here} keys={here} />
          <Keys title={words.commands.everywhere} keys={everywhere} />
          <p className="small quiet">{words.commands.never}</p>
        </>
      )}
    </Dialog>
  );
}

function Keys({ title, keys }: { readonly title: string; readonly keys: readonly (readonly [string, string])[] }) {
  if (keys.length === 0) return null;
  return (
    <section>
      <h3 className="small quiet">{title}</h3>
      <dl className="keys">
        {keys.map(([key, name]) => (
          <div key={`${key} ${name}`}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{name}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
