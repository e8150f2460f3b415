/**
 * The post-incident review, written from the journal: what happened, when, who did what, and what is still to be answered.
 *
 * The surprise: everything in it came from logs and people. Names, reasons and outputs are escaped, so that none of them can end a
 * table, draw a link or run anywhere that Markdown is shown.
 */
import type { CaseDetail, FindingView, TimelineEntry } from '@countersign/contract';

const MOST_ENTRIES = 500;
const MOST_FINDINGS = 100;
const LONGEST_CELL = 500;

/** Pure. `url` is where the case stands. */
export function writeReview(detail: CaseDetail, url: string): string {
  const { summary, findings, timeline } = detail;
  const { headline } = summary;
  return [
    `# ${summary.drill ? 'Exercise: ' : ''}${sentenceOf(headline)}`,
    '',
    `Case ${code(summary.id)} · ${summary.state} · risk ${summary.risk}${summary.priority === null ? '' : ` · ${summary.priority}`} · <${url}>`,
    '',
    '## What happened',
    '',
    ...factsOf(detail),
    '',
    '## How long it took',
    '',
    ...timesOf(detail),
    '',
    '## What was asked and said',
    '',
    ...answersOf(detail),
    '',
    '## Timeline (UTC)',
    '',
    '| time | # | what | who | details |',
    '|---|---|---|---|---|',
    ...timeline.slice(0, MOST_ENTRIES).map(rowOf),
    ...(timeline.length > MOST_ENTRIES ? [`| | | and ${timeline.length - MOST_ENTRIES} more | | |`] : []),
    '',
    `Entries ${timeline[0]?.sequence ?? 0}–${timeline.at(-1)?.sequence ?? 0} of the journal; ${code('countersign journal verify')} proves that none was changed.`,
    '',
    '## Findings',
    '',
    '| rule | risk | ATT&CK | call | resource | at |',
    '|---|---|---|---|---|---|',
    ...findings.slice(0, MOST_FINDINGS).map(findingRow),
    '',
    '## To be answered',
    '',
    '- [ ] What made this possible?',
    '- [ ] How would we have noticed it sooner?',
    '- [ ] What went well, and should be kept?',
    '- [ ] Who does what until when, so that it does not come back?',
    '',
  ].join('\n');
}

function sentenceOf({ actor, action, account }: FindingView): string {
  const where = account === null ? '' : ` in ${escapeText(account.name)}`;
  return `${escapeText(actor.session ?? actor.name)} called ${escapeText(action)}${where}`;
}

function factsOf({ summary, findings }: CaseDetail): string[] {
  const { headline } = summary;
  const lines: readonly (readonly [string, string | null])[] = [
    ['Actor', headline.actor.id],
    [
      'Account',
      headline.account === null ? null : `${headline.account.name} (${headline.account.id}, ${headline.account.label})`,
    ],
    ['Region', headline.region],
    ['From', headline.sourceIp],
    ['Resource', headline.resources.map(({ id }) => id).join(', ') || null],
    ['Rule', headline.rule],
    ['Changes', String(findings.length)],
    [
      'Why it was risky',
      summary.reasons.map(({ code: name, points }) => `${name} ${points > 0 ? '+' : ''}${points}`).join(', '),
    ],
    ['Paged because', summary.pageCause],
  ];
  return lines.flatMap(([name, value]) => (value === null || value === '' ? [] : [`- ${name}: ${code(value)}`]));
}

function timesOf({ times }: CaseDetail): string[] {
  const spans: readonly (readonly [string, string | null, string | null])[] = [
    ['to detect (T1 − T0)', times.event, times.received],
    ['to verify (T3 − T2)', times.asked, times.answered],
    ['to acknowledge (T5 − T4)', times.paged, times.acknowledged],
    ['to contain (T6 − T0)', times.event, times.contained],
    ['to resolve (T7 − T0)', times.event, times.resolved],
  ];
  return spans.map(([name, from, to]) => {
    const known = from !== null && to !== null;
    return `- ${name}: ${known ? duration(Math.max(0, Date.parse(to) - Date.parse(from))) : 'not yet, or not at all'}`;
  });
}

function answersOf({ summary, answer, pages }: CaseDetail): string[] {
  const asked = summary.person === null ? ['- Nobody was asked.'] : [`- ${escapeText(summary.person.name)} was asked.`];
  const said =
    answer === null
      ? summary.person === null
        ? []
        : ['- No answer.']
      : [
          `- ${escapeText(answer.by.name)} said ${answer.answer === 'yes' ? '“yes, I did this”' : '“not me”'}${answer.factor === null ? '' : `, proven with ${answer.factor}`}${answer.reason === '' ? '.' : `: ${code(answer.reason)}`}`,
        ];
  const count = (...states: readonly (typeof pages)[number]['state'][]) =>
    pages.filter(({ state }) => states.includes(state)).length;
  const told = `sent: ${count('sent')}, failing or waiting: ${count('failing', 'pending')}, not needed any more: ${count('not-needed')}`;
  return [...asked, ...said, `- Pages ${told}.`];
}

function rowOf({ time, sequence, kind, actor, parameters }: TimelineEntry): string {
  const details = Object.entries(parameters)
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('; ');
  return `| ${time.slice(0, 19).replace('T', ' ')} | ${sequence} | ${escapeText(kind.replaceAll('-', ' '))} | ${escapeText(actor?.name ?? '')} | ${escapeText(details)} |`;
}

function findingRow({ rule, risk, techniques, action, resources, time }: FindingView): string {
  return `| ${escapeText(rule)} | ${risk} | ${techniques.map(escapeText).join(' ')} | ${escapeText(action)} | ${escapeText(resources[0]?.id ?? '')} | ${time.slice(0, 19).replace('T', ' ')} |`;
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor(seconds / 60) % 60;
  return `${hours > 0 ? `${hours} h ` : ''}${hours > 0 || minutes > 0 ? `${minutes} min ` : ''}${seconds % 60} s`;
}

/** Text that stays text: Markdown's own marks, HTML, line ends and the borders of a table mean nothing in it. */
export function escapeText(text: string): string {
  const cut = text.length > LONGEST_CELL ? `${text.slice(0, LONGEST_CELL)}…` : text;
  return (
    cut
      .replace(/[\r\n\t\0]+/g, ' ')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replace(/[\\`*_{}[\]()#+!|~-]/g, '\\$&')
      // A bare address becomes a link in many readers.
      .replace(/(https?|ftp|www)([:.])/gi, '$1&#8203;$2')
  );
}

/** A code span that its content cannot end, nor a table that it stands in; look-alikes stand for what could mean something. */
function code(text: string): string {
  const cut = text.length > LONGEST_CELL ? `${text.slice(0, LONGEST_CELL)}…` : text;
  return `\`${cut
    .replace(/[\r\n\t\0]+/g, ' ')
    .replaceAll('`', 'ʼ')
    .replaceAll('|', '¦')
    .replaceAll('<', '‹')
    .replaceAll('>', '›')}\``;
}
