/**
 * AWS Config's memory over moto's items: moto describes a resource as it is now, remembers nothing, and writes times as texts, which no SDK takes.
 * Asked without a time, it records; asked for what was before a time, it tells what was recorded before.
 */
import { answer, type Gap, type Json } from './server.ts';

interface Recorded {
  readonly name: string;
  readonly seconds: number;
  readonly item: Json;
}

export function config(): Gap {
  const recorded: Recorded[] = [];
  return ({ operation, body }) => {
    if (operation !== 'GetResourceConfigHistory') return null;
    const name = `${String(body['resourceType'])} ${String(body['resourceId'])}`;
    if (body['laterTime'] !== undefined) {
      const before = recorded.filter((one) => one.name === name && one.seconds < Number(body['laterTime']));
      const newest = before.toReversed().slice(0, Number(body['limit'] ?? 10));
      return answer({ configurationItems: newest.map(({ item }) => item) });
    }
    return (given) => {
      const items = (given['configurationItems'] as readonly Json[]).map((one) => {
        const seconds = Date.now() / 1_000;
        return { ...one, configurationItemCaptureTime: seconds, resourceCreationTime: seconds };
      });
      for (const item of items) recorded.push({ name, seconds: item.configurationItemCaptureTime, item });
      return { ...given, configurationItems: items };
    };
  };
}
