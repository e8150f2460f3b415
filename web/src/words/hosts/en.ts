/** Hosts: what is watched, and what is kept of them. English. */
export const hosts = {
  title: 'Hosts',
  sentence: '{rule}: {what} on {where}',
  sentencePlain: '{rule} on {where}',
  states: {
    starting: 'starting',
    watching: 'watched',
    waiting: 'waiting for its sensor',
    'not-allowed': 'not allowed to watch',
    absent: 'no sensor here',
    failed: 'not watched',
    stopped: 'not watched',
  },
  rate: '{count} events a second',
  lost: '{count} lost',
  lookBack: 'looks back {count} s',
  containers: '{count} containers',
  doorTitle: 'Watch this machine',
  doorText:
    'Every command, connection and file of this machine and its containers, judged as it happens. The sensor needs rights that Countersign itself does not have and does not want.',
  doorButton: 'Watch {host}',
  doorAsked: 'Starting the sensor …',
  allow:
    'This machine does not let us. Give the sensor its rights, or start it as root and let it connect; then try again:',
  evidence: 'Recorded around it',
  capture: '{from} to {to}',
  captureRule: 'because of: {rule}',
  captureStates: {
    recording: 'being recorded',
    arriving: 'coming from its host',
    kept: 'kept',
    cut: 'ended early',
    removed: 'removed for room',
  },
  download: 'Download .scap.gz ({size})',
  gap: 'Not seen: {lost} events ({what}), {from} to {to}',
  blind: 'Nobody looked from {from} to {to}',
};
