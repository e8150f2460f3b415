/** The words of the fleet in English. */
export const fleetWords = {
  title: 'Agents',
  text: 'An agent watches a host and tells this server. It needs a token once.',
  none: 'No agent has joined yet.',
  heard: 'heard {when}',
  never: 'never heard',
  dropped: '{count} batches were dropped: its disk was full of what could not be sent',
  invite: 'Invite an agent',
  made: 'It works once, for a day, and is shown only now. On the host, put it into a file and run: countersign agent --server {server} --token-file FILE',
  retire: 'Retire',
};
