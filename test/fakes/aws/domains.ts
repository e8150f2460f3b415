/** Route 53 Domains' transfer locks, which moto lacks: an operation takes until it was asked about once. */
import { answer, type Gap, type Json, refuse } from './server.ts';

export function domains(): Gap {
  const locked = new Map<string, boolean>([['shop.example', true]]);
  const operations = new Map<string, Json>();
  let made = 0;
  const begin = (name: string, lock: boolean) => {
    made += 1;
    const OperationId = `operation-${made}`;
    operations.set(OperationId, { OperationId, Status: 'IN_PROGRESS', Type: 'DOMAIN_LOCK', DomainName: name, lock });
    return answer({ OperationId });
  };
  /** What ran when it was looked at is done when it is looked at again. */
  const look = (operation: Json) => {
    locked.set(String(operation['DomainName']), operation['lock'] === true);
    operations.set(String(operation['OperationId']), { ...operation, Status: 'SUCCESSFUL' });
    return operation;
  };
  return ({ operation, body }) => {
    const name = typeof body['DomainName'] === 'string' ? body['DomainName'] : '';
    switch (operation) {
      case 'EnableDomainTransferLock':
      case 'DisableDomainTransferLock':
        return locked.has(name) ? begin(name, operation.startsWith('Enable')) : refuse('InvalidInput', 'not yours');
      case 'ListOperations': {
        const running = [...operations.values()].filter(({ Status }) => Status === 'IN_PROGRESS');
        return answer({ Operations: running.map(look) });
      }
      case 'GetOperationDetail': {
        const found = operations.get(String(body['OperationId']));
        return found === undefined ? refuse('InvalidInput', 'no such operation') : answer(look(found));
      }
      case 'ListDomains':
        return answer({ Domains: [...locked.keys()].map((DomainName) => ({ DomainName })) });
      case 'GetDomainDetail': {
        const lock = locked.get(name);
        if (lock === undefined) return refuse('InvalidInput', 'not yours');
        return answer({ DomainName: name, StatusList: lock ? ['clientTransferProhibited'] : ['ok'] });
      }
      default:
        return null;
    }
  };
}
