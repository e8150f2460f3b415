/** Security Hub's standards, and its own settings, which moto lacks. */
import { answer, type Gap, type Json } from './server.ts';

/** What a hub switches on by itself unless it is told not to. */
const DEFAULT = 'arn:aws:securityhub:us-east-1::standards/aws-foundational-security-best-practices/v/1.0.0';

export function securityhub(): Gap {
  const standards = new Map<string, Json>();
  let tags: unknown = {};
  const subscribe = (given: Json) => {
    const StandardsArn = String(given['StandardsArn']);
    const name = StandardsArn.replace(/^.*:(?:standards|ruleset)\//, '');
    const StandardsSubscriptionArn = `arn:aws:securityhub:us-east-1:123456789012:subscription/${name}`;
    const one = { StandardsInput: {}, ...given, StandardsArn, StandardsSubscriptionArn, StandardsStatus: 'READY' };
    standards.set(StandardsSubscriptionArn, one);
    return one;
  };
  return ({ method, path, body }) => {
    switch (`${method} ${path}`) {
      case 'POST /accounts':
        standards.clear();
        tags = body['Tags'] ?? {};
        if (body['EnableDefaultStandards'] !== false) subscribe({ StandardsArn: DEFAULT });
        return null;
      case 'DELETE /accounts':
        standards.clear();
        return null;
      case 'PATCH /accounts':
        return answer();
      case 'POST /standards/get':
        return answer({ StandardsSubscriptions: [...standards.values()] });
      case 'POST /standards/register':
        return answer({
          StandardsSubscriptions: (body['StandardsSubscriptionRequests'] as Json[]).map(subscribe),
        });
      case 'POST /standards/deregister': {
        const arns = (body['StandardsSubscriptionArns'] as unknown[]).map(String);
        const gone = arns.flatMap((arn) => standards.get(arn) ?? []);
        for (const arn of arns) standards.delete(arn);
        return answer({ StandardsSubscriptions: gone });
      }
      default:
        return method === 'GET' && path.startsWith('/tags/') ? answer({ Tags: tags }) : null;
    }
  };
}
