/**
 * By which ways a person is called, and after how long: one list for what is urgent, one for what can wait. Left to the server until the
 * person says otherwise.
 */
import type { NotificationView, PersonalChannel } from '@countersign/contract';
import { fill, useSpeech } from '../words/speech.tsx';

export type Rules = NonNullable<NotificationView['settings']['rules']>;
type Urgency = keyof Rules;
type Rule = Rules[Urgency][number];

const MOST_RULES = 20;
const LONGEST_MINUTES = 1_440;
const URGENCIES: readonly Urgency[] = ['high', 'low'];

interface RulesProps {
  readonly view: NotificationView;
  readonly rules: Rules | null;
  readonly change: (rules: Rules | null) => void;
}

export function NotificationRules({ view, rules, change }: RulesProps) {
  const { words } = useSpeech();
  const mine = { high: [...view.high], low: [...view.low] };
  return (
    <fieldset className="form">
      <legend>{words.settings.rules}</legend>
      <label className="tick">
        <input
          type="checkbox"
          checked={rules !== null}
          onChange={(event) => change(event.target.checked ? mine : null)}
        />
        {words.settings.ownRules}
      </label>
      {rules === null && <p className="small quiet">{words.settings.serverRules}</p>}
      {rules !== null &&
        URGENCIES.map((urgency) => (
          <RuleList
            key={urgency}
            urgency={urgency}
            channels={view.channels}
            rules={rules[urgency]}
            change={(list) => change({ ...rules, [urgency]: list })}
          />
        ))}
    </fieldset>
  );
}

function RuleList({
  urgency,
  channels,
  rules,
  change,
}: {
  readonly urgency: Urgency;
  readonly channels: readonly PersonalChannel[];
  readonly rules: readonly Rule[];
  readonly change: (rules: Rule[]) => void;
}) {
  const { words } = useSpeech();
  const [first] = channels;
  const replace = (index: number, rule: Rule | null) =>
    change(rules.flatMap((one, place) => (place === index ? (rule ?? []) : one)));
  return (
    <div className="stack">
      <h3>{words.settings[urgency]}</h3>
      {rules.length === 0 && <p className="small quiet">{words.settings.noRules}</p>}
      {rules.map((rule, index) => (
        <div key={index} className="row">
          <select
            aria-label={fill(words.settings.ruleWay, { number: index + 1 })}
            value={rule.channel}
            onChange={(event) => replace(index, { ...rule, channel: event.target.value as PersonalChannel })}
          >
            {channels.map((channel) => (
              <option key={channel} value={channel}>
                {words.settings.ways[channel]}
              </option>
            ))}
          </select>
          <label className="row small">
            {words.settings.ruleAfter}
            <input
              type="number"
              className="short"
              min={0}
              max={LONGEST_MINUTES}
              value={rule.afterSeconds / 60}
              onChange={(event) => replace(index, { ...rule, afterSeconds: secondsOf(event.target.value) })}
            />
          </label>
          <button type="button" className="plain" onClick={() => replace(index, null)}>
            {words.settings.removeRule}
          </button>
        </div>
      ))}
      {first !== undefined && rules.length < MOST_RULES && (
        <button
          type="button"
          className="button"
          onClick={() => change([...rules, { channel: unusedOf(channels, rules) ?? first, afterSeconds: 0 }])}
        >
          {words.settings.addRule}
        </button>
      )}
    </div>
  );
}

function unusedOf(channels: readonly PersonalChannel[], rules: readonly Rule[]): PersonalChannel | undefined {
  return channels.find((channel) => rules.every((rule) => rule.channel !== channel));
}

function secondsOf(minutes: string): number {
  const value = Math.round(Number(minutes) * 60);
  return Number.isFinite(value) ? Math.min(Math.max(value, 0), LONGEST_MINUTES * 60) : 0;
}
