/** How far AWS is with what it accepted, where moto does things at once and cannot be asked: EKS and IAM Identity Center. */
import { answer, type Gap } from './server.ts';

export function progress(): Gap {
  const asked = new Set<string>();
  let updates = 0;
  /** Not at first, so that somebody has to wait. */
  const isDone = (id: string) => {
    const done = asked.has(id);
    asked.add(id);
    return done;
  };
  return ({ method, path, operation, body }) => {
    const [, clusters, , what, id] = path.split('/');
    if (clusters === 'clusters' && method === 'POST' && what === 'update-config') {
      updates += 1;
      const update = { id: `update-${updates}`, status: 'InProgress' };
      return () => ({ update });
    }
    if (clusters === 'clusters' && method === 'GET' && what === 'updates' && id !== undefined)
      return answer({ update: { id, status: isDone(id) ? 'Successful' : 'InProgress' } });
    switch (operation) {
      case 'ListAccountAssignmentCreationStatus':
        return answer({ AccountAssignmentsCreationStatus: [] });
      case 'DescribePermissionSetProvisioningStatus': {
        const RequestId = String(body['ProvisionPermissionSetRequestId']);
        const Status = isDone(RequestId) ? 'SUCCEEDED' : 'IN_PROGRESS';
        return answer({ PermissionSetProvisioningStatus: { RequestId, Status } });
      }
      default:
        return null;
    }
  };
}
