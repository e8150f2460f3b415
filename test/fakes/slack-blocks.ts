/** What Slack shows and lets people fill in, and what it would refuse: its limits on blocks, forms and lists. */

type Shown = Record<string, unknown>;

const MOST_BLOCKS = 50;
const LONGEST_SECTION = 3_000;
const LONGEST_BUTTON = 75;
const LONGEST_HEADER = 150;
const LONGEST_TITLE = 24;
const LONGEST_METADATA = 3_000;
const LONGEST_LABEL = 2_000;
const LONGEST_INPUT = 3_000;
const MOST_OPTIONS = 100;
const MOST_RADIO = 10;
const LONGEST_OPTION = 75;
const LONGEST_VALUE = 150;

export function buttonsOf(blocks: readonly Shown[]): Shown[] {
  return blocks.flatMap((block) => (block['type'] === 'actions' ? (block['elements'] as Shown[]) : []));
}

/** What Slack would not show. */
export function complaintAbout(blocks: readonly Shown[]): string | null {
  if (blocks.length > MOST_BLOCKS) return 'invalid_blocks: more than 50';
  const ids = buttonsOf(blocks).map((button) => button['action_id']);
  if (new Set(ids).size !== ids.length) return 'invalid_blocks: an action_id is used twice';
  for (const block of blocks) {
    const text = (block['text'] as { text?: string } | undefined)?.text;
    const type = String(block['type']);
    if (!['section', 'context', 'actions', 'divider', 'header', 'input'].includes(type))
      return `invalid_blocks: ${type}`;
    if (type === 'section' && text !== undefined && (text === '' || text.length > LONGEST_SECTION))
      return 'invalid_blocks: section text';
    if (type === 'header' && (text ?? '').length > LONGEST_HEADER) return 'invalid_blocks: header text';
    const complaint = type === 'input' ? complaintAboutInput(block) : null;
    if (complaint !== null) return `invalid_blocks: ${complaint}`;
  }
  for (const button of buttonsOf(blocks)) {
    if (((button['text'] as { text: string }).text ?? '').length > LONGEST_BUTTON) return 'invalid_blocks: button text';
  }
  return null;
}

export function complaintAboutView(view: Shown): string | null {
  const blocks = view['blocks'] as Shown[];
  const names = ['title', 'submit', 'close'].map((key) => plainOf(view[key]));
  if (names[0] === '' || names.some((text) => text.length > LONGEST_TITLE)) return 'invalid_arguments: title or button';
  const metadata = view['private_metadata'];
  if (typeof metadata === 'string' && metadata.length > LONGEST_METADATA) return 'invalid_arguments: private_metadata';
  const inputs = blocks.filter(({ type }) => type === 'input');
  if (inputs.length > 0 && view['submit'] === undefined) return 'invalid_arguments: nothing to submit with';
  if (new Set(inputs.map((block) => block['block_id'])).size < inputs.length)
    return 'invalid_arguments: block_id twice';
  return complaintAbout(blocks);
}

function complaintAboutInput({ label, element: given }: Shown): string | null {
  const element = given as Shown;
  const name = plainOf(label);
  if (name === '' || name.length > LONGEST_LABEL) return 'label';
  switch (element['type']) {
    case 'plain_text_input':
      return Number(element['max_length'] ?? 1) > LONGEST_INPUT ? 'max_length' : null;
    case 'number_input':
      return typeof element['is_decimal_allowed'] === 'boolean' ? null : 'is_decimal_allowed';
    case 'radio_buttons':
    case 'static_select':
      return complaintAboutChoice(element);
    default:
      return `element ${String(element['type'])}`;
  }
}

function complaintAboutChoice(element: Shown): string | null {
  const groups = element['option_groups'] as { label: unknown; options: Shown[] }[] | undefined;
  const lists = groups?.map(({ options }) => options) ?? [element['options'] as Shown[]];
  const most = element['type'] === 'radio_buttons' ? MOST_RADIO : MOST_OPTIONS;
  if (lists.length === 0 || lists.length > MOST_OPTIONS) return 'option_groups';
  if (lists.some((options) => options.length === 0 || options.length > most)) return 'number of options';
  if ((groups ?? []).some(({ label }) => plainOf(label).length > LONGEST_OPTION)) return 'group label';
  const options = lists.flat();
  for (const { value, text } of options) {
    if (plainOf(text) === '' || plainOf(text).length > LONGEST_OPTION) return 'option text';
    if (typeof value !== 'string' || value === '' || value.length > LONGEST_VALUE) return 'option value';
  }
  const initial = element['initial_option'];
  const has = options.some((option) => JSON.stringify(option) === JSON.stringify(initial));
  return initial === undefined || has ? null : 'initial_option is none of the options';
}

/** What a person enters, as Slack sends it: what is typed, or the option with that text. Slack stops what does not fit. */
export function fillIn(view: Shown, values: Readonly<Record<string, string>>): Record<string, unknown> {
  const inputs = (view['blocks'] as Shown[]).filter(({ type }) => type === 'input');
  const unknown = Object.keys(values).find((id) => inputs.every((block) => block['block_id'] !== id));
  if (unknown !== undefined) throw new Error(`there is nothing to fill in: ${unknown}`);
  return Object.fromEntries(
    inputs.map((block) => {
      const id = String(block['block_id']);
      const state = stateOf(block['element'] as Shown, values[id]);
      const isEmpty = (state['value'] ?? state['selected_option'] ?? null) === null;
      if (isEmpty && block['optional'] !== true) throw new Error(`Slack wants ${id} to be filled in`);
      return [id, { input: state }];
    }),
  );
}

function stateOf(element: Shown, entered: string | undefined): Shown {
  const { type } = element;
  if (type === 'plain_text_input' || type === 'number_input') {
    if ((entered ?? '').length > Number(element['max_length'] ?? LONGEST_INPUT)) throw new Error('Slack: too long');
    return { type, value: entered ?? null };
  }
  const offered = optionsOf(element);
  const chosen =
    entered === undefined ? element['initial_option'] : offered.find(({ text }) => plainOf(text) === entered);
  if (entered !== undefined && chosen === undefined) {
    throw new Error(`'${entered}' is not offered: ${offered.map(({ text }) => plainOf(text)).join(', ')}`);
  }
  return { type, selected_option: chosen ?? null };
}

/** Everything that a list of a form offers. */
export function optionsOf(element: Shown): Shown[] {
  const groups = element['option_groups'] as { options: Shown[] }[] | undefined;
  return groups?.flatMap(({ options }) => options) ?? (element['options'] as Shown[]);
}

function plainOf(text: unknown): string {
  return (text as { text?: string } | undefined)?.text ?? '';
}
