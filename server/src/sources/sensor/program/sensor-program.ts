/** Where the sensor's program lies, and what to say to whoever wants to watch a machine and may not. */
import { fileURLToPath } from 'node:url';

const BUILT = new URL('../../../../../sensor/build/countersign-sensor', import.meta.url);

/** As named, else where it is built. */
export function sensorProgram(named: string | null | undefined): string {
  return named ?? fileURLToPath(BUILT);
}

/** Why the kernel refuses to start a program at all that has rights of its own; null: for another reason. */
export function whyRefused(program: string, error: unknown): string | null {
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (code === 'EPERM')
    return `${program} has rights that nobody here may have: outside of a container, or with --cap-add BPF --cap-add PERFMON --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH, it starts`;
  if (code === 'EACCES') return `${program} may not be run by this user: see the permissions of it and of its folders`;
  return null;
}

/** What lets a sensor run that this user may not start. */
export function howToAllow(program: string, socket: string): string {
  return [howToAllowProgram(program), `sudo ${program} --output unix:${socket} --tell ${wishesOf(socket)}`].join('\n');
}

/** The same, where nobody waits at a socket. */
export function howToAllowProgram(program: string): string {
  return `sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search=ep ${program}`;
}

/** Where a sensor that connects to `socket` reads what it is to tell. */
export function wishesOf(socket: string): string {
  return `${socket}.tell`;
}
