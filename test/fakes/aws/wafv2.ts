/** Which resources a web ACL stands before, which moto keeps and does not list. */
import { answer, type Gap } from './server.ts';

export function wafv2(): Gap {
  const acls = new Map<string, string>();
  return ({ operation, body }) => {
    const resource = String(body['ResourceArn']);
    if (operation === 'AssociateWebACL') acls.set(resource, String(body['WebACLArn']));
    if (operation === 'DisassociateWebACL') acls.delete(resource);
    if (operation !== 'ListResourcesForWebACL') return null;
    const isOfType = body['ResourceType'] === 'APPLICATION_LOAD_BALANCER';
    const standing = [...acls].filter(([, acl]) => isOfType && acl === body['WebACLArn']);
    return answer({ ResourceArns: standing.map(([arn]) => arn) });
  };
}
