/** The words about the time that a page shows, in English. */

export const timeWords = {
  bar: 'Time',
  span: 'Span of time',
  spans: { '15': '15 minutes', '60': '1 hour', '1440': '1 day', '10080': '7 days' },
  live: 'Live',
  pause: 'Pause',
  pauseText: 'Holds this time still, and lets you choose another',
  goOn: 'Go live',
  widen: 'Widen',
  from: 'From',
  to: 'To',
  show: 'Show',
  wrong: 'The beginning must lie before the end.',
};
