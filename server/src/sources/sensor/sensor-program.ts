/** Where the sensor's program lies, and what to say to whoever wants to watch a machine and may not. */
import { fileURLToPath } from 'node:url';

const BUILT = new URL('../../../../sensor/build/countersign-sensor', import.meta.url);

/** As named, else where it is built. */
export function sensorProgram(named: string | null | undefined): string {
  return named ?? fileURLToPath(BUILT);
}

/** What lets a sensor run that this user may not start. */
export function howToAllow(program: string, socket: string): string {
  return [
    `sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search=ep ${program}`,
    `sudo ${program} --output unix:${socket}`,
  ].join('\n');
}
