/** The command palette, search and keys. English. */
export const commandsWords = {
  palette: 'Commands and search',
  placeholder: 'Do something, or find a case, a person, a rule, a resource',
  search: 'Search cases, people, rules, resources',
  find: 'Search',
  nothing:
    'Nothing fits. Every word must be the beginning of a name: an actor, a resource, a rule, an account, an address.',
  hint: '↑ ↓ choose, Enter does it, Esc closes',
  help: 'Keys',
  here: 'On this page',
  everywhere: 'Everywhere',
  pages: 'Pages',
  people: 'People',
  rules: 'Rules',
  resources: 'Resources',
  never: 'No key does anything while you type. e only goes to its button, r to the field before it.',
  next: 'Next case',
  previous: 'Previous case',
  open: 'Open the chosen case',
  about: 'Cases about “{text}”',
  all: 'Show all cases',
};
